// GENERATE ASYMMETRIC KEY PAIR (SP 800-73-5 part 2 §3.3.2), and the vendor's commands about keys: IMPORT
// ASYMMETRIC KEY, MOVE KEY, ATTEST.

#include "../crypto/certificate.hpp"
#include "piv_application.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::card::piv {

namespace sw = iso7816::sw;
using crypto::KeyType;
using crypto::PrivateKey;
using iso7816::CommandApdu;
using iso7816::find_tlv;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {

constexpr std::uint32_t k_pin_policy = 0xAA;
constexpr std::uint32_t k_touch_policy = 0xAB;

/// True when `data` is a sequence of data objects of `tags` alone, each at most once.
bool holds_only(ByteView data, std::initializer_list<std::uint32_t> tags) {
    std::vector<std::uint32_t> seen;
    iso7816::TlvCursor cursor(data);
    for (;;) {
        const auto item = cursor.next();
        if (!item) {
            return false;
        }
        if (!item.value()) {
            return true;
        }
        const auto tag = item.value()->tag;
        if (std::find(tags.begin(), tags.end(), tag) == tags.end() ||
            std::find(seen.begin(), seen.end(), tag) != seen.end()) {
            return false;
        }
        seen.push_back(tag);
    }
}

/// The key in the data of IMPORT ASYMMETRIC KEY. Of RSA the primes are used; the numbers that follow from
/// them (03 to 05) may be there.
Result<PrivateKey> imported_key(KeyType type, ByteView data) {
    const auto value = [&](std::uint32_t tag) { return find_tlv(data, tag).value_or(ByteView()); };
    if (crypto::is_rsa(type)) {
        return PrivateKey::from_rsa_primes(type, value(0x01), value(0x02));
    }
    if (crypto::is_ec(type)) {
        return PrivateKey::from_ec_scalar(type, value(0x06));
    }
    return PrivateKey::from_raw(type, value(type == KeyType::ed25519 ? 0x07 : 0x08));
}

bool holds_only_key_objects(KeyType type, ByteView data) {
    if (crypto::is_rsa(type)) {
        return holds_only(data, {0x01, 0x02, 0x03, 0x04, 0x05, k_pin_policy, k_touch_policy});
    }
    const std::uint32_t tag = crypto::is_ec(type) ? 0x06 : type == KeyType::ed25519 ? 0x07 : 0x08;
    return holds_only(data, {tag, k_pin_policy, k_touch_policy});
}

/// `big_endian`, which is not negative, as INTEGER in DER.
Bytes der_integer(ByteView big_endian) {
    while (big_endian.size() > 1 && big_endian[0] == 0) {
        big_endian = big_endian.subspan(1);
    }
    Bytes value(big_endian[0] >= 0x80 ? 1 : 0, 0);
    value.insert(value.end(), big_endian.begin(), big_endian.end());
    Bytes out;
    iso7816::append_tlv(out, 0x02, value);
    return out;
}

} // namespace

Result<Bytes> public_key_objects(const PrivateKey& key) {
    BOOST_OUTCOME_TRY(const auto part, key.public_key());
    Bytes out;
    if (crypto::is_rsa(part.type)) {
        iso7816::append_tlv(out, 0x81, part.modulus);
        iso7816::append_tlv(out, 0x82, part.exponent);
    } else {
        iso7816::append_tlv(out, 0x86, part.point);
    }
    return out;
}

std::optional<PivApplication::Policies> PivApplication::read_policies(KeyReference slot, ByteView objects) {
    constexpr ByteView::value_type k_default = 0;
    const auto number = [&](std::uint32_t tag) -> std::optional<std::uint8_t> {
        const auto value = find_tlv(objects, tag);
        if (!value) {
            return k_default;
        }
        return value->size() == 1 && value->front() <= 3 ? std::optional(value->front()) : std::nullopt;
    };
    const auto pin = number(k_pin_policy);
    const auto touch = number(k_touch_policy);
    if (!pin || !touch) {
        return std::nullopt;
    }
    return Policies{*pin == k_default ? default_pin_policy(slot) : static_cast<PinPolicy>(*pin),
                    *touch == k_default ? TouchPolicy::never : static_cast<TouchPolicy>(*touch)};
}

StatusWord PivApplication::store_key(KeyReference slot, Key key) {
    auto keys = state_.keys;
    keys.insert_or_assign(slot, std::move(key));
    return services_.persistence.change(state_.keys, std::move(keys));
}

ResponseApdu PivApplication::generate_key_pair(const CommandApdu& command) {
    constexpr std::uint32_t k_control_reference_template = 0xAC;
    constexpr std::uint32_t k_mechanism = 0x80;
    constexpr std::uint32_t k_parameter = 0x81;
    if (command.p1 != 0 || !is_key_slot(command.p2)) {
        return sw::k_incorrect_p1_p2;
    }
    if (!administrator_authenticated_) {
        return sw::k_security_status_not_satisfied;
    }
    const auto wanted = holds_only(command.data, {k_control_reference_template})
                            ? find_tlv(command.data, k_control_reference_template)
                            : std::nullopt;
    if (!wanted || !holds_only(*wanted, {k_mechanism, k_parameter, k_pin_policy, k_touch_policy})) {
        return sw::k_incorrect_data;
    }
    const auto mechanism = find_tlv(*wanted, k_mechanism);
    const auto type =
        mechanism && mechanism->size() == 1 ? key_type_of(mechanism->front()) : std::optional<KeyType>();
    const auto policies = read_policies(command.p2, *wanted);
    if (!type || !policies) {
        return sw::k_incorrect_data;
    }
    if (const auto parameter = find_tlv(*wanted, k_parameter)) {
        constexpr std::array<std::uint8_t, 3> k_exponent{0x01, 0x00, 0x01};
        if (!crypto::is_rsa(*type) || !std::ranges::equal(*parameter, k_exponent)) {
            return sw::k_incorrect_data; // 65537 is the only exponent there is
        }
    }
    auto key = PrivateKey::generate(*type);
    const auto objects = key ? public_key_objects(key.value()) : Result<Bytes>(key.error());
    if (!objects) {
        return sw::k_execution_error;
    }
    if (const auto stored = store_key(
            command.p2, {std::move(key.value()), policies->pin, policies->touch, Origin::generated});
        stored != sw::k_ok) {
        return stored;
    }
    Bytes out;
    iso7816::append_tlv(out, 0x7F49, objects.value());
    return {std::move(out), sw::k_ok};
}

ResponseApdu PivApplication::import_key(const CommandApdu& command) {
    const auto type = key_type_of(command.p1);
    if (!type || !is_key_slot(command.p2)) {
        return sw::k_incorrect_p1_p2;
    }
    if (!administrator_authenticated_) {
        return sw::k_security_status_not_satisfied;
    }
    const auto policies = read_policies(command.p2, command.data);
    if (!policies || !holds_only_key_objects(*type, command.data)) {
        return sw::k_incorrect_data;
    }
    auto key = imported_key(*type, command.data);
    if (!key) {
        return sw::k_incorrect_data;
    }
    return store_key(command.p2, {std::move(key.value()), policies->pin, policies->touch, Origin::imported});
}

// P1 is where the key goes, FF for nowhere; P2 is where it is. Certificates stay where they are.
ResponseApdu PivApplication::move_key(const CommandApdu& command) {
    constexpr std::uint8_t k_delete = 0xFF;
    const KeyReference to = command.p1;
    const KeyReference from = command.p2;
    const bool fits =
        is_key_slot(from) && (to == k_delete || (is_key_slot(to) && to != from && to != k_attestation_key &&
                                                 from != k_attestation_key));
    if (!fits) {
        return sw::k_incorrect_p1_p2;
    }
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    if (!administrator_authenticated_) {
        return sw::k_security_status_not_satisfied;
    }
    auto keys = state_.keys;
    auto moved = keys.extract(from);
    if (moved.empty()) {
        return sw::k_referenced_data_not_found;
    }
    if (to != k_delete) {
        keys.insert_or_assign(to, std::move(moved.mapped()));
    }
    return services_.persistence.change(state_.keys, std::move(keys));
}

ResponseApdu PivApplication::attest(const CommandApdu& command) {
    if (command.p2 != 0 || !is_key_slot(command.p1) || command.p1 == k_attestation_key) {
        return sw::k_incorrect_p1_p2;
    }
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    const auto attested = state_.keys.find(command.p1);
    const auto issuer = state_.keys.find(k_attestation_key);
    const auto object = state_.objects.find(k_attestation_certificate);
    if (attested == state_.keys.end() || issuer == state_.keys.end() || object == state_.objects.end()) {
        return sw::k_referenced_data_not_found;
    }
    if (attested->second.origin != Origin::generated) {
        return sw::k_incorrect_data; // only what was made here can be attested
    }
    // Source of the extensions: Yubico's arc 1.3.6.1.4.1.41482.3, which clients look for.
    const auto& key = attested->second;
    const std::array<crypto::Extension, 3> extensions{
        crypto::Extension{"1.3.6.1.4.1.41482.3.3", Bytes(k_version.begin(), k_version.end())},
        crypto::Extension{"1.3.6.1.4.1.41482.3.7", der_integer(profile_->serial_bytes())},
        crypto::Extension{
            "1.3.6.1.4.1.41482.3.8",
            {static_cast<std::uint8_t>(key.pin_policy), static_cast<std::uint8_t>(key.touch_policy)}}};
    Bytes number(16);
    if (!services_.random.fill(number)) {
        return sw::k_execution_error;
    }
    number[0] &= 0x7FU; // a positive number
    const auto content = find_tlv(object->second, 0x70);
    auto certificate = crypto::issue_certificate(
        {.subject = key.key,
         .subject_name = fmt::format("Cardlatch TEST PIV Attestation {:02x}", command.p1),
         .issuer = issuer->second.key,
         .issuer_certificate = content.value_or(ByteView()),
         .serial_number = number,
         .extensions = extensions});
    return certificate ? ResponseApdu(std::move(certificate.value()), sw::k_ok)
                       : ResponseApdu(sw::k_execution_error);
}

} // namespace cardlatch::card::piv
