#pragma once

#include "com_ptr.hpp"
#include "dispatch.hpp"
#include "interface_traits.hpp"

#include <cardlatch/iscard/stream.h>

#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

namespace cardlatch::iscard {

/// The arguments of one Invoke(), by position.
class Arguments {
  public:
    Arguments(const Member& member, const DISPPARAMS& parameters, VARIANT* result)
        : member_(member)
        , parameters_(parameters)
        , result_(result) {}

    /// The argument for parameter `index`, NULL when it was omitted.
    [[nodiscard]] VARIANT* at(std::size_t index) const;
    [[nodiscard]] char direction(std::size_t index) const { return member_.parameters[index]; }
    /// Where the value of an r parameter goes that was omitted; NULL when nobody asks for it.
    [[nodiscard]] VARIANT* result() const { return result_; }
    /// Notes which argument was at fault.
    HRESULT blame(std::size_t index, HRESULT hr) noexcept;
    [[nodiscard]] UINT blamed() const { return blamed_; }

  private:
    const Member& member_;
    const DISPPARAMS& parameters_;
    VARIANT* result_;
    UINT blamed_ = 0;
};

/// A whole number out of a variant of any numeric type. DISP_E_TYPEMISMATCH, DISP_E_OVERFLOW.
HRESULT read_number(const VARIANT& from, std::int64_t& out) noexcept;
/// A whole number into what a VT_BYREF variant points at, or into a variant of its own type `natural`.
HRESULT write_number(VARIANT& to, std::int64_t value, VARTYPE natural) noexcept;
/// As above for a variant or what it refers to: the type's own member. Takes over `value` when it succeeds.
HRESULT write_object(VARIANT& to, IUnknown* value, VARTYPE natural) noexcept;
HRESULT write_string(VARIANT& to, BSTR value) noexcept;
HRESULT write_array(VARIANT& to, LPSAFEARRAY value) noexcept;
/// The object in a variant, not counted; NULL for VT_EMPTY and VT_NULL.
HRESULT read_object(const VARIANT& from, IUnknown*& out) noexcept;
HRESULT read_string(const VARIANT& from, BSTR& out) noexcept;
HRESULT read_array(const VARIANT& from, LPSAFEARRAY& out) noexcept;

/// The VARTYPE in which a number of type T travels.
template <class T>
constexpr VARTYPE natural_type() {
    if constexpr (std::is_same_v<T, LONG> || std::is_enum_v<T>) {
        return VT_I4;
    } else if constexpr (sizeof(T) == 1) {
        return VT_UI1;
    } else if constexpr (sizeof(T) == 2) {
        return VT_UI2;
    } else if constexpr (sizeof(T) == 4) {
        return VT_UI4;
    } else {
        return VT_UI8;
    }
}

template <class T>
HRESULT narrow(std::int64_t value, T& out) noexcept {
    if constexpr (std::is_enum_v<T>) {
        if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
            return DISP_E_OVERFLOW;
        }
    } else if constexpr (sizeof(T) < 8) {
        if (value < static_cast<std::int64_t>(std::numeric_limits<T>::min()) ||
            value > static_cast<std::int64_t>(std::numeric_limits<T>::max())) {
            return DISP_E_OVERFLOW;
        }
    } else if constexpr (std::is_unsigned_v<T>) {
        if (value < 0) {
            return DISP_E_OVERFLOW;
        }
    }
    out = static_cast<T>(value);
    return S_OK;
}

// Every Slot has the same three members, whether its type needs its state or not.
// NOLINTBEGIN(readability-make-member-function-const,readability-convert-member-functions-to-static)

/// One parameter between its variant and its C++ type: load(), pass(), store().
template <class T>
struct Slot {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    T value{};
    HRESULT load(const VARIANT* from, char direction) noexcept {
        std::int64_t number = direction == 'u' ? 1 : 0;
        const auto hr = from == nullptr ? S_OK : read_number(*from, number);
        return FAILED(hr) ? hr : narrow(number, value);
    }
    T pass(char /*direction*/) noexcept { return value; }
    HRESULT store(VARIANT* /*to*/) noexcept { return S_OK; }
};

template <class T>
requires(std::is_integral_v<T> || std::is_enum_v<T>) struct Slot<T*> {
    T value{};
    bool given = false;
    HRESULT load(const VARIANT* from, char direction) noexcept {
        given = from != nullptr && from->vt != VT_EMPTY && from->vt != VT_NULL;
        if (!given || direction == 'o' || direction == 'r') {
            return S_OK;
        }
        std::int64_t number = 0;
        const auto hr = read_number(*from, number);
        return FAILED(hr) ? hr : narrow(number, value);
    }
    T* pass(char direction) noexcept { return direction == 'z' && !given ? nullptr : &value; }
    HRESULT store(VARIANT* to) noexcept {
        return write_number(*to, static_cast<std::int64_t>(value), natural_type<T>());
    }
};

template <>
struct Slot<BSTR> {
    BSTR value = nullptr;
    HRESULT load(const VARIANT* from, char /*direction*/) noexcept {
        return from == nullptr ? S_OK : read_string(*from, value);
    }
    BSTR pass(char /*direction*/) noexcept { return value; }
    HRESULT store(VARIANT* /*to*/) noexcept { return S_OK; }
};

template <>
struct Slot<BSTR*> {
    BSTR value = nullptr;
    Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { SysFreeString(value); }
    HRESULT load(const VARIANT* /*from*/, char /*direction*/) noexcept { return S_OK; }
    BSTR* pass(char /*direction*/) noexcept { return &value; }
    HRESULT store(VARIANT* to) noexcept {
        const auto hr = write_string(*to, value);
        value = SUCCEEDED(hr) ? nullptr : value;
        return hr;
    }
};

template <>
struct Slot<LPSAFEARRAY> {
    LPSAFEARRAY value = nullptr;
    HRESULT load(const VARIANT* from, char /*direction*/) noexcept {
        return from == nullptr ? S_OK : read_array(*from, value);
    }
    LPSAFEARRAY pass(char /*direction*/) noexcept { return value; }
    HRESULT store(VARIANT* /*to*/) noexcept { return S_OK; }
};

template <>
struct Slot<LPSAFEARRAY*> {
    LPSAFEARRAY value = nullptr;
    Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { SafeArrayDestroy(value); }
    HRESULT load(const VARIANT* /*from*/, char /*direction*/) noexcept { return S_OK; }
    LPSAFEARRAY* pass(char /*direction*/) noexcept { return &value; }
    HRESULT store(VARIANT* to) noexcept {
        const auto hr = write_array(*to, value);
        value = SUCCEEDED(hr) ? nullptr : value;
        return hr;
    }
};

template <>
struct Slot<ULARGE_INTEGER*> {
    ULARGE_INTEGER value{};
    HRESULT load(const VARIANT* /*from*/, char /*direction*/) noexcept { return S_OK; }
    ULARGE_INTEGER* pass(char /*direction*/) noexcept { return &value; }
    HRESULT store(VARIANT* to) noexcept {
        return write_number(*to, static_cast<std::int64_t>(value.QuadPart), VT_UI8);
    }
};

template <class T>
requires std::is_base_of_v<IUnknown, T>
struct Slot<T*> {
    ComPtr<T> value;
    HRESULT load(const VARIANT* from, char /*direction*/) noexcept {
        IUnknown* object = nullptr;
        const auto hr = from == nullptr ? S_OK : read_object(*from, object);
        if (FAILED(hr) || object == nullptr) {
            return hr;
        }
        void* found = nullptr;
        if (FAILED(object->QueryInterface(iid_of<T>(), &found))) {
            return DISP_E_TYPEMISMATCH;
        }
        value = ComPtr<T>(static_cast<T*>(found));
        return S_OK;
    }
    T* pass(char /*direction*/) noexcept { return value.get(); }
    HRESULT store(VARIANT* /*to*/) noexcept { return S_OK; }
};

template <class T>
requires std::is_base_of_v<IUnknown, T>
struct Slot<T**> {
    Slot<T*> object;
    T* raw = nullptr;
    Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() {
        if (raw != nullptr && raw != object.value.get()) {
            raw->Release(); // made by the method, wanted by nobody
        }
    }
    HRESULT load(const VARIANT* from, char direction) noexcept {
        return direction == 'b' ? object.load(from, direction) : S_OK;
    }
    /// What the method leaves here is a reference of ours, whether it is the one passed or a new one.
    T** pass(char /*direction*/) noexcept {
        raw = object.value.get();
        return &raw;
    }
    HRESULT store(VARIANT* to) noexcept {
        auto mine = raw == object.value.get() ? std::move(object.value) : ComPtr<T>(raw);
        raw = nullptr;
        constexpr VARTYPE natural = std::is_base_of_v<IDispatch, T> ? VT_DISPATCH : VT_UNKNOWN;
        const auto hr = write_object(*to, mine.get(), natural);
        if (SUCCEEDED(hr)) {
            (void)mine.detach();
        }
        return hr;
    }
};

// NOLINTEND(readability-make-member-function-const,readability-convert-member-functions-to-static)

namespace detail {

inline bool is_output(char direction) {
    return direction == 'b' || direction == 'o' || direction == 'r';
}

/// Where the value of parameter `index` goes; NULL when nobody asks for it. A last [in, out] argument that
/// was given by value comes back as the result.
inline VARIANT* target(Arguments& arguments, std::size_t index) {
    auto* const given = arguments.at(index);
    const auto direction = arguments.direction(index);
    if (given == nullptr) {
        return direction == 'o' ? nullptr : arguments.result();
    }
    const bool by_value = direction == 'b' && (given->vt & VT_BYREF) == 0;
    return by_value && arguments.direction(index + 1) == 0 ? arguments.result() : given;
}

} // namespace detail

/// The Member::call of a method: variants in, the method, variants out.
template <auto method>
struct Bound;

template <class Interface, class... Parameters, HRESULT (STDMETHODCALLTYPE Interface::*method)(Parameters...)>
struct Bound<method> {
    static HRESULT call(void* object, Arguments& arguments) {
        return call(static_cast<Interface*>(object), arguments, std::index_sequence_for<Parameters...>{});
    }

  private:
    template <std::size_t... k_index>
    static HRESULT call(Interface* object, [[maybe_unused]] Arguments& arguments,
                        std::index_sequence<k_index...>) {
        std::tuple<Slot<Parameters>...> slots;
        HRESULT hr = S_OK;
        const auto failed = [&](std::size_t index, HRESULT result) {
            hr = FAILED(result) ? arguments.blame(index, result) : hr;
            return FAILED(result);
        };
        const bool bad = (... || failed(k_index, std::get<k_index>(slots).load(
                                                     arguments.at(k_index), arguments.direction(k_index))));
        if (bad) {
            return hr;
        }
        hr = (object->*method)(std::get<k_index>(slots).pass(arguments.direction(k_index))...);
        [[maybe_unused]] const auto store = [&](std::size_t index, auto& slot) {
            auto* const to =
                detail::is_output(arguments.direction(index)) ? detail::target(arguments, index) : nullptr;
            return to != nullptr && failed(index, slot.store(to));
        };
        if (SUCCEEDED(hr)) {
            (void)(... || store(k_index, std::get<k_index>(slots)));
        }
        return hr;
    }
};

} // namespace cardlatch::iscard
