#pragma once

#include "slot.hpp"

#include <cstddef>
#include <cstring>
#include <string_view>

namespace cardlatch::ifd {

/// Copies an attribute's value; with no buffer only its length is told.
/// IFD_ERROR_INSUFFICIENT_BUFFER, with `*length` 0.
RESPONSECODE give(ByteView value, PDWORD length, PUCHAR buffer);

/// A text with its terminating zero.
RESPONSECODE give_text(std::string_view text, PDWORD length, PUCHAR buffer);

/// A value in the machine's own form: that is how pcscd and its clients read numbers and pointers.
template <class T>
RESPONSECODE give_value(T value, PDWORD length, PUCHAR buffer) {
    std::array<std::uint8_t, sizeof value> bytes{};
    std::memcpy(bytes.data(), &value, sizeof value);
    return give(bytes, length, buffer);
}

/// The attributes that clients ask for by SCardGetAttrib. IFD_ERROR_TAG for those that this reader does not
/// have, and for its names: pcscd knows them better. Source: PC/SC part 3 §3.1.4.
RESPONSECODE get_attribute(Slot& slot, DWORD lun, DWORD tag, PDWORD length, PUCHAR value);

} // namespace cardlatch::ifd
