#pragma once

#include "actor_calls.hpp"
#include "library_calls.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace cardlatch::lockcheck {

/// What a worker tells while it goes on; text as in contention.cpp.
using Tell = std::function<void(const std::string&)>;

/// How somebody contends.
struct Contention {
    const std::atomic<bool>& halt;
    const Tell& tell;
    std::uint64_t told_after = 0; ///< rounds after which that is told, once; 0 for never

    void done(std::uint64_t rounds) const {
        if (rounds == told_after) {
            tell("");
        }
    }
};

/// Begin, one command, end, until told to halt; `figures` gets the rounds done and the longest wait in
/// nanoseconds.
Code contend(Calls& calls, const Contention& contention, std::string& figures);
/// The same with Card::lock() and Lock::unlock() on `card`.
Code library_contend(LibraryCalls& calls, const std::string& card, const Contention& contention,
                     std::string& figures);

/// Random calls until `halt`, seeded; commands that the witness has seen and the longest wait so far are told
/// now and then. May end this process with SIGKILL. `figures` gets how often each call came back with which
/// code other than success.
Code storm(Calls& calls, std::uint64_t seed, const std::atomic<bool>& halt, const Tell& tell,
           std::string& figures);
/// The same as a user of the library, with every form of lock and policies that change.
Code library_storm(const pcsc::Reader& reader, std::uint64_t seed, const std::atomic<bool>& halt,
                   const Tell& tell, std::string& figures);

} // namespace cardlatch::lockcheck
