#include "byte_buffer.hpp"
#include "guard.hpp"
#include "scard.hpp"
#include "scard_cmd.hpp"

#include <cardlatch/scardssp.h>

#include <atomic>

namespace {

using namespace cardlatch::iscard;

/// This thread's successful CoInitialize calls and the model of the first.
struct Apartment {
    unsigned count = 0;
    bool multithreaded = false;
};
thread_local Apartment t_apartment;

/// Threads that are in the multithreaded apartment; while there are any, every thread may create objects.
std::atomic<unsigned> g_multithreaded{0};

HRESULT hand_out(IUnknown* object, REFIID riid, LPVOID* ppv) {
    return object->QueryInterface(riid, ppv);
}

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

HRESULT WINAPI CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid,
                                LPVOID* ppv) {
    if (ppv == nullptr) {
        return E_POINTER;
    }
    *ppv = nullptr;
    if (t_apartment.count == 0 && g_multithreaded == 0) {
        return CO_E_NOTINITIALIZED;
    }
    const bool known = rclsid == CLSID_CSCard || rclsid == CLSID_CSCardCmd || rclsid == CLSID_CByteBuffer;
    if (!known || (dwClsContext & CLSCTX_INPROC_SERVER) == 0) {
        return REGDB_E_CLASSNOTREG;
    }
    if (pUnkOuter != nullptr) {
        return CLASS_E_NOAGGREGATION;
    }
    return guard([&]() -> HRESULT {
        if (rclsid == CLSID_CByteBuffer) {
            return hand_out(new_byte_buffer().get(), riid, ppv);
        }
        if (rclsid == CLSID_CSCardCmd) {
            return hand_out(new_scard_cmd().get(), riid, ppv);
        }
        const auto card = new_scard();
        return card ? hand_out(card.value().get(), riid, ppv) : hresult_of(card.error());
    });
}
}
