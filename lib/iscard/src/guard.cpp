#include "guard.hpp"

namespace cardlatch::iscard {

HRESULT hresult_of(pcsc::Errc code) noexcept {
    return static_cast<HRESULT>(
        code == pcsc::Errc::unsupported_feature ? pcsc::Errc::windows_unsupported_feature : code);
}

HRESULT hresult_of(const Error& error) noexcept {
    if (error.code.category() == pcsc::category()) {
        return hresult_of(static_cast<pcsc::Errc>(error.code.value()));
    }
    if (error.code == std::errc::not_enough_memory) {
        return E_OUTOFMEMORY;
    }
    return error.code == std::errc::invalid_argument ? E_INVALIDARG : E_UNEXPECTED;
}

} // namespace cardlatch::iscard
