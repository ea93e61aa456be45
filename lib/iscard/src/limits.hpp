#pragma once

#include <cardlatch/iscard/com.h>

#include <cstddef>

namespace cardlatch::iscard {

/// Longest data field of a command, in bytes. Source: ISO/IEC 7816-3 §12.1.3 (extended Lc).
inline constexpr std::size_t k_max_data = 65535;
/// Most bytes that a command can ask for; an extended Le field of 0000.
inline constexpr LONG k_max_le = 65536;

} // namespace cardlatch::iscard
