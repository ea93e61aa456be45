#pragma once

#include <cardlatch/base/bytes.hpp>

#include <cstdint>
#include <string>

namespace cardlatch::pcsc {

/// The name under which Context::wait_for_change() reports that readers came or went.
inline constexpr const char* k_reader_list = R"(\\?PnP?\Notification)";

/// What is known of one reader, as the resource manager sees it without touching the card.
/// Source: pcsc-lite SCARD_READERSTATE.
struct ReaderState {
    std::string name; ///< UTF-8
    std::uint32_t flags =
        0;     ///< SCARD_STATE_* bits, event counter in bits 16 to 31; 0 before the first report
    Bytes atr; ///< of the card in the reader, empty without one

    [[nodiscard]] bool changed() const { return (flags & 0x0002U) != 0; }
    [[nodiscard]] bool unknown() const { return (flags & 0x0004U) != 0; }
    [[nodiscard]] bool unavailable() const { return (flags & 0x0008U) != 0; }
    [[nodiscard]] bool empty() const { return (flags & 0x0010U) != 0; }
    [[nodiscard]] bool card_present() const { return (flags & 0x0020U) != 0; }
    [[nodiscard]] bool exclusive() const { return (flags & 0x0080U) != 0; }
    [[nodiscard]] bool in_use() const { return (flags & 0x0100U) != 0; }
    [[nodiscard]] bool mute() const { return (flags & 0x0200U) != 0; }
    [[nodiscard]] bool unpowered() const { return (flags & 0x0400U) != 0; }
    /// Insertions and removals since the reader appeared, modulo 65,536.
    [[nodiscard]] std::uint16_t event_count() const { return static_cast<std::uint16_t>(flags >> 16U); }
};

} // namespace cardlatch::pcsc
