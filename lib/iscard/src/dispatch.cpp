#include "dispatch.hpp"

#include "dispatch_arguments.hpp"
#include "guard.hpp"

#include <cardlatch/pcsc/error.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cwchar>
#include <new>
#include <string>
#include <string_view>

namespace cardlatch::iscard {

namespace {

wchar_t lower(wchar_t c) {
    return c >= L'A' && c <= L'Z' ? static_cast<wchar_t>(c - L'A' + L'a') : c;
}

bool same_name(std::wstring_view a, std::wstring_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](wchar_t x, wchar_t y) { return lower(x) == lower(y); });
}

/// Follows a reference to a whole variant.
VARIANT& resolve(VARIANT& variant) {
    return variant.vt == (VT_BYREF | VT_VARIANT) && variant.pvarVal != nullptr ? *variant.pvarVal : variant;
}
const VARIANT& resolve(const VARIANT& variant) {
    return variant.vt == (VT_BYREF | VT_VARIANT) && variant.pvarVal != nullptr ? *variant.pvarVal : variant;
}

/// The text of an HRESULT as far as this library gives it a name of its own.
std::string text_of(HRESULT hr) {
    switch (hr) {
    case E_POINTER:
        return "a pointer is NULL";
    case E_INVALIDARG:
        return "an argument is not valid";
    case E_OUTOFMEMORY:
        return "no memory is left";
    case E_ACCESSDENIED:
        return "access is denied";
    case E_NOINTERFACE:
        return "no such interface";
    case E_UNEXPECTED:
        return "not possible in the object's present state";
    case E_FAIL:
        return "the card refused";
    default: {
        const auto code = static_cast<pcsc::Errc>(hr);
        const std::string_view name = pcsc::name_of(code);
        std::array<char, 16> number{};
        (void)std::snprintf(number.data(), number.size(), "0x%08X", static_cast<unsigned>(hr));
        return name == "unknown" ? number.data() : pcsc::make_error_code(code).message();
    }
    }
}

/// Without memory for the texts, the code alone.
void describe(EXCEPINFO& exception, const Table& table, const Member& member, HRESULT hr) noexcept {
    exception = EXCEPINFO{};
    exception.scode = hr;
    try {
        std::wstring source = L"Cardlatch.";
        source += table.name;
        std::wstring description = member.name;
        description += L": ";
        const auto why = text_of(hr);
        description.append(why.begin(), why.end()); // ASCII
        exception.bstrSource = SysAllocString(source.c_str());
        exception.bstrDescription = SysAllocString(description.c_str());
    } catch (const std::bad_alloc&) {
        return;
    }
}

template <class T>
HRESULT take(T value, std::int64_t& out) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
        if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max())) {
            return DISP_E_OVERFLOW;
        }
    }
    out = static_cast<std::int64_t>(value);
    return S_OK;
}

template <class T>
HRESULT put(T& to, std::int64_t value) {
    return narrow(value, to);
}

/// Stores a value of `type` in the variant itself or in the one that it refers to, with `set`.
template <class Set>
HRESULT write_own(VARIANT& to, VARTYPE type, Set&& set) noexcept {
    if ((to.vt & VT_BYREF) != 0 && to.vt != (VT_BYREF | VT_VARIANT)) {
        return DISP_E_TYPEMISMATCH;
    }
    auto& own = resolve(to);
    if (const auto hr = VariantClear(&own); FAILED(hr)) {
        return hr;
    }
    own.vt = type;
    set(own);
    return S_OK;
}

} // namespace

VARIANT* Arguments::at(std::size_t index) const {
    if (index >= parameters_.cArgs) {
        return nullptr;
    }
    auto* const argument = &parameters_.rgvarg[parameters_.cArgs - 1 - index];
    // What Visual Basic passes for an argument that was left out.
    const bool omitted = argument->vt == VT_ERROR && argument->scode == DISP_E_PARAMNOTFOUND;
    return omitted ? nullptr : argument;
}

HRESULT Arguments::blame(std::size_t index, HRESULT hr) noexcept {
    blamed_ = index < parameters_.cArgs ? static_cast<UINT>(parameters_.cArgs - 1 - index) : 0;
    return hr;
}

HRESULT read_number(const VARIANT& from, std::int64_t& out) noexcept {
    const auto& v = resolve(from);
    if ((v.vt & VT_BYREF) != 0 && v.byref == nullptr) {
        return DISP_E_TYPEMISMATCH;
    }
    switch (v.vt) {
    case VT_EMPTY:
        return take(0, out);
    case VT_UI1:
        return take(v.bVal, out);
    case VT_I2:
        return take(v.iVal, out);
    case VT_UI2:
        return take(v.uiVal, out);
    case VT_I4:
        return take(v.lVal, out);
    case VT_UI4:
        return take(v.ulVal, out);
    case VT_INT:
        return take(v.intVal, out);
    case VT_UINT:
        return take(v.uintVal, out);
    case VT_I8:
        return take(v.llVal, out);
    case VT_UI8:
        return take(v.ullVal, out);
    case VT_BOOL:
        return take(v.boolVal, out);
    case VT_BYREF | VT_UI1:
        return take(*v.pbVal, out);
    case VT_BYREF | VT_I2:
        return take(*v.piVal, out);
    case VT_BYREF | VT_UI2:
        return take(*v.puiVal, out);
    case VT_BYREF | VT_I4:
        return take(*v.plVal, out);
    case VT_BYREF | VT_UI4:
        return take(*v.pulVal, out);
    case VT_BYREF | VT_I8:
        return take(*v.pllVal, out);
    case VT_BYREF | VT_UI8:
        return take(*v.pullVal, out);
    default:
        return DISP_E_TYPEMISMATCH;
    }
}

HRESULT write_number(VARIANT& to, std::int64_t value, VARTYPE natural) noexcept {
    if ((to.vt & VT_BYREF) != 0 && to.byref == nullptr) {
        return DISP_E_TYPEMISMATCH;
    }
    switch (to.vt) {
    case VT_BYREF | VT_UI1:
        return put(*to.pbVal, value);
    case VT_BYREF | VT_I2:
        return put(*to.piVal, value);
    case VT_BYREF | VT_UI2:
        return put(*to.puiVal, value);
    case VT_BYREF | VT_I4:
        return put(*to.plVal, value);
    case VT_BYREF | VT_UI4:
        return put(*to.pulVal, value);
    case VT_BYREF | VT_I8:
        return put(*to.pllVal, value);
    case VT_BYREF | VT_UI8:
        return put(*to.pullVal, value);
    default:
        break;
    }
    auto hr = S_OK;
    const auto cleared = write_own(to, natural, [&](VARIANT& own) {
        switch (natural) {
        case VT_UI1:
            hr = put(own.bVal, value);
            break;
        case VT_UI2:
            hr = put(own.uiVal, value);
            break;
        case VT_I4:
            hr = put(own.lVal, value);
            break;
        case VT_UI4:
            hr = put(own.ulVal, value);
            break;
        default:
            own.ullVal = static_cast<ULONGLONG>(value);
            break;
        }
    });
    return FAILED(cleared) ? cleared : hr;
}

HRESULT write_object(VARIANT& to, IUnknown* value, VARTYPE natural) noexcept {
    if (to.vt == (VT_BYREF | VT_DISPATCH) || to.vt == (VT_BYREF | VT_UNKNOWN)) {
        if (to.ppunkVal == nullptr || (to.vt == (VT_BYREF | VT_DISPATCH) && natural != VT_DISPATCH)) {
            return DISP_E_TYPEMISMATCH;
        }
        auto* const old = std::exchange(*to.ppunkVal, value);
        if (old != nullptr) {
            old->Release();
        }
        return S_OK;
    }
    return write_own(to, natural, [&](VARIANT& own) { own.punkVal = value; });
}

HRESULT write_string(VARIANT& to, BSTR value) noexcept {
    if (to.vt == (VT_BYREF | VT_BSTR) && to.pbstrVal != nullptr) {
        SysFreeString(std::exchange(*to.pbstrVal, value));
        return S_OK;
    }
    return write_own(to, VT_BSTR, [&](VARIANT& own) { own.bstrVal = value; });
}

HRESULT write_array(VARIANT& to, LPSAFEARRAY value) noexcept {
    VARTYPE element = VT_EMPTY;
    if (value != nullptr) {
        if (const auto hr = SafeArrayGetVartype(value, &element); FAILED(hr)) {
            return hr;
        }
    }
    const auto type = static_cast<VARTYPE>(VT_ARRAY | element);
    if ((to.vt & VT_BYREF) != 0 && (to.vt & VT_ARRAY) != 0 && to.pparray != nullptr) {
        if (value != nullptr && to.vt != (VT_BYREF | type)) {
            return DISP_E_TYPEMISMATCH;
        }
        SafeArrayDestroy(std::exchange(*to.pparray, value));
        return S_OK;
    }
    return write_own(to, value == nullptr ? static_cast<VARTYPE>(VT_NULL) : type,
                     [&](VARIANT& own) { own.parray = value; });
}

HRESULT read_object(const VARIANT& from, IUnknown*& out) noexcept {
    const auto& v = resolve(from);
    switch (v.vt) {
    case VT_EMPTY:
    case VT_NULL:
        return S_OK;
    case VT_DISPATCH:
    case VT_UNKNOWN:
        out = v.punkVal;
        return S_OK;
    case VT_BYREF | VT_DISPATCH:
    case VT_BYREF | VT_UNKNOWN:
        out = v.ppunkVal == nullptr ? nullptr : *v.ppunkVal;
        return S_OK;
    default:
        return DISP_E_TYPEMISMATCH;
    }
}

HRESULT read_string(const VARIANT& from, BSTR& out) noexcept {
    const auto& v = resolve(from);
    if (v.vt == VT_BSTR) {
        out = v.bstrVal;
        return S_OK;
    }
    if (v.vt == (VT_BYREF | VT_BSTR) && v.pbstrVal != nullptr) {
        out = *v.pbstrVal;
        return S_OK;
    }
    return v.vt == VT_EMPTY || v.vt == VT_NULL ? S_OK : DISP_E_TYPEMISMATCH;
}

HRESULT read_array(const VARIANT& from, LPSAFEARRAY& out) noexcept {
    const auto& v = resolve(from);
    if (v.vt == VT_EMPTY || v.vt == VT_NULL) {
        return S_OK;
    }
    if ((v.vt & VT_ARRAY) == 0) {
        return DISP_E_TYPEMISMATCH;
    }
    const bool reference = (v.vt & VT_BYREF) != 0;
    if (reference && v.pparray == nullptr) {
        return DISP_E_TYPEMISMATCH;
    }
    out = reference ? *v.pparray : v.parray;
    return S_OK;
}

HRESULT dispatch_names(const Table& table, REFIID riid, LPOLESTR* names, UINT count, DISPID* ids) noexcept {
    if (names == nullptr || ids == nullptr) {
        return E_POINTER;
    }
    std::fill_n(ids, count, DISPID{DISPID_UNKNOWN});
    if (riid != IID_NULL) {
        return DISP_E_UNKNOWNINTERFACE;
    }
    if (count == 0) {
        return E_INVALIDARG;
    }
    const auto& members = table.members;
    const auto known = std::find_if(members.begin(), members.end(), [&](const Member& member) {
        return names[0] != nullptr && same_name(member.name, names[0]);
    });
    if (known != members.end()) {
        ids[0] = known->id;
    }
    // Parameters have no names here, so a second name is never known.
    return known != members.end() && count == 1 ? S_OK : DISP_E_UNKNOWNNAME;
}

HRESULT dispatch_invoke(const Table& table, void* object, DISPID id, REFIID riid, WORD flags,
                        DISPPARAMS* parameters, VARIANT* result, EXCEPINFO* exception,
                        UINT* bad_argument) noexcept {
    if (riid != IID_NULL) {
        return DISP_E_UNKNOWNINTERFACE;
    }
    if (parameters == nullptr || (parameters->cArgs > 0 && parameters->rgvarg == nullptr)) {
        return E_POINTER;
    }
    if ((flags & DISPATCH_PROPERTYPUTREF) != 0) {
        flags |= DISPATCH_PROPERTYPUT;
    }
    const auto& members = table.members;
    const auto member = std::find_if(members.begin(), members.end(), [&](const Member& candidate) {
        return candidate.id == id && (candidate.kind & flags) != 0;
    });
    if (member == members.end()) {
        return DISP_E_MEMBERNOTFOUND;
    }
    const bool put = member->kind == DISPATCH_PROPERTYPUT;
    const bool put_name = put && parameters->cNamedArgs == 1 && parameters->rgdispidNamedArgs != nullptr &&
                          parameters->rgdispidNamedArgs[0] == DISPID_PROPERTYPUT;
    if (parameters->cNamedArgs > 0 && !put_name) {
        return DISP_E_NONAMEDARGS;
    }
    const std::string_view wanted = member->parameters;
    if (parameters->cArgs > wanted.size()) {
        return DISP_E_BADPARAMCOUNT;
    }
    if (member->call == nullptr) {
        return DISP_E_BADVARTYPE; // its parameters are no automation types
    }
    if (result != nullptr) {
        VariantInit(result);
    }
    const auto called = guard([&]() -> HRESULT {
        Arguments arguments(*member, *parameters, result);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if ((wanted[i] == 'i' || wanted[i] == 'b') && arguments.at(i) == nullptr &&
                !(wanted[i] == 'b' && i + 1 == wanted.size())) {
                return DISP_E_PARAMNOTOPTIONAL;
            }
        }
        const auto hr = member->call(object, arguments);
        if (bad_argument != nullptr && (hr == DISP_E_TYPEMISMATCH || hr == DISP_E_OVERFLOW)) {
            *bad_argument = arguments.blamed();
        }
        return hr;
    });
    const bool of_the_call = HRESULT_FACILITY(called) == FACILITY_DISPATCH; // the method was not reached
    if (SUCCEEDED(called) || of_the_call || exception == nullptr) {
        return called;
    }
    describe(*exception, table, *member, called);
    return DISP_E_EXCEPTION;
}

} // namespace cardlatch::iscard
