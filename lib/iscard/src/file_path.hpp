#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iscard/scardmanage.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cardlatch::iscard {

/// Where a file is on the card: below the MF, or below a DF that is selected by name.
struct FilePath {
    Bytes name;                      ///< DF name; empty: from the MF
    std::vector<std::uint16_t> ids;  ///< identifiers below it
    std::optional<std::uint8_t> sfi; ///< a short EF identifier in that place

    bool operator==(const FilePath&) const = default;
    /// "3F00/5000/5001"; a name stands first in hexadecimal, "F0434C44454D4F/5001".
    [[nodiscard]] std::string text() const;
};

/// Reads a path, relative to the directory `current` unless it starts with 3F00, '/' or a name. Both '/' and
/// '\' separate; ".." is the directory above. Nothing for what is no path of the kind `type`.
std::optional<FilePath> parse_path(REFTYPE type, std::string_view text, const FilePath& current);

} // namespace cardlatch::iscard
