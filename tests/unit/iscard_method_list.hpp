#pragma once

#include "iscard_support.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

// Every method of the family, with what the headers' comments say of it.

/// One parameter in a call that is to fail: an output that holds something, everything else 0 or NULL.
template <class T>
struct Filled {
    T value{};
    T pass(char /*direction*/) { return value; }
    int finish(char /*direction*/, bool /*failed*/) { return 0; }
};
template <class T>
requires(!std::is_base_of_v<IUnknown, T>) struct Filled<T*> {
    alignas(T) std::array<unsigned char, sizeof(T)> bytes{};
    T* pass(char direction) {
        if (direction != 'o' && direction != 'r') {
            return nullptr;
        }
        bytes.fill(0xA5);
        return reinterpret_cast<T*>(bytes.data());
    }
    /// 1 when the call failed and left something in the output.
    int finish(char direction, bool failed) {
        if (direction != 'o' && direction != 'r') {
            return 0;
        }
        if (failed) {
            return std::any_of(bytes.begin(), bytes.end(), [](unsigned char left) { return left != 0; }) ? 1
                                                                                                         : 0;
        }
        T value{};
        std::memcpy(static_cast<void*>(&value), bytes.data(), sizeof(value));
        if constexpr (std::is_same_v<T, BSTR>) {
            SysFreeString(value);
        } else if constexpr (std::is_same_v<T, LPSAFEARRAY>) {
            SafeArrayDestroy(value);
        } else if constexpr (std::is_pointer_v<T>) {
            if constexpr (std::is_base_of_v<IUnknown, std::remove_pointer_t<T>>) {
                if (value != nullptr) {
                    value->Release();
                }
            } else {
                CoTaskMemFree(value);
            }
        }
        return 0;
    }
};

struct Method {
    const char* name;
    const IID* iid;
    const char* directions;
    bool says_pointer; ///< E_POINTER is among its documented codes
    const char* codes; ///< all of them, in hexadecimal
    HRESULT (*with_nulls)(IUnknown*);
    int (*with_outputs)(IUnknown*, const Method&, std::size_t omitted);

    /// The reference has this code for the method.
    [[nodiscard]] bool returns(HRESULT hr) const {
        std::istringstream in(codes);
        for (std::string code; in >> code;) {
            if (static_cast<HRESULT>(std::stoul(code, nullptr, 16)) == hr) {
                return true;
            }
        }
        return false;
    }
};

template <auto method>
struct Caller;
template <class Interface, class... Parameters, HRESULT (STDMETHODCALLTYPE Interface::*method)(Parameters...)>
struct Caller<method> {
    static HRESULT with_nulls(IUnknown* object) {
        return (static_cast<Interface*>(object)->*method)(Parameters{}...);
    }
    /// How many outputs were left as they were by a call that failed; one more when the result is none of the
    /// documented ones. Output number `omitted`, if there is one, is NULL.
    static int with_outputs(IUnknown* object, const Method& about, std::size_t omitted) {
        return with_outputs(object, about, omitted, std::index_sequence_for<Parameters...>{});
    }

  private:
    template <std::size_t... k_index>
    static int with_outputs(IUnknown* object, const Method& about, [[maybe_unused]] std::size_t omitted,
                            std::index_sequence<k_index...> /*indices*/) {
        std::tuple<Filled<Parameters>...> filled;
        // A NULL is passed as if the parameter were no output.
        [[maybe_unused]] const auto direction = [&](std::size_t index) {
            return index == omitted ? 'i' : about.directions[index];
        };
        const auto hr =
            (static_cast<Interface*>(object)->*method)(std::get<k_index>(filled).pass(direction(k_index))...);
        return (about.returns(hr) ? 0 : 1) +
               (0 + ... + std::get<k_index>(filled).finish(direction(k_index), FAILED(hr)));
    }
};

inline const Method k_methods[] = {
#define METHOD(interface_, method_, directions_, says_pointer_, codes_)                                      \
    {#interface_ "." #method_,                                                                               \
     &IID_##interface_,                                                                                      \
     directions_,                                                                                            \
     says_pointer_,                                                                                          \
     codes_,                                                                                                 \
     &Caller<&interface_::method_>::with_nulls,                                                              \
     &Caller<&interface_::method_>::with_outputs},
#include "iscard_methods.inc"
#undef METHOD
};
