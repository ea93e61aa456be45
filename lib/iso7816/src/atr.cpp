#include <cardlatch/iso7816/atr.hpp>

#include <string>

namespace cardlatch::iso7816 {

namespace {

Error malformed(ByteView bytes, const std::string& what) {
    return fail(std::errc::invalid_argument, "ATR " + to_hex(bytes, " ") + ": " + what);
}

} // namespace

Result<Atr> Atr::parse(ByteView bytes) {
    if (bytes.size() < 2 || bytes.size() > k_max_size) {
        return malformed(bytes, "an ATR has 2 to 33 bytes, not " + std::to_string(bytes.size()));
    }
    if (bytes[0] != 0x3B && bytes[0] != 0x3F) {
        return malformed(bytes, "TS is neither 3B (direct) nor 3F (inverse convention)");
    }
    Atr atr;
    bool first_td = true;
    bool needs_tck = false;
    std::size_t at = 1;
    unsigned indicator = bytes[at] >> 4U;
    atr.historical_size_ = bytes[at++] & 0x0FU;
    while (indicator != 0) {
        const unsigned ta_tb_tc = (indicator & 1U) + ((indicator >> 1U) & 1U) + ((indicator >> 2U) & 1U);
        at += ta_tb_tc;
        if ((indicator & 8U) == 0) {
            break;
        }
        if (at >= bytes.size()) {
            return malformed(bytes, "the interface bytes end early");
        }
        const unsigned td = bytes[at++];
        const unsigned protocol = td & 0x0FU;
        if (first_td) {
            atr.first_ = protocol;
            first_td = false;
        }
        needs_tck = needs_tck || protocol != 0;
        atr.protocols_ |= 1U << protocol;
        indicator = td >> 4U;
    }
    if (atr.protocols_ == 0) {
        atr.protocols_ = 1; // no TD byte: T=0 only
    }
    atr.historical_at_ = at;
    const std::size_t expected = at + atr.historical_size_ + (needs_tck ? 1 : 0);
    if (bytes.size() != expected) {
        return malformed(bytes, "T0 and the interface bytes announce " + std::to_string(expected) +
                                    " bytes, not " + std::to_string(bytes.size()));
    }
    if (needs_tck) {
        std::uint8_t sum = 0;
        for (const auto byte : bytes.subspan(1)) {
            sum ^= byte;
        }
        if (sum != 0) {
            const auto right = static_cast<std::uint8_t>(sum ^ bytes[bytes.size() - 1]);
            return malformed(bytes, "TCK is wrong, it has to be " + to_hex(ByteView(&right, 1)));
        }
    }
    atr.bytes_.assign(bytes.begin(), bytes.end());
    return atr;
}

Result<Atr> Atr::build(bool t0, bool t1, ByteView historical) {
    if (!t0 && !t1) {
        return fail(std::errc::invalid_argument, "an ATR has to offer T=0 or T=1");
    }
    if (historical.size() > 15) {
        return fail(std::errc::invalid_argument,
                    "an ATR has at most 15 historical bytes, not " + std::to_string(historical.size()));
    }
    Bytes bytes{0x3B, static_cast<std::uint8_t>(0x80U | historical.size())};
    if (t0) {
        bytes.push_back(t1 ? 0x80 : 0x00);
    }
    if (t1) {
        bytes.push_back(0x01);
    }
    bytes.insert(bytes.end(), historical.begin(), historical.end());
    if (t1) {
        std::uint8_t tck = 0;
        for (std::size_t i = 1; i < bytes.size(); ++i) {
            tck ^= bytes[i];
        }
        bytes.push_back(tck);
    }
    return parse(bytes);
}

ByteView Atr::historical_bytes() const {
    return ByteView(bytes_).subspan(historical_at_, historical_size_);
}

} // namespace cardlatch::iso7816
