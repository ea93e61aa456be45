#pragma once

#include "../crypto/private_key.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/apdu.hpp>

#include <cstdint>
#include <optional>

namespace cardlatch::card::filecard {

/// Algorithm references of this card (data object 80 of a control reference template): hash functions. Absent
/// or 00 in a template for signatures: what is given is signed as it is.
enum class HashAlgorithm : std::uint8_t { sha1 = 0x01, sha256 = 0x02, sha384 = 0x03, sha512 = 0x04 };

/// The hash function that an algorithm reference stands for; nothing for another reference.
[[nodiscard]] std::optional<HashAlgorithm> hash_algorithm(std::uint8_t reference);
/// Bytes of a hash.
[[nodiscard]] std::size_t hash_size(HashAlgorithm algorithm);
/// Nothing if OpenSSL fails.
[[nodiscard]] std::optional<Bytes> compute_hash(HashAlgorithm algorithm, ByteView message);

/// Signs `data`. RSA: PKCS#1 v1.5 around `data`, which with `algorithm` is a hash and is put into a
/// DigestInfo first; at most 11 bytes less than the modulus. EC: ECDSA, `data` is the hash, the answer the
/// DER sequence of r and s. Ed25519: `data` is the message. 6A80 when `data` does not fit, 6985 for a key
/// that cannot sign, 6400 when OpenSSL fails. Source: RFC 8017 §8.2, §9.2, RFC 3279 §2.2.3, RFC 8032.
[[nodiscard]] iso7816::ResponseApdu sign(const crypto::PrivateKey& key, ByteView data,
                                         std::optional<HashAlgorithm> algorithm);

/// Takes PKCS#1 v1.5 padding off an RSA cryptogram: 6A80 when there is none. Source: RFC 8017 §7.2.2.
[[nodiscard]] iso7816::ResponseApdu decipher_rsa(const crypto::PrivateKey& key, ByteView cryptogram);

} // namespace cardlatch::card::filecard
