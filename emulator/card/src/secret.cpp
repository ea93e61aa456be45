#include "secret.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>

namespace cardlatch::card {

bool Secret::matches(ByteView candidate) const {
    if (candidate.size() > k_max_size || value_.size() > k_max_size) {
        return false;
    }
    // Fixed-size copies that begin with the length, so that a difference in length is just another
    // difference.
    std::array<std::uint8_t, k_max_size + 1> left{};
    std::array<std::uint8_t, k_max_size + 1> right{};
    left[0] = static_cast<std::uint8_t>(value_.size());
    right[0] = static_cast<std::uint8_t>(candidate.size());
    std::copy(value_.begin(), value_.end(), left.begin() + 1);
    std::copy(candidate.begin(), candidate.end(), right.begin() + 1);
    const bool same = CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
    wipe(left);
    wipe(right);
    return same;
}

} // namespace cardlatch::card
