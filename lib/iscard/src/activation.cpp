// COM's own activation functions, where there is no COM.

#include "com_ptr.hpp"

#include <cardlatch/iscard/com.h>

#include <atomic>

namespace {

using cardlatch::iscard::ComPtr;

/// This thread's successful CoInitialize calls and the model of the first.
struct Apartment {
    unsigned count = 0;
    bool multithreaded = false;
};
thread_local Apartment t_apartment;

/// Threads that are in the multithreaded apartment; while there are any, every thread may create objects.
std::atomic<unsigned> g_multithreaded{0};

} // namespace

extern "C" {

HRESULT WINAPI CoInitializeEx(LPVOID pvReserved, DWORD dwCoInit) {
    if (pvReserved != nullptr) {
        return E_INVALIDARG;
    }
    const bool multithreaded = (dwCoInit & COINIT_APARTMENTTHREADED) == 0;
    auto& apartment = t_apartment;
    if (apartment.count > 0 && apartment.multithreaded != multithreaded) {
        return RPC_E_CHANGED_MODE;
    }
    if (apartment.count++ > 0) {
        return S_FALSE;
    }
    apartment.multithreaded = multithreaded;
    if (multithreaded) {
        ++g_multithreaded;
    }
    return S_OK;
}

HRESULT WINAPI CoInitialize(LPVOID pvReserved) {
    return CoInitializeEx(pvReserved, COINIT_APARTMENTTHREADED);
}

void WINAPI CoUninitialize() {
    auto& apartment = t_apartment;
    if (apartment.count > 0 && --apartment.count == 0 && apartment.multithreaded) {
        --g_multithreaded;
    }
}

HRESULT WINAPI CoGetClassObject(REFCLSID rclsid, DWORD dwClsContext, LPVOID pvReserved, REFIID riid,
                                LPVOID* ppv) {
    if (ppv == nullptr) {
        return E_POINTER;
    }
    *ppv = nullptr;
    if (t_apartment.count == 0 && g_multithreaded == 0) {
        return CO_E_NOTINITIALIZED;
    }
    if (pvReserved != nullptr) {
        return E_INVALIDARG;
    }
    if ((dwClsContext & CLSCTX_INPROC_SERVER) == 0) {
        return REGDB_E_CLASSNOTREG;
    }
    const auto hr = DllGetClassObject(rclsid, riid, ppv);
    return hr == CLASS_E_CLASSNOTAVAILABLE ? REGDB_E_CLASSNOTREG : hr;
}

HRESULT WINAPI CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid,
                                LPVOID* ppv) {
    if (ppv == nullptr) {
        return E_POINTER;
    }
    *ppv = nullptr;
    void* found = nullptr;
    if (const auto hr = CoGetClassObject(rclsid, dwClsContext, nullptr, IID_IClassFactory, &found);
        FAILED(hr)) {
        return hr;
    }
    const ComPtr<IClassFactory> factory(static_cast<IClassFactory*>(found));
    return factory->CreateInstance(pUnkOuter, riid, ppv);
}
}
