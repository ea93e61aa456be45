// The exported functions: IFD handler API 3.0. Each checks its arguments, zeroes its outputs, finds the slot
// and lets it work. Source: PCSC/ifdhandler.h; pcscd's ifdwrapper.c for what is done with the results.

#include <array>
#include <cstring>
#include <string>

#pragma GCC visibility push(default)
extern "C" {
#include <ifdhandler.h>
}
#pragma GCC visibility pop
#include "atr_protocols.hpp"
#include "log.hpp"
#include "slot_table.hpp"

#include <cardlatch/vpcd/error.hpp>

#include <reader.h>

namespace cardlatch::ifd {

namespace {

/// 0xMMmmbbbb. Source: PC/SC part 3, Vendor Defined IFD Version.
constexpr std::uint32_t k_ifd_version = 0x00010000;
constexpr std::string_view k_vendor_name = "Cardlatch";
constexpr std::string_view k_ifd_type = "Virtual reader";
/// Any code will do that CM_IOCTL_GET_FEATURE_REQUEST hands out; this one is in the vendor range.
constexpr DWORD k_ioctl_tlv_properties = SCARD_CTL_CODE(0x330000 + FEATURE_GET_TLV_PROPERTIES);

/// Runs `body`; what it throws (memory is all that can run out) becomes an IFD error.
template <class Body>
RESPONSECODE guard(Body&& body) noexcept {
    try {
        return body();
    } catch (const std::exception& e) {
        log(LogLevel::critical, e.what());
    } catch (...) { // NOLINT(bugprone-empty-catch): reported as an error below
    }
    return IFD_COMMUNICATION_ERROR;
}

RESPONSECODE create(DWORD lun, const std::string& name) {
    const auto index = static_cast<unsigned>(lun & 0xFFFFU);
    const auto device = DeviceName::parse(name);
    if (!device) {
        log(LogLevel::critical, device.error().message());
        return IFD_COMMUNICATION_ERROR;
    }
    if (index >= device.value().slots || lun >> 16U >= k_max_readers || slot_table().find(lun)) {
        log(LogLevel::critical, "no slot " + std::to_string(index) + " to open for " + name);
        return IFD_COMMUNICATION_ERROR;
    }
    const auto slot = Slot::open(device.value(), index);
    if (!slot) {
        log(LogLevel::critical, name + ": " + slot.error().message());
        return IFD_COMMUNICATION_ERROR;
    }
    if (!slot_table().insert(lun, slot.value())) {
        slot.value()->close();
        return IFD_COMMUNICATION_ERROR;
    }
    return IFD_SUCCESS;
}

/// Copies an attribute's value; with no buffer only its length is told.
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

/// A value in the machine's own form: that is how pcscd and its clients read numbers and pointers.
template <class T>
RESPONSECODE give_value(T value, PDWORD length, PUCHAR buffer) {
    std::array<std::uint8_t, sizeof value> bytes{};
    std::memcpy(bytes.data(), &value, sizeof value);
    return give(bytes, length, buffer);
}

/// A text with its terminating zero.
RESPONSECODE give_text(std::string_view text, PDWORD length, PUCHAR buffer) {
    return give({reinterpret_cast<const std::uint8_t*>(text.data()), text.size() + 1}, length, buffer);
}

/// TAG_IFD_POLLING_THREAD_WITH_TIMEOUT. pcscd sleeps 400 ms after anything but success, so success is all
/// there is.
RESPONSECODE wait_for_event(DWORD lun, int timeout_ms) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(lun);
        if (!slot) {
            return IFD_NO_SUCH_DEVICE;
        }
        slot->wait_for_event(vpcd::Milliseconds(timeout_ms));
        return IFD_SUCCESS;
    });
}

/// TAG_IFD_STOP_POLLING_THREAD.
RESPONSECODE stop_waiting(DWORD lun) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(lun);
        if (!slot) {
            return IFD_NO_SUCH_DEVICE;
        }
        slot->stop_waiting();
        return IFD_SUCCESS;
    });
}

RESPONSECODE get_capability(Slot& slot, DWORD tag, PDWORD length, PUCHAR value) {
    constexpr std::uint8_t k_yes = 1;
    constexpr std::uint8_t k_not_swallowed =
        1; // SCARD_ATTR_ICC_PRESENCE: 0 absent, 1 present in a reader that swallows none
    switch (tag) {
    case TAG_IFD_ATR:
    case SCARD_ATTR_ATR_STRING:
        return give(slot.atr(), length, value);
    case TAG_IFD_THREAD_SAFE:
    case TAG_IFD_SLOT_THREAD_SAFE:
        return give_value(k_yes, length, value);
    case TAG_IFD_SLOTS_NUMBER:
        return give_value(static_cast<std::uint8_t>(slot.slots()), length, value);
    case TAG_IFD_SIMULTANEOUS_ACCESS:
        return give_value(static_cast<std::uint8_t>(k_max_readers), length, value);
    case TAG_IFD_POLLING_THREAD_WITH_TIMEOUT:
        return give_value(&wait_for_event, length, value);
    case TAG_IFD_STOP_POLLING_THREAD:
        return give_value(&stop_waiting, length, value);
    case SCARD_ATTR_VENDOR_NAME:
        return give_text(k_vendor_name, length, value);
    case SCARD_ATTR_VENDOR_IFD_TYPE:
        return give_text(k_ifd_type, length, value);
    case SCARD_ATTR_VENDOR_IFD_VERSION:
        return give_value(k_ifd_version, length, value);
    case SCARD_ATTR_MAXINPUT:
        return give_value(slot.max_apdu_data() + 9, length, value);
    case SCARD_ATTR_ICC_PRESENCE: {
        const bool present = slot.presence() == IFD_ICC_PRESENT;
        return give_value(static_cast<std::uint8_t>(present ? k_not_swallowed : 0), length, value);
    }
    case SCARD_ATTR_ICC_INTERFACE_STATUS:
        return give_value(static_cast<std::uint8_t>(slot.atr().empty() ? 0 : 1), length, value);
    default:
        *length = 0;
        return IFD_ERROR_TAG;
    }
}

/// The features of PC/SC part 10 that the reader has: one, TLV properties.
RESPONSECODE control(Slot& slot, DWORD code, PUCHAR buffer, DWORD room, LPDWORD returned) {
    *returned = room;
    if (code == CM_IOCTL_GET_FEATURE_REQUEST) {
        constexpr auto k_code = static_cast<std::uint32_t>(k_ioctl_tlv_properties);
        constexpr std::array<std::uint8_t, 6> k_feature{FEATURE_GET_TLV_PROPERTIES,
                                                        4, // the value is big-endian
                                                        k_code >> 24U,
                                                        (k_code >> 16U) & 0xFFU,
                                                        (k_code >> 8U) & 0xFFU,
                                                        k_code & 0xFFU};
        return give(k_feature, returned, buffer);
    }
    if (code == k_ioctl_tlv_properties) {
        const std::uint32_t size = slot.max_apdu_data();
        const std::array<std::uint8_t, 6> property{
            PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, // little-endian here
            static_cast<std::uint8_t>(size),          static_cast<std::uint8_t>(size >> 8U),
            static_cast<std::uint8_t>(size >> 16U),   static_cast<std::uint8_t>(size >> 24U)};
        return give(property, returned, buffer);
    }
    *returned = 0;
    return IFD_ERROR_NOT_SUPPORTED;
}

} // namespace

} // namespace cardlatch::ifd

using namespace cardlatch::ifd; // NOLINT(google-build-using-namespace): this file is the border
using cardlatch::ByteView;

// NOLINTNEXTLINE(readability-non-const-parameter): the API's signature
RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName) {
    if (DeviceName == nullptr) {
        return IFD_COMMUNICATION_ERROR;
    }
    return guard([&] { return create(Lun, DeviceName); });
}

RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel) {
    // No DEVICENAME: as with stock vpcd the channel is the port, but on this machine alone.
    return guard([&] { return create(Lun, "vpcd-listen:127.0.0.1:" + std::to_string(Channel)); });
}

RESPONSECODE IFDHCloseChannel(DWORD Lun) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().remove(Lun);
        if (!slot) {
            return IFD_COMMUNICATION_ERROR;
        }
        slot->close();
        return IFD_SUCCESS;
    });
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value) {
    if (Length == nullptr) {
        return IFD_COMMUNICATION_ERROR;
    }
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            *Length = 0;
            return IFD_COMMUNICATION_ERROR;
        }
        return get_capability(*slot, Tag, Length, Value);
    });
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD /*Length*/, PUCHAR /*Value*/) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            return IFD_COMMUNICATION_ERROR;
        }
        DWORD length = 0;
        const bool known = get_capability(*slot, Tag, &length, nullptr) == IFD_SUCCESS;
        return known ? IFD_ERROR_VALUE_READ_ONLY : IFD_ERROR_TAG;
    });
}

RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR /*Flags*/, UCHAR /*PTS1*/,
                                       UCHAR /*PTS2*/, UCHAR /*PTS3*/) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            return IFD_COMMUNICATION_ERROR;
        }
        const auto atr = slot->atr();
        if (atr.empty()) {
            return IFD_COMMUNICATION_ERROR;
        }
        const auto offered = offered_protocols(atr);
        const bool fits = (Protocol == SCARD_PROTOCOL_T0 && (offered & 1U) != 0) ||
                          (Protocol == SCARD_PROTOCOL_T1 && (offered & 2U) != 0);
        return fits ? IFD_SUCCESS : IFD_PROTOCOL_NOT_SUPPORTED;
    });
}

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength) {
    if (Atr == nullptr || AtrLength == nullptr) {
        return IFD_COMMUNICATION_ERROR;
    }
    *AtrLength = 0;
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            return IFD_COMMUNICATION_ERROR;
        }
        cardlatch::Bytes atr;
        const auto rv = slot->power(Action, atr);
        std::copy(atr.begin(), atr.end(), Atr); // 33 bytes at most: the link checks
        *AtrLength = atr.size();
        return rv;
    });
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER /*SendPci*/, PUCHAR TxBuffer, DWORD TxLength,
                               PUCHAR RxBuffer, PDWORD RxLength, PSCARD_IO_HEADER /*RecvPci*/) {
    if (TxBuffer == nullptr || RxBuffer == nullptr || RxLength == nullptr) {
        return IFD_COMMUNICATION_ERROR;
    }
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            *RxLength = 0;
            return IFD_COMMUNICATION_ERROR;
        }
        return slot->transmit(ByteView(TxBuffer, TxLength), RxBuffer, RxLength);
    });
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR /*TxBuffer*/, DWORD /*TxLength*/,
                         PUCHAR RxBuffer, DWORD RxLength, LPDWORD pdwBytesReturned) {
    if (pdwBytesReturned == nullptr) {
        return IFD_COMMUNICATION_ERROR;
    }
    *pdwBytesReturned = 0;
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            return IFD_COMMUNICATION_ERROR;
        }
        return control(*slot, dwControlCode, RxBuffer, RxLength, pdwBytesReturned);
    });
}

RESPONSECODE IFDHICCPresence(DWORD Lun) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        return slot ? slot->presence() : IFD_COMMUNICATION_ERROR;
    });
}
