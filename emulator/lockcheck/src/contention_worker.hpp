#pragma once

#include "actor_calls.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace cardlatch::lockcheck {

/// What a worker tells while it goes on; text as in contention.cpp.
using Tell = std::function<void(const std::string&)>;

/// Begin, one command, end, until `halt`; `figures` gets the rounds done and the longest wait in nanoseconds.
Code contend(Calls& calls, const std::atomic<bool>& halt, std::string& figures);

/// Random calls until `halt`, seeded; commands that the witness has seen and the longest wait so far are told
/// now and then. May end this process with SIGKILL. `figures` gets how often each call came back with which
/// code other than success.
Code storm(Calls& calls, std::uint64_t seed, const std::atomic<bool>& halt, const Tell& tell,
           std::string& figures);

} // namespace cardlatch::lockcheck
