#pragma once

#include <cstdint>

namespace cardlatch::pcsc {

/// A context or card handle as the resource manager numbers it; 0 is never valid. Wide enough for SCARDHANDLE
/// anywhere.
using NativeHandle = std::intptr_t;

/// Who else may connect. Source: pcsc-lite SCardConnect.
enum class ShareMode : std::uint32_t {
    exclusive = 1, ///< nobody else; the connection then holds the card as one lock does
    shared = 2,    ///< others may; use Card::lock() around what belongs together
    direct = 3,    ///< the reader without a card, for reader commands
};

/// What happens to the card at the end of a lock or connection. Source: pcsc-lite SCardEndTransaction,
/// SCardDisconnect.
enum class Disposition : std::uint32_t {
    leave = 0,   ///< nothing
    reset = 1,   ///< warm reset; every connection to the card, the caller's too, then sees Errc::reset_card
    unpower = 2, ///< power off (and on again, except when a connection ends)
    eject = 3,   ///< eject; pcsc-lite answers Errc::unsupported_feature for all present drivers
};

/// Transmission protocols as a set. `|` combines.
enum class Protocol : std::uint32_t {
    none = 0,
    t0 = 1,
    t1 = 2,
    any = 3, ///< T=0 or T=1, as the card prefers
    raw = 4, ///< pcsc-lite's number for raw
};

constexpr Protocol operator|(Protocol a, Protocol b) {
    return static_cast<Protocol>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

} // namespace cardlatch::pcsc
