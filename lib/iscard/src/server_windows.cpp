// What makes a COM server of the DLL on Windows: its entry in the registry.

#include "com_ptr.hpp"
#include "module_windows.hpp"

#include <cardlatch/scardssp.h>

#include <olectl.h>
#include <string>

// In oleaut32 since Windows Vista; not in every copy of oleauto.h.
extern "C" {
HRESULT WINAPI RegisterTypeLibForUser(ITypeLib* library, OLECHAR* path, OLECHAR* help_folder);
HRESULT WINAPI UnRegisterTypeLibForUser(REFGUID id, WORD major, WORD minor, LCID locale, SYSKIND kind);
}

namespace {

using cardlatch::iscard::ComPtr;
using cardlatch::iscard::k_max_path;
using cardlatch::iscard::this_module_path;

struct Registered {
    const CLSID& clsid;
    const wchar_t* name; ///< the ProgID's second part
};
const Registered k_registered[] = {
    {CLSID_CSCard, L"CSCard"},
    {CLSID_CSCardCmd, L"CSCardCmd"},
    {CLSID_CByteBuffer, L"CByteBuffer"},
    {CLSID_CSCardISO7816, L"CSCardISO7816"},
    {CLSID_CSCardTypeConv, L"CSCardTypeConv"},
    {CLSID_CSCardDatabase, L"CSCardDatabase"},
    {CLSID_CSCardLocate, L"CSCardLocate"},
    {CLSID_CSCardManage, L"CSCardManage"},
};
// LIBID_SCARDSSPLib of scardssp_i.c.
const GUID k_library = {0x82C38704, 0x19F1, 0x11D3, {0xA1, 0x1F, 0x00, 0xC0, 0x4F, 0x79, 0xF8, 0x00}};

std::wstring text_of(REFGUID guid) {
    OLECHAR text[39];
    ::StringFromGUID2(guid, text, 39);
    return text;
}

/// The classes of the machine or of the user.
class Classes {
  public:
    explicit Classes(HKEY root)
        : root_(root) {}

    bool set(const std::wstring& key, const wchar_t* value, const std::wstring& text) const {
        const auto bytes = static_cast<DWORD>((text.size() + 1) * sizeof(wchar_t));
        return ::RegSetKeyValueW(root_, (L"Software\\Classes\\" + key).c_str(), value, REG_SZ, text.c_str(),
                                 bytes) == ERROR_SUCCESS;
    }
    [[nodiscard]] bool has(const std::wstring& key) const {
        HKEY opened = nullptr;
        if (::RegOpenKeyExW(root_, (L"Software\\Classes\\" + key).c_str(), 0, KEY_READ, &opened) !=
            ERROR_SUCCESS) {
            return false;
        }
        ::RegCloseKey(opened);
        return true;
    }
    /// What is not there counts as removed.
    bool remove(const std::wstring& key) const {
        const auto left = ::RegDeleteTreeW(root_, (L"Software\\Classes\\" + key).c_str());
        return left == ERROR_SUCCESS || left == ERROR_FILE_NOT_FOUND;
    }

    bool add_class(const Registered& entry, const std::wstring& path) const {
        const auto id = text_of(entry.clsid);
        const auto key = L"CLSID\\" + id;
        const auto name = std::wstring(L"Cardlatch.") + entry.name;
        const auto versioned = name + L".1";
        return set(key, nullptr, name) && set(key + L"\\InprocServer32", nullptr, path) &&
               set(key + L"\\InprocServer32", L"ThreadingModel", L"Both") &&
               set(key + L"\\ProgID", nullptr, versioned) &&
               set(key + L"\\VersionIndependentProgID", nullptr, name) &&
               set(key + L"\\TypeLib", nullptr, text_of(k_library)) && set(name, nullptr, name) &&
               set(name + L"\\CLSID", nullptr, id) && set(name + L"\\CurVer", nullptr, versioned) &&
               set(versioned, nullptr, name) && set(versioned + L"\\CLSID", nullptr, id);
    }
    bool remove_class(const Registered& entry) const {
        const auto name = std::wstring(L"Cardlatch.") + entry.name;
        const bool id = remove(L"CLSID\\" + text_of(entry.clsid));
        const bool plain = remove(name);
        return remove(name + L".1") && id && plain;
    }

  private:
    HKEY root_;
};

HRESULT remove_all(HKEY root) noexcept {
    try {
        const Classes classes(root);
        bool done = true;
        for (const auto& entry : k_registered) {
            done = classes.remove_class(entry) && done;
        }
        if (!done) {
            return SELFREG_E_CLASS;
        }
        if (!classes.has(L"TypeLib\\" + text_of(k_library))) {
            return S_OK;
        }
        const bool user = root == HKEY_CURRENT_USER;
        const auto hr = user ? ::UnRegisterTypeLibForUser(k_library, 1, 0, 0, SYS_WIN64)
                             : ::UnRegisterTypeLib(k_library, 1, 0, 0, SYS_WIN64);
        return SUCCEEDED(hr) ? S_OK : SELFREG_E_TYPELIB;
    } catch (...) {
        return E_OUTOFMEMORY;
    }
}

HRESULT add_all(HKEY root) noexcept {
    try {
        wchar_t path[k_max_path];
        if (!this_module_path(path)) {
            return E_UNEXPECTED;
        }
        const Classes classes(root);
        for (const auto& entry : k_registered) {
            if (!classes.add_class(entry, path)) {
                (void)remove_all(root);
                return SELFREG_E_CLASS;
            }
        }
        ComPtr<ITypeLib> library;
        auto hr = ::LoadTypeLib(path, library.receive());
        if (SUCCEEDED(hr)) {
            hr = root == HKEY_CURRENT_USER ? ::RegisterTypeLibForUser(library.get(), path, nullptr)
                                           : ::RegisterTypeLib(library.get(), path, nullptr);
        }
        if (FAILED(hr)) {
            (void)remove_all(root);
            return SELFREG_E_TYPELIB;
        }
        return S_OK;
    } catch (...) {
        return E_OUTOFMEMORY;
    }
}

} // namespace

extern "C" {

/// regsvr32: the classes, their ProgIDs and the type library, for the machine. SELFREG_E_CLASS (not an
/// administrator, for instance) and SELFREG_E_TYPELIB leave nothing registered.
HRESULT WINAPI DllRegisterServer() {
    return add_all(HKEY_LOCAL_MACHINE);
}

/// regsvr32 /u. S_OK also when nothing was registered.
HRESULT WINAPI DllUnregisterServer() {
    return remove_all(HKEY_LOCAL_MACHINE);
}

/// regsvr32 /n /i:user: the same for the user alone, who need not be an administrator.
HRESULT WINAPI DllInstall(BOOL bInstall, PCWSTR pszCmdLine) {
    const bool user = pszCmdLine != nullptr && ::lstrcmpiW(pszCmdLine, L"user") == 0;
    HKEY const root = user ? HKEY_CURRENT_USER : HKEY_LOCAL_MACHINE;
    return bInstall != FALSE ? add_all(root) : remove_all(root);
}

/// Threads of the library may still run when the last object is gone, so its code stays.
BOOL WINAPI DllMain(HINSTANCE /*instance*/, DWORD reason, LPVOID /*reserved*/) {
    if (reason == DLL_PROCESS_ATTACH) {
        HMODULE pinned = nullptr;
        (void)::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                                   reinterpret_cast<LPCWSTR>(&DllRegisterServer), &pinned);
    }
    return TRUE;
}
}
