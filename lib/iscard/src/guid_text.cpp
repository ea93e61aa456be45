#include <cardlatch/iscard/com.h>

#include <algorithm>
#include <array>

namespace {

/// Where the hexadecimal digits of each byte stand in "{00112233-4455-6677-8899-AABBCCDDEEFF}".
constexpr std::array<int, 16> k_places = {1, 3, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 29, 31, 33, 35};
constexpr int k_length = 38;

std::array<std::uint8_t, 16> bytes_of(REFGUID guid) {
    std::array<std::uint8_t, 16> bytes{};
    for (unsigned i = 0; i < 4; ++i) {
        bytes[i] = static_cast<std::uint8_t>(guid.Data1 >> (24U - 8U * i));
    }
    for (unsigned i = 0; i < 2; ++i) {
        bytes[4 + i] = static_cast<std::uint8_t>(guid.Data2 >> (8U - 8U * i));
        bytes[6 + i] = static_cast<std::uint8_t>(guid.Data3 >> (8U - 8U * i));
    }
    std::copy(std::begin(guid.Data4), std::end(guid.Data4), bytes.begin() + 8);
    return bytes;
}

int digit(OLECHAR c) {
    if (c >= L'0' && c <= L'9') {
        return static_cast<int>(c - L'0');
    }
    if (c >= L'a' && c <= L'f') {
        return static_cast<int>(c - L'a') + 10;
    }
    return c >= L'A' && c <= L'F' ? static_cast<int>(c - L'A') + 10 : -1;
}

bool is_punctuation(int at) {
    return at == 0 || at == 9 || at == 14 || at == 19 || at == 24 || at == 37;
}

} // namespace

extern "C" {

int WINAPI StringFromGUID2(REFGUID rguid, LPOLESTR lpsz, int cchMax) {
    if (lpsz == nullptr || cchMax <= k_length) {
        return 0;
    }
    const OLECHAR pattern[] = L"{00000000-0000-0000-0000-000000000000}";
    const OLECHAR digits[] = L"0123456789ABCDEF";
    std::copy_n(pattern, k_length + 1, lpsz);
    const auto bytes = bytes_of(rguid);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        lpsz[k_places.at(i)] = digits[bytes.at(i) >> 4U];
        lpsz[k_places.at(i) + 1] = digits[bytes.at(i) & 0xFU];
    }
    return k_length + 1;
}

HRESULT WINAPI CLSIDFromString(LPCOLESTR lpsz, CLSID* pclsid) {
    if (pclsid == nullptr) {
        return E_POINTER;
    }
    *pclsid = CLSID{};
    if (lpsz == nullptr) {
        return E_POINTER;
    }
    const OLECHAR pattern[] = L"{00000000-0000-0000-0000-000000000000}";
    for (int i = 0; i <= k_length; ++i) {
        const bool fits = is_punctuation(i) || i == k_length ? lpsz[i] == pattern[i] : digit(lpsz[i]) >= 0;
        if (!fits) { // also where the text ends early, so nothing after its end is read
            return CO_E_CLASSSTRING;
        }
    }
    std::array<std::uint8_t, 16> b{};
    for (std::size_t i = 0; i < b.size(); ++i) {
        b.at(i) =
            static_cast<std::uint8_t>(digit(lpsz[k_places.at(i)]) * 16 + digit(lpsz[k_places.at(i) + 1]));
    }
    pclsid->Data1 = static_cast<std::uint32_t>(b[0]) << 24U | static_cast<std::uint32_t>(b[1]) << 16U |
                    static_cast<std::uint32_t>(b[2]) << 8U | b[3];
    pclsid->Data2 = static_cast<std::uint16_t>(b[4] << 8U | b[5]);
    pclsid->Data3 = static_cast<std::uint16_t>(b[6] << 8U | b[7]);
    std::copy(b.begin() + 8, b.end(), std::begin(pclsid->Data4));
    return S_OK;
}
}
