#pragma once

#include <cardlatch/base/bytes.hpp>

#include <string>

namespace cardlatch::trace {

/// A command's name as the standards have it, "SELECT"; "INS F7" when nobody has named it.
std::string instruction_name(ByteView command);

/// Where the command is described, "ISO/IEC 7816-4 §11.2.2"; the coding of INS when nowhere.
std::string instruction_clause(ByteView command);

} // namespace cardlatch::trace
