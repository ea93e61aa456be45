#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/apdu.hpp>

#include <cstdint>

namespace cardlatch::card {

/// What SELECT shall return, coded in bits 4 and 3 of P2. Source: ISO/IEC 7816-4 §11.2.2.
enum class ControlTemplate : std::uint8_t { fci = 0, fcp = 1, fmd = 2, none = 3 };

/// File control parameters and file management data, each a sequence of data objects. Source: ISO/IEC 7816-4
/// §7.4.
struct ControlInformation {
    Bytes parameters; ///< what belongs into an FCP template (62)
    Bytes management; ///< what belongs into an FMD template (64)

    /// SELECT's response: the wanted template (an FCI template, 6F, holds both parts) and 9000.
    [[nodiscard]] iso7816::ResponseApdu response(ControlTemplate wanted) const;
};

/// Life cycle status "operational state, activated" as FCP data object 8A. Source: ISO/IEC 7816-4 §7.4.
void append_life_cycle_activated(Bytes& out);

/// What an application contributes to the card's description of itself in generated historical bytes.
struct CardCapabilities {
    bool master_file = false;    ///< there is an MF, hence selection by path, FID, SFI and record number
    bool ef_dir = false;         ///< EF.DIR (2F00) below the MF
    bool ef_atr = false;         ///< EF.ATR/INFO (2F01) below the MF
    bool read_by_binary = false; ///< these two are transparent
    bool extended_length_info = false; ///< EF.ATR/INFO has data object 7F66
};

/// Historical bytes in COMPACT-TLV that say what the card can do: card service data (31), card capabilities
/// (73) and, if `label` is not empty, pre-issuing data (6Y) of at most 7 bytes. Source: ISO/IEC 7816-4
/// §12.1.1.
Bytes describe_in_historical_bytes(const CardCapabilities& capabilities, ByteView label);

/// The data coding byte: write functions OR, the erased state is 00, data unit one byte. Source: ISO/IEC
/// 7816-4 §12.1.1, second software function table.
inline constexpr std::uint8_t k_data_coding = 0x41;

} // namespace cardlatch::card
