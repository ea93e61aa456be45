#pragma once

#include "scard_call.hpp"

#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/reader_state.hpp>
#include <cardlatch/pcsc/types.hpp>

#include <span>
#include <string>
#include <vector>

// The calls of winscard.h in this library's types. Where the resource managers differ (texts, numbers, what
// asking does), native_pcsclite.cpp and native_windows.cpp each have their own.

namespace cardlatch::pcsc::detail {

/// The resource manager's number for a protocol, and back.
DWORD native_protocol(Protocol protocol);
Protocol protocol_of(DWORD native);

/// SCardListReaders, with an empty list where there are none. Names are UTF-8.
Result<std::vector<std::string>> native_readers(SCARDCONTEXT context);

struct NativeConnection {
    SCARDHANDLE handle = 0;
    Protocol active = Protocol::none;
};
/// SCardConnect.
Result<NativeConnection> native_connect(SCARDCONTEXT context, const std::string& reader, ShareMode mode,
                                        Protocol preferred);

/// SCardStatus.
Result<CardStatus> native_status(SCARDHANDLE handle);

/// SCardGetStatusChange: `states` hold what is known, and what was found after success and Errc::timeout.
Result<void> native_wait_for_change(SCARDCONTEXT context, std::span<ReaderState> states, DWORD milliseconds);

/// Whether somebody else has a transaction on the card. False also where that cannot be asked without
/// waiting for it to end.
bool native_held_by_others(SCARDHANDLE handle);

inline Result<Protocol> scard_reconnect(SCARDHANDLE handle, ShareMode mode, Protocol preferred,
                                        Disposition initialization) {
    DWORD active = 0;
    BOOST_OUTCOME_TRY(scard("SCardReconnect", SCardReconnect, handle, static_cast<DWORD>(mode),
                            native_protocol(preferred), static_cast<DWORD>(initialization), &active));
    return protocol_of(active);
}

inline Result<void> scard_end(SCARDHANDLE handle, Disposition disposition) {
    return scard("SCardEndTransaction", SCardEndTransaction, handle, static_cast<DWORD>(disposition));
}

} // namespace cardlatch::pcsc::detail
