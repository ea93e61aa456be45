#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cardlatch {

/// Owned bytes, as they travel between host and card.
using Bytes = std::vector<std::uint8_t>;

/// Borrowed bytes. Never outlives the call it is passed to.
using ByteView = std::span<const std::uint8_t>;

/// Upper-case hexadecimal digits of `bytes`, with `separator` between bytes (none by default).
std::string to_hex(ByteView bytes, std::string_view separator = "");

/// Bytes of a hexadecimal text. Blanks and colons between bytes are skipped ("3B 80", "3b:80", "3B80").
/// Returns nothing when the text holds another character or half a byte.
std::optional<Bytes> from_hex(std::string_view text);

/// A view of the characters of `text` as bytes; valid as long as `text` is.
inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Overwrites `bytes` with zeros in a way that the compiler keeps, for PINs and keys.
void wipe(std::span<std::uint8_t> bytes) noexcept;

} // namespace cardlatch
