#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace cardlatch::card::crypto {

/// The asymmetric keys that cards hold.
enum class KeyType : std::uint8_t {
    rsa_1024,
    rsa_2048,
    rsa_3072,
    rsa_4096,
    ec_p256, ///< secp256r1. Source: FIPS 186-4 §D.1.2
    ec_p384, ///< secp384r1
    ed25519, ///< Source: RFC 8032
    x25519,  ///< Source: RFC 7748
};

/// "RSA 2048", "P-256", "Ed25519" and so on.
[[nodiscard]] std::string_view name_of(KeyType type);
/// "rsa-2048", "p-256", "ed25519" and so on: how profiles and the command name them.
[[nodiscard]] std::string_view word_for(KeyType type);
[[nodiscard]] std::optional<KeyType> key_type_named(std::string_view word);
/// Every word, with commas between them.
[[nodiscard]] std::string key_type_words();
[[nodiscard]] bool is_rsa(KeyType type);
/// P-256 or P-384.
[[nodiscard]] bool is_ec(KeyType type);
/// Bytes of an RSA modulus, of a coordinate of an EC point, or of a raw Edwards or Montgomery key.
[[nodiscard]] std::size_t size_in_bytes(KeyType type);

/// What kind of key `key` is; nothing for a kind that KeyType does not list.
[[nodiscard]] std::optional<KeyType> key_type_of(const evp_pkey_st* key);

} // namespace cardlatch::card::crypto
