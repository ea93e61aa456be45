#pragma once

#include <cardlatch/base/bytes.hpp>

#include <cstdint>
#include <optional>

namespace cardlatch::card::filecard {

/// One control reference template of a security environment: an algorithm and a key.
struct ControlReference {
    std::optional<std::uint8_t> algorithm; ///< data object 80
    std::optional<std::uint8_t> key;       ///< data object 83 or 84
    bool operator==(const ControlReference&) const = default;
};

/// What MANAGE SECURITY ENVIRONMENT sets. Source: ISO/IEC 7816-4 §10.3.
struct SecurityEnvironment {
    ControlReference authentication;  ///< AT, A4
    ControlReference hash;            ///< HT, AA
    ControlReference signature;       ///< DST, B6
    ControlReference confidentiality; ///< CT, B8
    bool operator==(const SecurityEnvironment&) const = default;
};

/// The member that a control reference template's tag means: A4, AA, B6 or B8; null for another tag.
[[nodiscard]] ControlReference SecurityEnvironment::*environment_member(std::uint32_t tag);

/// Reads a control reference template's value; nothing when it holds something that this card does not know.
[[nodiscard]] std::optional<ControlReference> read_control_reference(ByteView value);

/// The control reference templates that are not empty, one after the other; and back.
[[nodiscard]] Bytes encode(const SecurityEnvironment& environment);
[[nodiscard]] std::optional<SecurityEnvironment> decode_environment(ByteView bytes);

} // namespace cardlatch::card::filecard
