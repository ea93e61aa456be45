#include "progress.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <unistd.h>

namespace cardlatch::cli {

Progress::Progress(std::string verb, bool quiet)
    : verb_(std::move(verb))
    , quiet_(quiet)
    , terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::begin(std::string_view what) {
    what_ = what;
    began_ = drawn_ = Clock::now();
    turns_ = 0;
    if (quiet_) {
        return;
    }
    if (terminal_) {
        draw();
    } else {
        fmt::print(stderr, "cardlatch: {} {}\n", verb_, what_);
    }
}

void Progress::working() {
    constexpr auto k_redraw = std::chrono::milliseconds(120);
    if (quiet_ || !terminal_ || Clock::now() - drawn_ < k_redraw) {
        return;
    }
    drawn_ = Clock::now();
    ++turns_;
    draw();
}

void Progress::draw() {
    constexpr std::string_view k_wheel = "|/-\\";
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(drawn_ - began_).count();
    fmt::print(stderr, "\r{} {} {} {} s\x1b[K", k_wheel[turns_ % k_wheel.size()], verb_, what_, seconds);
    (void)std::fflush(stderr);
}

void Progress::done() {
    if (!quiet_ && terminal_) {
        fmt::print(stderr, "\r\x1b[K");
        (void)std::fflush(stderr);
    }
}

} // namespace cardlatch::cli
