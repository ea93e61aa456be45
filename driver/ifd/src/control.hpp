#pragma once

#include "slot.hpp"

namespace cardlatch::ifd {

/// IFDHControl: the features of PC/SC part 10 that the reader has. TLV properties always; with a PIN pad also
/// verification and modification of PINs and the PIN pad's properties. Everything else, escape commands
/// included, is IFD_ERROR_NOT_SUPPORTED. `*returned` is 0 with any error.
RESPONSECODE control(Slot& slot, DWORD code, ByteView in, PUCHAR out, DWORD room, LPDWORD returned);

} // namespace cardlatch::ifd
