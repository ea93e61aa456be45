#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <cstdint>

namespace cardlatch::iso7816 {

/// A checked answer to reset: 2 to 33 bytes. Source: ISO/IEC 7816-3 §8.2.
class Atr {
  public:
    static constexpr std::size_t k_max_size = 33;

    /// Reads and checks TS, the interface bytes, the historical bytes and TCK.
    /// Errors: std::errc::invalid_argument with a detail that names the byte that is wrong.
    static Result<Atr> parse(ByteView bytes);

    /// Builds a direct-convention ATR that offers the given protocols and carries `historical` (0 to 15
    /// bytes). Errors: std::errc::invalid_argument when no protocol is offered or the historical bytes are
    /// too many.
    static Result<Atr> build(bool t0, bool t1, ByteView historical);

    [[nodiscard]] ByteView bytes() const { return bytes_; }
    [[nodiscard]] ByteView historical_bytes() const;

    /// Protocol T=0 or T=1 is offered. Without any TD byte the card speaks T=0.
    [[nodiscard]] bool offers(unsigned protocol) const { return (protocols_ & (1U << protocol)) != 0; }

    /// The first offered protocol, which is used unless PPS changes it. Source: ISO/IEC 7816-3 §8.2.3.
    [[nodiscard]] unsigned first_protocol() const { return first_; }

    bool operator==(const Atr& other) const { return bytes_ == other.bytes_; }

  private:
    Bytes bytes_;
    std::size_t historical_at_ = 0;
    std::size_t historical_size_ = 0;
    std::uint32_t protocols_ = 0;
    unsigned first_ = 0;
};

} // namespace cardlatch::iso7816
