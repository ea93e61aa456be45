#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/card/profile.hpp>
#include <cardlatch/card/random.hpp>
#include <cardlatch/iso7816/atr.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace cardlatch::card {

/// How far a write of the card's state gets when its power fails.
enum class WriteEnd : std::uint8_t {
    done,   ///< to the end: the power holds
    before, ///< nowhere
    torn,   ///< to a part of the new state, beside the old one
    after,  ///< to the end, but the card never learns it
};

/// What a card takes from outside.
struct CardOptions {
    /// Keeps what changes on the card in this file; memory only when absent. Its folder has to exist.
    std::optional<std::filesystem::path> state_file;
    /// Without `state_file`: begins with what this state file holds, which is only read, whoever owns it.
    std::optional<std::filesystem::path> look_at{};
    /// Borrowed, has to outlive the card; system_random() when null.
    RandomSource* random = nullptr;
    /// Told, in a sentence, when a replayed dialogue is left. Called by transmit().
    std::function<void(const std::string&)> report{};
    /// Asked at each write of the card's state, in memory as on disk, how far it gets. Always done when null.
    /// After another answer the card has no power: its response counts for nothing, and power_off() follows.
    std::function<WriteEnd()> write_end{};
};

/// A smart card in software: command APDUs in, response APDUs out. It has no reader, no socket, no thread and
/// no clock.
///
/// Command chaining, held responses (GET RESPONSE) and 20 logical channels belong to the card, whatever its
/// applications are. Of transmission protocols it models what shows in APDUs: with T0Behaviour::get_response
/// a card that is used with T=0 answers 61XX and 6CXX. Not modelled: the rest of T=0 and T=1, and secure
/// messaging, which is refused as ISO/IEC 7816-4 §5.4.1 says.
///
/// A Card is used by one thread at a time. Without a state file nothing blocks; with one, a command that
/// changes the card returns after the change is on disk.
class Card {
  public:
    /// Makes the card that `profile` describes, switched off, with its stored state if there is any.
    /// Errors: std::errc::device_or_resource_busy when another card owns the state file;
    /// std::errc::invalid_argument when the state file is damaged or belongs to another profile (it is left
    /// untouched); a system error when the state file cannot be opened.
    static Result<std::unique_ptr<Card>> create(const Profile& profile, CardOptions options);

    Card(const Card&) = delete;
    Card& operator=(const Card&) = delete;
    ~Card();

    [[nodiscard]] const iso7816::Atr& atr() const;
    [[nodiscard]] const std::string& profile_name() const;

    /// The card as it is now, as JSON text; docs/profiles.md has its schema. Private keys, PINs and other
    /// secrets are in it only if `with_secrets`; then the caller should wipe() it.
    [[nodiscard]] std::string describe(bool with_secrets) const;

    /// What differs from the profile, as the TOML text of a state file: secrets are in it.
    [[nodiscard]] std::string state() const;

    /// Supplies power (cold reset) and returns the ATR. Volatile state starts anew.
    Bytes power_on();

    /// Removes power: verified PINs, the current file and a pending response are forgotten.
    void power_off();

    /// Warm reset, returns the ATR. Volatile state starts anew. A card that is off is switched on.
    Bytes reset();

    /// The reader uses T=`protocol` from now on, 0 or 1, until the next activation; before, and without this
    /// call, it is the first one that the ATR offers.
    void set_protocol(unsigned protocol);

    /// Executes one whole command APDU and returns the whole response APDU, at least SW1-SW2. Never throws.
    /// Anything may be passed in: malformed lengths are answered with 6700. A card that is off answers 6F00.
    Bytes transmit(ByteView command_apdu);

  private:
    class Impl;
    explicit Card(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace cardlatch::card
