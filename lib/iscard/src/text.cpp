#include "text.hpp"

#include <cstdint>
#include <new>

namespace cardlatch::iscard {

namespace {

constexpr char32_t k_replacement = 0xFFFD;

bool is_scalar(char32_t c) {
    return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

void append_utf8(std::string& text, char32_t c) {
    const auto continuation = [&](unsigned shift) {
        return static_cast<char>(0x80U | ((c >> shift) & 0x3FU));
    };
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xC0U | (c >> 6U));
        text += continuation(0);
    } else if (c < 0x10000) {
        text += static_cast<char>(0xE0U | (c >> 12U));
        text += continuation(6);
        text += continuation(0);
    } else {
        text += static_cast<char>(0xF0U | (c >> 18U));
        text += continuation(12);
        text += continuation(6);
        text += continuation(0);
    }
}

/// The character at `at`, which moves past it. OLECHAR has 16 bits on Windows, 32 elsewhere.
char32_t next_character(const OLECHAR* text, UINT length, UINT& at) {
    const auto first = static_cast<char32_t>(text[at++]);
    if constexpr (sizeof(OLECHAR) == 2) {
        if (first >= 0xD800 && first <= 0xDBFF && at < length) {
            const auto second = static_cast<char32_t>(text[at]);
            if (second >= 0xDC00 && second <= 0xDFFF) {
                ++at;
                return 0x10000U + ((first - 0xD800U) << 10U) + (second - 0xDC00U);
            }
        }
    }
    return first;
}

/// Length of the UTF-8 sequence that starts with `lead`; 0 for a byte that starts none.
std::size_t sequence_length(std::uint8_t lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/// The character at the start of `utf8`, which moves past it.
char32_t take_character(std::string_view& utf8) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(utf8[i]); };
    const auto length = sequence_length(byte(0));
    char32_t c = byte(0);
    bool whole = length > 0 && length <= utf8.size();
    if (whole && length > 1) {
        c &= 0x7FU >> length;
        for (std::size_t i = 1; whole && i < length; ++i) {
            whole = (byte(i) & 0xC0U) == 0x80U;
            c = c << 6U | (byte(i) & 0x3FU);
        }
        const char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        whole = whole && c >= smallest[length] && is_scalar(c);
    }
    utf8.remove_prefix(whole ? length : 1);
    return whole ? c : k_replacement;
}

} // namespace

std::optional<std::string> to_utf8(BSTR text) {
    const auto length = SysStringLen(text);
    std::string out;
    for (UINT at = 0; at < length;) {
        const auto c = next_character(text, length, at);
        if (c == 0 || !is_scalar(c)) {
            return std::nullopt;
        }
        append_utf8(out, c);
    }
    return out;
}

BSTR to_bstr(std::string_view utf8) {
    std::wstring wide;
    while (!utf8.empty()) {
        const auto c = take_character(utf8);
        if (sizeof(OLECHAR) == 2 && c > 0xFFFF) {
            wide += static_cast<wchar_t>(0xD800U + ((c - 0x10000U) >> 10U));
            wide += static_cast<wchar_t>(0xDC00U + ((c - 0x10000U) & 0x3FFU));
        } else {
            wide += static_cast<wchar_t>(c);
        }
    }
    auto* const text = SysAllocStringLen(wide.data(), static_cast<UINT>(wide.size()));
    if (text == nullptr) {
        throw std::bad_alloc();
    }
    return text;
}

} // namespace cardlatch::iscard
