#include "identifiers.hpp"

#include <algorithm>

namespace cardlatch::card::piv {

using crypto::Cipher;
using crypto::KeyType;

namespace {

struct KeyAlgorithm {
    KeyType type;
    std::uint8_t identifier;
};
constexpr std::array k_key_algorithms{
    KeyAlgorithm{KeyType::rsa_1024, 0x06}, KeyAlgorithm{KeyType::rsa_2048, 0x07},
    KeyAlgorithm{KeyType::rsa_3072, 0x05}, KeyAlgorithm{KeyType::rsa_4096, 0x16},
    KeyAlgorithm{KeyType::ec_p256, 0x11},  KeyAlgorithm{KeyType::ec_p384, 0x14},
    KeyAlgorithm{KeyType::ed25519, 0xE0},  KeyAlgorithm{KeyType::x25519, 0xE1},
};

struct CipherAlgorithm {
    Cipher cipher;
    std::uint8_t identifier;
    std::string_view name;
};
constexpr std::array k_ciphers{
    CipherAlgorithm{Cipher::tdes, 0x03, "3des"},
    CipherAlgorithm{Cipher::aes_128, 0x08, "aes128"},
    CipherAlgorithm{Cipher::aes_192, 0x0A, "aes192"},
    CipherAlgorithm{Cipher::aes_256, 0x0C, "aes256"},
};

// By number, from 1.
constexpr std::array<std::string_view, 3> k_pin_policies{"never", "once", "always"};
constexpr std::array<std::string_view, 3> k_touch_policies{"never", "always", "cached"};

template <class Policy>
std::optional<Policy> policy_named(const std::array<std::string_view, 3>& names, std::string_view name) {
    const auto* const found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? std::nullopt
                                : std::optional(static_cast<Policy>(found - names.begin() + 1));
}

} // namespace

bool is_retired(KeyReference reference) {
    return reference >= k_first_retired_key && reference <= k_last_retired_key;
}

bool is_key_slot(KeyReference reference) {
    return is_retired(reference) || reference == k_authentication_key || reference == k_signature_key ||
           reference == k_key_management_key || reference == k_card_authentication_key ||
           reference == k_attestation_key;
}

std::uint8_t algorithm_of(KeyType type) {
    const auto* const found = std::find_if(k_key_algorithms.begin(), k_key_algorithms.end(),
                                           [&](const auto& entry) { return entry.type == type; });
    return found->identifier; // the table names every type
}

std::optional<KeyType> key_type_of(std::uint8_t algorithm) {
    const auto* const found = std::find_if(k_key_algorithms.begin(), k_key_algorithms.end(),
                                           [&](const auto& entry) { return entry.identifier == algorithm; });
    return found == k_key_algorithms.end() ? std::nullopt : std::optional(found->type);
}

std::uint8_t algorithm_of(Cipher cipher) {
    return k_ciphers.at(static_cast<std::size_t>(cipher)).identifier;
}

std::optional<Cipher> cipher_of(std::uint8_t algorithm) {
    const auto wanted = algorithm == 0 ? algorithm_of(Cipher::tdes) : algorithm;
    const auto* const found = std::find_if(k_ciphers.begin(), k_ciphers.end(),
                                           [&](const auto& entry) { return entry.identifier == wanted; });
    return found == k_ciphers.end() ? std::nullopt : std::optional(found->cipher);
}

std::string_view name_of(Cipher cipher) {
    return k_ciphers.at(static_cast<std::size_t>(cipher)).name;
}

std::optional<Cipher> cipher_named(std::string_view name) {
    const auto* const found = std::find_if(k_ciphers.begin(), k_ciphers.end(),
                                           [&](const auto& entry) { return entry.name == name; });
    return found == k_ciphers.end() ? std::nullopt : std::optional(found->cipher);
}

std::string_view name_of(PinPolicy policy) {
    return k_pin_policies.at(static_cast<std::size_t>(policy) - 1);
}

std::string_view name_of(TouchPolicy policy) {
    return k_touch_policies.at(static_cast<std::size_t>(policy) - 1);
}

std::optional<PinPolicy> pin_policy_named(std::string_view name) {
    return policy_named<PinPolicy>(k_pin_policies, name);
}

std::optional<TouchPolicy> touch_policy_named(std::string_view name) {
    return policy_named<TouchPolicy>(k_touch_policies, name);
}

PinPolicy default_pin_policy(KeyReference slot) {
    switch (slot) {
    case k_signature_key:
        return PinPolicy::always;
    case k_card_authentication_key:
        return PinPolicy::never;
    default:
        return PinPolicy::once;
    }
}

bool is_object(ObjectTag tag) {
    return tag == k_discovery || tag == k_biometric_templates || (tag >> 16U) == 0x5F;
}

bool needs_pin_to_read(ObjectTag tag) {
    constexpr ObjectTag k_fingerprints = 0x5FC103;
    constexpr ObjectTag k_facial_image = 0x5FC108;
    constexpr ObjectTag k_printed_information = 0x5FC109;
    constexpr ObjectTag k_iris_images = 0x5FC121;
    constexpr ObjectTag k_pairing_code = 0x5FC123;
    return tag == k_fingerprints || tag == k_facial_image || tag == k_printed_information ||
           tag == k_iris_images || tag == k_pairing_code;
}

ObjectTag certificate_tag(KeyReference slot) {
    constexpr ObjectTag k_first_retired_certificate = 0x5FC10D;
    switch (slot) {
    case k_authentication_key:
        return 0x5FC105;
    case k_signature_key:
        return 0x5FC10A;
    case k_key_management_key:
        return 0x5FC10B;
    case k_card_authentication_key:
        return 0x5FC101;
    case k_attestation_key:
        return k_attestation_certificate;
    default:
        return k_first_retired_certificate + (static_cast<ObjectTag>(slot) - k_first_retired_key);
    }
}

} // namespace cardlatch::card::piv
