#include "scard_iso7816.hpp"

#include "byte_buffer.hpp"
#include "guard.hpp"
#include "limits.hpp"
#include "scard_cmd.hpp"

#include <cardlatch/iso7816/apdu.hpp>

#include <atomic>
#include <optional>

namespace cardlatch::iscard {

namespace {

using iso7816::Ins;

/// P2 of SELECT, bits 4 and 3: no response data. Source: ISO/IEC 7816-4 §11.2.2, coding of P2.
constexpr BYTE k_no_response = 0x0C;

/// What one method puts into its command.
struct Recipe {
    Ins ins{};
    BYTE p1 = 0;
    BYTE p2 = 0;
    LPBYTEBUFFER data = nullptr;
    std::optional<LONG> le{}; ///< absent: no Le field; 0: as much as there is
};

HRESULT size_of(LPBYTEBUFFER buffer, LONG& out) {
    STATSTRUCT stat{};
    const auto hr = buffer->Stat(&stat, STATFLAG_NONAME);
    out = stat.cbSize;
    return hr;
}

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardISO7816 final : public DispatchObject<SCardISO7816, ISCardISO7816, IID_ISCardISO7816> {
  public:
    HRESULT STDMETHODCALLTYPE AppendRecord(BYTE byRefCtrl, LPBYTEBUFFER pData,
                                           LPSCARDCMD* ppCmd) noexcept override {
        return build_with_data({.ins = Ins::append_record, .p2 = byRefCtrl, .data = pData}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE EraseBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                          LPSCARDCMD* ppCmd) noexcept override {
        return build({.ins = Ins::erase_binary, .p1 = byP1, .p2 = byP2, .data = pData}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE ExternalAuthenticate(BYTE byAlgorithmRef, BYTE bySecretRef,
                                                   LPBYTEBUFFER pChallenge,
                                                   LPSCARDCMD* ppCmd) noexcept override {
        return build(
            {.ins = Ins::external_authenticate, .p1 = byAlgorithmRef, .p2 = bySecretRef, .data = pChallenge},
            ppCmd);
    }
    HRESULT STDMETHODCALLTYPE GetChallenge(LONG lBytesExpected, LPSCARDCMD* ppCmd) noexcept override {
        return build({.ins = Ins::get_challenge, .le = lBytesExpected}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE GetData(BYTE byP1, BYTE byP2, LONG lBytesToGet,
                                      LPSCARDCMD* ppCmd) noexcept override {
        return build({.ins = Ins::get_data, .p1 = byP1, .p2 = byP2, .le = lBytesToGet}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE GetResponse(BYTE byP1, BYTE byP2, LONG lDataLength,
                                          LPSCARDCMD* ppCmd) noexcept override {
        return build({.ins = Ins::get_response, .p1 = byP1, .p2 = byP2, .le = lDataLength}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE InternalAuthenticate(BYTE byAlgorithmRef, BYTE bySecretRef,
                                                   LPBYTEBUFFER pChallenge, LONG lReplyBytes,
                                                   LPSCARDCMD* ppCmd) noexcept override {
        return build_with_data({.ins = Ins::internal_authenticate,
                                .p1 = byAlgorithmRef,
                                .p2 = bySecretRef,
                                .data = pChallenge,
                                .le = lReplyBytes},
                               ppCmd);
    }
    HRESULT STDMETHODCALLTYPE ManageChannel(BYTE byChannelState, BYTE byChannel,
                                            LPSCARDCMD* ppCmd) noexcept override {
        Recipe recipe{.ins = Ins::manage_channel, .p1 = byChannelState, .p2 = byChannel};
        if (byChannelState == 0 && byChannel == 0) {
            recipe.le = 1; // the number that the card assigns
        }
        return build(recipe, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE PutData(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                      LPSCARDCMD* ppCmd) noexcept override {
        return build_with_data({.ins = Ins::put_data, .p1 = byP1, .p2 = byP2, .data = pData}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE ReadBinary(BYTE byP1, BYTE byP2, LONG lBytesToRead,
                                         LPSCARDCMD* ppCmd) noexcept override {
        return build({.ins = Ins::read_binary, .p1 = byP1, .p2 = byP2, .le = lBytesToRead}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE ReadRecord(BYTE byRecordId, BYTE byRefCtrl, LONG lBytesToRead,
                                         LPSCARDCMD* ppCmd) noexcept override {
        return build({.ins = Ins::read_record, .p1 = byRecordId, .p2 = byRefCtrl, .le = lBytesToRead}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE SelectFile(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData, LONG lBytesToRead,
                                         LPSCARDCMD* ppCmd) noexcept override {
        Recipe recipe{.ins = Ins::select, .p1 = byP1, .p2 = byP2, .data = pData, .le = lBytesToRead};
        if (lBytesToRead == 0 && (byP2 & k_no_response) == k_no_response) {
            recipe.le.reset();
        }
        return build(recipe, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE SetDefaultClassId(BYTE byClass) noexcept override {
        class_ = byClass;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE UpdateBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                           LPSCARDCMD* ppCmd) noexcept override {
        return build_with_data({.ins = Ins::update_binary, .p1 = byP1, .p2 = byP2, .data = pData}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE UpdateRecord(BYTE byRecordId, BYTE byRefCtrl, LPBYTEBUFFER pData,
                                           LPSCARDCMD* ppCmd) noexcept override {
        return build_with_data({.ins = Ins::update_record, .p1 = byRecordId, .p2 = byRefCtrl, .data = pData},
                               ppCmd);
    }
    HRESULT STDMETHODCALLTYPE Verify(BYTE byRefCtrl, LPBYTEBUFFER pData,
                                     LPSCARDCMD* ppCmd) noexcept override {
        return build({.ins = Ins::verify, .p2 = byRefCtrl, .data = pData}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE WriteBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                          LPSCARDCMD* ppCmd) noexcept override {
        return build_with_data({.ins = Ins::write_binary, .p1 = byP1, .p2 = byP2, .data = pData}, ppCmd);
    }
    HRESULT STDMETHODCALLTYPE WriteRecord(BYTE byRecordId, BYTE byRefCtrl, LPBYTEBUFFER pData,
                                          LPSCARDCMD* ppCmd) noexcept override {
        return build_with_data({.ins = Ins::write_record, .p1 = byRecordId, .p2 = byRefCtrl, .data = pData},
                               ppCmd);
    }

  private:
    /// For commands that make no sense without data.
    HRESULT build_with_data(const Recipe& recipe, LPSCARDCMD* ppCmd) noexcept {
        if (ppCmd == nullptr || recipe.data == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            LONG size = 0;
            if (const auto hr = size_of(recipe.data, size); FAILED(hr)) {
                return hr;
            }
            return size > 0 ? build(recipe, ppCmd) : E_INVALIDARG;
        });
    }

    HRESULT build(const Recipe& recipe, LPSCARDCMD* ppCmd) noexcept {
        if (ppCmd == nullptr) {
            return E_POINTER;
        }
        if (recipe.le && (*recipe.le < 0 || *recipe.le > k_max_le)) {
            return E_INVALIDARG;
        }
        return guard([&]() -> HRESULT {
            const bool given = *ppCmd != nullptr;
            auto command = given ? ComPtr<ISCardCmd>::share(*ppCmd) : new_scard_cmd();
            LONG le = recipe.le.value_or(0);
            const auto hr = command->BuildCmd(class_, static_cast<BYTE>(recipe.ins), recipe.p1, recipe.p2,
                                              recipe.data, recipe.le ? &le : nullptr);
            if (SUCCEEDED(hr) && !given) {
                *ppCmd = command.detach();
            }
            return hr;
        });
    }

    std::atomic<BYTE> class_{0};
};

} // namespace

ComPtr<ISCardISO7816> new_scard_iso7816() {
    return ComPtr<ISCardISO7816>(new SCardISO7816());
}

} // namespace cardlatch::iscard
