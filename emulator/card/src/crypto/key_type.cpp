#include "key_type.hpp"

#include "key_facts.hpp"
#include "openssl.hpp"

#include <algorithm>
#include <array>

namespace cardlatch::card::crypto {

namespace {

constexpr std::array k_types{
    KeyFacts{KeyType::rsa_1024, "RSA 1024", "rsa-1024", EVP_PKEY_RSA, 1024, 128, nullptr},
    KeyFacts{KeyType::rsa_2048, "RSA 2048", "rsa-2048", EVP_PKEY_RSA, 2048, 256, nullptr},
    KeyFacts{KeyType::rsa_3072, "RSA 3072", "rsa-3072", EVP_PKEY_RSA, 3072, 384, nullptr},
    KeyFacts{KeyType::rsa_4096, "RSA 4096", "rsa-4096", EVP_PKEY_RSA, 4096, 512, nullptr},
    KeyFacts{KeyType::ec_p256, "P-256", "p-256", EVP_PKEY_EC, 256, 32, SN_X9_62_prime256v1},
    KeyFacts{KeyType::ec_p384, "P-384", "p-384", EVP_PKEY_EC, 384, 48, SN_secp384r1},
    KeyFacts{KeyType::ed25519, "Ed25519", "ed25519", EVP_PKEY_ED25519, 256, 32, nullptr},
    KeyFacts{KeyType::x25519, "X25519", "x25519", EVP_PKEY_X25519, 253, 32, nullptr},
};

} // namespace

const KeyFacts& facts(KeyType type) {
    return k_types.at(static_cast<std::size_t>(type));
}

std::string_view name_of(KeyType type) {
    return facts(type).name;
}

std::string_view word_for(KeyType type) {
    return facts(type).word;
}

std::optional<KeyType> key_type_named(std::string_view word) {
    const auto* const found =
        std::find_if(k_types.begin(), k_types.end(), [&](const auto& entry) { return entry.word == word; });
    return found == k_types.end() ? std::nullopt : std::optional(found->type);
}

std::string key_type_words() {
    std::string words;
    for (const auto& entry : k_types) {
        words += (words.empty() ? "" : ", ") + std::string(entry.word);
    }
    return words;
}

bool is_rsa(KeyType type) {
    return facts(type).base_id == EVP_PKEY_RSA;
}

bool is_ec(KeyType type) {
    return facts(type).base_id == EVP_PKEY_EC;
}

std::size_t size_in_bytes(KeyType type) {
    return facts(type).bytes;
}

std::optional<KeyType> key_type_of(const evp_pkey_st* key) {
    std::array<char, 64> group{};
    const int id = EVP_PKEY_get_base_id(key);
    if (id == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    const auto* const found = std::find_if(k_types.begin(), k_types.end(), [&](const KeyFacts& candidate) {
        return candidate.base_id == id && (id != EVP_PKEY_RSA || candidate.bits == EVP_PKEY_get_bits(key)) &&
               (id != EVP_PKEY_EC || std::string_view(candidate.group) == group.data());
    });
    return found == k_types.end() ? std::nullopt : std::optional(found->type);
}

} // namespace cardlatch::card::crypto
