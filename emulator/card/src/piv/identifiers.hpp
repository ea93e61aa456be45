#pragma once

#include "../crypto/block_cipher.hpp"
#include "../crypto/private_key.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

/// The PIV card application: NIST SP 800-73-5 and SP 800-78-5, with the vendor commands that the widely used
/// management tools send. docs/piv.md has what it does and what it does not.
namespace cardlatch::card::piv {

/// The application identifier with its version. Source: SP 800-73-5 part 1 §2.2.
inline constexpr std::array<std::uint8_t, 11> k_aid{0xA0, 0, 0, 0x03, 0x08, 0, 0, 0x10, 0, 0x01, 0};

/// Names a PIN or a key in P2. Source: SP 800-73-5 part 1 tables "authentication data references" and "key
/// references"; F9 is the vendor's.
using KeyReference = std::uint8_t;
inline constexpr KeyReference k_global_pin = 0x00;
inline constexpr KeyReference k_pin = 0x80;
inline constexpr KeyReference k_puk = 0x81;
inline constexpr KeyReference k_first_retired_key = 0x82;
inline constexpr KeyReference k_last_retired_key = 0x95;
inline constexpr KeyReference k_authentication_key = 0x9A;
inline constexpr KeyReference k_management_key = 0x9B;
inline constexpr KeyReference k_signature_key = 0x9C;
inline constexpr KeyReference k_key_management_key = 0x9D;
inline constexpr KeyReference k_card_authentication_key = 0x9E;
inline constexpr KeyReference k_attestation_key = 0xF9;

/// True for the references of asymmetric keys, retired ones and F9 included.
[[nodiscard]] bool is_key_slot(KeyReference reference);
/// True for 82 to 95.
[[nodiscard]] bool is_retired(KeyReference reference);

/// The algorithm identifier of asymmetric keys. Source: SP 800-78-5 table 9; 06 from SP 800-78-1, 16, E0 and
/// E1 are the vendor's.
[[nodiscard]] std::uint8_t algorithm_of(crypto::KeyType type);
[[nodiscard]] std::optional<crypto::KeyType> key_type_of(std::uint8_t algorithm);

/// The algorithm identifier of the management key; 00 is an older name of 03.
[[nodiscard]] std::uint8_t algorithm_of(crypto::Cipher cipher);
[[nodiscard]] std::optional<crypto::Cipher> cipher_of(std::uint8_t algorithm);

/// "3des", "aes128", "aes192", "aes256": how profiles and state files name them.
[[nodiscard]] std::string_view name_of(crypto::Cipher cipher);
[[nodiscard]] std::optional<crypto::Cipher> cipher_named(std::string_view name);

/// When the PIN has to have been verified before a key is used; the numbers are the vendor's.
enum class PinPolicy : std::uint8_t { never = 1, once = 2, always = 3 };
/// Whether a touch is needed before a key is used; the numbers are the vendor's.
enum class TouchPolicy : std::uint8_t { never = 1, always = 2, cached = 3 };

[[nodiscard]] std::string_view name_of(PinPolicy policy);
[[nodiscard]] std::string_view name_of(TouchPolicy policy);
[[nodiscard]] std::optional<PinPolicy> pin_policy_named(std::string_view name);
[[nodiscard]] std::optional<TouchPolicy> touch_policy_named(std::string_view name);

/// What the standard wants: 9C always, 9E never, the others once. Source: SP 800-73-5 part 1, table "key
/// references".
[[nodiscard]] PinPolicy default_pin_policy(KeyReference slot);

/// The tag of a data object on the card edge. Source: SP 800-73-5 part 1 table 3.
using ObjectTag = std::uint32_t;
inline constexpr ObjectTag k_discovery = 0x7E;
inline constexpr ObjectTag k_biometric_templates = 0x7F61;
inline constexpr ObjectTag k_attestation_certificate = 0x5FFF01; ///< the vendor's

/// The standard's objects and the range around them that vendors use: 7E, 7F61, 5F0000 to 5FFFFF.
[[nodiscard]] bool is_object(ObjectTag tag);
/// True when the PIN has to have been verified to read it. Source: SP 800-73-5 part 1, table "PIV data
/// containers".
[[nodiscard]] bool needs_pin_to_read(ObjectTag tag);
/// The object that holds the certificate of a key.
[[nodiscard]] ObjectTag certificate_tag(KeyReference slot);

} // namespace cardlatch::card::piv
