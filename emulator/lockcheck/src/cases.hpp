#pragma once

#include <cardlatch/lockcheck/case.hpp>

#include <span>

namespace cardlatch::lockcheck {

/// Share modes against each other.
std::span<const Case> share_cases();
/// What others meet while somebody holds a transaction.
std::span<const Case> lock_cases();
/// SCardEndTransaction with every disposition, and without a begin.
std::span<const Case> end_cases();
/// Resets and who learns of them.
std::span<const Case> reset_cases();
/// Threads, contexts and handles of one process.
std::span<const Case> thread_cases();
/// What ends a wait and what does not.
std::span<const Case> wait_cases();
/// Processes that end, stop or fork.
std::span<const Case> death_cases();
/// Cards that go.
std::span<const Case> removal_cases();
/// What the library's forms of lock do that winscard has not.
std::span<const Case> library_cases();
/// The same when cards, processes and pcscd go.
std::span<const Case> library_loss_cases();
/// Contention: fairness measured, disorder judged.
std::span<const Case> storm_cases();

} // namespace cardlatch::lockcheck
