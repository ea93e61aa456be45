#include "scard.hpp"

#include "byte_buffer.hpp"
#include "enumerations.hpp"
#include "found_cards.hpp"
#include "guard.hpp"
#include "secret.hpp"
#include "t0_exchange.hpp"
#include "text.hpp"

#include <cardlatch/iso7816/apdu.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::iscard {

namespace {

/// A card and the locks that LockSCard() took on it. The card goes first, and takes the locks along.
struct Attachment {
    explicit Attachment(pcsc::Card attached)
        : card(std::move(attached)) {}
    explicit Attachment(FoundCard found)
        : context(std::move(found.context))
        , card(std::move(found.card)) {}

    std::mutex mutex;
    std::vector<pcsc::Lock> locks;
    std::optional<pcsc::Context> context; ///< that a card of FindCard() came with
    pcsc::Card card;
};
using AttachmentPtr = std::shared_ptr<Attachment>;

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCard final : public DispatchObject<SCard, ISCard, IID_ISCard> {
  public:
    explicit SCard(pcsc::Context context)
        : context_(std::move(context)) {}

    HRESULT STDMETHODCALLTYPE get_Atr(LPBYTEBUFFER* ppAtr) noexcept override {
        if (ppAtr == nullptr) {
            return E_POINTER;
        }
        *ppAtr = nullptr;
        return with_card([&](Attachment& attached) -> HRESULT {
            const auto status = attached.card.status();
            return status ? give_bytes(status.value().atr, ppAtr) : hresult_of(status.error());
        });
    }

    HRESULT STDMETHODCALLTYPE get_CardHandle(HSCARD* pHandle) noexcept override {
        if (pHandle == nullptr) {
            return E_POINTER;
        }
        const auto attached = attachment();
        *pHandle = attached ? static_cast<HSCARD>(attached->card.native_handle()) : 0;
        return S_OK;
    }

    HRESULT STDMETHODCALLTYPE get_Context(HSCARDCONTEXT* pContext) noexcept override {
        if (pContext == nullptr) {
            return E_POINTER;
        }
        *pContext = static_cast<HSCARDCONTEXT>(context_.native_handle());
        return S_OK;
    }

    HRESULT STDMETHODCALLTYPE get_Protocol(SCARD_PROTOCOLS* pProtocol) noexcept override {
        if (pProtocol == nullptr) {
            return E_POINTER;
        }
        *pProtocol = SCARD_PROTOCOLS{};
        return with_card([&](Attachment& attached) {
            *pProtocol = protocol_face(attached.card.active_protocol());
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE get_Status(SCARD_STATES* pStatus) noexcept override {
        if (pStatus == nullptr) {
            return E_POINTER;
        }
        *pStatus = SCARD_STATES{};
        return with_card([&](Attachment& attached) { return query_status(attached, *pStatus); });
    }

    HRESULT STDMETHODCALLTYPE AttachByHandle(HSCARD hCard) noexcept override {
        return guard([&]() -> HRESULT {
            if (auto found = take_found_card(static_cast<pcsc::NativeHandle>(hCard))) {
                replace(std::make_shared<Attachment>(*std::move(found)));
                return S_OK;
            }
            auto card = pcsc::Card::adopt(context_, static_cast<pcsc::NativeHandle>(hCard));
            if (!card) {
                return card.error().code == pcsc::Errc::invalid_handle ? E_INVALIDARG
                                                                       : hresult_of(card.error());
            }
            replace(std::make_shared<Attachment>(std::move(card).value()));
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE AttachByReader(BSTR bstrReaderName, SCARD_SHARE_MODES ShareMode,
                                             SCARD_PROTOCOLS PrefProtocol) noexcept override {
        return guard([&]() -> HRESULT {
            const auto name = to_utf8(bstrReaderName);
            const auto mode = share_mode(ShareMode);
            const auto preferred = protocols(PrefProtocol);
            if (!name || name->empty() || !mode || !preferred) {
                return E_INVALIDARG;
            }
            replace(
                nullptr); // first, since an exclusive connection to the same card would shut the new one out
            auto card = context_.reader(*name).connect(*mode, *preferred);
            if (!card) {
                return hresult_of(card.error());
            }
            replace(std::make_shared<Attachment>(std::move(card).value()));
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE Detach(SCARD_DISPOSITIONS Disposition) noexcept override {
        return guard([&]() -> HRESULT {
            const auto how = disposition(Disposition);
            if (!how) {
                return E_INVALIDARG;
            }
            const auto attached = replace(nullptr);
            if (!attached) {
                return hresult_of(pcsc::Errc::invalid_handle);
            }
            return to_hresult(attached->card.disconnect(*how));
        });
    }

    HRESULT STDMETHODCALLTYPE LockSCard() noexcept override {
        return with_card([](Attachment& attached) -> HRESULT {
            auto lock = attached.card.lock(); // may wait, so without the mutex
            if (!lock) {
                return hresult_of(lock.error());
            }
            const std::lock_guard guard(attached.mutex);
            attached.locks.push_back(std::move(lock).value());
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE ReAttach(SCARD_SHARE_MODES ShareMode,
                                       SCARD_DISPOSITIONS InitState) noexcept override {
        const auto mode = share_mode(ShareMode);
        const auto how = disposition(InitState);
        if (!mode || !how) {
            return E_INVALIDARG;
        }
        return with_card([&](Attachment& attached) -> HRESULT {
            // The set must include the protocol in use, and the method does not ask for one.
            const auto preferred = attached.card.preferred_protocol() | attached.card.active_protocol();
            if (const auto done = attached.card.reconnect(*mode, preferred, *how); !done) {
                return hresult_of(done.error());
            }
            const auto dropped = attached.card.drop_locks();
            const std::lock_guard guard(attached.mutex);
            std::erase_if(attached.locks, [](const pcsc::Lock& lock) { return !lock.held(); });
            return to_hresult(dropped);
        });
    }

    HRESULT STDMETHODCALLTYPE Transaction(LPSCARDCMD* ppCmd) noexcept override {
        if (ppCmd == nullptr) {
            return E_POINTER;
        }
        if (*ppCmd == nullptr) {
            return E_INVALIDARG;
        }
        const auto command = ComPtr<ISCardCmd>::share(*ppCmd);
        return with_card([&](Attachment& attached) { return exchange(attached.card, *command.get()); });
    }

    HRESULT STDMETHODCALLTYPE UnlockSCard(SCARD_DISPOSITIONS Disposition) noexcept override {
        const auto how = disposition(Disposition);
        if (!how) {
            return E_INVALIDARG;
        }
        return with_card([&](Attachment& attached) -> HRESULT {
            std::optional<pcsc::Lock> lock;
            {
                const std::lock_guard guard(attached.mutex);
                if (attached.locks.empty()) {
                    return hresult_of(pcsc::Errc::not_transacted);
                }
                lock = std::move(attached.locks.back());
                attached.locks.pop_back();
            }
            const auto unlocked = lock->unlock(*how);
            if (lock->held()) {
                const std::lock_guard guard(attached.mutex);
                attached.locks.push_back(std::move(*lock));
            }
            return to_hresult(unlocked);
        });
    }

  private:
    AttachmentPtr attachment() const {
        const std::lock_guard lock(mutex_);
        return attachment_;
    }

    /// Attaches `next`, or nothing, and returns what was attached before.
    AttachmentPtr replace(AttachmentPtr next) {
        const std::lock_guard lock(mutex_);
        return std::exchange(attachment_, std::move(next));
    }

    /// Runs `body` with the attachment of now, which another thread's Detach() can disconnect but not destroy
    /// meanwhile.
    template <class Body>
    HRESULT with_card(Body&& body) noexcept {
        return guard([&]() -> HRESULT {
            const auto attached = attachment();
            return attached ? body(*attached) : hresult_of(pcsc::Errc::invalid_handle);
        });
    }

    /// Asks about the reader, not the card, so that neither somebody's lock nor a pending reset stands in the
    /// way.
    HRESULT query_status(const Attachment& attached, SCARD_STATES& out) const {
        const auto& reader = attached.card.reader_name();
        if (reader.empty()) {
            const auto status = attached.card.status();
            if (!status) {
                return hresult_of(status.error());
            }
            out = static_cast<SCARD_STATES>(status.value().state);
            return S_OK;
        }
        const auto state = context_.reader(reader).state();
        if (!state) {
            return hresult_of(state.error());
        }
        if (state.value().empty()) {
            out = ABSENT;
        } else if (!state.value().card_present()) {
            return hresult_of(pcsc::Errc::reader_unavailable);
        } else if (state.value().mute() || state.value().unpowered()) {
            out = SWALLOWED;
        } else {
            out = attached.card.active_protocol() == pcsc::Protocol::none ? NEGOTIABLEMODE : SPECIFICMODE;
        }
        return S_OK;
    }

    /// The command's bytes out of any implementation of ISCardCmd, and the reply into it.
    static HRESULT exchange(const pcsc::Card& card, ISCardCmd& command) {
        ComPtr<IByteBuffer> buffer;
        if (const auto hr = command.get_Apdu(buffer.receive()); FAILED(hr)) {
            return hr;
        }
        Secret apdu; // it may hold a PIN
        if (const auto hr =
                buffer ? take_bytes(buffer.get(), iso7816::k_max_command_apdu, apdu.bytes) : E_INVALIDARG;
            FAILED(hr)) {
            return hr;
        }
        BYTE nad = 0;
        if (const auto hr = command.get_Nad(&nad); FAILED(hr)) {
            return hr;
        }
        if (apdu.bytes.size() < 4) {
            return E_INVALIDARG;
        }
        if (nad != 0) {
            return hresult_of(
                pcsc::Errc::unsupported_feature); // the resource manager has no way to pass it on
        }
        // From here on, a reply that is found in the command is the reply to this transaction.
        if (const auto hr = command.put_ApduReplyLength(0); FAILED(hr)) {
            return hr;
        }
        BYTE class_id = 0;
        if (FAILED(command.get_AlternateClassId(&class_id))) {
            class_id = apdu.bytes[0];
        }
        const auto send = [&](ByteView bytes) { return card.transmit_unlocked(bytes); };
        const auto reply = card.active_protocol() == pcsc::Protocol::t0
                               ? exchange_t0(send, apdu.bytes, class_id)
                               : send(apdu.bytes);
        if (!reply) {
            return hresult_of(reply.error());
        }
        ComPtr<IByteBuffer> answer;
        if (const auto hr = give_bytes(reply.value(), answer.receive()); FAILED(hr)) {
            return hr;
        }
        return command.put_ApduReply(answer.get());
    }

    const pcsc::Context context_;
    mutable std::mutex mutex_;
    AttachmentPtr attachment_;
};

} // namespace

Result<ComPtr<ISCard>> new_scard() {
    BOOST_OUTCOME_TRY(auto context, pcsc::Context::establish());
    return ComPtr<ISCard>(new SCard(std::move(context)));
}

} // namespace cardlatch::iscard
