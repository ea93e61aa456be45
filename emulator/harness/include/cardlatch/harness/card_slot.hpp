#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/card/profile.hpp>
#include <cardlatch/fault/fault_plan.hpp>
#include <cardlatch/trace/event.hpp>
#include <cardlatch/vpcd/icc_link.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace cardlatch::harness {

/// What a slot tells of what happens in it.
struct SlotReports {
    std::string reader;                 ///< the slot's name in traces
    std::shared_ptr<trace::Sink> trace; ///< null: nothing is recorded
    std::string trace_socket;           ///< where cards in another process send their events; empty: nowhere
    std::function<void(const std::string&)> on_report; ///< a replayed dialogue is left; may be empty
};

/// Where the faults of a slot come from.
struct SlotFaults {
    fault::FaultPlan* plan = nullptr; ///< outlives the slot
    std::size_t slot = 0;             ///< the slot's number in the plan
    /// Called when a fault strikes, by the thread that serves the card: it does what reaches beyond the slot
    /// (client_reset later, unplug and kill_pcscd at once), and waits for nothing.
    std::function<void(const fault::Fault&)> on_strike = nullptr;
    bool commands = true; ///< false: the driver may run the card, and a profile with faults is refused
};

/// The emulator's side of one reader slot: a link to the driver and, at times, a software card on it.
///
/// The slot owns the link and the thread that serves it; the card knows neither. While a card is in the slot
/// and the driver drops the link or goes away, the slot connects again, as a card stays in a reader that
/// hiccups. A driver that hosts cards runs the card itself; the link then carries its presence and the PIN
/// pad's keys. Thread-safe.
class CardSlot {
  public:
    /// Whether insert() needs the driver to be there.
    enum class Patience {
        none,    ///< insert() fails when the first connection does
        endless, ///< insert() succeeds, and the link is tried again until it stands
    };

    /// `state_dir`: cards keep their state there as NAME-PROFILE.toml, `name` being the slot's; in memory
    /// when absent. The faults of a card's profile are in the plan while the card is the slot's.
    CardSlot(vpcd::IccLink link, std::string name, std::optional<std::filesystem::path> state_dir,
             Patience patience, SlotFaults faults, SlotReports reports = {});

    /// Pulls the card first.
    ~CardSlot();
    CardSlot(const CardSlot&) = delete;
    CardSlot& operator=(const CardSlot&) = delete;

    /// Where the link goes.
    [[nodiscard]] std::string address() const;

    /// Makes the card of `profile` and connects it. Without a profile, the card that was in the slot last
    /// comes back, with everything that was on it. Errors: device_or_resource_busy when a card is in the
    /// slot; invalid_argument without a profile when there was no card yet; the profile's and the state
    /// file's own errors; the link's errors.
    Result<void> insert(const std::optional<std::filesystem::path>& profile);

    /// The same with a profile that has been read already.
    Result<void> insert(const card::Profile& profile);

    /// Pulls the card. Errors: no_such_device when there is none.
    Result<void> remove();

    /// Presses keys on the reader's PIN pad: they answer the request under way, or the next one.
    /// Errors: no_such_device when there is no card.
    Result<void> type(vpcd::PinEntry entry);

    /// Breaks the link; the card comes back by itself, `at_once` or after a moment.
    /// Errors: no_such_device when there is no card.
    Result<void> cut_link(bool at_once);

    [[nodiscard]] bool occupied() const;
    /// The profile of the card in the slot; empty without one.
    [[nodiscard]] std::string profile_name() const;
    /// The ATR of the card in the slot in hexadecimal; empty without one.
    [[nodiscard]] std::string atr() const;
    /// True while the driver is connected.
    [[nodiscard]] bool connected() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace cardlatch::harness
