#include "security_environment.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <array>

namespace cardlatch::card::filecard {

namespace {

struct Template {
    std::uint32_t tag;
    ControlReference SecurityEnvironment::*member;
};
constexpr std::array k_templates{
    Template{0xA4, &SecurityEnvironment::authentication},
    Template{0xAA, &SecurityEnvironment::hash},
    Template{0xB6, &SecurityEnvironment::signature},
    Template{0xB8, &SecurityEnvironment::confidentiality},
};

constexpr std::uint32_t k_algorithm = 0x80;
constexpr std::uint32_t k_key = 0x83;         // of a public or secret key
constexpr std::uint32_t k_private_key = 0x84; // or for session keys

} // namespace

ControlReference SecurityEnvironment::*environment_member(std::uint32_t tag) {
    for (const auto& entry : k_templates) {
        if (entry.tag == tag) {
            return entry.member;
        }
    }
    return nullptr;
}

std::optional<ControlReference> read_control_reference(ByteView value) {
    ControlReference reference;
    iso7816::TlvCursor cursor(value);
    for (;;) {
        const auto object = cursor.next();
        if (!object) {
            return std::nullopt;
        }
        if (!object.value()) {
            return reference;
        }
        const auto& [tag, bytes] = *object.value();
        if (bytes.size() != 1) {
            return std::nullopt;
        }
        if (tag == k_algorithm) {
            reference.algorithm = bytes[0];
        } else if (tag == k_key || tag == k_private_key) {
            reference.key = bytes[0];
        } else {
            return std::nullopt;
        }
    }
}

Bytes encode(const SecurityEnvironment& environment) {
    Bytes out;
    for (const auto& entry : k_templates) {
        const auto& reference = environment.*entry.member;
        Bytes value;
        if (reference.algorithm) {
            iso7816::append_tlv(value, k_algorithm, ByteView(&*reference.algorithm, 1));
        }
        if (reference.key) {
            iso7816::append_tlv(value, k_key, ByteView(&*reference.key, 1));
        }
        if (!value.empty()) {
            iso7816::append_tlv(out, entry.tag, value);
        }
    }
    return out;
}

std::optional<SecurityEnvironment> decode_environment(ByteView bytes) {
    SecurityEnvironment environment;
    iso7816::TlvCursor cursor(bytes);
    for (;;) {
        const auto object = cursor.next();
        if (!object) {
            return std::nullopt;
        }
        if (!object.value()) {
            return environment;
        }
        const auto member = environment_member(object.value()->tag);
        const auto reference = read_control_reference(object.value()->value);
        if (member == nullptr || !reference) {
            return std::nullopt;
        }
        environment.*member = *reference;
    }
}

} // namespace cardlatch::card::filecard
