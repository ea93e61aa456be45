#include "card_session.hpp"
#include "guard.hpp"
#include "scard.hpp"
#include "scard_provider.hpp"
#include "text.hpp"

namespace cardlatch::iscard {

namespace {

/// The standard name for which no interface exists here.
constexpr const char* k_crypto_provider = "CryptoProvider";

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardManage final : public DispatchObject<SCardManage, ISCardManage, IID_ISCardManage> {
  public:
    explicit SCardManage(ComPtr<ISCard> card)
        : session_(std::move(card)) {}

    HRESULT STDMETHODCALLTYPE AttachByHandle(HSCARD hICC) noexcept override {
        return session_.card().AttachByHandle(hICC);
    }
    HRESULT STDMETHODCALLTYPE AttachByIFD(BSTR bstrIFDName) noexcept override {
        return session_.card().AttachByReader(bstrIFDName, SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1));
    }
    HRESULT STDMETHODCALLTYPE CreateCardAuth(ISCardAuth** ppISCardAuth) noexcept override {
        return create(ppISCardAuth, &new_scard_auth);
    }
    HRESULT STDMETHODCALLTYPE CreateCHVerification(ISCardVerify** ppISCardVerify) noexcept override {
        return create(ppISCardVerify, &new_scard_verify);
    }
    HRESULT STDMETHODCALLTYPE CreateFileAccess(ISCardFileAccess** ppISCardFileAccess) noexcept override {
        return create(ppISCardFileAccess, &new_scard_file_access);
    }

    HRESULT STDMETHODCALLTYPE CreateInterface(LPGUID pguidInterface, BSTR bstrName, LONG* /*pUserData*/,
                                              LPUNKNOWN* ppInterface) noexcept override {
        if (ppInterface == nullptr) {
            return E_POINTER;
        }
        *ppInterface = nullptr;
        if (pguidInterface == nullptr && SysStringLen(bstrName) == 0) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            const auto name = to_utf8(bstrName);
            const auto wanted = [&](const IID& iid, const char* called) {
                return pguidInterface != nullptr ? *pguidInterface == iid : name == called;
            };
            if (wanted(IID_ISCardAuth, "CardAuth")) {
                *ppInterface = new_scard_auth(session_).detach();
            } else if (wanted(IID_ISCardVerify, "CHVerification")) {
                *ppInterface = new_scard_verify(session_).detach();
            } else if (wanted(IID_ISCardFileAccess, "FileAccess")) {
                *ppInterface = new_scard_file_access(session_).detach();
            } else if (pguidInterface == nullptr && name == k_crypto_provider) {
                return hresult_of(pcsc::Errc::windows_unsupported_feature);
            } else {
                return E_INVALIDARG;
            }
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE Detach() noexcept override { return session_.card().Detach(LEAVE); }
    HRESULT STDMETHODCALLTYPE Reconnect() noexcept override {
        return session_.card().ReAttach(SHARED, LEAVE);
    }
    HRESULT STDMETHODCALLTYPE SCardLock() noexcept override { return session_.card().LockSCard(); }
    HRESULT STDMETHODCALLTYPE SCardUnlock(SCARD_DISPOSITIONS Disposition) noexcept override {
        return session_.card().UnlockSCard(Disposition);
    }

    HRESULT STDMETHODCALLTYPE Status(SCARD_STATES* pStatus, SCARD_PROTOCOLS* pProtocols) noexcept override {
        if (pStatus != nullptr) {
            *pStatus = SCARD_STATES{};
        }
        if (pProtocols != nullptr) {
            *pProtocols = SCARD_PROTOCOLS{};
        }
        if (pStatus == nullptr || pProtocols == nullptr) {
            return E_POINTER;
        }
        SCARD_STATES status{};
        auto hr = session_.card().get_Status(&status);
        if (SUCCEEDED(hr)) {
            hr = session_.card().get_Protocol(pProtocols);
        }
        *pStatus = SUCCEEDED(hr) ? status : SCARD_STATES{};
        return hr;
    }

  private:
    template <class Interface>
    HRESULT create(Interface** out, ComPtr<Interface> (*make)(const CardSession&)) noexcept {
        if (out == nullptr) {
            return E_POINTER;
        }
        *out = nullptr;
        return guard([&]() -> HRESULT {
            *out = make(session_).detach();
            return S_OK;
        });
    }

    const CardSession session_;
};

} // namespace

Result<ComPtr<ISCardManage>> new_scard_manage() {
    BOOST_OUTCOME_TRY(auto card, new_scard());
    return ComPtr<ISCardManage>(new SCardManage(std::move(card)));
}

} // namespace cardlatch::iscard
