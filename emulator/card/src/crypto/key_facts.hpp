#pragma once

#include "key_type.hpp"

#include <cstddef>
#include <string_view>

namespace cardlatch::card::crypto {

/// What OpenSSL has to be told, or tells, of a kind of key.
struct KeyFacts {
    KeyType type;
    std::string_view name;
    std::string_view word;
    int base_id;       ///< EVP_PKEY_RSA and so on
    int bits;          ///< as EVP_PKEY_get_bits() tells
    std::size_t bytes; ///< size_in_bytes()
    const char* group; ///< OpenSSL's name of an EC group
};

/// There are facts for every KeyType.
[[nodiscard]] const KeyFacts& facts(KeyType type);

} // namespace cardlatch::card::crypto
