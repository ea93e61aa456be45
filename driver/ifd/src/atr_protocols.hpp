#pragma once

#include <cardlatch/base/bytes.hpp>

#include <cstdint>

namespace cardlatch::ifd {

/// What an ATR says about transmission. Lenient as pcscd is: it is the card's word, not a test of the card.
/// Source: ISO/IEC 7816-3 §8.2.3, §8.3, §11.4.2; pcscd's ATRDecodeAtr.
struct AtrProtocols {
    /// The protocols offered, bit n for T=n. A card in specific mode (TA2) offers that protocol alone.
    std::uint32_t offered = 0;
    std::uint8_t speed = 0x11; ///< TA1: Fi and Di; the default without one
    std::uint8_t ifsc = 32;    ///< bytes; the default without a TA for T=1

    static AtrProtocols of(ByteView atr) noexcept;
};

} // namespace cardlatch::ifd
