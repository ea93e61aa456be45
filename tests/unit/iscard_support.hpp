#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/scardssp.h>

#include <boost/test/unit_test.hpp>

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
