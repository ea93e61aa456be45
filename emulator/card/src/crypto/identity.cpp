// Certificates for the keys of new cards, and what people want to know of a certificate.

#include "certificate.hpp"
#include "openssl.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <utility>
#include <vector>

namespace cardlatch::card::crypto {

namespace {

using Asn1Integer = OpensslOwner<ASN1_INTEGER, ASN1_INTEGER_free>;
using X509Extension = OpensslOwner<X509_EXTENSION, X509_EXTENSION_free>;
using X509Name = OpensslOwner<X509_NAME, X509_NAME_free>;

X509Certificate read_der(ByteView der) {
    const auto* at = der.data();
    return X509Certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

Error no_certificate() {
    return openssl_error(std::errc::invalid_argument, "no certificate in DER form");
}

/// Reads "/C=XX/O=Organization/CN=Common name"; "\\" makes the character after it ordinary.
Result<X509Name> read_name(const std::string& text) {
    X509Name name(X509_NAME_new());
    const auto wrong = [&](const std::string& what) {
        ERR_clear_error();
        return fail(
            std::errc::invalid_argument,
            fmt::format("\"{}\": {}; a name looks like /C=XX/O=Organization/CN=Common name", text, what));
    };
    if (text.empty() || text[0] != '/') {
        return wrong("does not begin with /");
    }
    std::size_t at = 1;
    while (at < text.size()) {
        std::string type;
        std::string value;
        auto* part = &type;
        for (; at < text.size() && text[at] != '/'; ++at) {
            if (text[at] == '=' && part == &type) {
                part = &value;
                continue;
            }
            at += text[at] == '\\' && at + 1 < text.size() ? 1 : 0;
            *part += text[at];
        }
        ++at;
        if (type.empty() || value.empty()) {
            return wrong("every part has to be TYPE=VALUE");
        }
        if (X509_NAME_add_entry_by_txt(name.get(), type.c_str(), MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), -1, 0) != 1) {
            return wrong(fmt::format("{}={} is not possible", type, value));
        }
    }
    if (X509_NAME_entry_count(name.get()) == 0) {
        return wrong("is empty");
    }
    return name;
}

/// Extension numbers of OpenSSL with their values in its configuration syntax.
using Extensions = std::vector<std::pair<int, std::string>>;

Extensions extensions_for(Purpose purpose, KeyType type) {
    constexpr auto k_end_entity = "critical,CA:FALSE";
    switch (purpose) {
    case Purpose::authentication:
        return {{NID_basic_constraints, k_end_entity},
                {NID_key_usage, "critical,digitalSignature"},
                {NID_ext_key_usage, "clientAuth,1.3.6.1.4.1.311.20.2.2"}};
    case Purpose::signature:
        return {{NID_basic_constraints, k_end_entity},
                {NID_key_usage, "critical,digitalSignature,nonRepudiation"},
                {NID_ext_key_usage, "emailProtection"}};
    case Purpose::card_authentication:
        return {{NID_basic_constraints, k_end_entity},
                {NID_key_usage, "critical,digitalSignature"},
                {NID_ext_key_usage, "2.16.840.1.101.3.6.8"}};
    case Purpose::attestation:
        return {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                {NID_key_usage, "critical,keyCertSign"}};
    case Purpose::content_signing:
        return {{NID_basic_constraints, k_end_entity},
                {NID_key_usage, "critical,digitalSignature"},
                {NID_ext_key_usage, "critical,2.16.840.1.101.3.6.7"}};
    case Purpose::key_management:
        break;
    }
    // Ed25519 in such a slot can do nothing but sign.
    const auto* const usage = is_rsa(type)               ? "critical,keyEncipherment"
                              : type == KeyType::ed25519 ? "critical,digitalSignature"
                                                         : "critical,keyAgreement";
    return {{NID_basic_constraints, k_end_entity}, {NID_key_usage, usage}};
}

bool add_extensions(X509* certificate, X509* issuer, const IdentityRequest& request) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto wanted = extensions_for(request.purpose, request.subject.type());
    wanted.emplace_back(NID_subject_key_identifier, "hash");
    if (issuer != certificate) {
        wanted.emplace_back(NID_authority_key_identifier, "keyid");
    }
    for (const auto& [number, value] : wanted) {
        const X509Extension extension(X509V3_EXT_conf_nid(nullptr, &context, number, value.c_str()));
        if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) {
            return false;
        }
    }
    return true;
}

bool set_serial_number(X509* certificate, ByteView number) {
    const BigNumber value(BN_bin2bn(number.data(), static_cast<int>(number.size()), nullptr));
    const Asn1Integer integer(value ? BN_to_ASN1_INTEGER(value.get(), nullptr) : nullptr);
    return integer && X509_set_serialNumber(certificate, integer.get()) == 1;
}

/// `print` on a BIO, as text.
template <class Print>
std::string printed(Print print) {
    const Bio bio(BIO_new(BIO_s_mem()));
    char* data = nullptr;
    if (!bio || print(bio.get()) < 0) {
        ERR_clear_error();
        return {};
    }
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string name_text(const X509_NAME* name, unsigned long form) {
    return printed([&](BIO* bio) { return X509_NAME_print_ex(bio, name, 0, form); });
}

std::string time_text(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        ERR_clear_error();
        return {};
    }
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

} // namespace

Result<Bytes> issue_identity(const IdentityRequest& request) {
    const auto& signer = request.issuer != nullptr ? *request.issuer : request.subject;
    if (signer.type() == KeyType::x25519) {
        return fail(std::errc::operation_not_supported, "an X25519 key cannot sign a certificate");
    }
    const X509Certificate certificate(X509_new());
    X509Certificate other;
    auto* issuer = certificate.get();
    if (request.issuer != nullptr) {
        other = read_der(request.issuer_certificate);
        issuer = other.get();
        if (issuer == nullptr) {
            return openssl_error(std::errc::invalid_argument, "the issuer's certificate is none");
        }
        if (EVP_PKEY_eq(X509_get0_pubkey(issuer), request.issuer->handle()) != 1) {
            return openssl_error(std::errc::invalid_argument,
                                 "the issuer's certificate is not for the issuer's key");
        }
    }
    BOOST_OUTCOME_TRY(const auto name, read_name(request.subject_name));
    auto* const c = certificate.get();
    const bool done =
        c != nullptr && X509_set_version(c, X509_VERSION_3) == 1 &&
        set_serial_number(c, request.serial_number) && X509_set_subject_name(c, name.get()) == 1 &&
        X509_set_issuer_name(c, issuer == c ? name.get() : X509_get_subject_name(issuer)) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(c), 0) != nullptr &&
        X509_time_adj_ex(X509_getm_notAfter(c), static_cast<int>(request.days), 0, nullptr) != nullptr &&
        X509_set_pubkey(c, request.subject.handle()) == 1 && add_extensions(c, issuer, request);
    const auto* const digest = signer.type() == KeyType::ed25519 ? nullptr : EVP_sha256();
    if (!done || X509_sign(c, signer.handle(), digest) <= 0) {
        return openssl_error(std::errc::io_error, "certificate");
    }
    unsigned char* der = nullptr;
    const int length = i2d_X509(c, &der);
    if (length <= 0) {
        return openssl_error(std::errc::io_error, "certificate");
    }
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
}

Result<Bytes> sha256(ByteView content) {
    Bytes digest(static_cast<std::size_t>(EVP_MD_get_size(EVP_sha256())));
    if (EVP_Digest(content.data(), content.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
        return openssl_error(std::errc::io_error, "SHA-256");
    }
    return digest;
}

Result<CertificateFacts> certificate_facts(ByteView der) {
    const auto certificate = read_der(der);
    if (!certificate) {
        return no_certificate();
    }
    const auto* const c = certificate.get();
    CertificateFacts facts{
        .subject = name_text(X509_get_subject_name(c), XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB),
        .issuer = name_text(X509_get_issuer_name(c), XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB),
        .serial_number = {},
        .not_before = time_text(X509_get0_notBefore(c)),
        .not_after = time_text(X509_get0_notAfter(c)),
        .sha256 = Bytes(static_cast<std::size_t>(EVP_MD_get_size(EVP_sha256())))};
    const auto* const number = X509_get0_serialNumber(c);
    facts.serial_number.assign(number->data, number->data + number->length);
    if (X509_digest(c, EVP_sha256(), facts.sha256.data(), nullptr) != 1) {
        return no_certificate();
    }
    return facts;
}

Result<std::string> certificate_to_pem(ByteView der) {
    const auto certificate = read_der(der);
    if (!certificate) {
        return no_certificate();
    }
    return printed([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()) == 1 ? 1 : -1; });
}

Result<std::string> certificate_subject(ByteView der) {
    const auto certificate = read_der(der);
    if (!certificate) {
        return no_certificate();
    }
    std::string text;
    const auto* const name = X509_get_subject_name(certificate.get());
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const auto* const entry = X509_NAME_get_entry(name, i);
        const auto* const object = X509_NAME_ENTRY_get_object(entry);
        std::array<char, 80> type{};
        unsigned char* value = nullptr;
        const int length = ASN1_STRING_to_UTF8(&value, X509_NAME_ENTRY_get_data(entry));
        const int number = OBJ_obj2nid(object);
        if (length < 0) {
            return no_certificate();
        }
        const auto* const short_name = number == NID_undef ? nullptr : OBJ_nid2sn(number);
        if (short_name == nullptr) {
            OBJ_obj2txt(type.data(), static_cast<int>(type.size()), object, 1);
        }
        text += fmt::format("/{}=", short_name == nullptr ? type.data() : short_name);
        for (int at = 0; at < length; ++at) {
            const auto character = static_cast<char>(value[at]);
            text += character == '/' || character == '\\' ? "\\" : "";
            text += character;
        }
        OPENSSL_free(value);
    }
    return text;
}

} // namespace cardlatch::card::crypto
