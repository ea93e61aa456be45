#include "busy_signal.hpp"

#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/icc_endpoint.hpp>
#include <cardlatch/vpcd/ring.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <poll.h>

namespace cardlatch::vpcd {

namespace {

/// So long a card waits at the ring after an answer; then at the socket, where waiting costs nothing.
constexpr Milliseconds k_at_ring{50};

/// One connection being served.
class Session final : public IccPort {
  public:
    Session(IccHandler& handler, bool offers_extension, int fd)
        : handler_(handler)
        , fd_(fd)
        , tcp_(is_tcp(fd))
        , offers_(offers_extension) {
        handler_.attach(this);
    }
    ~Session() override {
        handler_.attach(nullptr);
        if (ring_) {
            ring_->shut_down(); // a reader that waits there looks at the socket, which is closed next
        }
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    bool extend_time(Milliseconds more) override {
        if (!busy_) {
            return false;
        }
        busy_->extend(more);
        return true;
    }

    bool give_up(NoAnswer why) override {
        if (!busy_ || version_ < k_no_answer_version) {
            return false;
        }
        const std::array payload{static_cast<std::uint8_t>(why)};
        return send_answer(FrameType::no_answer, payload).has_value();
    }

    void cut(ByteView response, std::size_t size) override {
        if (size > 0) {
            encoder_.clear();
            (void)encoder_.add(decoder_.dialect(), FrameType::response, response);
            const auto quiet = busy_ ? busy_->end() : std::unique_lock<std::mutex>{};
            const auto part = encoder_.bytes().first(std::min(size, encoder_.bytes().size()));
            (void)send_all(fd_, part, Clock::time_point::max()); // who is gone does not miss it
        }
        shut_down();
    }

    void cut_after_answer() override { cut_after_answer_ = true; }

    [[nodiscard]] bool wait(Milliseconds time) const override {
        const auto until = Clock::now() + time;
        pollfd item{fd_, POLLRDHUP, 0};
        for (auto now = Clock::now(); now < until; now = Clock::now()) {
            if (::poll(&item, 1, poll_timeout(until, now)) > 0) {
                return false;
            }
        }
        return true;
    }

    /// Wakes whoever waits on the link, here and there, and ends it; for any thread. The descriptor stays
    /// open.
    void shut_down() const noexcept {
        (void)::shutdown(fd_, SHUT_RDWR); // first: who is woken at the ring looks at the socket
        if (auto* const ring = shared_ring_.load(std::memory_order_acquire); ring != nullptr) {
            ring->shut_down();
        }
    }

    Result<void> run(const std::stop_token& stop) {
        while (true) {
            BOOST_OUTCOME_TRY(const auto frame, decoder_.next());
            if (frame) {
                BOOST_OUTCOME_TRY(handle(*frame));
                continue;
            }
            if (std::exchange(at_ring_, false)) {
                BOOST_OUTCOME_TRY(const auto received,
                                  ring_->await(decoder_.space(), Clock::now() + k_at_ring));
                if (received.arrival == Ring::Arrival::message) {
                    BOOST_OUTCOME_TRY(handle({FrameType::command, received.message}));
                    continue;
                }
            }
            BOOST_OUTCOME_TRY(const bool more, receive());
            if (!more) {
                if (decoder_.idle() || stop.stop_requested()) {
                    return ok();
                }
                return fail(LinkErrc::closed, "the reader closed the link inside a message");
            }
        }
    }

  private:
    /// Calls the card, whose time is watched on an extended link.
    template <class Call>
    auto timed(Call&& call) {
        if (busy_) {
            busy_->begin();
        }
        return call();
    }

    /// False at the end of the stream.
    Result<bool> receive() {
        if (tcp_ && decoder_.dialect() == Dialect::plain) {
            const int on = 1;
            (void)::setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        }
        const auto space = decoder_.space();
        while (true) {
            const ssize_t got = greeting_ ? receive_with_descriptor(fd_, space, ring_memory_)
                                          : ::recv(fd_, space.data(), space.size(), 0);
            if (got >= 0) {
                decoder_.commit(static_cast<std::size_t>(got));
                return got > 0;
            }
            if (errno != EINTR) {
                return transfer_error("receive");
            }
        }
    }

    Result<void> send(FrameType type, ByteView payload) {
        if (type != FrameType::response || !ring_ || busy_->extended() || !ring_->send(payload)) {
            encoder_.clear();
            BOOST_OUTCOME_TRY(encoder_.add(decoder_.dialect(), type, payload));
            if (ring_) {
                ring_->call_to_socket(); // in case the reader waits at the ring
            }
            // The reader has a deadline and closes the link when it passes; ours would only hide why.
            BOOST_OUTCOME_TRY(send_all(fd_, encoder_.bytes(), Clock::time_point::max()));
        }
        if (std::exchange(cut_after_answer_, false)) {
            shut_down();
        }
        return ok();
    }

    Result<void> handle(const Frame& frame) {
        const bool plain = decoder_.dialect() == Dialect::plain;
        if (!plain && !busy_ && frame.type != FrameType::hello) {
            return fail(LinkErrc::malformed, "the reader did not accept the extension with a hello");
        }
        switch (frame.type) {
        case FrameType::request_atr:
            return answer_atr_request();
        case FrameType::power_on:
        case FrameType::reset: {
            const Bytes atr = timed(
                [&] { return frame.type == FrameType::reset ? handler_.reset() : handler_.power_on(); });
            mute_ = atr.empty();
            return plain ? ok() : send_answer(FrameType::atr, atr);
        }
        case FrameType::power_off:
            timed([&] { handler_.power_off(); });
            return plain ? ok() : send_answer(FrameType::off, {});
        case FrameType::command: {
            expect_next();
            const Bytes response = timed([&] { return handler_.transmit(frame.payload); });
            return response.empty() ? unanswered() : send_answer(FrameType::response, response);
        }
        case FrameType::hello:
            if (busy_ || frame.payload[0] == 0 || frame.payload[0] > k_extension_version) {
                return fail(LinkErrc::malformed, "the reader sent a hello that does not fit");
            }
            return begin_extension(frame.payload);
        case FrameType::pin_request:
            return type_pin(frame.payload);
        case FrameType::protocol:
            if (frame.payload[0] > 1) {
                return fail(LinkErrc::malformed, "the reader chose a protocol that is none");
            }
            timed([&] { handler_.set_protocol(frame.payload[0]); });
            return send_answer(FrameType::protocol_set, {});
        default:
            return fail(LinkErrc::malformed, "the reader sent a card's frame");
        }
    }

    Result<void> answer_atr_request() {
        if (offers_) {
            offers_ = false;
            BOOST_OUTCOME_TRY(send(FrameType::response, k_extension_offer));
            decoder_.switch_to(Dialect::extended);
            greeting_ = true;
            return ok();
        }
        return send(FrameType::response, mute_ ? Bytes{} : handler_.atr());
    }

    Result<void> send_answer(FrameType type, ByteView payload) {
        const auto quiet = busy_ ? busy_->end() : std::unique_lock<std::mutex>{};
        return send(type, payload);
    }

    Result<void> begin_extension(ByteView hello) {
        const bool with_features = hello[0] >= k_features_version;
        if (hello.size() != (with_features ? 2U : 1U)) {
            return fail(LinkErrc::malformed, "the reader sent a hello that does not fit");
        }
        busy_.emplace(fd_);
        version_ = hello[0];
        greeting_ = false;
        auto memory = std::exchange(ring_memory_, UniqueFd{});
        if (!with_features) {
            return ok();
        }
        if (version_ >= k_ring_version && (hello[1] & static_cast<std::uint8_t>(ReaderFeature::ring)) != 0) {
            if (auto ring = Ring::adopt(std::move(memory))) { // or everything comes through the socket
                ring_ = std::move(ring).value();
                shared_ring_.store(ring_.get(), std::memory_order_release);
            }
        }
        const bool hosts = (hello[1] & static_cast<std::uint8_t>(ReaderFeature::hosts_cards)) != 0;
        const std::string request = hosts ? handler_.hosting_request() : std::string();
        return send(FrameType::card, {reinterpret_cast<const std::uint8_t*>(request.data()), request.size()});
    }

    Result<void> type_pin(ByteView payload) {
        BOOST_OUTCOME_TRY(const auto request, PinRequest::parse(payload));
        Bytes typed = timed([&] { return handler_.enter_pin(request).encode(request); });
        auto sent = send_answer(FrameType::pin_entry, typed);
        wipe(typed);
        encoder_.wipe();
        return sent;
    }

    /// The reader may leave its next command in the ring, even before we wait for it.
    void expect_next() {
        if (ring_) {
            ring_->expect();
            at_ring_ = true;
        }
    }

    Result<void> unanswered() {
        if (busy_) {
            (void)busy_->end();
        }
        return ok();
    }

    IccHandler& handler_;
    int fd_;
    bool tcp_;
    bool offers_;
    bool mute_ = false;
    bool cut_after_answer_ = false;
    bool greeting_ = false; ///< between the offer and the hello, which may bring memory
    bool at_ring_ = false;  ///< the next command may come through the ring
    UniqueFd ring_memory_;  ///< came with the hello
    std::unique_ptr<Ring> ring_;
    std::atomic<Ring*> shared_ring_{nullptr}; ///< ring_, for shut_down()
    std::uint8_t version_ = 0;                ///< of the extension, since the reader's hello
    Decoder decoder_{Dialect::plain, Side::ifd};
    Encoder encoder_;
    std::optional<BusySignal> busy_; ///< since the reader's hello
};

} // namespace

Result<void> IccEndpoint::serve(UniqueFd connection, const std::stop_token& stop) {
    tune_tcp(connection.get());
    Session session(handler_, offers_extension_, connection.get());
    const std::stop_callback wake(stop, [&session] { session.shut_down(); });
    const auto result = session.run(stop);
    return stop.stop_requested() ? Result<void>(ok()) : result;
}

} // namespace cardlatch::vpcd
