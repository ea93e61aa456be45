#pragma once

#include "com_ptr.hpp"
#include "dispatch.hpp"

#include <cardlatch/iscard/com.h>

#ifdef _WIN32
#include "free_threaded.hpp"
#endif

#include <atomic>
#include <utility>

namespace cardlatch::iscard {

/// What keeps the library loaded: objects that exist and locks of class factories.
inline std::atomic<long> g_in_use{0};

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
#ifdef _WIN32
        if (riid == IID_IMarshal) {
            return free_threaded_.query(this, ppvObject);
        }
#endif
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
    ComObject() noexcept {
        ++g_in_use;
    }
    ~ComObject() {
        --g_in_use;
    }

  private:
#ifdef _WIN32
    FreeThreaded free_threaded_;
#endif
    std::atomic<ULONG> references_{1};
};

/// A ComObject with the IDispatch slots, served from the table table_of<Interface>().
template <class Derived, class Interface, const IID& k_iid>
class DispatchObject : public ComObject<Derived, Interface, IID_IDispatch, k_iid> {
  public:
    HRESULT STDMETHODCALLTYPE GetTypeInfoCount(UINT* pctinfo) noexcept final {
        if (pctinfo == nullptr) {
            return E_POINTER;
        }
        *pctinfo = type_info_count();
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetTypeInfo(UINT iTInfo, LCID lcid, ITypeInfo** ppTInfo) noexcept final {
        if (ppTInfo == nullptr) {
            return E_POINTER;
        }
        *ppTInfo = nullptr;
        return type_info(table_of<Interface>(), iTInfo, lcid, ppTInfo);
    }
    HRESULT STDMETHODCALLTYPE GetIDsOfNames(REFIID riid, LPOLESTR* rgszNames, UINT cNames, LCID /*lcid*/,
                                            DISPID* rgDispId) noexcept final {
        return dispatch_names(table_of<Interface>(), riid, rgszNames, cNames, rgDispId);
    }
    HRESULT STDMETHODCALLTYPE Invoke(DISPID dispIdMember, REFIID riid, LCID /*lcid*/, WORD wFlags,
                                     DISPPARAMS* pDispParams, VARIANT* pVarResult, EXCEPINFO* pExcepInfo,
                                     UINT* puArgErr) noexcept final {
        return dispatch_invoke(table_of<Interface>(), static_cast<Interface*>(this), dispIdMember, riid,
                               wFlags, pDispParams, pVarResult, pExcepInfo, puArgErr);
    }

  protected:
    DispatchObject() = default;
    ~DispatchObject() = default;
};

} // namespace cardlatch::iscard
