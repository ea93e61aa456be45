#pragma once

#include "scard_call.hpp"

#include <cardlatch/pcsc/types.hpp>

namespace cardlatch::pcsc::detail {

inline Result<DWORD> scard_reconnect(SCARDHANDLE handle, ShareMode mode, Protocol preferred,
                                     Disposition initialization) {
    DWORD active = 0;
    BOOST_OUTCOME_TRY(scard("SCardReconnect", SCardReconnect, handle, static_cast<DWORD>(mode),
                            static_cast<DWORD>(preferred), static_cast<DWORD>(initialization), &active));
    return active;
}

inline Result<void> scard_end(SCARDHANDLE handle, Disposition disposition) {
    return scard("SCardEndTransaction", SCardEndTransaction, handle, static_cast<DWORD>(disposition));
}

} // namespace cardlatch::pcsc::detail
