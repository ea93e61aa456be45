#pragma once

#include <cardlatch/iscard/com.h>

#include <atomic>
#include <utility>

namespace cardlatch::iscard {

/// Reference count and QueryInterface of an object with one vtable, `Interface`, which also answers to the
/// interfaces it derives from. Objects are made by make<Derived>() and delete themselves.
template <class Derived, class Interface, const IID&... k_iids>
class ComObject : public Interface {
  public:
    ComObject(const ComObject&) = delete;
    ComObject& operator=(const ComObject&) = delete;

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void** ppvObject) noexcept final {
        if (ppvObject == nullptr) {
            return E_POINTER;
        }
        *ppvObject = nullptr;
        if (riid != IID_IUnknown && ((riid != k_iids) && ...)) {
            return E_NOINTERFACE;
        }
        *ppvObject = static_cast<Interface*>(this);
        AddRef();
        return S_OK;
    }

    ULONG STDMETHODCALLTYPE AddRef() noexcept final {
        return references_.fetch_add(1, std::memory_order_relaxed) + 1;
    }

    ULONG STDMETHODCALLTYPE Release() noexcept final {
        const auto left = references_.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if (left == 0) {
            delete static_cast<Derived*>(this);
        }
        return left;
    }

  protected:
    ComObject() = default;
    ~ComObject() = default;

  private:
    std::atomic<ULONG> references_{1};
};

/// A ComObject with the IDispatch slots.
template <class Derived, class Interface, const IID& k_iid>
class DispatchObject : public ComObject<Derived, Interface, IID_IDispatch, k_iid> {
  public:
    HRESULT STDMETHODCALLTYPE GetTypeInfoCount(UINT* pctinfo) noexcept final {
        if (pctinfo == nullptr) {
            return E_POINTER;
        }
        *pctinfo = 0;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetTypeInfo(UINT /*iTInfo*/, LCID /*lcid*/,
                                          ITypeInfo** ppTInfo) noexcept final {
        if (ppTInfo == nullptr) {
            return E_POINTER;
        }
        *ppTInfo = nullptr;
        return E_NOTIMPL;
    }
    HRESULT STDMETHODCALLTYPE GetIDsOfNames(REFIID /*riid*/, LPOLESTR* /*rgszNames*/, UINT /*cNames*/,
                                            LCID /*lcid*/, DISPID* /*rgDispId*/) noexcept final {
        return E_NOTIMPL;
    }
    HRESULT STDMETHODCALLTYPE Invoke(DISPID /*dispIdMember*/, REFIID /*riid*/, LCID /*lcid*/, WORD /*wFlags*/,
                                     DISPPARAMS* /*pDispParams*/, VARIANT* /*pVarResult*/,
                                     EXCEPINFO* /*pExcepInfo*/, UINT* /*puArgErr*/) noexcept final {
        return E_NOTIMPL;
    }

  protected:
    DispatchObject() = default;
    ~DispatchObject() = default;
};

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
