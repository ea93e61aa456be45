#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/scardssp.h>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <initializer_list>
#include <string>

/// Owns one reference in a test.
template <class T>
class Ref {
  public:
    explicit Ref(T* pointer = nullptr)
        : pointer_(pointer) {}
    Ref(const Ref&) = delete;
    Ref& operator=(const Ref&) = delete;
    ~Ref() { reset(); }
    T* operator->() const { return pointer_; }
    [[nodiscard]] T* get() const { return pointer_; }
    T** out() {
        reset();
        return &pointer_;
    }
    void reset() {
        if (pointer_ != nullptr) {
            pointer_->Release();
        }
        pointer_ = nullptr;
    }

  private:
    T* pointer_;
};

#ifdef _WIN32
/// The unit tests bring the classes with them, while COM would ask the registry for somebody else's.
inline HRESULT create_instance(REFCLSID clsid, IUnknown* outer, DWORD context, REFIID iid, void** out) {
    if (out == nullptr) {
        return E_POINTER;
    }
    *out = nullptr;
    void* factory = nullptr;
    if ((context & CLSCTX_INPROC_SERVER) == 0 ||
        FAILED(DllGetClassObject(clsid, IID_IClassFactory, &factory))) {
        return REGDB_E_CLASSNOTREG;
    }
    auto* const maker = static_cast<IClassFactory*>(factory);
    const auto hr = maker->CreateInstance(outer, iid, out);
    maker->Release();
    return hr;
}
#define CoCreateInstance create_instance
#endif

/// Sets an environment variable; NULL removes it.
inline void set_environment(const char* name, const char* value) {
#ifdef _WIN32
    ::_putenv_s(name, value == nullptr ? "" : value);
#else
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
#endif
}

/// CoInitialize for a test's lifetime.
struct Com {
    Com() { CoInitialize(nullptr); }
    ~Com() { CoUninitialize(); }
};

template <class T>
T* create(REFCLSID clsid, REFIID iid) {
    void* object = nullptr;
    BOOST_REQUIRE_EQUAL(CoCreateInstance(clsid, nullptr, CLSCTX_ALL, iid, &object), S_OK);
    return static_cast<T*>(object);
}

/// A BSTR.
struct Text {
    explicit Text(const wchar_t* text)
        : value(SysAllocString(text)) {}
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;
    ~Text() { SysFreeString(value); }
    BSTR value;
};

inline IByteBuffer* new_buffer() {
    return create<IByteBuffer>(CLSID_CByteBuffer, IID_IByteBuffer);
}

/// A buffer that holds the bytes of a hexadecimal text.
inline IByteBuffer* buffer_of(const std::string& hex) {
    auto bytes = cardlatch::from_hex(hex).value();
    auto* const buffer = new_buffer();
    BOOST_REQUIRE_EQUAL(buffer->Initialize(static_cast<LONG>(bytes.size()), bytes.data()), S_OK);
    return buffer;
}

/// What can be read from where the buffer stands, in hexadecimal.
inline std::string rest_of(IByteBuffer* buffer) {
    cardlatch::Bytes bytes(70000);
    LONG count = 0;
    BOOST_REQUIRE_EQUAL(buffer->Read(bytes.data(), static_cast<LONG>(bytes.size()), &count), S_OK);
    return cardlatch::to_hex(cardlatch::ByteView(bytes).first(static_cast<std::size_t>(count)));
}

inline LONG size_of(IByteBuffer* buffer) {
    STATSTRUCT stat{};
    BOOST_REQUIRE_EQUAL(buffer->Stat(&stat, STATFLAG_NONAME), S_OK);
    return stat.cbSize;
}
