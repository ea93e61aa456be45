#include "control_information.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <array>

namespace cardlatch::card {

iso7816::ResponseApdu ControlInformation::response(ControlTemplate wanted) const {
    constexpr std::uint32_t k_fci = 0x6F;
    constexpr std::uint32_t k_fcp = 0x62;
    constexpr std::uint32_t k_fmd = 0x64;
    Bytes out;
    switch (wanted) {
    case ControlTemplate::fci: {
        auto both = parameters;
        both.insert(both.end(), management.begin(), management.end());
        iso7816::append_tlv(out, k_fci, both);
        break;
    }
    case ControlTemplate::fcp:
        iso7816::append_tlv(out, k_fcp, parameters);
        break;
    case ControlTemplate::fmd:
        iso7816::append_tlv(out, k_fmd, management);
        break;
    case ControlTemplate::none:
        break;
    }
    return {std::move(out), iso7816::sw::k_ok};
}

void append_life_cycle_activated(Bytes& out) {
    constexpr std::array<std::uint8_t, 1> k_operational_activated{0x05};
    iso7816::append_tlv(out, 0x8A, k_operational_activated);
}

Bytes describe_in_historical_bytes(const CardCapabilities& capabilities, ByteView label) {
    // Source: ISO/IEC 7816-4 §12.1.1, card service data and card capabilities
    unsigned services = 0x80U | 0x40U; // application selection by full and by partial DF name
    unsigned selection = 0x80U | 0x40U;
    // Command chaining, extended Lc and Le fields; logical channels, eight or more, assigned by the card or
    // the IFD.
    unsigned length_and_channels = 0x80U | 0x40U | 0x18U | 0x07U;
    if (capabilities.master_file) {
        selection |=
            0x20U | 0x10U | 0x04U | 0x02U; // path, file identifier, short EF identifier, record number
        services |= (capabilities.ef_dir ? 0x20U : 0U) | (capabilities.ef_atr ? 0x10U : 0U) |
                    (capabilities.read_by_binary ? 0x08U : 0U);
        length_and_channels |= capabilities.extended_length_info ? 0x20U : 0U;
    } else {
        services |= 0x01U; // card without MF
    }
    Bytes bytes{0x80,
                0x31,
                static_cast<std::uint8_t>(services),
                0x73,
                static_cast<std::uint8_t>(selection),
                k_data_coding,
                static_cast<std::uint8_t>(length_and_channels)};
    if (!label.empty()) {
        bytes.push_back(static_cast<std::uint8_t>(0x60U | label.size()));
        bytes.insert(bytes.end(), label.begin(), label.end());
    }
    return bytes;
}

} // namespace cardlatch::card
