#include "caretaker.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <poll.h>

namespace cardlatch::harness {

Caretaker::Caretaker()
    : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    , thread_([this] { live(); }) {}

Caretaker::~Caretaker() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake();
    thread_.join();
}

void Caretaker::wake() const {
    (void)::eventfd_write(wake_.get(), 1);
}

void Caretaker::post(std::chrono::milliseconds delay, std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        if (quiet_) {
            return;
        }
        tasks_.emplace(Clock::now() + delay, std::move(task));
    }
    wake();
}

void Caretaker::watch(int fd, std::function<void()> on_end) {
    {
        const std::lock_guard lock(mutex_);
        watched_ = fd;
        on_end_ = std::move(on_end);
    }
    wake();
}

void Caretaker::quiet() {
    std::unique_lock lock(mutex_);
    quiet_ = true;
    tasks_.clear();
    watched_ = -1;
    idle_.wait(lock, [this] { return !busy_; });
}

/// Does one thing that is due. False when nothing is.
bool Caretaker::step() {
    std::function<void()> task;
    {
        std::unique_lock lock(mutex_);
        if (tasks_.empty() || tasks_.begin()->first > Clock::now()) {
            return false;
        }
        task = std::move(tasks_.extract(tasks_.begin()).mapped());
        busy_ = true;
    }
    task();
    {
        const std::lock_guard lock(mutex_);
        busy_ = false;
    }
    idle_.notify_all();
    return true;
}

void Caretaker::live() {
    for (;;) {
        while (step()) {
        }
        std::array<pollfd, 2> waiting{};
        int timeout = -1;
        {
            const std::lock_guard lock(mutex_);
            if (ending_) {
                return;
            }
            waiting = {pollfd{wake_.get(), POLLIN, 0}, pollfd{watched_, POLLIN, 0}};
            if (!tasks_.empty()) {
                const auto left =
                    std::chrono::ceil<std::chrono::milliseconds>(tasks_.begin()->first - Clock::now());
                timeout = static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(
                    left.count(), 0, std::numeric_limits<int>::max()));
            }
        }
        (void)::poll(waiting.data(), waiting.size(), timeout);
        eventfd_t count = 0;
        (void)::eventfd_read(wake_.get(), &count);
        const std::lock_guard lock(mutex_);
        if (waiting[1].revents != 0 && waiting[1].fd == watched_) {
            watched_ = -1;
            if (on_end_) {
                tasks_.emplace(Clock::time_point::min(), std::move(on_end_));
            }
        }
    }
}

} // namespace cardlatch::harness
