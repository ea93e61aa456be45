#pragma once

// The parts of new cards: keys, certificates, data objects.

#include "crypto/certificate.hpp"
#include "crypto/private_key.hpp"
#include "piv/identifiers.hpp"

#include <cardlatch/card/image.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::card::image {

/// Makes a key and tells `progress` of it under the name `what`.
Result<crypto::PrivateKey> generate(const std::string& what, crypto::KeyType type,
                                    const ImageProgress& progress);

/// What the certificate of a PIV slot is for.
[[nodiscard]] crypto::Purpose purpose_of(piv::KeyReference slot);

/// Who certifies the keys of one card.
class Issuer {
  public:
    /// Errors: std::errc::invalid_argument when key or certificate cannot be read or do not belong together.
    static Result<Issuer> from(const ImageCertificates& certificates);

    /// A certificate in PEM; empty when `key` has to certify itself and cannot (X25519).
    /// Errors: std::errc::invalid_argument when the subject cannot be read; std::errc::io_error.
    [[nodiscard]] Result<std::string> certify(const crypto::PrivateKey& key, const std::string& subject,
                                              crypto::Purpose purpose) const;

  private:
    explicit Issuer(unsigned days)
        : days_(days) {}
    unsigned days_;
    std::optional<crypto::PrivateKey> key_;
    Bytes certificate_; ///< DER
};

/// A data object of a new PIV card.
struct Object {
    std::string comment;
    piv::ObjectTag tag = 0;
    Bytes content;
};

/// Signs the data objects of one new card with a key of its own that is not kept. Its certificate, in
/// the CHUID's signature, is signed by the issuer or by itself.
class ContentSigner {
  public:
    static Result<ContentSigner> make(const Issuer& issuer);

    /// A signed CHUID with a GUID of its own that expires in `days`.
    /// Source: SP 800-73-5 part 1 §3.1.2, FIPS 201-3 §4.2.1.
    [[nodiscard]] Result<Bytes> chuid(unsigned days) const;

    /// CHUID, card capability container, and the security object over both.
    /// Source: SP 800-73-5 part 1 §3.1.1, §3.1.2, §3.1.7.
    [[nodiscard]] Result<std::vector<Object>> objects(unsigned days) const;

  private:
    ContentSigner(crypto::PrivateKey key, Bytes certificate)
        : key_(std::move(key))
        , certificate_(std::move(certificate)) {}
    crypto::PrivateKey key_;
    Bytes certificate_; ///< DER
};

/// `size` random bytes.
Result<Bytes> random_bytes(std::size_t size);

} // namespace cardlatch::card::image
