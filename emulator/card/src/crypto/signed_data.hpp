#pragma once

#include "private_key.hpp"

#include <cardlatch/base/result.hpp>

namespace cardlatch::card::crypto {

/// What a CMS SignedData is made of.
struct SignedDataRequest {
    ByteView content;
    const char* content_type;     ///< object identifier of the content, "1.2.3"
    bool detached = false;        ///< the content is not in it
    const PrivateKey& signer;     ///< RSA or EC
    ByteView certificate;         ///< the signer's, DER
    bool with_certificate = true; ///< it is in the message
};

/// A ContentInfo with SignedData in DER: one signer, SHA-256, with the attributes content type, message
/// digest, signing time and pivSigner-DN. Source: RFC 5652 §5, FIPS 201-3 §4.2.1. Errors:
/// std::errc::invalid_argument when the certificate is none; std::errc::io_error when OpenSSL fails.
Result<Bytes> sign_data(const SignedDataRequest& request);

} // namespace cardlatch::card::crypto
