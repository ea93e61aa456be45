#include "image_keys.hpp"

#include "crypto/signed_data.hpp"

#include <cardlatch/card/random.hpp>
#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <chrono>

namespace cardlatch::card::image {

using crypto::KeyType;
using crypto::PrivateKey;

Result<Bytes> random_bytes(std::size_t size) {
    Bytes bytes(size);
    BOOST_OUTCOME_TRY(system_random().fill(bytes));
    return bytes;
}

Result<PrivateKey> generate(const std::string& what, KeyType type, const ImageProgress& progress) {
    if (progress.begin) {
        progress.begin(fmt::format("{}, {}", what, crypto::word_for(type)));
    }
    auto key = PrivateKey::generate(type, progress.working);
    if (progress.done) {
        progress.done();
    }
    return key;
}

crypto::Purpose purpose_of(piv::KeyReference slot) {
    switch (slot) {
    case piv::k_authentication_key:
        return crypto::Purpose::authentication;
    case piv::k_signature_key:
        return crypto::Purpose::signature;
    case piv::k_card_authentication_key:
        return crypto::Purpose::card_authentication;
    case piv::k_attestation_key:
        return crypto::Purpose::attestation;
    default:
        return crypto::Purpose::key_management;
    }
}

Result<Issuer> Issuer::from(const ImageCertificates& certificates) {
    constexpr unsigned k_most_days = 36'500;
    if (certificates.days < 1 || certificates.days > k_most_days) {
        return fail(std::errc::invalid_argument, "certificates are valid for 1 to 36500 days");
    }
    Issuer issuer(certificates.days);
    const auto& [key, certificate] = certificates.issuer;
    if (key.empty() != certificate.empty()) {
        return fail(std::errc::invalid_argument, "an issuer needs both its key and its certificate");
    }
    if (key.empty()) {
        return issuer;
    }
    auto read = PrivateKey::from_pem(key);
    if (!read) {
        return fail(read.error().code, fmt::format("the issuer's key: {}", read.error().message()));
    }
    issuer.key_ = std::move(read.value());
    BOOST_OUTCOME_TRY(issuer.certificate_, crypto::certificate_from_pem(certificate));
    BOOST_OUTCOME_TRY(const auto fits, crypto::certifies(issuer.certificate_, *issuer.key_));
    if (!fits) {
        return fail(std::errc::invalid_argument, "the issuer's certificate is not for the issuer's key");
    }
    return issuer;
}

Result<std::string> Issuer::certify(const PrivateKey& key, const std::string& subject,
                                    crypto::Purpose purpose) const {
    if (!key_ && key.type() == KeyType::x25519) {
        return std::string();
    }
    constexpr std::size_t k_serial_number = 16; // bytes; RFC 5280 §4.1.2.2 allows 20
    BOOST_OUTCOME_TRY(auto number, random_bytes(k_serial_number));
    number[0] = static_cast<std::uint8_t>((number[0] & 0x7FU) | 0x40U); // positive, and always as long
    BOOST_OUTCOME_TRY(const auto der, crypto::issue_identity({.subject = key,
                                                              .subject_name = subject,
                                                              .purpose = purpose,
                                                              .issuer = key_ ? &*key_ : nullptr,
                                                              .issuer_certificate = certificate_,
                                                              .serial_number = number,
                                                              .days = days_}));
    return crypto::certificate_to_pem(der);
}

namespace {

/// The hashes of data objects, numbered from 1. Source: ICAO Doc 9303 part 10, LDSSecurityObject; SP 800-73-5
/// part 1 §3.1.7 takes it over.
Result<Bytes> hash_list(std::initializer_list<ByteView> contents) {
    constexpr std::array<std::uint8_t, 15> k_sha256{0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                    0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00};
    constexpr std::array<std::uint8_t, 1> k_version{0};
    Bytes hashes;
    std::uint8_t number = 0;
    for (const auto content : contents) {
        ++number;
        BOOST_OUTCOME_TRY(const auto digest, crypto::sha256(content));
        Bytes entry;
        iso7816::append_tlv(entry, 0x02, ByteView(&number, 1));
        iso7816::append_tlv(entry, 0x04, digest);
        iso7816::append_tlv(hashes, 0x30, entry);
    }
    Bytes value;
    iso7816::append_tlv(value, 0x02, k_version);
    value.insert(value.end(), k_sha256.begin(), k_sha256.end());
    iso7816::append_tlv(value, 0x30, hashes);
    Bytes out;
    iso7816::append_tlv(out, 0x30, value);
    return out;
}

/// The PIV data model and a card identifier of its own: manufacturer's part as on other test cards, the rest
/// random.
Result<Bytes> capability_container() {
    constexpr std::array<std::uint8_t, 7> k_manufacturer{0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02};
    constexpr std::array<std::uint8_t, 28> k_rest{0xF1, 0x01, 0x21, 0xF2, 0x01, 0x21, 0xF3, 0x00, 0xF4, 0x01,
                                                  0x00, 0xF5, 0x01, 0x10, 0xF6, 0x00, 0xF7, 0x00, 0xFA, 0x00,
                                                  0xFB, 0x00, 0xFC, 0x00, 0xFD, 0x00, 0xFE, 0x00};
    BOOST_OUTCOME_TRY(const auto number, random_bytes(14));
    Bytes identifier(k_manufacturer.begin(), k_manufacturer.end());
    identifier.insert(identifier.end(), number.begin(), number.end());
    Bytes container;
    iso7816::append_tlv(container, 0xF0, identifier);
    container.insert(container.end(), k_rest.begin(), k_rest.end());
    return container;
}

} // namespace

Result<ContentSigner> ContentSigner::make(const Issuer& issuer) {
    BOOST_OUTCOME_TRY(auto key, PrivateKey::generate(KeyType::ec_p256));
    BOOST_OUTCOME_TRY(const auto pem,
                      issuer.certify(key, "/O=Cardlatch TEST/CN=Content signer of one test card",
                                     crypto::Purpose::content_signing));
    BOOST_OUTCOME_TRY(auto certificate, crypto::certificate_from_pem(pem));
    return ContentSigner(std::move(key), std::move(certificate));
}

Result<Bytes> ContentSigner::chuid(unsigned days) const {
    // Agency 9999, system 9999, credential 999999: what cards of issuers outside the U.S. government carry.
    // Source: SP 800-73-5 part 1 §3.1.2.
    constexpr std::array<std::uint8_t, 25> k_fasc_n{0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39, 0xCE,
                                                    0x73, 0x9D, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10,
                                                    0x84, 0x21, 0xC8, 0x42, 0x10, 0xC3, 0xEB};
    constexpr std::size_t k_guid = 16;
    BOOST_OUTCOME_TRY(auto guid, random_bytes(k_guid));
    guid[6] = static_cast<std::uint8_t>(0x40U | (guid[6] & 0x0FU)); // version 4. Source: RFC 9562 §5.4
    guid[8] = static_cast<std::uint8_t>(0x80U | (guid[8] & 0x3FU));
    const auto expires = std::chrono::system_clock::now() + std::chrono::hours(24) * days;
    const auto date = fmt::format("{:%Y%m%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(expires)));
    Bytes chuid;
    iso7816::append_tlv(chuid, 0x30, k_fasc_n);
    iso7816::append_tlv(chuid, 0x34, guid);
    iso7816::append_tlv(chuid, 0x35, as_bytes(date));
    auto content = chuid; // all but the signature itself
    iso7816::append_tlv(content, 0xFE, {});
    constexpr auto k_chuid_security_object = "2.16.840.1.101.3.6.1";
    BOOST_OUTCOME_TRY(const auto signature, crypto::sign_data({.content = content,
                                                               .content_type = k_chuid_security_object,
                                                               .detached = true,
                                                               .signer = key_,
                                                               .certificate = certificate_}));
    iso7816::append_tlv(chuid, 0x3E, signature);
    iso7816::append_tlv(chuid, 0xFE, {});
    return chuid;
}

Result<std::vector<Object>> ContentSigner::objects(unsigned days) const {
    constexpr piv::ObjectTag k_chuid = 0x5FC102;
    constexpr piv::ObjectTag k_security_object = 0x5FC106;
    constexpr piv::ObjectTag k_capability_container = 0x5FC107;
    // Numbers in the list of hashes, and the containers that they stand for. Source: SP 800-73-5 part 1
    // table 2.
    constexpr std::array<std::uint8_t, 6> k_mapping{0x01, 0x30, 0x00, 0x02, 0xDB, 0x00};
    constexpr auto k_lds_security_object = "2.23.136.1.1.1";
    BOOST_OUTCOME_TRY(auto signed_chuid, chuid(days));
    BOOST_OUTCOME_TRY(auto container, capability_container());
    BOOST_OUTCOME_TRY(const auto hashes, hash_list({signed_chuid, container}));
    BOOST_OUTCOME_TRY(const auto signature,
                      crypto::sign_data({.content = hashes,
                                         .content_type = k_lds_security_object,
                                         .detached = false,
                                         .signer = key_,
                                         .certificate = certificate_,
                                         .with_certificate = false})); // the CHUID's has it
    Bytes security_object;
    iso7816::append_tlv(security_object, 0xBA, k_mapping);
    iso7816::append_tlv(security_object, 0xBB, signature);
    iso7816::append_tlv(security_object, 0xFE, {});
    return std::vector<Object>{
        {"CHUID, signed", k_chuid, std::move(signed_chuid)},
        {"security object: hashes of CHUID and CCC, signed", k_security_object, std::move(security_object)},
        {"card capability container", k_capability_container, std::move(container)}};
}

} // namespace cardlatch::card::image
