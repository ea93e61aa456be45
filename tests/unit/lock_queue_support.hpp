#pragma once

#include <cardlatch/pcsc/context.hpp>

#include <chrono>
#include <string>
#include <thread>

namespace cardlatch::test {

/// Whether Reader::lock_queue() can say how many wait.
#ifdef _WIN32
inline constexpr bool k_queue_tells = false;
#else
inline constexpr bool k_queue_tells = true;
#endif

/// Waits until `count` users of the library wait for the turn at `reader`. False after ten seconds.
inline bool wait_for_queue(const std::string& reader, unsigned count) {
    const auto context = pcsc::Context::establish().value();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (context.reader(reader).lock_queue().waiting != count) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

} // namespace cardlatch::test
