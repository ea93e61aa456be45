#pragma once

#include "com_ptr.hpp"

#include <mutex>
#include <objidl.h>

namespace cardlatch::iscard {

/// The system's free-threaded marshaler, made when COM first asks an object for it: a pointer that is handed
/// to another apartment is then the object itself, which is thread-safe, and no proxy.
class FreeThreaded {
  public:
    HRESULT query(IUnknown* object, void** out) noexcept {
        const std::lock_guard guard(mutex_);
        if (!inner_) {
            if (const auto hr = ::CoCreateFreeThreadedMarshaler(object, inner_.receive()); FAILED(hr)) {
                return hr;
            }
        }
        return inner_->QueryInterface(IID_IMarshal, out);
    }

  private:
    std::mutex mutex_;
    ComPtr<IUnknown> inner_; ///< without a count of the object's: the marshaler is aggregated
};

} // namespace cardlatch::iscard
