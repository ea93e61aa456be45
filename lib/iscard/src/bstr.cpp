#include <cardlatch/iscard/com.h>

#include <cwchar>
#include <limits>
#include <new>

namespace {

using Prefix = std::uint32_t;

Prefix* prefix_of(BSTR string) {
    return reinterpret_cast<Prefix*>(string) - 1;
}

/// Room for the prefix, `bytes` bytes and a zero character; all zero.
BSTR allocate(std::size_t bytes) {
    static_assert(alignof(OLECHAR) <= sizeof(Prefix), "the characters follow the prefix");
    if (bytes > std::numeric_limits<Prefix>::max() - sizeof(Prefix) - sizeof(OLECHAR)) {
        return nullptr;
    }
    void* const memory = ::operator new(sizeof(Prefix) + bytes + sizeof(OLECHAR), std::nothrow);
    if (memory == nullptr) {
        return nullptr;
    }
    std::memset(memory, 0, sizeof(Prefix) + bytes + sizeof(OLECHAR));
    auto* const prefix = static_cast<Prefix*>(memory);
    *prefix = static_cast<Prefix>(bytes);
    return reinterpret_cast<BSTR>(prefix + 1);
}

} // namespace

extern "C" {

BSTR WINAPI SysAllocStringByteLen(LPCSTR psz, UINT len) {
    auto* const string = allocate(len);
    if (string != nullptr && psz != nullptr) {
        std::memcpy(string, psz, len);
    }
    return string;
}

BSTR WINAPI SysAllocStringLen(const OLECHAR* strIn, UINT ui) {
    auto* const string = allocate(std::size_t{ui} * sizeof(OLECHAR));
    if (string != nullptr && strIn != nullptr) {
        std::wmemcpy(string, strIn, ui);
    }
    return string;
}

BSTR WINAPI SysAllocString(const OLECHAR* psz) {
    if (psz == nullptr) {
        return nullptr;
    }
    const auto length = std::wcslen(psz);
    return length > std::numeric_limits<UINT>::max() ? nullptr
                                                     : SysAllocStringLen(psz, static_cast<UINT>(length));
}

INT WINAPI SysReAllocString(BSTR* pbstr, const OLECHAR* psz) {
    if (pbstr == nullptr) {
        return 0;
    }
    auto* const copy = SysAllocString(psz);
    if (copy == nullptr && psz != nullptr) {
        return 0;
    }
    SysFreeString(*pbstr);
    *pbstr = copy;
    return 1;
}

void WINAPI SysFreeString(BSTR bstrString) {
    if (bstrString != nullptr) {
        ::operator delete(prefix_of(bstrString));
    }
}

UINT WINAPI SysStringByteLen(BSTR bstr) {
    return bstr == nullptr ? 0 : *prefix_of(bstr);
}

UINT WINAPI SysStringLen(BSTR pbstr) {
    return SysStringByteLen(pbstr) / static_cast<UINT>(sizeof(OLECHAR));
}
}
