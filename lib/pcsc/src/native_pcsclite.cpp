// pcsc-lite's side of native_calls.hpp: texts are UTF-8, states are bits, raw has the number 4.

#include "native_calls.hpp"

#include <array>
#include <cstring>
#include <reader.h>

namespace cardlatch::pcsc::detail {

namespace {

/// pcsc-lite reports bits, with an event counter above them, and never "specific"; the most ready bit counts.
CardState card_state(DWORD bits, Protocol protocol) {
    if ((bits & SCARD_SPECIFIC) != 0) {
        return CardState::specific;
    }
    if ((bits & SCARD_NEGOTIABLE) != 0) {
        return protocol == Protocol::none ? CardState::negotiable : CardState::specific;
    }
    if ((bits & SCARD_POWERED) != 0) {
        return CardState::powered;
    }
    if ((bits & SCARD_SWALLOWED) != 0) {
        return CardState::swallowed;
    }
    if ((bits & SCARD_PRESENT) != 0) {
        return CardState::present;
    }
    return (bits & SCARD_ABSENT) != 0 ? CardState::absent : CardState::unknown;
}

} // namespace

DWORD native_protocol(Protocol protocol) {
    return static_cast<DWORD>(protocol);
}

Protocol protocol_of(DWORD native) {
    return static_cast<Protocol>(native);
}

Result<std::vector<std::string>> native_readers(SCARDCONTEXT context) {
    std::vector<char> names;
    for (;;) {
        DWORD size = 0;
        auto listed = scard("SCardListReaders", SCardListReaders, context, nullptr, nullptr, &size);
        if (listed) {
            names.assign(size, '\0');
            listed = scard("SCardListReaders", SCardListReaders, context, nullptr, names.data(), &size);
        }
        if (listed) {
            break;
        }
        if (listed.error().code == Errc::no_readers_available) {
            return std::vector<std::string>{};
        }
        if (listed.error().code != Errc::insufficient_buffer) { // else a reader came between the two calls
            return listed.error();
        }
    }
    names.push_back('\0');
    std::vector<std::string> readers;
    for (const char* name = names.data(); *name != '\0'; name += std::strlen(name) + 1) {
        readers.emplace_back(name);
    }
    return readers;
}

Result<NativeConnection> native_connect(SCARDCONTEXT context, const std::string& reader, ShareMode mode,
                                        Protocol preferred) {
    NativeConnection made;
    DWORD active = 0;
    BOOST_OUTCOME_TRY(scard("SCardConnect", SCardConnect, context, reader.c_str(), static_cast<DWORD>(mode),
                            native_protocol(preferred), &made.handle, &active));
    made.active = protocol_of(active);
    return made;
}

Result<CardStatus> native_status(SCARDHANDLE handle) {
    std::array<char, MAX_READERNAME + 1> name{};
    std::array<BYTE, MAX_ATR_SIZE> atr{};
    DWORD name_size = name.size() - 1;
    DWORD atr_size = atr.size();
    DWORD state = 0;
    DWORD protocol = 0;
    BOOST_OUTCOME_TRY(scard("SCardStatus", SCardStatus, handle, name.data(), &name_size, &state, &protocol,
                            atr.data(), &atr_size));
    const auto active = protocol_of(protocol);
    return CardStatus{name.data(), card_state(state, active), active,
                      Bytes(atr.data(), atr.data() + atr_size)};
}

Result<void> native_wait_for_change(SCARDCONTEXT context, std::span<ReaderState> states, DWORD milliseconds) {
    std::vector<SCARD_READERSTATE> natives(states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
        natives[i].szReader = states[i].name.c_str();
        natives[i].dwCurrentState = states[i].flags & ~DWORD{SCARD_STATE_CHANGED};
    }
    // libpcsclite 2.5 takes pcscd's notice of a change for an answer when it comes between two of its own
    // questions, and says that it cannot, or that it knows no such reader. Then it has read the notice and
    // can again. Asked again it does not wait, so the caller's time holds; who has time left waits once more.
    // Source: pcsc-lite getReaderStatesAndRegisterForEvents in winscard_clnt.c.
    constexpr int k_questions = 3;
    Result<void> waited = ok();
    for (int i = 0; i < k_questions; ++i) {
        waited = scard("SCardGetStatusChange", SCardGetStatusChange, context, milliseconds, natives.data(),
                       natives.size());
        if (waited || (waited.error().code != Errc::unsupported_feature &&
                       waited.error().code != Errc::unknown_reader)) {
            break;
        }
        milliseconds = 0;
    }
    if (waited || waited.error().code == Errc::timeout) {
        for (std::size_t i = 0; i < states.size(); ++i) {
            const auto* const atr = &natives[i].rgbAtr[0];
            states[i].flags = static_cast<std::uint32_t>(natives[i].dwEventState);
            states[i].atr.assign(atr, atr + natives[i].cbAtr);
        }
    }
    return waited;
}

bool native_held_by_others(SCARDHANDLE handle) {
    // Of all calls that a lock keeps out, this is one that pcsc-lite's client library does not repeat until
    // it is let in, and that changes nothing. The name itself is of no interest. Source: pcsc-lite
    // SCardGetAttrib in winscard.c and winscard_clnt.c.
    std::array<BYTE, MAX_READERNAME + 1> name{};
    DWORD size = name.size();
    const auto asked =
        scard("SCardGetAttrib", SCardGetAttrib, handle, SCARD_ATTR_DEVICE_FRIENDLY_NAME, name.data(), &size);
    return !asked && asked.error().code == Errc::sharing_violation;
}

} // namespace cardlatch::pcsc::detail
