#pragma once

#include <system_error>

namespace cardlatch::vpcd {

/// What can go wrong on the link beyond the operating system's own errors.
enum class LinkErrc {
    malformed = 1, ///< a length or frame that no peer may send; generic condition bad_message
    too_long,      ///< more bytes than the dialect carries; generic condition message_size
    closed,        ///< the peer closed the link; generic condition connection_reset
    timed_out,     ///< the deadline passed; generic condition timed_out
    bad_address,   ///< an address that cannot be read; generic condition invalid_argument
    mute,          ///< the peer says that the card stays mute; the link stands; generic condition timed_out
    garbled,       ///< the peer says that the card's answer cannot be read; the link stands; bad_message
};

/// The category "vpcd". Never destroyed, so it can be used while the process exits.
const std::error_category& link_category() noexcept;

inline std::error_code make_error_code(LinkErrc code) noexcept {
    return {static_cast<int>(code), link_category()};
}

} // namespace cardlatch::vpcd

template <>
struct std::is_error_code_enum<cardlatch::vpcd::LinkErrc> : std::true_type {};
