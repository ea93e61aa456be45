#pragma once

#include <cardlatch/iscard/com.h>

#include <optional>
#include <string>
#include <string_view>

namespace cardlatch::iscard {

/// UTF-8 of a BSTR; empty for NULL. Nothing for a zero inside or a character that Unicode does not have.
std::optional<std::string> to_utf8(BSTR text);

/// A new BSTR of a UTF-8 text; bytes that are no UTF-8 become U+FFFD. Throws std::bad_alloc.
BSTR to_bstr(std::string_view utf8);

} // namespace cardlatch::iscard
