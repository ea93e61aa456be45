#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/iscard/com.h>
#include <cardlatch/pcsc/error.hpp>

#include <new>
#include <stdexcept>

namespace cardlatch::iscard {

/// The HRESULT of a resource manager code: the code itself, with Windows' number for an unsupported feature.
HRESULT hresult_of(pcsc::Errc code) noexcept;

/// The HRESULT of an Error: resource manager codes as above, not_enough_memory E_OUTOFMEMORY,
/// invalid_argument E_INVALIDARG, all else E_UNEXPECTED.
HRESULT hresult_of(const Error& error) noexcept;

inline HRESULT to_hresult(HRESULT hr) noexcept {
    return hr;
}
template <class T>
HRESULT to_hresult(const Result<T>& result) noexcept {
    return result ? S_OK : hresult_of(result.error());
}

/// Runs the body of a method, which returns HRESULT or Result, and lets no exception across the interface.
template <class Body>
HRESULT guard(Body&& body) noexcept {
    try {
        return to_hresult(body());
    } catch (const std::bad_alloc&) {
        return E_OUTOFMEMORY;
    } catch (const std::length_error&) {
        return E_OUTOFMEMORY;
    } catch (...) {
        return E_UNEXPECTED;
    }
}

} // namespace cardlatch::iscard
