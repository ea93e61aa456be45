#include "busy_signal.hpp"

#include <cardlatch/vpcd/codec.hpp>

#include <algorithm>
#include <array>

namespace cardlatch::vpcd {

namespace {

constexpr std::chrono::seconds k_interval{1};
/// What the card asks for each time, in ms: lost or late signals do not end a link.
constexpr std::uint16_t k_extension_ms = 5000;

} // namespace

BusySignal::BusySignal(int fd)
    : fd_(fd)
    , thread_([this] { run(); }) {}

BusySignal::~BusySignal() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    stopping_.notify_one();
    thread_.join();
}

void BusySignal::begin() noexcept {
    extended_.store(false, std::memory_order_relaxed);
    since_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
}

std::unique_lock<std::mutex> BusySignal::end() {
    std::unique_lock lock(mutex_);
    since_.store(0, std::memory_order_relaxed);
    return lock;
}

void BusySignal::run() {
    std::unique_lock lock(mutex_);
    Clock::rep served = 0;
    Clock::time_point due = Clock::now() + k_interval;
    while (!stopping_.wait_until(lock, due, [this] { return stop_; })) {
        const auto now = Clock::now();
        const auto since = since_.load(std::memory_order_relaxed);
        if (since == 0) {
            due = now + k_interval;
        } else if (since != served) {
            served = since;
            due = Clock::time_point(Clock::duration(since)) + k_interval;
        } else if (now >= due) {
            send_extension(k_extension_ms);
            due += k_interval;
        }
        // A command that began while this thread slept may be due already: then the next round sends at once.
    }
}

void BusySignal::extend(Milliseconds more) {
    constexpr Milliseconds::rep k_most = 0xFFFF;
    const std::lock_guard lock(mutex_);
    send_extension(static_cast<std::uint16_t>(std::clamp<Milliseconds::rep>(more.count(), 0, k_most)));
}

void BusySignal::send_extension(std::uint16_t more) noexcept {
    extended_.store(true, std::memory_order_relaxed);
    const std::array<std::uint8_t, 7> frame{0,
                                            0,
                                            0,
                                            3,
                                            static_cast<std::uint8_t>(FrameType::time_extension),
                                            static_cast<std::uint8_t>(more >> 8U),
                                            static_cast<std::uint8_t>(more & 0xFFU)};
    const ssize_t sent = ::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0 && static_cast<std::size_t>(sent) < frame.size()) {
        (void)::shutdown(fd_, SHUT_RDWR); // half a frame cannot be taken back
    }
}

} // namespace cardlatch::vpcd
