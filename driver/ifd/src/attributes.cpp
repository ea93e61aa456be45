#include "attributes.hpp"

#include "atr_protocols.hpp"

#include <algorithm>
#include <reader.h>

namespace cardlatch::ifd {

namespace {

/// 0xMMmmbbbb. Source: PC/SC part 3, Vendor Defined IFD Version.
constexpr std::uint32_t k_ifd_version = 0x00010000;
constexpr std::string_view k_vendor_name = "Cardlatch";
constexpr std::string_view k_ifd_type = "Virtual reader";
/// 0xDDDDCCCC: a vendor's own kind of channel. Source: PC/SC part 3, Channel ID.
constexpr std::uint32_t k_channel_type = 0x00F0U << 16U;
constexpr std::uint32_t k_max_ifsd = 254; ///< Source: ISO/IEC 7816-3 §11.4.2.
constexpr std::uint32_t k_protocols = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
constexpr std::uint8_t k_in_position = 2;  ///< SCARD_ATTR_ICC_PRESENCE: present and in position for use
constexpr std::uint8_t k_asynchronous = 1; ///< SCARD_ATTR_ICC_TYPE_PER_ATR: ISO/IEC 7816-3

} // namespace

RESPONSECODE give(ByteView value, PDWORD length, PUCHAR buffer) {
    const DWORD room = *length;
    *length = value.size();
    if (buffer == nullptr) {
        return IFD_SUCCESS;
    }
    if (room < value.size()) {
        *length = 0;
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    }
    std::copy(value.begin(), value.end(), buffer);
    return IFD_SUCCESS;
}

RESPONSECODE give_text(std::string_view text, PDWORD length, PUCHAR buffer) {
    Bytes bytes(text.begin(), text.end());
    bytes.push_back(0);
    return give(bytes, length, buffer);
}

RESPONSECODE get_attribute(Slot& slot, DWORD lun, DWORD tag, PDWORD length, PUCHAR value) {
    switch (tag) {
    case SCARD_ATTR_ATR_STRING:
        return give(slot.atr(), length, value);
    case SCARD_ATTR_VENDOR_NAME:
        return give_text(k_vendor_name, length, value);
    case SCARD_ATTR_VENDOR_IFD_TYPE:
        return give_text(k_ifd_type, length, value);
    case SCARD_ATTR_VENDOR_IFD_VERSION:
        return give_value(k_ifd_version, length, value);
    case SCARD_ATTR_VENDOR_IFD_SERIAL_NO:
        return give_text(slot.serial_number(), length, value);
    case SCARD_ATTR_CHANNEL_ID:
        return give_value(k_channel_type | static_cast<std::uint32_t>(lun >> 16U & 0xFFFFU), length, value);
    case SCARD_ATTR_DEVICE_UNIT:
        return give_value(static_cast<std::uint32_t>(lun >> 16U & 0xFFFFU), length, value);
    case SCARD_ATTR_ASYNC_PROTOCOL_TYPES:
        return give_value(k_protocols, length, value);
    case SCARD_ATTR_CURRENT_PROTOCOL_TYPE:
        return slot.atr().empty() ? (*length = 0, IFD_ERROR_TAG) : give_value(slot.protocol(), length, value);
    case SCARD_ATTR_MAX_IFSD:
    case SCARD_ATTR_CURRENT_IFSD:
        return give_value(k_max_ifsd, length, value);
    case SCARD_ATTR_CURRENT_IFSC:
        return slot.atr().empty()
                   ? (*length = 0, IFD_ERROR_TAG)
                   : give_value(std::uint32_t{AtrProtocols::of(slot.atr()).ifsc}, length, value);
    case SCARD_ATTR_POWER_MGMT_SUPPORT:
        return give_value(std::uint32_t{1}, length, value);
    case SCARD_ATTR_CHARACTERISTICS:
        return give_value(std::uint32_t{0}, length, value);
    case SCARD_ATTR_MAXINPUT:
        return give_value(slot.max_apdu_data() + 9, length, value);
    case SCARD_ATTR_ICC_PRESENCE: {
        const bool present = slot.presence() == IFD_ICC_PRESENT;
        return give_value(static_cast<std::uint8_t>(present ? k_in_position : 0), length, value);
    }
    case SCARD_ATTR_ICC_INTERFACE_STATUS: // as the CCID driver: pcscd powers a card whenever it is used
        return give_value(static_cast<std::uint8_t>(slot.presence() == IFD_ICC_PRESENT ? 1 : 0), length,
                          value);
    case SCARD_ATTR_ICC_TYPE_PER_ATR:
        return slot.atr().empty() ? (*length = 0, IFD_ERROR_TAG) : give_value(k_asynchronous, length, value);
    default:
        // The length stays: pcscd takes it for the room when it answers with the reader's name itself.
        return IFD_ERROR_TAG;
    }
}

} // namespace cardlatch::ifd
