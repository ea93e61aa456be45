#pragma once

#include <cardlatch/iscard/scard.h>
#include <cardlatch/pcsc/types.hpp>

#include <optional>

// The interfaces' enumerations as lib/pcsc's; nothing for a number that is none of them.

namespace cardlatch::iscard {

inline std::optional<pcsc::ShareMode> share_mode(SCARD_SHARE_MODES mode) {
    switch (mode) {
    case EXCLUSIVE:
        return pcsc::ShareMode::exclusive;
    case SHARED:
        return pcsc::ShareMode::shared;
    }
    return std::nullopt;
}

inline std::optional<pcsc::Disposition> disposition(SCARD_DISPOSITIONS value) {
    if (value < LEAVE || value > EJECT) {
        return std::nullopt;
    }
    return static_cast<pcsc::Disposition>(value);
}

/// By equality, as RAW has the bits of T0 and T1.
inline std::optional<pcsc::Protocol> protocols(SCARD_PROTOCOLS value) {
    if (value == RAW) {
        return pcsc::Protocol::raw;
    }
    if (value >= T0 && value <= (T0 | T1)) {
        return static_cast<pcsc::Protocol>(value);
    }
    return std::nullopt;
}

inline SCARD_PROTOCOLS protocol_face(pcsc::Protocol protocol) {
    return protocol == pcsc::Protocol::raw ? RAW : static_cast<SCARD_PROTOCOLS>(protocol);
}

} // namespace cardlatch::iscard
