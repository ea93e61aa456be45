#include "safe_array.hpp"

#include "text.hpp"

#include <algorithm>

namespace cardlatch::iscard {

namespace {

/// The array's elements while this lives; none when it is not a vector of `vt`.
template <class T>
class Elements {
  public:
    Elements(LPSAFEARRAY array, VARTYPE vt) {
        VARTYPE found = VT_EMPTY;
        LONG low = 0;
        LONG high = -1;
        void* data = nullptr;
        if (SafeArrayGetDim(array) == 1 && SUCCEEDED(SafeArrayGetVartype(array, &found)) && found == vt &&
            SUCCEEDED(SafeArrayGetLBound(array, 1, &low)) && SUCCEEDED(SafeArrayGetUBound(array, 1, &high)) &&
            SUCCEEDED(SafeArrayAccessData(array, &data))) {
            array_ = array;
            elements_ = {static_cast<T*>(data), static_cast<std::size_t>(high - low + 1)};
        }
    }
    Elements(const Elements&) = delete;
    Elements& operator=(const Elements&) = delete;
    ~Elements() {
        if (array_ != nullptr) {
            SafeArrayUnaccessData(array_);
        }
    }
    explicit operator bool() const { return array_ != nullptr; }
    [[nodiscard]] std::span<T> get() const { return elements_; }

  private:
    LPSAFEARRAY array_ = nullptr;
    std::span<T> elements_;
};

} // namespace

HRESULT give_byte_array(ByteView bytes, LPSAFEARRAY* out) {
    auto* const array = SafeArrayCreateVector(VT_UI1, 0, static_cast<ULONG>(bytes.size()));
    if (array == nullptr) {
        return E_OUTOFMEMORY;
    }
    std::copy(bytes.begin(), bytes.end(), static_cast<BYTE*>(array->pvData));
    *out = array;
    return S_OK;
}

HRESULT take_byte_array(LPSAFEARRAY array, Bytes& out) {
    const Elements<BYTE> elements(array, VT_UI1);
    if (!elements) {
        return E_INVALIDARG;
    }
    out.assign(elements.get().begin(), elements.get().end());
    return S_OK;
}

HRESULT give_strings(const std::vector<std::string>& texts, LPSAFEARRAY* out) {
    auto* const array = SafeArrayCreateVector(VT_BSTR, 0, static_cast<ULONG>(texts.size()));
    if (array == nullptr) {
        return E_OUTOFMEMORY;
    }
    try {
        std::transform(texts.begin(), texts.end(), static_cast<BSTR*>(array->pvData),
                       [](const std::string& text) { return to_bstr(text); });
    } catch (...) {
        SafeArrayDestroy(array);
        throw;
    }
    *out = array;
    return S_OK;
}

HRESULT take_strings(LPSAFEARRAY array, std::vector<std::string>& out) {
    const Elements<BSTR> elements(array, VT_BSTR);
    if (!elements) {
        return E_INVALIDARG;
    }
    for (auto* const element : elements.get()) {
        auto text = to_utf8(element);
        if (!text) {
            return E_INVALIDARG;
        }
        out.push_back(*std::move(text));
    }
    return S_OK;
}

} // namespace cardlatch::iscard
