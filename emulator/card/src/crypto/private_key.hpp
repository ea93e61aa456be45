#pragma once

#include "key_type.hpp"
#include "secret_bytes.hpp"

#include <cardlatch/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace cardlatch::card::crypto {

/// A public key as its numbers.
struct PublicKey {
    KeyType type = KeyType::rsa_2048;
    Bytes modulus;  ///< RSA: big-endian, size_in_bytes() long
    Bytes exponent; ///< RSA: big-endian, shortest form
    Bytes point;    ///< EC: 04, X, Y; Ed25519 and X25519: the 32 bytes of RFC 8032 and RFC 7748

    bool operator==(const PublicKey&) const = default;
};

/// A private key with its public part. Immutable and cheap to copy; the last owner wipes it. Thread-safe, as
/// every operation works in a context of its own.
///
/// Operations: std::errc::operation_not_supported when the key is of another type,
/// std::errc::invalid_argument when the input does not fit the key, std::errc::io_error when OpenSSL fails
/// for its own reasons.
class PrivateKey {
  public:
    /// Makes a new key pair; RSA with public exponent 65537. Blocks: RSA 4096 takes from under a second to
    /// many seconds.
    static Result<PrivateKey> generate(KeyType type);

    /// The same; `working` is called from time to time while primes are looked for, on this thread.
    static Result<PrivateKey> generate(KeyType type, const std::function<void()>& working);

    /// RSA from its two primes (big-endian) and the public exponent; the rest follows from them.
    /// Errors: std::errc::invalid_argument when they are no primes, their product has not the bits of `type`,
    /// or the exponent does not fit them.
    static Result<PrivateKey> from_rsa_primes(KeyType type, ByteView p, ByteView q,
                                              std::uint32_t exponent = 65537);

    /// P-256 or P-384 from the private scalar, big-endian, at most size_in_bytes() long.
    /// Errors: std::errc::invalid_argument when it is not in 1 to n - 1.
    static Result<PrivateKey> from_ec_scalar(KeyType type, ByteView scalar);

    /// Ed25519 or X25519 from its 32 bytes.
    static Result<PrivateKey> from_raw(KeyType type, ByteView value);

    /// The first private key of a PEM text: PKCS#8, or the older PKCS#1 and SEC 1 forms. Encrypted keys are
    /// refused; nobody is asked for a passphrase.
    /// Errors: std::errc::invalid_argument when there is none or its parts do not belong together;
    /// std::errc::not_supported for a kind of key that KeyType does not list.
    static Result<PrivateKey> from_pem(std::string_view text);

    /// The same from DER (PKCS#8, PKCS#1 or SEC 1).
    static Result<PrivateKey> from_der(ByteView der);

    [[nodiscard]] KeyType type() const { return type_; }
    [[nodiscard]] Result<PublicKey> public_key() const;
    /// SubjectPublicKeyInfo in DER. Source: RFC 5280 §4.1.2.7.
    [[nodiscard]] Result<Bytes> public_key_der() const;
    /// PrivateKeyInfo (PKCS#8) in DER, not encrypted. Source: RFC 5958.
    [[nodiscard]] Result<SecretBytes> to_der() const;
    /// The same in PEM, as text that the caller has to wipe. Source: RFC 7468 §10.
    [[nodiscard]] Result<std::string> to_pem() const;
    /// SubjectPublicKeyInfo in PEM. Source: RFC 7468 §13.
    [[nodiscard]] Result<std::string> public_key_pem() const;

    /// RSA: `block` to the power of the private exponent, without any padding. `block` is size_in_bytes()
    /// long and, as a number, smaller than the modulus. Source: RFC 8017 §5.1.2, §5.2.1.
    [[nodiscard]] Result<Bytes> rsa_private_operation(ByteView block) const;

    /// EC: ECDSA over `digest`, of which at most as many leftmost bits as the group order has are used; the
    /// signature as DER sequence of r and s. Source: FIPS 186-4 §6.4, RFC 3279 §2.2.3.
    [[nodiscard]] Result<Bytes> ecdsa_sign(ByteView digest) const;

    /// Ed25519: the signature of `message`, 64 bytes. Source: RFC 8032 §5.1.6.
    [[nodiscard]] Result<Bytes> eddsa_sign(ByteView message) const;

    /// EC and X25519: the shared secret with `peer`'s public key, in the form of PublicKey::point; for EC the
    /// X coordinate, size_in_bytes() long. Source: SP 800-56A §5.7.1.2, RFC 7748 §6.1. Errors:
    /// std::errc::invalid_argument also when `peer` is not on the curve, or, for X25519, of small order.
    [[nodiscard]] Result<SecretBytes> agree(ByteView peer) const;

    /// The OpenSSL object, for certificates; lives as long as a copy of this key.
    [[nodiscard]] evp_pkey_st* handle() const { return key_.get(); }

    /// The same key pair, by its public part.
    bool operator==(const PrivateKey& other) const;

  private:
    PrivateKey(KeyType type, std::shared_ptr<evp_pkey_st> key)
        : type_(type)
        , key_(std::move(key)) {}
    static Result<PrivateKey> adopt(evp_pkey_st* owned);

    KeyType type_;
    std::shared_ptr<evp_pkey_st> key_;
};

} // namespace cardlatch::card::crypto
