// Commands of the vendor whose management tools are widely used; about keys see key_commands.cpp.
// Source: Yubico, "Yubico extensions" of PIV, and what its clients send and expect.

#include "piv_application.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <array>

namespace cardlatch::card::piv {

namespace sw = iso7816::sw;
using iso7816::append_tlv;
using iso7816::CommandApdu;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {

/// 9000 for P1-P2 0000 and no data.
StatusWord check_plain(const CommandApdu& command) {
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    return command.data.empty() ? sw::k_ok : sw::k_wrong_length;
}

void append_byte(Bytes& out, std::uint32_t tag, std::uint8_t value) {
    append_tlv(out, tag, ByteView(&value, 1));
}

void append_pair(Bytes& out, std::uint32_t tag, std::uint8_t first, std::uint8_t second) {
    const std::array<std::uint8_t, 2> pair{first, second};
    append_tlv(out, tag, pair);
}

constexpr std::uint32_t k_algorithm = 0x01;
constexpr std::uint32_t k_policies = 0x02;
constexpr std::uint32_t k_origin = 0x03;
constexpr std::uint32_t k_public_key = 0x04;
constexpr std::uint32_t k_is_default = 0x05;
constexpr std::uint32_t k_tries = 0x06;

Bytes metadata(const ReferenceData& reference, ByteView well_known) {
    constexpr std::uint8_t k_no_algorithm = 0xFF;
    Bytes out;
    append_byte(out, k_algorithm, k_no_algorithm);
    append_byte(out, k_is_default, crypto::equal_in_constant_time(reference.value, well_known) ? 1 : 0);
    append_pair(out, k_tries, reference.tries, reference.tries_left);
    return out;
}

} // namespace

ResponseApdu PivApplication::get_version(const CommandApdu& command) {
    const auto plain = check_plain(command);
    return plain == sw::k_ok ? ResponseApdu(Bytes(k_version.begin(), k_version.end()), sw::k_ok) : plain;
}

ResponseApdu PivApplication::get_serial(const CommandApdu& command) const {
    const auto plain = check_plain(command);
    return plain == sw::k_ok ? ResponseApdu(profile_->serial_bytes(), sw::k_ok) : plain;
}

ResponseApdu PivApplication::get_metadata(const CommandApdu& command) const {
    if (command.p1 != 0) {
        return sw::k_incorrect_p1_p2;
    }
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    const State factory;
    if (command.p2 == k_pin) {
        return {metadata(state_.pin, factory.pin.value), sw::k_ok};
    }
    if (command.p2 == k_puk) {
        return {metadata(state_.puk, factory.puk.value), sw::k_ok};
    }
    Bytes out;
    if (command.p2 == k_management_key) {
        const auto& management = state_.management;
        append_byte(out, k_algorithm, algorithm_of(management.key.cipher()));
        append_pair(out, k_policies, 0, static_cast<std::uint8_t>(management.touch_policy));
        append_byte(out, k_is_default,
                    management.key == default_management_key(management.key.cipher()) ? 1 : 0);
        return {std::move(out), sw::k_ok};
    }
    const auto key = state_.keys.find(command.p2);
    if (key == state_.keys.end()) {
        return sw::k_referenced_data_not_found;
    }
    const auto objects = public_key_objects(key->second.key);
    if (!objects) {
        return sw::k_execution_error;
    }
    append_byte(out, k_algorithm, algorithm_of(key->second.key.type()));
    append_pair(out, k_policies, static_cast<std::uint8_t>(key->second.pin_policy),
                static_cast<std::uint8_t>(key->second.touch_policy));
    append_byte(out, k_origin, static_cast<std::uint8_t>(key->second.origin));
    append_tlv(out, k_public_key, objects.value());
    return {std::move(out), sw::k_ok};
}

// Data: algorithm, 9B, length, key.
ResponseApdu PivApplication::set_management_key(const CommandApdu& command) {
    constexpr std::uint8_t k_no_touch = 0xFF;
    constexpr std::uint8_t k_touch = 0xFE;
    constexpr std::uint8_t k_cached_touch = 0xFD;
    constexpr std::size_t k_header = 3;
    if (command.p1 != 0xFF || command.p2 < k_cached_touch) {
        return sw::k_incorrect_p1_p2;
    }
    if (!administrator_authenticated_) {
        return sw::k_security_status_not_satisfied;
    }
    const auto& data = command.data;
    if (data.size() < k_header || data[1] != k_management_key || data[2] != data.size() - k_header ||
        data[0] == 0) {
        return sw::k_incorrect_data;
    }
    const auto cipher = cipher_of(data[0]);
    if (!cipher) {
        return sw::k_incorrect_data;
    }
    auto key = crypto::SymmetricKey::from(*cipher, ByteView(data).subspan(k_header));
    if (!key) {
        return sw::k_incorrect_data;
    }
    const auto touch = command.p2 == k_no_touch ? TouchPolicy::never
                       : command.p2 == k_touch  ? TouchPolicy::always
                                                : TouchPolicy::cached;
    return services_.persistence.change(state_.management, ManagementKey{std::move(key.value()), touch});
}

// P1 and P2 are the tries; PIN and PUK get their well-known values.
ResponseApdu PivApplication::set_pin_retries(const CommandApdu& command) {
    if (command.p1 == 0 || command.p2 == 0) {
        return sw::k_incorrect_p1_p2;
    }
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    if (!administrator_authenticated_ || !pin_verified()) {
        return sw::k_security_status_not_satisfied;
    }
    auto next = state_;
    const State factory;
    next.pin = {factory.pin.value, command.p1, command.p1};
    next.puk = {factory.puk.value, command.p2, command.p2};
    const auto stored = services_.persistence.change(state_, std::move(next));
    if (stored == sw::k_ok) {
        application_pin_verified_ = false;
    }
    return stored;
}

// Back to the factory state; the attestation key and its certificate stay.
ResponseApdu PivApplication::reset_application(const CommandApdu& command) {
    const auto plain = check_plain(command);
    if (plain != sw::k_ok) {
        return plain;
    }
    if (state_.pin.tries_left != 0 || state_.puk.tries_left != 0) {
        return sw::k_conditions_not_satisfied;
    }
    State factory;
    factory.global_pin = state_.global_pin; // it is the card's, not the application's
    factory.management = {default_management_key(profile_->initial.management.key.cipher())};
    if (const auto key = state_.keys.find(k_attestation_key); key != state_.keys.end()) {
        factory.keys.insert(*key);
    }
    if (const auto object = state_.objects.find(k_attestation_certificate); object != state_.objects.end()) {
        factory.objects.insert(*object);
    }
    const auto stored = services_.persistence.change(state_, std::move(factory));
    if (stored == sw::k_ok) {
        forget_application_status();
    }
    return stored;
}

} // namespace cardlatch::card::piv
