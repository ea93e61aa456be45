#pragma once

#include <cardlatch/fault/fault.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace cardlatch::fault {

/// A fault that strikes now.
struct Strike {
    Fault fault;
    std::uint64_t random = 0; ///< for what it does at random; drawn from the seed
};

/// A fault of a plan, and what became of it.
struct FaultStatus {
    Fault fault;
    std::uint64_t seen = 0;   ///< occasions that matched, on all slots
    std::uint64_t struck = 0; ///< of those, how many it used
    bool over = false;        ///< it will not strike any more
};

/// The faults of a set of slots.
///
/// Chance comes from the seed alone: each fault has its own generator in each slot, made of the seed, the
/// fault's name and the slot's number, and draws one number for each occasion that matches. So the same seed
/// and the same commands to a card meet the same faults, whatever other cards and other faults do.
/// Thread-safe.
class FaultPlan {
  public:
    explicit FaultPlan(std::uint64_t seed)
        : seed_(seed) {}

    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

    /// Adds a fault and returns its name: its own, or its type's with a number behind it where that is taken.
    /// `owner` marks faults that come and go together, such as a profile's; empty for none. A fault that is
    /// to happen now counts as struck and over. Errors: std::errc::file_exists when another one has its name.
    Result<std::string> add(Fault fault, const std::string& owner = {});

    /// Errors: std::errc::invalid_argument that names the faults there are.
    Result<void> remove(const std::string& name);
    /// Removes the faults of one owner; none is no error.
    void remove_owned(const std::string& owner);
    /// Removes all faults.
    void clear();

    /// In the order in which they were added.
    [[nodiscard]] std::vector<FaultStatus> list() const;

    /// The card in `slot` is activated: faults that last until a reset are over if they struck there.
    void activated(std::size_t slot);

    /// What strikes in `slot` now, in the order in which it was added. `command` is the command APDU under
    /// way, empty without one.
    [[nodiscard]] std::vector<Strike> draw(std::size_t slot, Occasion occasion, ByteView command);

    /// Nothing can strike: the way around the lock for every command of a card without faults.
    [[nodiscard]] bool idle() const noexcept { return active_.load(std::memory_order_relaxed) == 0; }

  private:
    struct InSlot {
        std::mt19937_64 generator; // NOLINT(cert-msc32-c,cert-msc51-cpp): seeded by the plan
        std::uint64_t seen = 0;
        bool struck = false; ///< since the last activation that ended it
    };
    struct Entry {
        FaultStatus status;
        std::string owner;
        std::map<std::size_t, InSlot> slots;
    };

    [[nodiscard]] const Entry* find(const std::string& name) const;
    [[nodiscard]] bool strikes(Entry& entry, std::size_t slot, Occasion occasion, ByteView command);
    InSlot& in_slot(Entry& entry, std::size_t slot) const;
    void count_active();

    const std::uint64_t seed_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
    std::atomic<std::size_t> active_ = 0; ///< entries that are not over
};

} // namespace cardlatch::fault
