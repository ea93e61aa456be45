// Type information from the type library that is linked into this module as a resource.

#include "com_ptr.hpp"
#include "dispatch.hpp"
#include "module_windows.hpp"

namespace cardlatch::iscard {

UINT type_info_count() noexcept {
    static const UINT k_count =
        ::FindResourceW(this_module(), MAKEINTRESOURCEW(1), L"TYPELIB") != nullptr ? 1 : 0;
    return k_count;
}

HRESULT type_info(const Table& table, UINT index, LCID /*locale*/, ITypeInfo** out) noexcept {
    if (type_info_count() == 0) {
        return E_NOTIMPL;
    }
    if (index != 0) {
        return DISP_E_BADINDEX;
    }
    wchar_t path[k_max_path];
    if (!this_module_path(path)) {
        return E_UNEXPECTED;
    }
    ComPtr<ITypeLib> library;
    if (const auto hr = ::LoadTypeLib(path, library.receive()); FAILED(hr)) {
        return hr;
    }
    return library->GetTypeInfoOfGuid(table.iid, out);
}

} // namespace cardlatch::iscard
