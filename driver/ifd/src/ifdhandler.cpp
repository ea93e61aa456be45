// The exported functions: IFD handler API 3.0. Each checks its arguments, zeroes its outputs, finds the slot
// and lets it work. Source: PCSC/ifdhandler.h; pcscd's ifdwrapper.c for what is done with the results.

#include <string>

#pragma GCC visibility push(default)
extern "C" {
#include <ifdhandler.h>
}
#pragma GCC visibility pop
#include "attributes.hpp"
#include "control.hpp"
#include "log.hpp"
#include "slot_table.hpp"

namespace cardlatch::ifd {

namespace {

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

RESPONSECODE get_capability(Slot& slot, DWORD lun, DWORD tag, PDWORD length, PUCHAR value) {
    constexpr std::uint8_t k_yes = 1;
    switch (tag) {
    case TAG_IFD_ATR:
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
    case TAG_IFD_DEVICE_REMOVED: // the driver wants to be told
        return give_value(k_yes, length, value);
    default:
        return get_attribute(slot, lun, tag, length, value);
    }
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
        return get_capability(*slot, Lun, Tag, Length, Value);
    });
}

// NOLINTNEXTLINE(readability-non-const-parameter): the IFD handler API's signature
RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            return IFD_COMMUNICATION_ERROR;
        }
        if (Tag == TAG_IFD_DEVICE_REMOVED) {
            if (Length != 1 || Value == nullptr) {
                return IFD_ERROR_SET_FAILURE;
            }
            if (*Value != 0) {
                slot->unplug();
            }
            return IFD_SUCCESS;
        }
        DWORD length = 0;
        const bool known = get_capability(*slot, Lun, Tag, &length, nullptr) == IFD_SUCCESS;
        return known ? IFD_ERROR_VALUE_READ_ONLY : IFD_ERROR_TAG;
    });
}

RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2,
                                       UCHAR PTS3) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        return slot ? slot->set_protocol(Protocol, {Flags, PTS1, PTS2, PTS3}) : IFD_COMMUNICATION_ERROR;
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

RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
                         DWORD RxLength, LPDWORD pdwBytesReturned) {
    if (pdwBytesReturned == nullptr || (TxBuffer == nullptr && TxLength != 0)) {
        return IFD_COMMUNICATION_ERROR;
    }
    *pdwBytesReturned = 0;
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        if (!slot) {
            return IFD_COMMUNICATION_ERROR;
        }
        return control(*slot, dwControlCode, ByteView(TxBuffer, TxLength), RxBuffer, RxLength,
                       pdwBytesReturned);
    });
}

RESPONSECODE IFDHICCPresence(DWORD Lun) {
    return guard([&]() -> RESPONSECODE {
        const auto slot = slot_table().find(Lun);
        return slot ? slot->presence() : IFD_COMMUNICATION_ERROR;
    });
}
