// Outside Windows there is nobody to read a type library.

#include "dispatch.hpp"

namespace cardlatch::iscard {

UINT type_info_count() noexcept {
    return 0;
}

HRESULT type_info(const Table& /*table*/, UINT /*index*/, LCID /*locale*/, ITypeInfo** /*out*/) noexcept {
    return E_NOTIMPL;
}

} // namespace cardlatch::iscard
