#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>

#include <cstdint>
#include <optional>

namespace cardlatch::ifd {

/// How an application wants typed PINs put into a command APDU.
/// Source: PC/SC part 10 §2.5.2 (PIN_VERIFY), §2.5.3 (PIN_MODIFY); USB CCID 1.1 §6.1.11.
struct PinCommand {
    enum class Encoding : std::uint8_t { binary, bcd, ascii };

    vpcd::PinRequest request; ///< what to ask for
    Encoding encoding = Encoding::ascii;
    bool right_justified = false;
    unsigned position_bits = 0;        ///< of the PIN inside its block
    unsigned block_size = 0;           ///< bytes; 0: as long as the PIN
    unsigned length_bits = 0;          ///< width of the length that is written into the block; 0: none
    unsigned length_position_bits = 0; ///< of that length inside the block
    unsigned current_offset = 0;       ///< of the current PIN's block in the data field, in bytes
    unsigned fresh_offset = 0;         ///< of the new PIN's block
    Bytes apdu;                        ///< template: header, Lc and prepared data, or the header alone

    /// Reads a PIN_VERIFY_STRUCTURE or PIN_MODIFY_STRUCTURE; nothing when its lengths do not fit or it asks
    /// for what there is not. Numbers may come in either byte order, as applications on Linux send them.
    static std::optional<PinCommand> verify(ByteView structure);
    static std::optional<PinCommand> modify(ByteView structure);

    /// The status word with which the reader itself answers to what was typed: 6400 time-out, 6401 cancelled,
    /// 6402 the new PINs differ, 6403 too short or too long. Nothing when the card is to be asked.
    /// Source: PC/SC part 10 §2.5.2.
    [[nodiscard]] std::optional<std::uint16_t> refusal(const vpcd::PinEntry& entry) const;

    /// The command APDU with the PINs in it; the caller wipes it. Nothing when a PIN does not fit into its
    /// block or the data field, or holds what the encoding cannot say.
    [[nodiscard]] std::optional<Bytes> fill(const vpcd::PinEntry& entry) const;
};

} // namespace cardlatch::ifd
