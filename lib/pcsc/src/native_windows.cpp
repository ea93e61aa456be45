// Windows' side of native_calls.hpp: texts are UTF-16, the state is a number, raw has the number 0x10000.
// Source: Windows winscard.h and winsmcrd.h.

#include "native_calls.hpp"
#include "service_socket.hpp"
#include "utf16.hpp"

#include <algorithm>
#include <array>
#include <cwchar>

namespace cardlatch::pcsc::detail {

namespace {

constexpr std::size_t k_max_atr = 36;
constexpr std::size_t k_max_name = 512;

} // namespace

std::wstring wide(const std::string& utf8) {
    const auto size = static_cast<int>(utf8.size());
    std::wstring text(static_cast<std::size_t>(
                          std::max(::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, nullptr, 0), 0)),
                      L'\0');
    (void)::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, text.data(), static_cast<int>(text.size()));
    return text;
}

std::string narrow(const wchar_t* text) {
    const auto size = static_cast<int>(std::wcslen(text));
    std::string utf8(static_cast<std::size_t>(std::max(
                         ::WideCharToMultiByte(CP_UTF8, 0, text, size, nullptr, 0, nullptr, nullptr), 0)),
                     '\0');
    (void)::WideCharToMultiByte(CP_UTF8, 0, text, size, utf8.data(), static_cast<int>(utf8.size()), nullptr,
                                nullptr);
    return utf8;
}

bool service_listens() {
    return false; // there is no socket, and refusals need no explanation: the codes are distinct
}

DWORD native_protocol(Protocol protocol) {
    return protocol == Protocol::raw ? DWORD{SCARD_PROTOCOL_RAW} : static_cast<DWORD>(protocol);
}

Protocol protocol_of(DWORD native) {
    return native == SCARD_PROTOCOL_RAW ? Protocol::raw : static_cast<Protocol>(native);
}

Result<std::vector<std::string>> native_readers(SCARDCONTEXT context) {
    std::vector<wchar_t> names;
    for (;;) {
        DWORD size = 0;
        auto listed = scard("SCardListReaders", SCardListReadersW, context, nullptr, nullptr, &size);
        if (listed) {
            names.assign(size, L'\0');
            listed = scard("SCardListReaders", SCardListReadersW, context, nullptr, names.data(), &size);
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
    names.push_back(L'\0');
    std::vector<std::string> readers;
    for (const wchar_t* name = names.data(); *name != L'\0'; name += std::wcslen(name) + 1) {
        readers.push_back(narrow(name));
    }
    return readers;
}

Result<NativeConnection> native_connect(SCARDCONTEXT context, const std::string& reader, ShareMode mode,
                                        Protocol preferred) {
    NativeConnection made;
    DWORD active = 0;
    BOOST_OUTCOME_TRY(scard("SCardConnect", SCardConnectW, context, wide(reader).c_str(),
                            static_cast<DWORD>(mode), native_protocol(preferred), &made.handle, &active));
    made.active = protocol_of(active);
    return made;
}

Result<CardStatus> native_status(SCARDHANDLE handle) {
    std::array<wchar_t, k_max_name + 2> name{};
    std::array<BYTE, k_max_atr> atr{};
    auto name_size = static_cast<DWORD>(k_max_name);
    auto atr_size = static_cast<DWORD>(atr.size());
    DWORD state = 0;
    DWORD protocol = 0;
    BOOST_OUTCOME_TRY(scard("SCardStatus", SCardStatusW, handle, name.data(), &name_size, &state, &protocol,
                            atr.data(), &atr_size));
    const auto known = state <= static_cast<DWORD>(CardState::specific);
    return CardStatus{narrow(name.data()), known ? static_cast<CardState>(state) : CardState::unknown,
                      protocol_of(protocol), Bytes(atr.data(), atr.data() + atr_size)};
}

Result<void> native_wait_for_change(SCARDCONTEXT context, std::span<ReaderState> states, DWORD milliseconds) {
    std::vector<std::wstring> names(states.size());
    std::vector<SCARD_READERSTATEW> natives(states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
        names[i] = wide(states[i].name);
        natives[i].szReader = names[i].c_str();
        natives[i].dwCurrentState = states[i].flags & ~DWORD{SCARD_STATE_CHANGED};
    }
    auto waited = scard("SCardGetStatusChange", SCardGetStatusChangeW, context, milliseconds, natives.data(),
                        natives.size());
    if (waited || waited.error().code == Errc::timeout) {
        for (std::size_t i = 0; i < states.size(); ++i) {
            const auto* const atr = &natives[i].rgbAtr[0];
            states[i].flags = natives[i].dwEventState;
            states[i].atr.assign(atr, atr + natives[i].cbAtr);
        }
    }
    return waited;
}

bool native_held_by_others(SCARDHANDLE /*handle*/) {
    // Any call on the card may wait for the other's transaction to end, for as long as that takes. A begin on
    // a thread of its own, which is left at the deadline, waits no longer than it should.
    return false;
}

} // namespace cardlatch::pcsc::detail
