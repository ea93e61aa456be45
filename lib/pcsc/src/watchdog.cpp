// The thread that looks after idle locks. It lives while a lock is held that somebody wants watched.

#include "connection.hpp"

#include <algorithm>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cardlatch::pcsc::detail {

namespace {

using Clock = std::chrono::steady_clock;

class Watchdog {
  public:
    void add(std::weak_ptr<Connection> connection, Clock::time_point due) {
        const std::lock_guard guard(mutex_);
        if (pid_ != ::getpid()) { // a forked child has the list but not the thread
            watched_.clear();
            pid_ = 0;
        }
        watched_.push_back({std::move(connection), due});
        changed_.notify_all();
        if (pid_ == 0) {
            try {
                std::thread([this] { run(); }).detach();
                pid_ = ::getpid();
            } catch (const std::system_error&) {
                log("no thread to watch idle locks");
            }
        }
    }

  private:
    struct Entry {
        std::weak_ptr<Connection> connection;
        Clock::time_point due;
    };

    void run() {
        std::unique_lock guard(mutex_);
        while (!watched_.empty()) {
            const auto next = std::min_element(watched_.begin(), watched_.end(),
                                               [](const auto& a, const auto& b) { return a.due < b.due; });
            if (const auto due = next->due; due > Clock::now()) {
                changed_.wait_until(guard, due);
                continue;
            }
            const auto entry = *next;
            watched_.erase(next);
            guard.unlock();
            const auto connection = entry.connection.lock();
            const auto due = connection ? connection->watch_idle() : std::nullopt;
            guard.lock();
            if (due) {
                watched_.push_back({entry.connection, *due});
            }
        }
        pid_ = 0;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Entry> watched_;
    pid_t pid_ = 0; ///< of the process whose thread runs
};

} // namespace

void watch(const std::shared_ptr<Connection>& connection, Clock::time_point due) {
    static auto& watchdog = *new Watchdog; // its thread may outlive the process's other statics
    watchdog.add(connection, due);
}

std::optional<Clock::time_point> Connection::watch_idle() {
    std::unique_lock guard(mutex_);
    const auto rules = policy_.idle;
    if (depth_ == 0 || rules.action == IdleWatch::Action::none) {
        watched_ = false; // the next lock asks for it again
        return std::nullopt;
    }
    const auto now = Clock::now();
    const auto due = (in_use_ > 0 ? now : last_use_) + rules.after;
    if (now < due) {
        return due;
    }
    const auto what = "lock of the card in reader '" + reader + "': nothing was sent for " +
                      std::to_string(rules.after.count()) + " ms";
    if (rules.action == IdleWatch::Action::warn) {
        const bool told = std::exchange(warned_, true);
        guard.unlock();
        if (!told) {
            log(what + "; Windows resets a card after 5000 ms");
        }
        return now + rules.after;
    }
    watched_ = false;
    const auto dropped = forget_all(pcsc_error(Errc::timeout, what)); // gives the turn on at the end
    guard.unlock();
    for (auto level = dropped.levels; level > 0; --level) {
        undo();
    }
    log(what + "; unlocked");
    return std::nullopt;
}

} // namespace cardlatch::pcsc::detail
