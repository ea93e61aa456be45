#pragma once

#include <windows.h>

namespace cardlatch::iscard {

inline constexpr DWORD k_max_path = 4096;

/// The DLL or program that this code is linked into.
inline HMODULE this_module() noexcept {
    HMODULE module = nullptr;
    (void)::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                   GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                               reinterpret_cast<LPCWSTR>(&this_module), &module);
    return module;
}

/// Its file's name, zero-terminated; false when it is longer than that.
inline bool this_module_path(wchar_t (&path)[k_max_path]) noexcept {
    const auto length = ::GetModuleFileNameW(this_module(), path, k_max_path);
    return length > 0 && length < k_max_path;
}

} // namespace cardlatch::iscard
