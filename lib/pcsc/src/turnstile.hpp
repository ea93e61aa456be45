#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/pcsc/lock_policy.hpp>

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#ifndef _WIN32
struct sembuf;
#endif

namespace cardlatch::pcsc::detail {

/// Lets other threads end one thread's waits: for the turnstile, or for a condition of the waiter's own.
class CancelPoint {
  public:
    /// Returns when the waiter has left the turnstile, or was not in it.
    void cancel();
    [[nodiscard]] bool cancelled() {
        const std::lock_guard guard(mutex_);
        return cancelled_;
    }

    /// Waits until `done` holds, which other threads change between two calls of notify(). False at
    /// `deadline` or when cancelled.
    template <class Done>
    bool wait_until(std::chrono::steady_clock::time_point deadline, Done&& done) {
        std::unique_lock guard(mutex_);
        changed_.wait_until(guard, deadline, [&] { return cancelled_ || done(); });
        return done();
    }
    void notify() {
        const std::lock_guard guard(mutex_);
        changed_.notify_all();
    }

  private:
    friend class Turnstile;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool cancelled_ = false;
#ifndef _WIN32
    int waiting_in_ = -1; ///< the semaphore set, while the waiter is in the kernel
    unsigned short bell_ = 0;
#endif
};

class Turnstile;
struct TurnKeeper; // Windows: the thread that has the turn

/// The right to ask the resource manager for the card; given on when this ends. An empty one stands for going
/// on without.
class Turn {
  public:
    Turn() = default;
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&& other) noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { give(); }
    void give() noexcept;
    [[nodiscard]] bool held() const;

  private:
    friend class Turnstile;
#ifdef _WIN32
    explicit Turn(std::shared_ptr<TurnKeeper> keeper);
    std::shared_ptr<TurnKeeper> keeper_;
#else
    Turn(int set, pid_t owner)
        : set_(set)
        , owner_(owner) {}
    int set_ = -1;
    pid_t owner_ = 0; ///< a forked child has the object, but the kernel gave it no share in the turn
#endif
};

/// The queue before one reader of one resource manager, for all processes of the machine that use this
/// library.
///
/// A System V semaphore set that the kernel keeps in order: who waits first is served first, and the turn of
/// a process that ends, however it ends, is given on. Who is next polls for a moment before it sleeps. It
/// orders only; that one client has the card is the resource manager's doing. So every failure of the queue
/// (no permission, another IPC namespace, tampering) means to go on without it. On Windows, a named mutex of
/// the session (turnstile_windows.cpp).
class Turnstile {
  public:
    /// The queue of `reader`, for as long as the object lives. The last user on the machine removes the set.
    explicit Turnstile(const std::string& reader);
    Turnstile(const Turnstile&) = delete;
    Turnstile& operator=(const Turnstile&) = delete;
    ~Turnstile();

    /// Waits for the turn. An empty Turn when there is no queue, or when its holder has already made somebody
    /// in this process run out of patience. Errors: Errc::timeout, Errc::cancelled.
    Result<Turn> take(std::chrono::steady_clock::time_point deadline, CancelPoint& point);

    /// As take(), and after `patience` goes on without: an empty Turn, and the present holder is remembered
    /// as not worth waiting for once more. Does not queue at all when `patience` is 0.
    Result<Turn> take_within(std::chrono::milliseconds patience,
                             std::chrono::steady_clock::time_point deadline, CancelPoint& point,
                             const std::string& what);

    /// Remembers that the present holder is not worth waiting for once more.
    void give_up_on_holder() const;

    /// Who has the turn and how many wait. Asking is no use: nothing is made or kept.
    static LockQueue look(const std::string& reader);

    /// Removes the queue of `reader` whoever uses it. They go on without.
    static void remove(const std::string& reader);

  private:
#ifdef _WIN32
    [[nodiscard]] bool worn_out() const;

    const std::wstring name_;
    void* const turn_; ///< HANDLE of the mutex; NULL when there is none
};
#else
    enum class Outcome { turn, timeout, cancelled, removed };
    template <class Attempt>
    static Outcome await(int set, unsigned short bell, CancelPoint& point, Attempt attempt);
    /// Tries `step` again and again for a moment, if that is likely to help. As semop(2): EAGAIN when it was
    /// not done.
    int poll(int set, std::span<const sembuf> step, std::chrono::steady_clock::time_point deadline) const;
    [[nodiscard]] Outcome wait(int set, std::chrono::steady_clock::time_point deadline,
                               CancelPoint& point) const;
    [[nodiscard]] int join() const;
    [[nodiscard]] bool worn_out(int set) const;

    const key_t key_;
    const pid_t pid_;
    // Of the thread that waits; a connection has one at a time.
    mutable unsigned vain_ = 0;   ///< how many waits the last poll in vain was worth
    mutable unsigned sleeps_ = 0; ///< how many waits are still to be slept through
    mutable std::mutex mutex_;
    int set_;
};
#endif

} // namespace cardlatch::pcsc::detail
