#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include <winscard.h>

namespace cardlatch::lockcheck {

/// An order taken apart: c0..c9 name a context, h0..h9 a connection, l0..l9 a card of the library, wherever
/// they stand.
struct Order {
    std::string verb;
    std::string context = "c0";
    std::string connection = "h0";
    std::string card = "l0";
    std::vector<std::string> arguments;

    explicit Order(const std::string& text);

    /// The first argument as a share mode; shared when it is none.
    [[nodiscard]] DWORD share() const;
    /// The last argument as a disposition; leave when it is none.
    [[nodiscard]] DWORD disposition() const;
    /// Argument `index` as a number; 0 when it is none.
    [[nodiscard]] std::uint64_t number(std::size_t index = 0) const;
};

} // namespace cardlatch::lockcheck
