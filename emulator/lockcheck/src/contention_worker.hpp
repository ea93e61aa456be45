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

/// Whether the client whom the witness calls the owner in `report`, the answer to REPORT, is a process that
/// has ended. pcscd takes the lock from a dead client first and resets the card later, after the next
/// client's transaction if that one is quick enough; until then its entry stands. Waits a moment for one that
/// is about to end.
bool owner_is_dead(ByteView report);

/// Random calls until `halt`, seeded; commands that the witness has seen, the longest wait so far and entries
/// of dead clients that were met are told now and then. May end this process with SIGKILL. `figures` gets how
/// often each call came back with which code other than success.
Code storm(Calls& calls, std::uint64_t seed, const std::atomic<bool>& halt, const Tell& tell,
           std::string& figures);
/// The same as a user of the library, with every form of lock and policies that change.
Code library_storm(const pcsc::Reader& reader, std::uint64_t seed, const std::atomic<bool>& halt,
                   const Tell& tell, std::string& figures);

} // namespace cardlatch::lockcheck
