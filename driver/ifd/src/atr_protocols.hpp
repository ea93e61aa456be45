#pragma once

#include <cardlatch/base/bytes.hpp>

#include <cstdint>

namespace cardlatch::ifd {

/// The protocols an ATR offers, bit n for T=n. Lenient as pcscd is: it is the card's word, not a test of the
/// card. A card in specific mode (TA2) offers that protocol alone. Source: ISO/IEC 7816-3 §8.2.3, §8.3;
/// pcscd's ATRDecodeAtr.
std::uint32_t offered_protocols(ByteView atr) noexcept;

} // namespace cardlatch::ifd
