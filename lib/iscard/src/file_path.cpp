#include "file_path.hpp"

#include <algorithm>
#include <charconv>

namespace cardlatch::iscard {

namespace {

constexpr std::uint16_t k_mf = 0x3F00;
constexpr std::size_t k_max_depth = 16;
constexpr std::size_t k_max_name = 16;

template <class T>
std::optional<T> number(std::string_view text, int base) {
    T value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return failed == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<std::uint16_t> identifier(std::string_view text) {
    return text.size() == 4 ? number<std::uint16_t>(text, 16) : std::nullopt;
}

std::vector<std::string_view> parts_of(std::string_view text) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of("/\\"), text.size());
        if (end > 0) {
            parts.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// Goes on from `path` by identifiers.
bool walk(FilePath& path, const std::vector<std::string_view>& parts, std::size_t from) {
    for (auto i = from; i < parts.size(); ++i) {
        if (parts[i] == "..") {
            if (path.ids.empty()) {
                return false;
            }
            path.ids.pop_back();
            continue;
        }
        const auto id = identifier(parts[i]);
        if (!id || path.ids.size() == k_max_depth) {
            return false;
        }
        path.ids.push_back(*id);
    }
    return true;
}

std::optional<FilePath> by_id(std::string_view text, const FilePath& current) {
    const auto parts = parts_of(text);
    const bool root = text.starts_with('/') || text.starts_with('\\');
    if (parts.empty() && !root) {
        return std::nullopt;
    }
    const bool from_mf = !parts.empty() && identifier(parts[0]) == k_mf;
    FilePath path = root || from_mf ? FilePath{} : current;
    return walk(path, parts, from_mf ? 1 : 0) ? std::optional(path) : std::nullopt;
}

std::optional<FilePath> by_short(std::string_view text, const FilePath& current) {
    const auto sfi = number<std::uint8_t>(text, 10);
    if (!sfi || *sfi < 1 || *sfi > 30) {
        return std::nullopt;
    }
    FilePath path = current;
    path.sfi = sfi;
    return path;
}

std::optional<FilePath> by_name(std::string_view text) {
    const auto parts = parts_of(text);
    if (parts.empty()) {
        return std::nullopt;
    }
    FilePath path;
    const auto bytes = from_hex(parts[0]);
    path.name = bytes && !bytes->empty() ? *bytes : Bytes(parts[0].begin(), parts[0].end());
    return path.name.size() <= k_max_name && walk(path, parts, 1) ? std::optional(path) : std::nullopt;
}

} // namespace

std::string FilePath::text() const {
    std::string out = name.empty() ? "3F00" : to_hex(name);
    for (const auto id : ids) {
        const Bytes bytes = {static_cast<std::uint8_t>(id >> 8U), static_cast<std::uint8_t>(id)};
        out += "/" + to_hex(bytes);
    }
    return out;
}

std::optional<FilePath> parse_path(REFTYPE type, std::string_view text, const FilePath& current) {
    switch (type) {
    case SC_TYPE_BY_NAME:
        return by_name(text);
    case SC_TYPE_BY_ID:
        return by_id(text, current);
    case SC_TYPE_BY_SHORT:
        return by_short(text, current);
    case SC_TYPE_BY_ANY: {
        auto path = by_id(text, current);
        if (!path) {
            path = by_short(text, current);
        }
        return path ? path : by_name(text);
    }
    }
    return std::nullopt;
}

} // namespace cardlatch::iscard
