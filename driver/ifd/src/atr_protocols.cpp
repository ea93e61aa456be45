#include "atr_protocols.hpp"

namespace cardlatch::ifd {

std::uint32_t offered_protocols(ByteView atr) noexcept {
    constexpr std::uint32_t k_t0 = 1;
    if (atr.size() < 2) {
        return 0;
    }
    std::uint32_t offered = 0;
    std::size_t at = 2;
    unsigned indicator = atr[1] >> 4U;
    for (int level = 1; indicator != 0; ++level) {
        const bool has_ta = (indicator & 1U) != 0;
        if (level == 2 && has_ta && at < atr.size()) {
            return 1U << (atr[at] & 0x0FU);
        }
        at += (has_ta ? 1U : 0U) + ((indicator >> 1U) & 1U) + ((indicator >> 2U) & 1U);
        if ((indicator & 8U) == 0 || at >= atr.size()) {
            break;
        }
        offered |= 1U << (atr[at] & 0x0FU);
        indicator = atr[at++] >> 4U;
    }
    return offered == 0 ? k_t0 : offered;
}

} // namespace cardlatch::ifd
