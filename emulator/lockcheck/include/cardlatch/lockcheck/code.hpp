#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cardlatch::lockcheck {

/// What a call of winscard came to: its return value as 32 bits, or a status word of the card where the call
/// succeeded and the card refused (k_status_word_flag | SW).
using Code = std::uint32_t;

inline constexpr Code k_success = 0;
/// Marks a Code that carries the card's status word; no SCARD_ code has this value in its upper half.
inline constexpr Code k_status_word_flag = 0x53570000;
/// The participant could not do what it was told, for instance an unknown verb: a bug of the script.
inline constexpr Code k_not_done = 0x4E440000;

/// The name that scripts use: "ok", "reset", "sw:6985".
/// Returns nothing for a word that is no code.
std::optional<Code> parse_code(std::string_view word);

/// For people: "SCARD_W_RESET_CARD", "SW 6985", "0x80101234".
std::string describe_code(Code code);

} // namespace cardlatch::lockcheck
