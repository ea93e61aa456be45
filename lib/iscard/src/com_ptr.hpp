#pragma once

#include <cardlatch/iscard/com.h>

#include <utility>

namespace cardlatch::iscard {

/// Owns one reference.
template <class T>
class ComPtr {
  public:
    ComPtr() noexcept = default;
    /// Takes over a reference.
    explicit ComPtr(T* adopted) noexcept
        : pointer_(adopted) {}
    ComPtr(const ComPtr& other) noexcept
        : pointer_(other.pointer_) {
        if (pointer_ != nullptr) {
            pointer_->AddRef();
        }
    }
    ComPtr(ComPtr&& other) noexcept
        : pointer_(std::exchange(other.pointer_, nullptr)) {}
    ComPtr& operator=(ComPtr other) noexcept {
        std::swap(pointer_, other.pointer_);
        return *this;
    }
    ~ComPtr() {
        if (pointer_ != nullptr) {
            pointer_->Release();
        }
    }

    /// Adds a reference to somebody else's.
    static ComPtr share(T* borrowed) noexcept {
        if (borrowed != nullptr) {
            borrowed->AddRef();
        }
        return ComPtr(borrowed);
    }

    [[nodiscard]] T* get() const noexcept { return pointer_; }
    T* operator->() const noexcept { return pointer_; }
    explicit operator bool() const noexcept { return pointer_ != nullptr; }
    /// Gives the reference away.
    [[nodiscard]] T* detach() noexcept { return std::exchange(pointer_, nullptr); }
    /// For functions that store a new reference; whatever was held is released.
    T** receive() noexcept {
        *this = ComPtr();
        return &pointer_;
    }

  private:
    T* pointer_ = nullptr;
};

} // namespace cardlatch::iscard
