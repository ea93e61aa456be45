#include "keypad.hpp"

#include <chrono>
#include <utility>

namespace cardlatch::harness {

namespace {

constexpr std::chrono::seconds k_default_time{30};

} // namespace

void Keypad::type(vpcd::PinEntry entry) {
    {
        const std::lock_guard lock(mutex_);
        typed_ = std::move(entry);
    }
    changed_.notify_all();
}

vpcd::PinEntry Keypad::enter(const vpcd::PinRequest& request) {
    const auto time = request.timeout_s == 0 ? k_default_time : std::chrono::seconds(request.timeout_s);
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, time, [this] { return shut_ || typed_; })) {
        return vpcd::PinEntry(vpcd::PinEntry::Outcome::timed_out);
    }
    if (!typed_) {
        return vpcd::PinEntry(vpcd::PinEntry::Outcome::cancelled);
    }
    vpcd::PinEntry entry = std::move(*typed_);
    typed_.reset();
    return entry;
}

void Keypad::open() {
    const std::lock_guard lock(mutex_);
    shut_ = false;
}

void Keypad::shut() {
    {
        const std::lock_guard lock(mutex_);
        shut_ = true;
        typed_.reset();
    }
    changed_.notify_all();
}

} // namespace cardlatch::harness
