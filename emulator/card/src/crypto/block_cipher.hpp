#pragma once

#include "secret_bytes.hpp"

#include <cardlatch/base/result.hpp>

#include <cstddef>
#include <cstdint>

namespace cardlatch::card::crypto {

/// Block ciphers for administration keys and secure messaging.
enum class Cipher : std::uint8_t {
    tdes,    ///< three-key Triple DES, key of 24 bytes with or without right parity. Source: SP 800-67
    aes_128, ///< Source for AES: FIPS 197
    aes_192,
    aes_256,
};

/// Key length in bytes: 24, 16, 24, 32.
[[nodiscard]] std::size_t key_size(Cipher cipher);
/// Block length in bytes: 8 or 16.
[[nodiscard]] std::size_t block_size(Cipher cipher);

/// A symmetric key with the cipher it is for; wiped when it goes. Input is whole blocks, nothing is padded.
class SymmetricKey {
  public:
    /// Errors: std::errc::invalid_argument when `value` is not key_size() long.
    static Result<SymmetricKey> from(Cipher cipher, ByteView value);

    [[nodiscard]] Cipher cipher() const { return cipher_; }
    [[nodiscard]] ByteView value() const { return value_; }

    // Errors of all four: std::errc::invalid_argument when `input` is empty or not whole blocks, or `iv` is
    // not one block; std::errc::io_error when OpenSSL fails. Source for the modes: SP 800-38A.
    [[nodiscard]] Result<Bytes> encrypt_ecb(ByteView input) const;
    [[nodiscard]] Result<Bytes> decrypt_ecb(ByteView input) const;
    [[nodiscard]] Result<Bytes> encrypt_cbc(ByteView iv, ByteView input) const;
    [[nodiscard]] Result<Bytes> decrypt_cbc(ByteView iv, ByteView input) const;

    bool operator==(const SymmetricKey& other) const {
        return cipher_ == other.cipher_ && equal_in_constant_time(value_, other.value_);
    }

  private:
    SymmetricKey(Cipher cipher, ByteView value)
        : cipher_(cipher)
        , value_(to_secret(value)) {}

    Cipher cipher_;
    SecretBytes value_;
};

/// True for the Triple DES keys that are no better than single DES: two neighbouring parts alike, parity
/// apart. Source: SP 800-67 §3.3.1.
[[nodiscard]] bool has_equal_parts(ByteView tdes_key);

} // namespace cardlatch::card::crypto
