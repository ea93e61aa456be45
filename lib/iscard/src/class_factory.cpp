#include "byte_buffer.hpp"
#include "guard.hpp"
#include "scard.hpp"
#include "scard_cmd.hpp"
#include "scard_database.hpp"
#include "scard_iso7816.hpp"
#include "scard_locate.hpp"
#include "scard_provider.hpp"
#include "scard_type_conv.hpp"

#include <cardlatch/scardssp.h>

#include <algorithm>

namespace cardlatch::iscard {

namespace {

/// Makes an object and asks it for `riid`, which stores the caller's reference.
using Make = HRESULT (*)(REFIID riid, void** out);

template <auto make>
HRESULT made(REFIID riid, void** out) {
    return make()->QueryInterface(riid, out);
}

template <auto make>
HRESULT made_or_failed(REFIID riid, void** out) {
    const auto object = make();
    return object ? object.value()->QueryInterface(riid, out) : hresult_of(object.error());
}

struct Class {
    const CLSID* clsid;
    Make make;
};
const Class k_classes[] = {
    {&CLSID_CSCard, &made_or_failed<&new_scard>},
    {&CLSID_CSCardCmd, &made<&new_scard_cmd>},
    {&CLSID_CByteBuffer, &made<&new_byte_buffer>},
    {&CLSID_CSCardISO7816, &made<&new_scard_iso7816>},
    {&CLSID_CSCardTypeConv, &made<&new_scard_type_conv>},
    {&CLSID_CSCardDatabase, &made<&new_scard_database>},
    {&CLSID_CSCardLocate, &made<&new_scard_locate>},
    {&CLSID_CSCardManage, &made_or_failed<&new_scard_manage>},
};

const Class* find_class(REFCLSID clsid) {
    const auto* const at = std::find_if(std::begin(k_classes), std::end(k_classes),
                                        [&](const Class& known) { return *known.clsid == clsid; });
    return at == std::end(k_classes) ? nullptr : at;
}

HRESULT make_object(const Class& known, IUnknown* outer, REFIID riid, void** out) noexcept {
    if (out == nullptr) {
        return E_POINTER;
    }
    *out = nullptr;
    if (outer != nullptr) {
        return CLASS_E_NOAGGREGATION;
    }
    return guard([&] { return known.make(riid, out); });
}

/// How often LockServer(TRUE) is to be undone.
std::atomic<long> g_server_locks{0};

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class ClassFactory final : public ComObject<ClassFactory, IClassFactory, IID_IClassFactory> {
  public:
    explicit ClassFactory(const Class& known)
        : class_(known) {}

    HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown* pUnkOuter, REFIID riid,
                                             void** ppvObject) noexcept override {
        return make_object(class_, pUnkOuter, riid, ppvObject);
    }

    HRESULT STDMETHODCALLTYPE LockServer(BOOL fLock) noexcept override {
        if (fLock != 0) {
            ++g_server_locks;
            return S_OK;
        }
        for (auto locks = g_server_locks.load(); locks > 0;) {
            if (g_server_locks.compare_exchange_weak(locks, locks - 1)) {
                return S_OK;
            }
        }
        return E_UNEXPECTED;
    }

  private:
    const Class& class_;
};

} // namespace

HRESULT create_object(REFCLSID clsid, REFIID iid, void** out) noexcept {
    if (out == nullptr) {
        return E_POINTER;
    }
    *out = nullptr;
    const auto* const known = find_class(clsid);
    return known == nullptr ? REGDB_E_CLASSNOTREG : make_object(*known, nullptr, iid, out);
}

} // namespace cardlatch::iscard

extern "C" {

HRESULT WINAPI DllGetClassObject(REFCLSID rclsid, REFIID riid, LPVOID* ppv) {
    using namespace cardlatch::iscard;
    if (ppv == nullptr) {
        return E_POINTER;
    }
    *ppv = nullptr;
    const auto* const known = find_class(rclsid);
    if (known == nullptr) {
        return CLASS_E_CLASSNOTAVAILABLE;
    }
    return guard([&] {
        const ComPtr<IClassFactory> factory(new ClassFactory(*known));
        return factory->QueryInterface(riid, ppv);
    });
}

HRESULT WINAPI DllCanUnloadNow() {
    using namespace cardlatch::iscard;
    return g_in_use == 0 && g_server_locks == 0 ? S_OK : S_FALSE;
}
}
