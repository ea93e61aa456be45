#pragma once

#include "scard_call.hpp"
#include "turnstile.hpp"

#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/lock_policy.hpp>
#include <cardlatch/pcsc/reader_state.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unistd.h>

namespace cardlatch::pcsc::detail {

/// Owns an SCARDCONTEXT.
struct ContextHandle {
    explicit ContextHandle(SCARDCONTEXT handle);
    ContextHandle(const ContextHandle&) = delete;
    ContextHandle& operator=(const ContextHandle&) = delete;
    ~ContextHandle();

    const SCARDCONTEXT value;

    /// In a forked child, the context and all on it are still the parent's: a call would go over the parent's
    /// own connection to the resource manager, and end the parent's locks.
    [[nodiscard]] bool inherited() const { return ::getpid() != pid_; }

    /// Whether this process has one.
    static bool any();

  private:
    const pid_t pid_;
};

/// A context for one connection.
Result<std::shared_ptr<ContextHandle>> establish_handle();

/// SCardGetStatusChange with timeout 0 for one reader of which nothing is known.
Result<ReaderState> query_reader(const ContextHandle& context, const std::string& name);

/// How long a lock may be waited for, and who may end the wait.
struct LockBounds {
    // How long the resource manager's answer to what was sent at the deadline is waited for.
    static constexpr std::chrono::milliseconds k_answer{50};

    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    std::stop_token stop;
    Errc too_late = Errc::timeout; ///< what the caller is told at the deadline

    [[nodiscard]] bool none() const {
        return deadline == std::chrono::steady_clock::time_point::max() && !stop.stop_possible();
    }
};

/// The data behind Card and Lock: a handle, what was negotiated, and the locks taken through it.
///
/// The locks are `depth` levels, all of the present `epoch`. Whatever ends them all starts a new epoch, so
/// that a Lock of an old one knows that it holds nothing. The outermost level has the turn of the turnstile,
/// from before the transaction until after it.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    /// `queue` is the one of the reader.
    Connection(std::shared_ptr<ContextHandle> context_handle, SCARDHANDLE card, std::string reader_name,
               std::unique_ptr<Turnstile> queue, bool own);

    const std::shared_ptr<ContextHandle> context;
    const SCARDHANDLE handle;
    const std::string reader;
    const bool owned;

    std::atomic<Protocol> preferred{Protocol::any};
    std::atomic<Protocol> active{Protocol::none};
    std::atomic<ShareMode> share{ShareMode::shared};
    std::atomic<bool> connected{true};

    void set_policy(LockPolicy policy);
    [[nodiscard]] LockPolicy policy();

    Result<void> check_connected(const char* what) const;

    struct Entered {
        std::uint64_t epoch;
        bool recovered; ///< the reset that was acknowledged on the way in has to be told
    };
    /// Waits for and enters a transaction: one more level. The one place where waiting for the card happens.
    Result<Entered> begin(const LockBounds& bounds);

    /// The recovery from a reset, up to and including the user's hook, was a success.
    void recovery_done();

    /// A reset was acknowledged without anybody to tell: the next lock() has to.
    void keep_reset_for_next_lock();

    /// Ends one level of `of_epoch`; the rules are those of Lock::unlock().
    struct Ended {
        bool released;
        Result<void> result;
    };
    Ended end_level(std::uint64_t of_epoch, Disposition disposition);

    /// Ends every level with the resource manager.
    Result<void> drop_locks();
    Result<void> disconnect(Disposition disposition);
    Result<void> reconnect(ShareMode mode, Protocol preferred_set, Disposition initialization);

    [[nodiscard]] bool holds(std::uint64_t of_epoch);
    [[nodiscard]] unsigned levels();
    /// Why a Lock of `of_epoch` holds nothing.
    [[nodiscard]] Error why_lost(std::uint64_t of_epoch, const char* what);

    Result<Bytes> exchange(ByteView command);
    /// As exchange(), only while `of_epoch` holds.
    Result<Bytes> exchange_locked(std::uint64_t of_epoch, ByteView command);

    /// For the watchdog. When the levels held will have been idle for the policy's time; if they have been,
    /// acts. Nothing when no level is held.
    std::optional<std::chrono::steady_clock::time_point> watch_idle();

  private:
    struct Transaction;
    struct Dropped {
        unsigned levels = 0;
        Turn turn;
    };
    [[nodiscard]] Error not_entered(const LockBounds& bounds) const;
    /// Begins the transaction within `bounds`: on this thread if there are none, else on one that can be
    /// left.
    Result<void> enter(const LockBounds& bounds, CancelPoint& point, bool may_recover);
    Result<void> enter_now(bool may_recover);
    /// Negotiates the protocol anew and acknowledges a pending reset.
    Result<void> renew();
    /// Ends a level that has no owner to be told of a reset.
    void undo();
    Result<void> wait_for_others(const LockBounds& bounds, CancelPoint& point);
    [[nodiscard]] bool held_by_others() const;
    [[nodiscard]] Ended end_transaction(Disposition disposition);
    [[nodiscard]] Result<void> end_all(unsigned levels);
    [[nodiscard]] Error why_lost_unguarded(std::uint64_t of_epoch, const char* what) const;
    /// Forgets every level; what they held is the caller's to end. Needs mutex_.
    Dropped forget_all(const std::optional<Error>& why);

    const std::unique_ptr<Turnstile> turnstile_;
    std::mutex mutex_;
    std::condition_variable changed_;
    LockPolicy policy_;
    bool entering_ = false; ///< a thread is in begin(); one at a time
    unsigned depth_ = 0;
    std::uint64_t epoch_ = 0;
    std::optional<Error> lost_; ///< why the epoch before this one ended, if not by its owner
    Turn turn_;
    bool reset_untold_ = false; ///< lock() has to tell of a reset, or to recover from it
    std::atomic<bool> reset_met_{
        false}; ///< a reset that the resource manager will not tell of again: send nothing
    std::atomic<bool> overtaken_{false}; ///< reset_met_, and commands may have been sent after that reset
    std::atomic<bool> unsettled_{
        false};           ///< a reset was acknowledged that may still go on, and nothing sent since
    unsigned in_use_ = 0; ///< calls of the lock's owner that run now
    std::chrono::steady_clock::time_point last_use_;
    bool warned_ = false;
    bool watched_ = false;
    std::shared_ptr<Transaction> left_behind_; ///< a begin that was given up and has not ended

    std::stop_source closing_;
    std::atomic<std::chrono::steady_clock::time_point> ask_first_until_{
        std::chrono::steady_clock::time_point::min()};
};

/// Sees to it that `connection`'s watch_idle() is called at `due`, and from then on when it says.
void watch(const std::shared_ptr<Connection>& connection, std::chrono::steady_clock::time_point due);

} // namespace cardlatch::pcsc::detail
