#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/fault/fault_plan.hpp>
#include <cardlatch/harness/control.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cardlatch::harness {

/// A slot as `status` shows it.
struct SlotStatus {
    int slot = 0;
    std::string reader;  ///< the name that PC/SC clients use; the link where no pcscd is ours
    std::string state;   ///< "present", "empty", "mute" or "unavailable" as PC/SC clients see it, "unplugged"
                         ///< when its reader is; for serve see docs/control.md
    std::string profile; ///< empty without a card
    std::string atr;     ///< hexadecimal, as PC/SC clients see it
    std::string
        link; ///< where the card end of the link goes; another vpcd card may go there while the slot is empty
};

/// Most slots of one reader.
inline constexpr std::size_t k_most_reader_slots = 8;

/// A reader that is to be plugged in.
struct ReaderOptions {
    std::optional<std::string> name; ///< as StackOptions::reader_name, which is the default
    /// One for each slot, 8 at most: a profile, or none for an empty slot. Without any it has one empty slot.
    std::vector<std::optional<std::filesystem::path>> cards;
};

/// What the control protocol acts on: slots that cards go into. Thread-safe implementations only.
class SlotControl {
  public:
    virtual ~SlotControl() = default;

    [[nodiscard]] virtual std::vector<SlotStatus> status() const = 0;

    /// Puts a card into an empty slot: of `profile`, or the one that was in it last.
    virtual Result<void> insert(std::size_t slot, const std::optional<std::filesystem::path>& profile) = 0;
    /// Pulls the card.
    virtual Result<void> remove(std::size_t slot) = 0;
    /// Resets the card, as another PC/SC client would.
    virtual Result<void> reset(std::size_t slot) = 0;
    /// Presses keys on the PIN pad of a reader with a card in it.
    virtual Result<void> type(std::size_t slot, vpcd::PinEntry entry) = 0;

    /// Whether add_reader() and remove_reader() are possible.
    [[nodiscard]] virtual bool readers_change() const { return false; }
    /// Plugs in a reader, and returns its slots' numbers. Errors: not_supported here, where the readers are
    /// another pcscd's; see PrivateStack::add_reader().
    virtual Result<std::vector<std::size_t>> add_reader(const ReaderOptions& reader);
    /// Unplugs the reader of `slot`. Errors: not_supported here; see PrivateStack::remove_reader().
    virtual Result<void> remove_reader(std::size_t slot);

    /// Whether a further PC/SC client gets the card within `patience`: false while somebody holds it.
    /// Errors: not_supported here, where no PC/SC client is ours; see PrivateStack::acquire().
    virtual Result<bool> acquire(std::size_t slot, std::chrono::milliseconds patience);

    /// The faults of all slots, profiles' faults among them.
    [[nodiscard]] virtual const fault::FaultPlan& faults() const = 0;
    /// Adds a fault; one that is to happen now has happened when this returns. Returns its name.
    /// Errors: not_supported where it cannot strike; file_exists for a name that is taken; those of the
    /// action that happens now.
    virtual Result<std::string> add_fault(fault::Fault fault) = 0;
    /// Removes a fault and mends what it did, if that lasts: plugs the reader in, starts pcscd.
    /// Errors: invalid_argument that names the faults there are; those of the mending.
    virtual Result<void> remove_fault(const std::string& name) = 0;
    /// As remove_fault(), for all of them.
    virtual Result<void> clear_faults() = 0;

    /// Reads a fault from its settings, with the type under "type" and a number or a reader's name under
    /// "slot". Errors: invalid_argument.
    [[nodiscard]] Result<fault::Fault> read_fault(std::span<const fault::Setting> settings) const;
    /// The same from one word, as `--fault` takes it.
    [[nodiscard]] Result<fault::Fault> read_fault(std::string_view spec) const;

    /// A slot's number from its number or its reader's name.
    /// Errors: invalid_argument that names the slots there are.
    [[nodiscard]] Result<std::size_t> find_slot(const std::string& number_or_name) const;
};

/// Answers the methods of docs/control.md with `slots`, which has to outlive the server.
ControlServer::Handler make_control_handler(SlotControl& slots);

/// The card where none is named: of `cardlatch run`, of TestStack and of its fixtures.
inline constexpr const char* k_default_card = "piv";

/// The profile that `name` means: a TOML file (a path with a slash or ending in .toml), or the name of a
/// shipped profile. Errors: no_such_file_or_directory that lists the shipped profiles.
Result<std::filesystem::path> find_profile(const std::string& name);

} // namespace cardlatch::harness
