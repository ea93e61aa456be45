#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/lock_policy.hpp>
#include <cardlatch/pcsc/reader_state.hpp>
#include <cardlatch/pcsc/types.hpp>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace cardlatch::pcsc {

namespace detail {
struct ContextHandle;
struct LockBounds;
} // namespace detail

/// A reader (IFD slot) by name. Keeps its context alive.
class Reader {
  public:
    [[nodiscard]] const std::string& name() const { return name_; }

    /// What the resource manager knows now. Never waits for a lock.
    /// Errors: Errc::unknown_reader. Source: pcsc-lite SCardGetStatusChange with a timeout of 0.
    [[nodiscard]] Result<ReaderState> state() const;

    /// Connects to the card with one of `preferred`.
    /// The connection has a context of its own at the resource manager, so it shares nothing with others.
    /// Waits without limit while another connection holds the lock (its own process's included), for its turn
    /// in the queue of this library's users first; fails with Errc::sharing_violation when the card is
    /// connected exclusively, or when `mode` is exclusive and anybody is connected. Errors: also
    /// Errc::unknown_reader, no_smartcard, unpowered_card, unresponsive_card, proto_mismatch; server_too_busy
    /// when the resource manager has as many contexts as it can serve (see Context::establish()). Source:
    /// pcsc-lite SCardConnect.
    [[nodiscard]] Result<Card> connect(ShareMode mode = ShareMode::shared,
                                       Protocol preferred = Protocol::any) const;

    /// As connect(), until `deadline`: then Errc::timeout, whoever holds the card. Late by at most 50 ms.
    /// What was given up may be connected for a moment when the card is free, and has a context of the
    /// resource manager until then.
    [[nodiscard]] Result<Card> connect(std::chrono::steady_clock::time_point deadline,
                                       ShareMode mode = ShareMode::shared,
                                       Protocol preferred = Protocol::any) const;

    /// As connect(), until another thread requests a stop: then Errc::cancelled, at once.
    [[nodiscard]] Result<Card>
    connect(std::stop_token stop,
            std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max(),
            ShareMode mode = ShareMode::shared, Protocol preferred = Protocol::any) const;

    /// Who of this library's users has the card, and how many wait. Never waits.
    [[nodiscard]] LockQueue lock_queue() const;

    /// Removes the machine's queue for this reader; who waits in it goes on without. For whoever ends a
    /// resource manager of its own: the last user removes it otherwise, unless killed. Source:
    /// docs/locking.md.
    void remove_lock_queue() const;

  private:
    friend class Context;
    Reader(std::shared_ptr<detail::ContextHandle> context, std::string name)
        : context_(std::move(context))
        , name_(std::move(name)) {}
    [[nodiscard]] Result<Card> connect_within(const detail::LockBounds& bounds, ShareMode mode,
                                              Protocol preferred) const;
    std::shared_ptr<detail::ContextHandle> context_;
    std::string name_;
};

} // namespace cardlatch::pcsc
