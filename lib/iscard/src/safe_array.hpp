#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iscard/automation.h>

#include <string>
#include <vector>

namespace cardlatch::iscard {

/// Stores a new SAFEARRAY of VT_UI1. E_OUTOFMEMORY.
HRESULT give_byte_array(ByteView bytes, LPSAFEARRAY* out);

/// Copies a one-dimensional SAFEARRAY of VT_UI1. E_INVALIDARG for any other.
HRESULT take_byte_array(LPSAFEARRAY array, Bytes& out);

/// Stores a new SAFEARRAY of VT_BSTR with these UTF-8 texts. E_OUTOFMEMORY.
HRESULT give_strings(const std::vector<std::string>& texts, LPSAFEARRAY* out);

/// Copies a one-dimensional SAFEARRAY of VT_BSTR as UTF-8. E_INVALIDARG for any other, and for a text that is
/// not Unicode.
HRESULT take_strings(LPSAFEARRAY array, std::vector<std::string>& out);

} // namespace cardlatch::iscard
