#pragma once

#include "private_key.hpp"

#include <cardlatch/base/result.hpp>

#include <cstdint>
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

/// What a certificate of a new card is for; decides its key usage. Source: NIST SP 800-78-5 §3.1, and the
/// certificate profiles of the Federal PKI, worksheets 5, 6, 8 and 9.
enum class Purpose : std::uint8_t {
    authentication,
    signature,
    key_management,
    card_authentication,
    attestation,
    content_signing, ///< signs CHUID and security object. Source: SP 800-78-5 §3.2, FIPS 201-3 §4.2.1
};

/// A certificate for a key of a new card.
struct IdentityRequest {
    const PrivateKey& subject;
    std::string subject_name; ///< "/C=XX/O=Organization/CN=Common name"
    Purpose purpose;
    const PrivateKey* issuer = nullptr; ///< signs; null: `subject` itself does
    ByteView issuer_certificate;        ///< DER; not looked at when `issuer` is null
    ByteView serial_number;             ///< big-endian, positive
    unsigned days = 3650;               ///< validity, from now on
};

/// An X.509 version 3 certificate in DER, as issue_certificate() makes them.
/// Errors: std::errc::invalid_argument when the name cannot be read, the issuer's certificate is none or not
/// for the issuer's key; std::errc::operation_not_supported when the key that has to sign cannot (X25519);
/// std::errc::io_error when OpenSSL fails.
Result<Bytes> issue_identity(const IdentityRequest& request);

/// What people want to know of a certificate.
struct CertificateFacts {
    std::string subject;    ///< in the form of RFC 2253
    std::string issuer;     ///< the same
    Bytes serial_number;    ///< big-endian
    std::string not_before; ///< "2026-11-24T03:00:00Z"
    std::string not_after;
    Bytes sha256; ///< fingerprint of the whole certificate
};

/// Errors: std::errc::invalid_argument when `der` is no certificate.
Result<CertificateFacts> certificate_facts(ByteView der);

/// A DER certificate as PEM text. Errors: std::errc::invalid_argument when it is none.
Result<std::string> certificate_to_pem(ByteView der);

/// The subject of a DER certificate in the form of IdentityRequest::subject_name, for plain names.
/// Errors: std::errc::invalid_argument when it is no certificate.
Result<std::string> certificate_subject(ByteView der);

/// The first certificate of a PEM text, in DER. Errors: std::errc::invalid_argument when there is none.
Result<Bytes> certificate_from_pem(std::string_view text);

/// SHA-256 of `content`, 32 bytes. Errors: std::errc::io_error when OpenSSL fails.
Result<Bytes> sha256(ByteView content);

/// True when the DER certificate is for the public part of `key`.
/// Errors: std::errc::invalid_argument when it is no certificate.
Result<bool> certifies(ByteView certificate, const PrivateKey& key);

} // namespace cardlatch::card::crypto
