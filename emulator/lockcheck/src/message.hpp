#pragma once

#include <cardlatch/lockcheck/code.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace cardlatch::lockcheck {

/// One datagram each way between the suite and a participant; both are the same program, so a plain layout
/// will do.
struct Message {
    std::uint32_t id = 0; ///< of the order; 0 for news that nobody ordered
    std::uint32_t lane = 0;
    Code code = k_success;
    std::int64_t began_ns = 0; ///< CLOCK_MONOTONIC before the call, which every process of the machine shares
    std::int64_t ended_ns = 0; ///< and after it
    std::string text;          ///< the order, or what came with the answer
};

/// CLOCK_MONOTONIC in nanoseconds.
std::int64_t monotonic_ns();

/// Sends one message; false when the peer is gone. Thread-safe. Blocks while the socket is full.
bool send_message(int fd, const Message& message);

/// Receives one message; blocks until one comes. Nothing when the peer is gone.
std::optional<Message> receive_message(int fd);

} // namespace cardlatch::lockcheck
