#pragma once

#include "../application.hpp"
#include "../crypto/block_cipher.hpp"
#include "../crypto/private_key.hpp"
#include "access_rule.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace cardlatch::card::filecard {

/// A key as the profile describes it: either symmetric, or a private key that may still have to be generated.
struct KeyProfile {
    std::uint8_t reference = 1;                      ///< 1 to 31
    std::optional<crypto::SymmetricKey> secret;      ///< for INTERNAL, EXTERNAL and MUTUAL AUTHENTICATE
    crypto::KeyType type = crypto::KeyType::ec_p256; ///< of the key pair, if there is no `secret`
    std::optional<crypto::PrivateKey> private_key;
    std::uint8_t tries = 3; ///< of EXTERNAL AUTHENTICATE, 1 to 15
    AccessRule use;         ///< who may have the card sign, decipher or authenticate itself
    AccessRule generate = AccessRule::never();
};

/// What of a key changes and is stored.
struct KeyState {
    std::optional<crypto::PrivateKey> private_key;
    std::uint8_t tries_left = 0;
    bool operator==(const KeyState&) const = default;
};

/// A key on a card.
class Key {
  public:
    explicit Key(KeyProfile profile)
        : profile_(std::move(profile))
        , state_(initial_state()) {}

    [[nodiscard]] const KeyProfile& profile() const { return profile_; }
    [[nodiscard]] const std::optional<crypto::PrivateKey>& private_key() const { return state_.private_key; }
    [[nodiscard]] std::uint8_t tries_left() const { return state_.tries_left; }
    [[nodiscard]] const KeyState& state() const { return state_; }
    [[nodiscard]] KeyState initial_state() const { return {profile_.private_key, profile_.tries}; }
    void restore(KeyState state) { state_ = std::move(state); }

    /// Counts a try on disk. 9000, 6983 when none is left, 6581.
    [[nodiscard]] iso7816::StatusWord count_try(Persistence& persistence);
    /// Fills the try counter again. 9000, 6581.
    [[nodiscard]] iso7816::StatusWord restore_tries(Persistence& persistence);
    /// Replaces the key pair. 9000, 6581.
    [[nodiscard]] iso7816::StatusWord replace(crypto::PrivateKey key, Persistence& persistence);

  private:
    KeyProfile profile_;
    KeyState state_;
};

} // namespace cardlatch::card::filecard
