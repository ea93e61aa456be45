#pragma once

#include "pcsc_messages.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/trace/event.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace cardlatch::harness {

/// Understands what one connection to pcscd says, byte by byte as it comes, and tells it. Used by one thread.
///
/// A client sends a request and waits for its answer, so what comes from pcscd after a request is its answer.
class TappedClient {
  public:
    using Tell = std::function<void(trace::Event)>;

    /// `who` is the client in events. Without `exchanges` transactions alone are told.
    TappedClient(std::string who, bool exchanges, Tell tell)
        : who_(std::move(who))
        , exchanges_(exchanges)
        , tell_(std::move(tell)) {}
    ~TappedClient();
    TappedClient(const TappedClient&) = delete;
    TappedClient& operator=(const TappedClient&) = delete;

    void from_client(ByteView bytes);
    void from_pcscd(ByteView bytes);
    /// The connection has ended, and its locks with it.
    void ended();

  private:
    struct Card {
        std::string reader;
        unsigned depth = 0; ///< transactions begun
        trace::Clock::time_point locked_since;
    };

    bool take_request();
    void take_answer();
    void answered();
    void release(Card& card, trace::Clock::time_point when);
    void tell(trace::What what, const std::string& reader, trace::Clock::time_point begin,
              trace::Clock::time_point end, Bytes command = {}, Bytes response = {}) const;
    void tell_reset(const Card& card, std::uint32_t disposition) const;
    Card* find(std::int32_t card);

    std::string who_;
    bool exchanges_;
    Tell tell_;
    Bytes requests_; ///< bytes that are no whole request yet
    Bytes request_;  ///< the request under way, without header
    Bytes answer_;
    std::optional<pcsc_message::Code> code_; ///< of the request under way
    trace::Clock::time_point asked_;
    std::map<std::int32_t, Card> cards_;
    std::map<std::int32_t, trace::Clock::time_point>
        waiting_since_; ///< refused a transaction, and asks again
    bool lost_ = false; ///< the stream is none that we know; bytes are passed on all the same
};

} // namespace cardlatch::harness
