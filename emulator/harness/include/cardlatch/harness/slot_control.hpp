#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/harness/control.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::harness {

/// A slot as `status` shows it.
struct SlotStatus {
    int slot = 0;
    std::string reader; ///< the name that PC/SC clients use; the link where no pcscd is ours
    std::string state; ///< "present", "empty", "mute" or "unavailable" as PC/SC clients see it; for serve see
                       ///< docs/control.md
    std::string profile; ///< empty without a card
    std::string atr;     ///< hexadecimal, as PC/SC clients see it
    std::string
        link; ///< where the card end of the link goes; another vpcd card may go there while the slot is empty
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

    /// Whether a further PC/SC client gets the card within `patience`: false while somebody holds it.
    /// Errors: not_supported here, where no PC/SC client is ours; see PrivateStack::acquire().
    virtual Result<bool> acquire(std::size_t slot, std::chrono::milliseconds patience);

    /// A slot's number from its number or its reader's name.
    /// Errors: invalid_argument that names the slots there are.
    [[nodiscard]] Result<std::size_t> find_slot(const std::string& number_or_name) const;
};

/// Answers the methods of docs/control.md (capabilities, status, insert, remove, reset, acquire, type) with
/// `slots`, which has to outlive the server.
ControlServer::Handler make_control_handler(SlotControl& slots);

/// The profile that `name` means: a TOML file (a path with a slash or ending in .toml), or the name of a
/// shipped profile. Errors: no_such_file_or_directory that lists the shipped profiles.
Result<std::filesystem::path> find_profile(const std::string& name);

} // namespace cardlatch::harness
