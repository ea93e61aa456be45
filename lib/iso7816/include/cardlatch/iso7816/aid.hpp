#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

namespace cardlatch::iso7816 {

/// An application identifier: 5 to 16 bytes (RID and PIX), or a shorter DF name of 1 to 4 bytes that some
/// cards use. Source: ISO/IEC 7816-4 §12.2.3, ISO/IEC 7816-5.
class Aid {
  public:
    /// Errors: std::errc::invalid_argument when `bytes` is empty or longer than 16 bytes.
    static Result<Aid> from(ByteView bytes);

    [[nodiscard]] ByteView bytes() const { return bytes_; }

    /// True when `prefix`, a possibly right-truncated DF name from a SELECT, names this application.
    [[nodiscard]] bool starts_with(ByteView prefix) const;

    bool operator==(const Aid&) const = default;

  private:
    explicit Aid(ByteView bytes)
        : bytes_(bytes.begin(), bytes.end()) {}
    Bytes bytes_;
};

} // namespace cardlatch::iso7816
