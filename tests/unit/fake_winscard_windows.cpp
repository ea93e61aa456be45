// The wide calls of winscard.dll in terms of the narrow ones of fake_winscard.cpp, whose names are UTF-8.

#include "fake_winscard.hpp"

#include <algorithm>
#include <cwchar>
#include <iterator>
#include <utility>

namespace {

std::string narrow(const wchar_t* text) {
    const auto length = static_cast<int>(std::wcslen(text));
    std::string out(
        static_cast<std::size_t>(WideCharToMultiByte(CP_UTF8, 0, text, length, nullptr, 0, nullptr, nullptr)),
        '\0');
    WideCharToMultiByte(CP_UTF8, 0, text, length, out.data(), static_cast<int>(out.size()), nullptr, nullptr);
    return out;
}

/// `count` bytes, zeros inside included, into a buffer of `size` characters; `size` is what they take.
LONG widen(const char* from, DWORD count, wchar_t* to, DWORD& size) {
    const auto length = static_cast<int>(count);
    const auto needed = static_cast<DWORD>(MultiByteToWideChar(CP_UTF8, 0, from, length, nullptr, 0));
    const auto room = std::exchange(size, needed);
    if (to == nullptr) {
        return SCARD_S_SUCCESS;
    }
    if (needed > room) {
        return SCARD_E_INSUFFICIENT_BUFFER;
    }
    MultiByteToWideChar(CP_UTF8, 0, from, length, to, static_cast<int>(needed));
    return SCARD_S_SUCCESS;
}

} // namespace

extern "C" {

LONG WINAPI SCardListReadersW(SCARDCONTEXT context, LPCWSTR /*groups*/, LPWSTR names, LPDWORD size) {
    std::vector<char> narrow_names(4096);
    auto count = static_cast<DWORD>(narrow_names.size());
    const auto rv = SCardListReadersA(context, nullptr, narrow_names.data(), &count);
    return rv == SCARD_S_SUCCESS ? widen(narrow_names.data(), count, names, *size) : rv;
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
    return rv == SCARD_S_SUCCESS ? widen(narrow_name, size, name, *name_size) : rv;
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
