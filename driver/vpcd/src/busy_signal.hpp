#pragma once

#include <cardlatch/vpcd/socket.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace cardlatch::vpcd {

/// Sends a time extension every second while a command lasts longer than that. A short command costs two
/// atomic stores and an uncontended mutex; the thread behind it wakes once a second.
class BusySignal {
  public:
    /// `fd` stays open for the life of this object.
    explicit BusySignal(int fd);
    ~BusySignal();
    BusySignal(const BusySignal&) = delete;
    BusySignal& operator=(const BusySignal&) = delete;

    /// A command begins.
    void begin() noexcept;

    /// The command is done. While the lock is held no time extension is sent, so the answer goes out whole
    /// and last.
    [[nodiscard]] std::unique_lock<std::mutex> end();

    /// Time extensions are in the socket since begin(): the answer has to come behind them. With the lock
    /// held.
    [[nodiscard]] bool extended() const noexcept { return extended_; }

    /// Sends one time extension now, of `more` ms, at most 65535.
    void extend(Milliseconds more);

  private:
    void run();
    void send_extension(std::uint16_t more) noexcept;

    int fd_;
    std::atomic<Clock::rep> since_{0}; ///< start of the command in the clock's ticks; 0: none
    std::mutex mutex_;
    std::condition_variable stopping_;
    bool stop_ = false;
    std::atomic<bool> extended_{false};
    std::thread thread_;
};

} // namespace cardlatch::vpcd
