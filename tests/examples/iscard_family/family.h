#pragma once

// What the programs of this folder share: every call goes through CALL, which prints the method and its
// HRESULT, so that a test can tell which methods were seen to work with a card.

#include <cardlatch/scardssp.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

inline int g_failures = 0;

/// Prints one call; a result other than `expected` makes the program fail.
inline HRESULT report(const char* method, HRESULT hr, HRESULT expected = S_OK) {
    std::printf("%s %08X\n", method, static_cast<unsigned>(hr));
    if (hr != expected) {
        std::fprintf(stderr, "%s returned %08X, not %08X\n", method, static_cast<unsigned>(hr),
                     static_cast<unsigned>(expected));
        ++g_failures;
    }
    return hr;
}

#define CALL(object, interface_, method, ...) report(#interface_ "." #method, (object)->method(__VA_ARGS__))
#define CALL_EXPECT(expected, object, interface_, method, ...)                                               \
    report(#interface_ "." #method, (object)->method(__VA_ARGS__), expected)

inline void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "not as it should be: %s\n", what);
        ++g_failures;
    }
}

template <class T>
T* create(REFCLSID clsid, REFIID iid) {
    T* object = NULL;
    const HRESULT hr = CoCreateInstance(clsid, NULL, CLSCTX_ALL, iid, reinterpret_cast<LPVOID*>(&object));
    if (FAILED(hr)) {
        std::fprintf(stderr, "CoCreateInstance failed: %08X\n", static_cast<unsigned>(hr));
        std::exit(1);
    }
    return object;
}

/// A byte buffer that releases itself.
class Buffer {
  public:
    Buffer() {}
    explicit Buffer(const std::vector<BYTE>& bytes)
        : pointer_(create<IByteBuffer>(CLSID_CByteBuffer, IID_IByteBuffer)) {
        std::vector<BYTE> copy(bytes);
        pointer_->Initialize(static_cast<LONG>(copy.size()), copy.data());
    }
    explicit Buffer(const char* text)
        : Buffer(std::vector<BYTE>(text, text + std::strlen(text))) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { reset(); }
    operator LPBYTEBUFFER() const { return pointer_; }
    LPBYTEBUFFER operator->() const { return pointer_; }
    /// For methods that store a new buffer.
    LPBYTEBUFFER* out() {
        reset();
        return &pointer_;
    }
    LPBYTEBUFFER* in_out() { return &pointer_; }
    std::vector<BYTE> bytes() const {
        STATSTRUCT stat = {};
        if (pointer_ == NULL || FAILED(pointer_->Stat(&stat, STATFLAG_NONAME))) {
            return {};
        }
        std::vector<BYTE> bytes(static_cast<std::size_t>(stat.cbSize) + 1);
        LONG count = 0;
        pointer_->Seek(0, STREAM_SEEK_SET);
        pointer_->Read(bytes.data(), stat.cbSize, &count);
        bytes.resize(static_cast<std::size_t>(count));
        return bytes;
    }

  private:
    void reset() {
        if (pointer_ != NULL) {
            pointer_->Release();
        }
        pointer_ = NULL;
    }
    LPBYTEBUFFER pointer_ = NULL;
};

class Text {
  public:
    explicit Text(const char* ascii) {
        std::vector<OLECHAR> wide(ascii, ascii + std::strlen(ascii));
        text_ = SysAllocStringLen(wide.data(), static_cast<UINT>(wide.size()));
    }
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;
    ~Text() { SysFreeString(text_); }
    operator BSTR() const { return text_; }

  private:
    BSTR text_;
};
