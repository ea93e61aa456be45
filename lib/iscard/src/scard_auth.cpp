#include "byte_buffer.hpp"
#include "card_session.hpp"
#include "guard.hpp"
#include "limits.hpp"
#include "scard_provider.hpp"
#include "secret.hpp"

#include <utility>

namespace cardlatch::iscard {

namespace {

using iso7816::CommandApdu;
using iso7816::Ins;

/// What pParam says.
struct Key {
    BYTE reference = 0;
    BYTE ins = 0;
};

HRESULT key_of(LPBYTEBUFFER parameter, Ins usual, Key& key) {
    key.ins = static_cast<BYTE>(usual);
    if (parameter == nullptr) {
        return S_OK;
    }
    Bytes bytes;
    if (const auto hr = take_bytes(parameter, 2, bytes); FAILED(hr)) {
        return hr;
    }
    key.reference = bytes.empty() ? BYTE{0} : bytes[0];
    key.ins = bytes.size() < 2 ? key.ins : bytes[1];
    return S_OK;
}

bool is_algorithm(LONG algorithm) {
    return algorithm >= 0 && algorithm <= 0xFF;
}

/// Puts the result where the caller's buffer is, or makes one.
HRESULT give_result(Bytes bytes, LPBYTEBUFFER* buffer) {
    if (*buffer == nullptr) {
        return give_bytes(bytes, buffer);
    }
    bytes.reserve(1); // so that there is an address
    return (*buffer)->Initialize(static_cast<LONG>(bytes.size()), bytes.data());
}

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardAuth final : public DispatchObject<SCardAuth, ISCardAuth, IID_ISCardAuth> {
  public:
    explicit SCardAuth(CardSession session)
        : session_(std::move(session)) {}

    HRESULT STDMETHODCALLTYPE APP_Auth(LONG lAlgoID, LPBYTEBUFFER pParam,
                                       LPBYTEBUFFER pBuffer) noexcept override {
        return present(Ins::external_authenticate, lAlgoID, pParam, pBuffer);
    }

    HRESULT STDMETHODCALLTYPE GetChallenge(LONG lAlgoID, LONG lLengthOfChallenge, LPBYTEBUFFER pParam,
                                           LPBYTEBUFFER* pBuffer) noexcept override {
        if (pBuffer == nullptr) {
            return E_POINTER;
        }
        if (!is_algorithm(lAlgoID) || lLengthOfChallenge < 1 || lLengthOfChallenge > k_max_le) {
            return E_INVALIDARG;
        }
        return guard([&]() -> HRESULT {
            Key key;
            if (const auto hr = key_of(pParam, Ins::get_challenge, key); FAILED(hr)) {
                return hr;
            }
            // P2 is 00 for GET CHALLENGE whatever the key.
            const CommandApdu command{.cla = 0,
                                      .ins = key.ins,
                                      .p1 = static_cast<BYTE>(lAlgoID),
                                      .p2 = 0,
                                      .data = {},
                                      .ne = static_cast<std::size_t>(lLengthOfChallenge)};
            iso7816::ResponseApdu reply;
            const auto hr = session_.perform(command, reply);
            return FAILED(hr) ? hr : give_result(std::move(reply.data), pBuffer);
        });
    }

    HRESULT STDMETHODCALLTYPE ICC_Auth(LONG lAlgoID, LPBYTEBUFFER pParam,
                                       LPBYTEBUFFER* pBuffer) noexcept override {
        if (pBuffer == nullptr) {
            return E_POINTER;
        }
        if (*pBuffer == nullptr || !is_algorithm(lAlgoID)) {
            return E_INVALIDARG;
        }
        return guard([&]() -> HRESULT {
            Key key;
            Bytes data;
            auto hr = key_of(pParam, Ins::internal_authenticate, key);
            if (SUCCEEDED(hr)) {
                hr = take_bytes(*pBuffer, k_max_data, data);
            }
            if (FAILED(hr) || data.empty()) {
                return FAILED(hr) ? hr : E_INVALIDARG;
            }
            CommandApdu command{.cla = 0,
                                .ins = key.ins,
                                .p1 = static_cast<BYTE>(lAlgoID),
                                .p2 = key.reference,
                                .data = std::move(data),
                                .ne = {}};
            command.ne = command.data.size() > 255 ? 65536 : 256;
            iso7816::ResponseApdu reply;
            hr = session_.perform(command, reply);
            return FAILED(hr) ? hr : give_result(std::move(reply.data), pBuffer);
        });
    }

    HRESULT STDMETHODCALLTYPE User_Auth(LONG lAlgorID, LPBYTEBUFFER pParam,
                                        LPBYTEBUFFER pBuffer) noexcept override {
        // VERIFY has no algorithm: P1 is 00.
        return lAlgorID != 0 ? E_INVALIDARG : present(Ins::verify, lAlgorID, pParam, pBuffer);
    }

  private:
    /// Shows the card something and gets a verdict.
    HRESULT present(Ins usual, LONG algorithm, LPBYTEBUFFER parameter, LPBYTEBUFFER buffer) noexcept {
        if (buffer == nullptr) {
            return E_POINTER;
        }
        if (!is_algorithm(algorithm)) {
            return E_INVALIDARG;
        }
        return guard([&]() -> HRESULT {
            Key key;
            Secret data;
            auto hr = key_of(parameter, usual, key);
            if (SUCCEEDED(hr)) {
                hr = take_bytes(buffer, k_max_data, data.bytes);
            }
            if (FAILED(hr) || data.bytes.empty()) {
                return FAILED(hr) ? hr : E_INVALIDARG;
            }
            return session_.present(key.ins, static_cast<BYTE>(algorithm), key.reference, data.bytes);
        });
    }

    const CardSession session_;
};

} // namespace

ComPtr<ISCardAuth> new_scard_auth(const CardSession& session) {
    return ComPtr<ISCardAuth>(new SCardAuth(session));
}

} // namespace cardlatch::iscard
