#pragma once

#include "private_key.hpp"

#include <cardlatch/base/result.hpp>

#include <span>
#include <string>

namespace cardlatch::card::crypto {

/// A certificate extension that is not critical.
struct Extension {
    std::string oid; ///< "1.3.6.1.4"
    Bytes value;     ///< what the OCTET STRING holds
};

/// A certificate to be issued. Source: RFC 5280.
struct CertificateRequest {
    const PrivateKey& subject;   ///< only its public part is used
    std::string subject_name;    ///< common name
    const PrivateKey& issuer;    ///< signs
    ByteView issuer_certificate; ///< DER; its subject and its validity are taken over
    ByteView serial_number;      ///< big-endian, positive
    std::span<const Extension> extensions;
};

/// An X.509 version 3 certificate in DER, signed with SHA-256 (Ed25519: without a hash of its own).
/// Errors: std::errc::invalid_argument when the issuer's certificate is none, std::errc::io_error when
/// OpenSSL fails, as it does for an issuer that cannot sign.
Result<Bytes> issue_certificate(const CertificateRequest& request);

/// The first certificate of a PEM text, in DER. Errors: std::errc::invalid_argument when there is none.
Result<Bytes> certificate_from_pem(std::string_view text);

/// True when the DER certificate is for the public part of `key`.
/// Errors: std::errc::invalid_argument when it is no certificate.
Result<bool> certifies(ByteView certificate, const PrivateKey& key);

} // namespace cardlatch::card::crypto
