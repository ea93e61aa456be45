// The wide calls of winscard.dll in terms of the narrow ones of fake_winscard.cpp. Names here are ASCII.

#include "fake_winscard.hpp"

#include <algorithm>
#include <cwchar>

namespace {

std::string narrow(const wchar_t* text) {
    std::string out;
    std::transform(text, text + std::wcslen(text), std::back_inserter(out),
                   [](wchar_t c) { return static_cast<char>(c); });
    return out;
}

void widen(const char* from, std::size_t count, wchar_t* to) {
    std::transform(from, from + count, to, [](char c) { return static_cast<wchar_t>(c); });
}

} // namespace

extern "C" {

LONG WINAPI SCardListReadersW(SCARDCONTEXT context, LPCWSTR /*groups*/, LPWSTR names, LPDWORD size) {
    if (names == nullptr) {
        return SCardListReadersA(context, nullptr, nullptr, size);
    }
    std::vector<char> narrow_names(*size);
    const auto rv = SCardListReadersA(context, nullptr, narrow_names.data(), size);
    if (rv == SCARD_S_SUCCESS) {
        widen(narrow_names.data(), *size, names);
    }
    return rv;
}

LONG WINAPI SCardConnectW(SCARDCONTEXT context, LPCWSTR name, DWORD share, DWORD preferred,
                          LPSCARDHANDLE handle, LPDWORD active) {
    return SCardConnectA(context, narrow(name).c_str(), share, preferred, handle, active);
}

LONG WINAPI SCardStatusW(SCARDHANDLE number, LPWSTR name, LPDWORD name_size, LPDWORD state, LPDWORD protocol,
                         LPBYTE atr, LPDWORD atr_size) {
    char narrow_name[256] = {};
    DWORD size = sizeof(narrow_name);
    const auto rv = SCardStatusA(number, narrow_name, &size, state, protocol, atr, atr_size);
    if (rv == SCARD_S_SUCCESS) {
        widen(narrow_name, size, name);
        *name_size = size;
    }
    return rv;
}

LONG WINAPI SCardGetStatusChangeW(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATEW* states,
                                  DWORD count) {
    std::vector<std::string> names(count);
    std::vector<SCARD_READERSTATEA> narrow_states(count);
    for (DWORD i = 0; i < count; ++i) {
        names[i] = narrow(states[i].szReader);
        narrow_states[i].szReader = names[i].c_str();
        narrow_states[i].dwCurrentState = states[i].dwCurrentState;
    }
    const auto rv = SCardGetStatusChangeA(context, timeout, narrow_states.data(), count);
    for (DWORD i = 0; i < count; ++i) {
        states[i].dwEventState = narrow_states[i].dwEventState;
        states[i].cbAtr = narrow_states[i].cbAtr;
        std::copy(std::begin(narrow_states[i].rgbAtr), std::end(narrow_states[i].rgbAtr), states[i].rgbAtr);
    }
    return rv;
}
}
