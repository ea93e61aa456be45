#include "signed_data.hpp"

#include "openssl.hpp"

#include <openssl/cms.h>

namespace cardlatch::card::crypto {

namespace {

using Asn1Object = OpensslOwner<ASN1_OBJECT, ASN1_OBJECT_free>;
using Cms = OpensslOwner<CMS_ContentInfo, CMS_ContentInfo_free>;

constexpr const char* k_piv_signer_dn = "2.16.840.1.101.3.6.5"; // FIPS 201-3 §4.2.1

/// Adds the subject of the signer's certificate as an attribute that is signed.
bool add_signer_name(CMS_SignerInfo* signer, X509* certificate) {
    const Asn1Object type(OBJ_txt2obj(k_piv_signer_dn, 1));
    unsigned char* name = nullptr;
    const int length = i2d_X509_NAME(X509_get_subject_name(certificate), &name);
    const bool added = type && length > 0 &&
                       CMS_signed_add1_attr_by_OBJ(signer, type.get(), V_ASN1_SEQUENCE, name, length) == 1;
    OPENSSL_free(name);
    return added;
}

} // namespace

Result<Bytes> sign_data(const SignedDataRequest& request) {
    const auto* at = request.certificate.data();
    const X509Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(request.certificate.size())));
    if (!certificate) {
        return openssl_error(std::errc::invalid_argument, "no certificate in DER form");
    }
    const unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL |
                           (request.detached ? CMS_DETACHED : 0U) |
                           (request.with_certificate ? 0U : CMS_NOCERTS);
    const Asn1Object type(OBJ_txt2obj(request.content_type, 1));
    const Bio content(BIO_new_mem_buf(request.content.data(), static_cast<int>(request.content.size())));
    const Cms message(CMS_sign(nullptr, nullptr, nullptr, nullptr, flags));
    bool done = type && content && message && CMS_set1_eContentType(message.get(), type.get()) == 1;
    auto* const signer =
        done ? CMS_add1_signer(message.get(), certificate.get(), request.signer.handle(), EVP_sha256(), flags)
             : nullptr;
    done = signer != nullptr && add_signer_name(signer, certificate.get()) &&
           CMS_final(message.get(), content.get(), nullptr, flags) == 1;
    unsigned char* der = nullptr;
    const int length = done ? i2d_CMS_ContentInfo(message.get(), &der) : -1;
    if (length <= 0) {
        return openssl_error(std::errc::io_error, "signed data");
    }
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
}

} // namespace cardlatch::card::crypto
