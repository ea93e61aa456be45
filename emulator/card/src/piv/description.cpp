// What `cardlatch card show` says of the PIV application.

#include "../crypto/certificate.hpp"
#include "piv_application.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::card::piv {

namespace {

struct ObjectName {
    ObjectTag tag;
    std::string_view name;
};
// Source: SP 800-73-5 part 1 table 3.
constexpr std::array k_object_names{
    ObjectName{0x5FC102, "card holder unique identifier"},
    ObjectName{0x5FC103, "card holder fingerprints"},
    ObjectName{0x5FC106, "security object"},
    ObjectName{0x5FC107, "card capability container"},
    ObjectName{0x5FC108, "card holder facial image"},
    ObjectName{0x5FC109, "printed information"},
    ObjectName{0x5FC10C, "key history"},
    ObjectName{0x5FC121, "card holder iris images"},
    ObjectName{k_biometric_templates, "biometric information templates group"},
    ObjectName{k_discovery, "discovery object"},
};

std::string name_of_object(ObjectTag tag, const Keys& keys) {
    for (const auto& named : k_object_names) {
        if (named.tag == tag) {
            return std::string(named.name);
        }
    }
    for (unsigned slot = k_first_retired_key; slot <= k_attestation_key; ++slot) {
        const auto reference = static_cast<KeyReference>(slot);
        if (is_key_slot(reference) && certificate_tag(reference) == tag) {
            return fmt::format("certificate of {:02X}{}", slot, keys.contains(reference) ? "" : " (no key)");
        }
    }
    return "";
}

toml::table describe_reference(const ReferenceData& reference, bool with_secrets) {
    toml::table out{{"tries", std::int64_t{reference.tries}},
                    {"tries_left", std::int64_t{reference.tries_left}}};
    if (with_secrets) {
        const auto end = std::find(reference.value.begin(), reference.value.end(), std::uint8_t{0xFF});
        const std::string text(reference.value.begin(), end);
        const bool printable =
            std::all_of(text.begin(), text.end(), [](char byte) { return byte >= ' ' && byte <= '~'; });
        out.insert("value", printable ? text : to_hex(reference.value));
    }
    return out;
}

toml::table describe_certificate(ByteView object) {
    const auto der = iso7816::find_tlv(object, 0x70);
    const auto facts = der ? crypto::certificate_facts(*der) : Result<crypto::CertificateFacts>(Error{});
    const auto pem = der ? crypto::certificate_to_pem(*der) : Result<std::string>(Error{});
    if (!facts || !pem) {
        return toml::table{{"readable", false}}; // compressed, or whatever a client has put there
    }
    const auto& known = facts.value();
    return toml::table{{"readable", true},
                       {"subject", known.subject},
                       {"issuer", known.issuer},
                       {"serial_number", to_hex(known.serial_number)},
                       {"not_before", known.not_before},
                       {"not_after", known.not_after},
                       {"sha256", to_hex(known.sha256)},
                       {"pem", pem.value()}};
}

toml::table describe_key(KeyReference slot, const Key& key, const Objects& objects, bool with_secrets) {
    toml::table out{{"slot", fmt::format("{:02X}", slot)},
                    {"algorithm", crypto::word_for(key.key.type())},
                    {"pin_policy", name_of(key.pin_policy)},
                    {"touch_policy", name_of(key.touch_policy)},
                    {"origin", key.origin == Origin::generated ? "generated" : "imported"}};
    if (const auto pem = key.key.public_key_pem()) {
        out.insert("public_key", pem.value());
    }
    if (const auto object = objects.find(certificate_tag(slot)); object != objects.end()) {
        out.insert("certificate", describe_certificate(object->second));
    }
    if (with_secrets) {
        if (const auto pem = key.key.to_pem()) {
            out.insert("private_key", pem.value());
        }
    }
    return out;
}

} // namespace

void PivApplication::describe(toml::table& out, bool with_secrets) const {
    out.insert("serial", std::int64_t{profile_->serial});
    out.insert("pin", describe_reference(state_.pin, with_secrets));
    out.insert("puk", describe_reference(state_.puk, with_secrets));
    if (state_.global_pin) {
        out.insert("global_pin", describe_reference(*state_.global_pin, with_secrets));
    }
    const auto& management = state_.management;
    toml::table management_key{
        {"algorithm", name_of(management.key.cipher())},
        {"touch_policy", name_of(management.touch_policy)},
        {"well_known", management.key == default_management_key(management.key.cipher())}};
    if (with_secrets) {
        management_key.insert("value", to_hex(management.key.value()));
    }
    out.insert("management_key", std::move(management_key));
    toml::array keys;
    for (const auto& [slot, key] : state_.keys) {
        keys.push_back(describe_key(slot, key, state_.objects, with_secrets));
    }
    out.insert("keys", std::move(keys));
    toml::array objects;
    for (const auto& [tag, content] : state_.objects) {
        toml::table object{{"tag", fmt::format("{:X}", tag)},
                           {"name", name_of_object(tag, state_.keys)},
                           {"size", static_cast<std::int64_t>(content.size())}};
        if (with_secrets || !needs_pin_to_read(tag)) {
            object.insert("content", to_hex(content));
        }
        objects.push_back(std::move(object));
    }
    out.insert("objects", std::move(objects));
}

} // namespace cardlatch::card::piv
