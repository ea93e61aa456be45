#pragma once

#include "../application.hpp"
#include "../secret.hpp"
#include "access_rule.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/status_word.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace cardlatch::card::filecard {

/// A PIN as the profile describes it.
struct PinProfile {
    std::uint8_t reference = 1; ///< number in P2 of VERIFY, 1 to 31 (global reference data)
    Secret value;
    std::uint8_t tries = 3;     ///< 1 to 15
    std::size_t min_length = 4; ///< bytes
    std::size_t max_length = 16;
    std::optional<Secret> resetting_code;   ///< also called PUK
    std::uint8_t resetting_tries = 10;      ///< 1 to 15
    AccessRule reset = AccessRule::never(); ///< who may reset the counter or set the value without knowing it
    bool may_disable = false;               ///< DISABLE VERIFICATION REQUIREMENT works
};

/// What of a PIN changes and is stored.
struct PinState {
    Secret value;
    std::uint8_t tries_left = 0;
    std::uint8_t resetting_tries_left = 0;
    bool disabled = false; ///< what asks for the PIN is open to everybody
    bool operator==(const PinState&) const = default;
};

/// A PIN on a card. Whoever tries a value is counted on disk before the value is compared, so that cutting
/// the power never gives a try back.
class Pin {
  public:
    explicit Pin(PinProfile profile)
        : profile_(std::move(profile))
        , state_(initial_state()) {}

    [[nodiscard]] const PinProfile& profile() const { return profile_; }
    [[nodiscard]] std::uint8_t reference() const { return profile_.reference; }
    [[nodiscard]] std::uint8_t tries_left() const { return state_.tries_left; }
    [[nodiscard]] bool disabled() const { return state_.disabled; }

    [[nodiscard]] const PinState& state() const { return state_; }
    [[nodiscard]] PinState initial_state() const {
        return {profile_.value, profile_.tries, profile_.resetting_tries, false};
    }
    void restore(PinState state) { state_ = std::move(state); }

    /// 6983 when blocked, else 63Cx: what VERIFY without data says of a PIN that is not verified.
    /// Source: ISO/IEC 7816-4 §11.6.6.
    [[nodiscard]] iso7816::StatusWord tries() const;

    /// Compares `candidate`. 9000; 63Cx or 6983 when wrong or blocked; 6700 for an illegal length, which
    /// costs no try; 6581 when the counter cannot be stored: then nothing was compared or the comparison does
    /// not count. These hold for the next two as well.
    [[nodiscard]] iso7816::StatusWord verify(ByteView candidate, Persistence& persistence);

    /// Compares the beginning of `both`, as long as the present value, and makes the rest the new value.
    /// Source: ISO/IEC 7816-4 §11.6.7.
    [[nodiscard]] iso7816::StatusWord change(ByteView both, Persistence& persistence);

    /// Compares the resetting code at the beginning of `data`, then fills the try counter; what follows, if
    /// `with_value`, becomes the new value. 6A88 if there is no resetting code. Source: ISO/IEC 7816-4
    /// §11.6.10.
    [[nodiscard]] iso7816::StatusWord reset_with_code(ByteView data, bool with_value,
                                                      Persistence& persistence);

    /// Fills the try counter; `value`, unless empty, becomes the new value. The caller has checked the right.
    [[nodiscard]] iso7816::StatusWord reset(ByteView value, Persistence& persistence);

    /// Switches the verification requirement. The caller has checked the right.
    [[nodiscard]] iso7816::StatusWord disable(bool disabled, Persistence& persistence);

  private:
    [[nodiscard]] bool legal_length(std::size_t length) const {
        return length >= profile_.min_length && length <= profile_.max_length;
    }
    [[nodiscard]] iso7816::StatusWord attempt(std::uint8_t PinState::*tries, const Secret& expected,
                                              ByteView candidate, PinState on_success,
                                              Persistence& persistence);

    PinProfile profile_;
    PinState state_;
};

} // namespace cardlatch::card::filecard
