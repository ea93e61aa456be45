#include "certificate.hpp"

#include "openssl.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace cardlatch::card::crypto {

namespace {

using Asn1Object = OpensslOwner<ASN1_OBJECT, ASN1_OBJECT_free>;
using Asn1OctetString = OpensslOwner<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Asn1Integer = OpensslOwner<ASN1_INTEGER, ASN1_INTEGER_free>;
using X509Extension = OpensslOwner<X509_EXTENSION, X509_EXTENSION_free>;

X509Certificate read_der(ByteView der) {
    const auto* at = der.data();
    return X509Certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

Result<Bytes> to_der(X509* certificate) {
    unsigned char* der = nullptr;
    const int length = i2d_X509(certificate, &der);
    if (length <= 0) {
        return openssl_error(std::errc::io_error, "certificate");
    }
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
}

bool set_serial_number(X509* certificate, ByteView number) {
    const BigNumber value(BN_bin2bn(number.data(), static_cast<int>(number.size()), nullptr));
    const Asn1Integer integer(value ? BN_to_ASN1_INTEGER(value.get(), nullptr) : nullptr);
    return integer && X509_set_serialNumber(certificate, integer.get()) == 1;
}

bool set_subject(X509* certificate, const std::string& name) {
    auto* const subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.data()),
                                      static_cast<int>(name.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, const Extension& extension) {
    const Asn1Object oid(OBJ_txt2obj(extension.oid.c_str(), 1));
    const Asn1OctetString value(ASN1_OCTET_STRING_new());
    if (!oid || !value ||
        ASN1_OCTET_STRING_set(value.get(), extension.value.data(),
                              static_cast<int>(extension.value.size())) != 1) {
        return false;
    }
    const X509Extension made(X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 0, value.get()));
    return made && X509_add_ext(certificate, made.get(), -1) == 1;
}

} // namespace

Result<Bytes> issue_certificate(const CertificateRequest& request) {
    const auto issuer = read_der(request.issuer_certificate);
    if (!issuer) {
        return openssl_error(std::errc::invalid_argument, "the issuer's certificate is none");
    }
    const X509Certificate certificate(X509_new());
    auto* const c = certificate.get();
    bool done = c != nullptr && X509_set_version(c, X509_VERSION_3) == 1 &&
                set_serial_number(c, request.serial_number) && set_subject(c, request.subject_name) &&
                X509_set_issuer_name(c, X509_get_subject_name(issuer.get())) == 1 &&
                X509_set1_notBefore(c, X509_get0_notBefore(issuer.get())) == 1 &&
                X509_set1_notAfter(c, X509_get0_notAfter(issuer.get())) == 1 &&
                X509_set_pubkey(c, request.subject.handle()) == 1;
    for (const auto& extension : request.extensions) {
        done = done && add_extension(c, extension);
    }
    const auto* const digest = request.issuer.type() == KeyType::ed25519 ? nullptr : EVP_sha256();
    if (!done || X509_sign(c, request.issuer.handle(), digest) <= 0) {
        return openssl_error(std::errc::io_error, "certificate");
    }
    return to_der(c);
}

Result<Bytes> certificate_from_pem(std::string_view text) {
    const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    const X509Certificate certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)
                                          : nullptr);
    if (!certificate) {
        return openssl_error(std::errc::invalid_argument, "no certificate in PEM form");
    }
    return to_der(certificate.get());
}

Result<bool> certifies(ByteView certificate, const PrivateKey& key) {
    const auto read = read_der(certificate);
    auto* const part = read ? X509_get0_pubkey(read.get()) : nullptr;
    if (part == nullptr) {
        return openssl_error(std::errc::invalid_argument, "no certificate in DER form");
    }
    return EVP_PKEY_eq(part, key.handle()) == 1;
}

} // namespace cardlatch::card::crypto
