#include "atr_protocols.hpp"

namespace cardlatch::ifd {

AtrProtocols AtrProtocols::of(ByteView atr) noexcept {
    constexpr std::uint32_t k_t0 = 1;
    AtrProtocols found;
    if (atr.size() < 2) {
        return found;
    }
    std::uint32_t specific = 0;
    std::size_t at = 2;
    unsigned indicator = atr[1] >> 4U;
    unsigned protocol = 0; // of the level's bytes, from the third level on
    bool has_ifsc = false;
    for (int level = 1; indicator != 0; ++level) {
        const bool has_ta = (indicator & 1U) != 0;
        if (has_ta && at < atr.size()) {
            if (level == 1) {
                found.speed = atr[at];
            } else if (level == 2) {
                specific = 1U << (atr[at] & 0x0FU);
            } else if (protocol == 1 && !has_ifsc) {
                found.ifsc = atr[at];
                has_ifsc = true;
            }
        }
        at += (has_ta ? 1U : 0U) + ((indicator >> 1U) & 1U) + ((indicator >> 2U) & 1U);
        if ((indicator & 8U) == 0 || at >= atr.size()) {
            break;
        }
        protocol = atr[at] & 0x0FU;
        found.offered |= 1U << protocol;
        indicator = atr[at++] >> 4U;
    }
    if (specific != 0) {
        found.offered = specific;
    } else if (found.offered == 0) {
        found.offered = k_t0;
    }
    return found;
}

} // namespace cardlatch::ifd
