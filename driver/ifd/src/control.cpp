#include "control.hpp"

#include "attributes.hpp"
#include "log.hpp"
#include "pin_block.hpp"

#include <array>
#include <reader.h>

namespace cardlatch::ifd {

namespace {

/// Any code will do that CM_IOCTL_GET_FEATURE_REQUEST hands out; these are in the vendor range.
constexpr std::uint32_t code_of(std::uint8_t feature) {
    return SCARD_CTL_CODE(0x330000U + feature);
}

/// The code that programs on Windows use for CM_IOCTL_GET_FEATURE_REQUEST, and remote desktops pass on.
constexpr DWORD k_windows_feature_request = 0x313520;

/// Keys, time and the fullest PIN end an entry. Source: PC/SC part 10 §2.5.2, bEntryValidationCondition.
constexpr std::uint8_t k_validation = 0x07;
constexpr std::uint8_t k_longest_pin = 255;

constexpr std::uint32_t k_longest_data = 65535; ///< of a command APDU. Source: ISO/IEC 7816-3 §12.1.3

RESPONSECODE list_features(bool pin_pad, PUCHAR out, LPDWORD returned) {
    Bytes list;
    const auto add = [&list](std::uint8_t feature) {
        const auto code = code_of(feature);
        list.insert(list.end(),
                    {feature, 4, // the value is big-endian
                     static_cast<std::uint8_t>(code >> 24U), static_cast<std::uint8_t>(code >> 16U),
                     static_cast<std::uint8_t>(code >> 8U), static_cast<std::uint8_t>(code)});
    };
    if (pin_pad) {
        add(FEATURE_VERIFY_PIN_DIRECT);
        add(FEATURE_MODIFY_PIN_DIRECT);
        add(FEATURE_IFD_PIN_PROPERTIES);
    }
    add(FEATURE_GET_TLV_PROPERTIES);
    return give(list, returned, out);
}

/// Tag, length and a value in little-endian order each. Source: PC/SC part 10 §2.6.14.
RESPONSECODE tell_properties(const Slot& slot, PUCHAR out, LPDWORD returned) {
    Bytes list;
    const auto add = [&list](std::uint8_t tag, std::uint8_t size, std::uint32_t value) {
        list.push_back(tag);
        list.push_back(size);
        for (std::uint8_t i = 0; i < size; ++i, value >>= 8U) {
            list.push_back(static_cast<std::uint8_t>(value));
        }
    };
    add(PCSCv2_PART10_PROPERTY_wLcdLayout, 2, 0); // no display
    if (slot.has_pin_pad()) {
        add(PCSCv2_PART10_PROPERTY_bEntryValidationCondition, 1, k_validation);
        add(PCSCv2_PART10_PROPERTY_bMinPINSize, 1, 0);
        add(PCSCv2_PART10_PROPERTY_bMaxPINSize, 1, k_longest_pin);
    }
    add(PCSCv2_PART10_PROPERTY_bTimeOut2, 1, 0); // one time for the whole entry
    add(PCSCv2_PART10_PROPERTY_bPPDUSupport, 1, 0);
    // Extended APDUs of every length are told by 65536, as the CCID driver does.
    constexpr std::uint32_t k_any_length = 0x10000;
    const auto longest = slot.max_apdu_data();
    add(PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, longest == k_longest_data ? k_any_length : longest);
    return give(list, returned, out);
}

/// Asks for the PINs, puts them into the command and gives the card's answer, or the reader's own.
RESPONSECODE use_pins(Slot& slot, const std::optional<PinCommand>& command, PUCHAR out, DWORD room,
                      LPDWORD returned) {
    *returned = 0;
    if (!command) {
        log(LogLevel::error, "a PIN structure that does not add up");
        return IFD_COMMUNICATION_ERROR;
    }
    if (out == nullptr || room < 2) {
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    }
    vpcd::PinEntry entry;
    if (const auto asked = slot.enter_pin(command->request, entry); asked != IFD_SUCCESS) {
        return asked;
    }
    if (const auto refusal = command->refusal(entry)) {
        out[0] = static_cast<UCHAR>(*refusal >> 8U);
        out[1] = static_cast<UCHAR>(*refusal);
        *returned = 2;
        return IFD_SUCCESS;
    }
    auto apdu = command->fill(entry);
    if (!apdu) {
        log(LogLevel::error, "the PIN does not fit into the command that the application prepared");
        return IFD_COMMUNICATION_ERROR;
    }
    *returned = room;
    const auto code = slot.transmit(*apdu, out, returned);
    wipe(*apdu);
    return code;
}

} // namespace

RESPONSECODE control(Slot& slot, DWORD code, ByteView in, PUCHAR out, DWORD room, LPDWORD returned) {
    *returned = room;
    switch (code) {
    case CM_IOCTL_GET_FEATURE_REQUEST:
    case k_windows_feature_request:
        return list_features(slot.has_pin_pad(), out, returned);
    case code_of(FEATURE_GET_TLV_PROPERTIES):
        return tell_properties(slot, out, returned);
    default:
        break;
    }
    if (slot.has_pin_pad()) {
        switch (code) {
        case code_of(FEATURE_IFD_PIN_PROPERTIES):
            return give(std::array<std::uint8_t, 4>{0, 0, k_validation, 0}, returned, out);
        case code_of(FEATURE_VERIFY_PIN_DIRECT):
            return use_pins(slot, PinCommand::verify(in), out, room, returned);
        case code_of(FEATURE_MODIFY_PIN_DIRECT):
            return use_pins(slot, PinCommand::modify(in), out, room, returned);
        default:
            break;
        }
    }
    *returned = 0;
    return IFD_ERROR_NOT_SUPPORTED;
}

} // namespace cardlatch::ifd
