#include "byte_buffer.hpp"
#include "card_session.hpp"
#include "guard.hpp"
#include "scard_provider.hpp"
#include "secret.hpp"

#include <utility>

namespace cardlatch::iscard {

namespace {

using iso7816::Ins;

constexpr std::size_t k_max_code = 255;
constexpr BYTE k_local = 0x80; // P2 bit 8: specific reference data. Source: ISO/IEC 7816-4 §11.5, P2
constexpr LONG k_known_flags =
    SC_FL_IHV_GLOBAL | SC_FL_IHV_LOCAL | SC_FL_IHV_ENABLE | SC_FL_IHV_DISABLE | SC_FL_SECURE_MESSAGING;

/// P2 for a reference and its flags; E_INVALIDARG for those that make no sense.
HRESULT reference_of(SCARD_FLAGS flags, LONG reference, BYTE& p2) {
    if ((flags & ~k_known_flags) != 0 || reference < 0 || reference > 0xFF ||
        ((flags & SC_FL_IHV_GLOBAL) != 0 && ((flags & SC_FL_IHV_LOCAL) != 0 || reference >= k_local))) {
        return E_INVALIDARG;
    }
    if ((flags & SC_FL_SECURE_MESSAGING) != 0) {
        return hresult_of(pcsc::Errc::windows_unsupported_feature);
    }
    p2 = static_cast<BYTE>(reference | ((flags & SC_FL_IHV_LOCAL) != 0 ? k_local : 0));
    return S_OK;
}

/// A code out of its buffer; nothing for NULL.
HRESULT code_of(LPBYTEBUFFER buffer, Secret& out) {
    return buffer == nullptr ? S_OK : take_bytes(buffer, k_max_code, out.bytes);
}

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardVerify final : public DispatchObject<SCardVerify, ISCardVerify, IID_ISCardVerify> {
  public:
    explicit SCardVerify(CardSession session)
        : session_(std::move(session)) {}

    HRESULT STDMETHODCALLTYPE ChangeCode(LPBYTEBUFFER pOldCode, LPBYTEBUFFER pNewCode, SCARD_FLAGS Flags,
                                         LONG lRef) noexcept override {
        const bool enable = (Flags & SC_FL_IHV_ENABLE) != 0;
        const bool disable = (Flags & SC_FL_IHV_DISABLE) != 0;
        if (enable && disable) {
            return E_INVALIDARG;
        }
        if (enable || disable) {
            // Switching a code on or off takes the present one; there is no new one.
            return pNewCode != nullptr ? E_INVALIDARG
                                       : two_codes(enable ? Ins::enable_verification_requirement
                                                          : Ins::disable_verification_requirement,
                                                   0x00, pOldCode, nullptr, Flags, lRef);
        }
        if (pNewCode == nullptr) {
            return E_POINTER;
        }
        // P1 01: the new code alone, where the card asks for no old one.
        return two_codes(Ins::change_reference_data, pOldCode == nullptr ? 0x01 : 0x00, pOldCode, pNewCode,
                         Flags, lRef);
    }

    HRESULT STDMETHODCALLTYPE ResetSecurityState() noexcept override {
        return session_.card().ReAttach(SHARED, RESET);
    }

    HRESULT STDMETHODCALLTYPE Unblock(LPBYTEBUFFER pUnblockCode, LPBYTEBUFFER pNewCode, SCARD_FLAGS Flags,
                                      LONG lRef) noexcept override {
        // P1 by what is given: 00 both, 01 the unblocking code, 02 the new code, 03 nothing. ISO/IEC 7816-4
        // §11.5.10
        const int p1 = (pUnblockCode == nullptr ? 2 : 0) + (pNewCode == nullptr ? 1 : 0);
        return two_codes(Ins::reset_retry_counter, static_cast<BYTE>(p1), pUnblockCode, pNewCode, Flags,
                         lRef);
    }

    HRESULT STDMETHODCALLTYPE Verify(LPBYTEBUFFER pCode, SCARD_FLAGS Flags, LONG lRef) noexcept override {
        return two_codes(Ins::verify, 0x00, pCode, nullptr, Flags, lRef);
    }

  private:
    HRESULT two_codes(Ins ins, BYTE p1, LPBYTEBUFFER first, LPBYTEBUFFER second, SCARD_FLAGS flags,
                      LONG reference) noexcept {
        return guard([&]() -> HRESULT {
            BYTE p2 = 0;
            Secret code;
            Secret more;
            auto hr = reference_of(flags, reference, p2);
            if (SUCCEEDED(hr)) {
                hr = code_of(first, code);
            }
            if (SUCCEEDED(hr)) {
                hr = code_of(second, more);
            }
            return FAILED(hr) ? hr : session_.present(static_cast<BYTE>(ins), p1, p2, code.bytes, more.bytes);
        });
    }

    const CardSession session_;
};

} // namespace

ComPtr<ISCardVerify> new_scard_verify(const CardSession& session) {
    return ComPtr<ISCardVerify>(new SCardVerify(session));
}

} // namespace cardlatch::iscard
