#include <cardlatch/base/bytes.hpp>

#include <cstring>
#ifdef _WIN32
#include <windows.h>
#endif

namespace cardlatch {

namespace {

int digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool is_separator(char c) {
    return c == ' ' || c == ':' || c == '\t' || c == '\n' || c == '\r';
}

} // namespace

std::string to_hex(ByteView bytes, std::string_view separator) {
    static constexpr std::string_view k_digits = "0123456789ABCDEF";
    std::string text;
    text.reserve(bytes.size() * (2 + separator.size()));
    for (const auto byte : bytes) {
        if (!text.empty()) {
            text += separator;
        }
        text += k_digits[byte >> 4U];
        text += k_digits[byte & 0x0FU];
    }
    return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_separator(text[i])) {
            continue;
        }
        const int high = digit_value(text[i]);
        const int low = i + 1 < text.size() ? digit_value(text[i + 1]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
        ++i;
    }
    return bytes;
}

void wipe(std::span<std::uint8_t> bytes) noexcept {
    if (!bytes.empty()) { // an empty span may hold a null pointer
#ifdef _WIN32
        SecureZeroMemory(bytes.data(), bytes.size());
#else
        explicit_bzero(bytes.data(), bytes.size());
#endif
    }
}

} // namespace cardlatch
