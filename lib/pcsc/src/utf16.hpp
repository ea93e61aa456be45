#pragma once

#include <string>

namespace cardlatch::pcsc::detail {

/// UTF-8 as Windows' calls take it; what is no UTF-8 becomes U+FFFD.
std::wstring wide(const std::string& utf8);
/// The other way round.
std::string narrow(const wchar_t* text);

} // namespace cardlatch::pcsc::detail
