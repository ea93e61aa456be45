#include "access_rule.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <algorithm>
#include <bit>
#include <iterator>

namespace cardlatch::card::filecard {

namespace {

// The security condition byte. Source: ISO/IEC 7816-4 §9.3.3.
constexpr std::uint8_t k_no_condition = 0x00;
constexpr std::uint8_t k_never = 0xFF;
constexpr unsigned k_all_conditions = 0x80;
constexpr unsigned k_secure_messaging = 0x40;
constexpr unsigned k_external_authentication = 0x20;
constexpr unsigned k_user_authentication = 0x10;
constexpr unsigned k_environment = 0x0F;

constexpr std::uint8_t k_all_modes = 0x7F;

void append_authentication(Bytes& out, std::uint8_t reference, std::uint8_t usage) {
    Bytes content;
    iso7816::append_tlv(content, 0x83, ByteView(&reference, 1));
    iso7816::append_tlv(content, 0x95, ByteView(&usage, 1));
    iso7816::append_tlv(out, 0xA4, content);
}

} // namespace

bool RuleEnvironments::add(const AccessRule& rule) {
    const Environment wanted{rule.pin, rule.key};
    if (rule.kind != AccessRule::Kind::conditions ||
        std::find(environments_.begin(), environments_.end(), wanted) != environments_.end()) {
        return true;
    }
    if (environments_.size() == k_max) {
        return false;
    }
    environments_.push_back(wanted);
    return true;
}

std::uint8_t RuleEnvironments::condition(const AccessRule& rule) const {
    if (rule.kind == AccessRule::Kind::always) {
        return k_no_condition;
    }
    const auto found = std::find(environments_.begin(), environments_.end(), Environment{rule.pin, rule.key});
    if (rule.kind == AccessRule::Kind::never || found == environments_.end()) {
        return k_never;
    }
    const bool both = rule.pin != 0 && rule.key != 0;
    const auto number = static_cast<unsigned>(found - environments_.begin()) + 1;
    return static_cast<std::uint8_t>((both && !rule.either ? k_all_conditions : 0U) |
                                     (rule.key != 0 ? k_external_authentication : 0U) |
                                     (rule.pin != 0 ? k_user_authentication : 0U) | number);
}

std::optional<AccessRule> RuleEnvironments::rule(std::uint8_t condition) const {
    if (condition == k_no_condition) {
        return AccessRule{};
    }
    if (condition == k_never) {
        return AccessRule::never();
    }
    const std::size_t number = condition & k_environment;
    if ((condition & k_secure_messaging) != 0 || number == 0 || number > environments_.size()) {
        return std::nullopt;
    }
    const auto& environment = environments_[number - 1];
    AccessRule rule{AccessRule::Kind::conditions};
    rule.pin = (condition & k_user_authentication) != 0 ? environment.pin : std::uint8_t{0};
    rule.key = (condition & k_external_authentication) != 0 ? environment.key : std::uint8_t{0};
    const bool both = rule.pin != 0 && rule.key != 0;
    rule.either = both && (condition & k_all_conditions) == 0;
    // What the byte asks for and what its environment names has to be the same.
    if (Environment{rule.pin, rule.key} != environment ||
        ((condition & (k_user_authentication | k_external_authentication)) == 0)) {
        return std::nullopt;
    }
    return rule;
}

Bytes RuleEnvironments::compact(const AccessRules& rules) const {
    Bytes bytes{k_all_modes};
    // Bit 7 comes first.
    std::transform(rules.rbegin(), rules.rend(), std::back_inserter(bytes),
                   [this](const auto& rule) { return condition(rule); });
    return bytes;
}

std::optional<AccessRules> RuleEnvironments::from_compact(ByteView bytes) const {
    if (bytes.empty() || (bytes[0] & 0x80U) != 0 ||
        bytes.size() != 1U + static_cast<std::size_t>(std::popcount(bytes[0]))) {
        return std::nullopt;
    }
    AccessRules rules;
    rules.fill(AccessRule::never());
    std::size_t at = 1;
    for (std::size_t bit = access::k_count; bit-- > 0;) {
        if (((bytes[0] >> bit) & 1U) == 0) {
            continue;
        }
        const auto read = rule(bytes[at++]);
        if (!read) {
            return std::nullopt;
        }
        rules.at(bit) = *read;
    }
    return rules;
}

Bytes RuleEnvironments::templates() const {
    constexpr std::uint8_t k_external_use = 0x80; // usage qualifier: verification, external authentication
    constexpr std::uint8_t k_password_use = 0x08; // user authentication, knowledge based
    Bytes out;
    for (std::size_t i = 0; i < environments_.size(); ++i) {
        Bytes content;
        const auto number = static_cast<std::uint8_t>(i + 1);
        iso7816::append_tlv(content, 0x80, ByteView(&number, 1));
        if (environments_[i].pin != 0) {
            append_authentication(content, environments_[i].pin, k_password_use);
        }
        if (environments_[i].key != 0) {
            append_authentication(content, environments_[i].key, k_external_use);
        }
        iso7816::append_tlv(out, 0x7B, content);
    }
    return out;
}

} // namespace cardlatch::card::filecard
