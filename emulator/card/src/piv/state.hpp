#pragma once

#include "../application.hpp"
#include "../crypto/block_cipher.hpp"
#include "../crypto/private_key.hpp"
#include "identifiers.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/status_word.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace cardlatch::card::piv {

/// PINs and PUK are 8 bytes at the card edge; a shorter PIN ends in FF. Source: SP 800-73-5 part 2 §2.4.3.
inline constexpr std::size_t k_pin_size = 8;

/// `text` (at most 8 bytes) padded with FF.
[[nodiscard]] crypto::SecretBytes pad_pin(std::string_view text);
/// 6 to 8 decimal digits, then FF only. Source: SP 800-73-5 part 2 §2.4.3.
[[nodiscard]] bool is_well_formed_pin(ByteView padded);

/// A PIN or PUK with its try counter.
struct ReferenceData {
    crypto::SecretBytes value; ///< k_pin_size bytes
    std::uint8_t tries = 3;    ///< what the counter is reset to, 1 to 255
    std::uint8_t tries_left = 3;

    bool operator==(const ReferenceData&) const = default;
};

/// Compares `candidate` after one try less is on disk, so that cutting the power never gives a try back, and
/// restores the counter when it matches.
/// 9000; 63Cx or 6983 when wrong or blocked; 6581 when the counter cannot be stored: then nothing was
/// compared or the match does not count. Source: SP 800-73-5 part 2 §3.2.1.
[[nodiscard]] iso7816::StatusWord compare(ReferenceData& reference, ByteView candidate,
                                          Persistence& persistence);

/// 63Cx for the tries that are left, at most 15; 6983 for none.
[[nodiscard]] iso7816::StatusWord tries_left(const ReferenceData& reference);

/// Where a key came from; the numbers are the vendor's.
enum class Origin : std::uint8_t { generated = 1, imported = 2 };

/// An asymmetric key with its rules.
struct Key {
    crypto::PrivateKey key;
    PinPolicy pin_policy = PinPolicy::once;
    TouchPolicy touch_policy = TouchPolicy::never;
    Origin origin = Origin::imported;

    bool operator==(const Key&) const = default;
};

/// The management key (9B) with its rule.
struct ManagementKey {
    crypto::SymmetricKey key;
    TouchPolicy touch_policy = TouchPolicy::never;

    bool operator==(const ManagementKey&) const = default;
};

using Keys = std::map<KeyReference, Key>;
using Objects = std::map<ObjectTag, Bytes>; ///< values, without the tag 53, 7E or 7F61 around them

/// The well-known value 0102030405060708, three times, for `cipher`; for AES-128 and AES-256 as many bytes as
/// fit.
[[nodiscard]] crypto::SymmetricKey default_management_key(crypto::Cipher cipher);

/// What a PIV application keeps when the power goes.
struct State {
    ReferenceData pin{pad_pin("123456")};
    ReferenceData puk{pad_pin("12345678")};
    std::optional<ReferenceData> global_pin;
    ManagementKey management{default_management_key(crypto::Cipher::tdes)};
    Keys keys;
    Objects objects;

    bool operator==(const State&) const = default;

    /// Writes what differs from `initial`; nothing when nothing does.
    void save(const State& initial, toml::table& out) const;
    /// Takes back what save() wrote, over a state that equals the initial one.
    /// Errors: std::errc::invalid_argument with file, line and key.
    Result<void> restore(TableReader& in);
};

/// The value of the discovery object 7E that is true of `state`. Source: SP 800-73-5 part 1 §3.3.2.
[[nodiscard]] Bytes discovery_object(const State& state);

} // namespace cardlatch::card::piv
