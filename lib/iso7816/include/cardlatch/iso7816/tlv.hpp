#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace cardlatch::iso7816 {

/// One BER-TLV data object inside a buffer that somebody else owns. Source: ISO/IEC 7816-4 §6.3.
struct Tlv {
    std::uint32_t tag = 0; ///< up to three tag bytes as a number, for instance 0x6F, 0x7F49
    ByteView value;

    /// Bit 6 of the first tag byte: the value holds data objects.
    [[nodiscard]] bool constructed() const;
};

/// Walks the data objects of one level, never outside its bytes. Fill bytes 00 and FF between objects are
/// skipped, as cards put them there.
class TlvCursor {
  public:
    explicit TlvCursor(ByteView bytes)
        : rest_(bytes) {}

    /// The next data object, or nothing at the end.
    /// Errors: std::errc::bad_message for a tag of more than 3 bytes, an indefinite length, a length of more
    /// than 4 bytes, or a value that goes past the end.
    Result<std::optional<Tlv>> next();

  private:
    ByteView rest_;
};

/// The value of the first data object with `tag` on the top level of `bytes`; nothing if absent or malformed
/// before it.
std::optional<ByteView> find_tlv(ByteView bytes, std::uint32_t tag);

/// Appends tag, shortest length and value to `out`.
void append_tlv(Bytes& out, std::uint32_t tag, ByteView value);

} // namespace cardlatch::iso7816
