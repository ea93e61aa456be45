#include "scard_cmd.hpp"

#include "byte_buffer.hpp"
#include "guard.hpp"
#include "limits.hpp"
#include "secret.hpp"

#include <cardlatch/iso7816/apdu.hpp>

#include <mutex>
#include <optional>

namespace cardlatch::iscard {

namespace {

using iso7816::CommandApdu;
using iso7816::StatusWord;

struct State {
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { wipe(command.data); } // a PIN, perhaps

    void set(CommandApdu next) {
        wipe(command.data);
        command = std::move(next);
        has_command = true;
    }

    bool has_command = false; ///< false: the command buffer is empty, and `command` is all zero
    CommandApdu command;
    std::optional<Bytes> reply; ///< SW1-SW2 included
    BYTE nad = 0;
    std::optional<BYTE> reply_nad;
    std::optional<BYTE> alternate_class;

    [[nodiscard]] Bytes apdu() const { return has_command ? command.encode() : Bytes{}; }

    [[nodiscard]] StatusWord reply_status() const {
        if (!reply || reply->size() < 2) {
            return StatusWord(0);
        }
        return {(*reply)[reply->size() - 2], reply->back()};
    }
};

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardCmd final : public DispatchObject<SCardCmd, ISCardCmd, IID_ISCardCmd> {
  public:
    HRESULT STDMETHODCALLTYPE get_Apdu(LPBYTEBUFFER* ppApdu) noexcept override {
        return get_buffer(ppApdu, [](const State& state) { return state.apdu(); });
    }

    HRESULT STDMETHODCALLTYPE put_Apdu(LPBYTEBUFFER pApdu) noexcept override {
        return take(pApdu, iso7816::k_max_command_apdu, [](State& state, Bytes& bytes) -> HRESULT {
            auto command = CommandApdu::parse(bytes);
            if (!command) {
                return E_INVALIDARG;
            }
            state.set(std::move(command).value());
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE get_ApduLength(LONG* plSize) noexcept override {
        return get(plSize, [](const State& state) {
            const Secret apdu(state.apdu());
            return static_cast<LONG>(apdu.bytes.size());
        });
    }

    HRESULT STDMETHODCALLTYPE get_ApduReply(LPBYTEBUFFER* ppReplyApdu) noexcept override {
        if (ppReplyApdu == nullptr) {
            return E_POINTER;
        }
        *ppReplyApdu = nullptr;
        return locked([&](const State& state) {
            return state.reply ? give_bytes(*state.reply, ppReplyApdu)
                               : S_OK; // nothing sent yet: NULL is the answer
        });
    }

    HRESULT STDMETHODCALLTYPE put_ApduReply(LPBYTEBUFFER pReplyApdu) noexcept override {
        return take(pReplyApdu, iso7816::k_max_response_apdu, [](State& state, Bytes& bytes) {
            state.reply = std::move(bytes);
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE get_ApduReplyLength(LONG* plSize) noexcept override {
        return get(plSize, [](const State& state) {
            return state.reply ? static_cast<LONG>(state.reply->size()) : 0;
        });
    }

    HRESULT STDMETHODCALLTYPE put_ApduReplyLength(LONG lSize) noexcept override {
        if (lSize < 0 || lSize > static_cast<LONG>(iso7816::k_max_response_apdu)) {
            return E_INVALIDARG;
        }
        return locked([&](State& state) {
            auto reply = state.reply.value_or(Bytes{});
            reply.resize(static_cast<std::size_t>(lSize));
            state.reply = std::move(reply);
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE get_ClassId(BYTE* pbyClass) noexcept override {
        return get(pbyClass, [](const State& state) { return state.command.cla; });
    }
    HRESULT STDMETHODCALLTYPE put_ClassId(BYTE byClass) noexcept override {
        return put_header(&CommandApdu::cla, byClass);
    }

    HRESULT STDMETHODCALLTYPE get_Data(LPBYTEBUFFER* ppData) noexcept override {
        return get_buffer(ppData, [](const State& state) { return state.command.data; });
    }
    HRESULT STDMETHODCALLTYPE put_Data(LPBYTEBUFFER pData) noexcept override {
        return take(pData, k_max_data, [](State& state, Bytes& bytes) {
            std::swap(state.command.data, bytes); // the caller wipes what was there
            state.has_command = true;
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE get_InstructionId(BYTE* pbyIns) noexcept override {
        return get(pbyIns, [](const State& state) { return state.command.ins; });
    }
    HRESULT STDMETHODCALLTYPE put_InstructionId(BYTE byIns) noexcept override {
        return put_header(&CommandApdu::ins, byIns);
    }

    HRESULT STDMETHODCALLTYPE get_LeField(LONG* plSize) noexcept override {
        return get(plSize,
                   [](const State& state) { return static_cast<LONG>(state.command.ne.value_or(0)); });
    }

    HRESULT STDMETHODCALLTYPE get_P1(BYTE* pbyP1) noexcept override {
        return get(pbyP1, [](const State& state) { return state.command.p1; });
    }
    HRESULT STDMETHODCALLTYPE put_P1(BYTE byP1) noexcept override {
        return put_header(&CommandApdu::p1, byP1);
    }

    HRESULT STDMETHODCALLTYPE get_P2(BYTE* pbyP2) noexcept override {
        return get(pbyP2, [](const State& state) { return state.command.p2; });
    }
    HRESULT STDMETHODCALLTYPE put_P2(BYTE byP2) noexcept override {
        return put_header(&CommandApdu::p2, byP2);
    }

    HRESULT STDMETHODCALLTYPE get_P3(BYTE* pbyP3) noexcept override {
        // P3 is the byte after P2: Lc, Le where there are no data, 00 for extended lengths, nothing in
        // case 1.
        return get(pbyP3, [](const State& state) -> BYTE {
            const Secret apdu(state.apdu());
            return apdu.bytes.size() > 4 ? apdu.bytes[4] : BYTE{0};
        });
    }

    HRESULT STDMETHODCALLTYPE get_ReplyStatus(WORD* pwStatus) noexcept override {
        return get(pwStatus, [](const State& state) { return state.reply_status().value(); });
    }
    HRESULT STDMETHODCALLTYPE put_ReplyStatus(WORD wStatus) noexcept override {
        return locked([&](State& state) {
            auto reply = state.reply.value_or(Bytes{});
            reply.resize(reply.size() < 2 ? 0 : reply.size() - 2);
            const StatusWord status(wStatus);
            reply.push_back(status.sw1());
            reply.push_back(status.sw2());
            state.reply = std::move(reply);
            return S_OK;
        });
    }
    HRESULT STDMETHODCALLTYPE get_ReplyStatusSW1(BYTE* pbySW1) noexcept override {
        return get(pbySW1, [](const State& state) { return state.reply_status().sw1(); });
    }
    HRESULT STDMETHODCALLTYPE get_ReplyStatusSW2(BYTE* pbySW2) noexcept override {
        return get(pbySW2, [](const State& state) { return state.reply_status().sw2(); });
    }

    HRESULT STDMETHODCALLTYPE get_Type(ISO_APDU_TYPE* pType) noexcept override {
        return get(pType, [](const State& state) {
            return static_cast<ISO_APDU_TYPE>(state.command.command_case());
        });
    }

    HRESULT STDMETHODCALLTYPE get_Nad(BYTE* pbNad) noexcept override {
        return get(pbNad, [](const State& state) { return state.nad; });
    }
    HRESULT STDMETHODCALLTYPE put_Nad(BYTE bNad) noexcept override {
        return locked([&](State& state) {
            state.nad = bNad;
            return S_OK;
        });
    }
    HRESULT STDMETHODCALLTYPE get_ReplyNad(BYTE* pbNad) noexcept override {
        return get_known(pbNad, &State::reply_nad);
    }
    HRESULT STDMETHODCALLTYPE put_ReplyNad(BYTE bNad) noexcept override {
        return locked([&](State& state) {
            state.reply_nad = bNad;
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE BuildCmd(BYTE byClassId, BYTE byInsId, BYTE byP1, BYTE byP2,
                                       LPBYTEBUFFER pbyData, LONG* plLe) noexcept override {
        if (plLe != nullptr && (*plLe < 0 || *plLe > k_max_le)) {
            return E_INVALIDARG;
        }
        return guard([&]() -> HRESULT {
            CommandApdu command{
                .cla = byClassId, .ins = byInsId, .p1 = byP1, .p2 = byP2, .data = {}, .ne = {}};
            if (pbyData != nullptr) {
                if (const auto hr = take_bytes(pbyData, k_max_data, command.data); FAILED(hr)) {
                    return hr;
                }
            }
            if (plLe != nullptr) {
                const std::size_t longest =
                    command.data.size() > 255 ? 65536 : 256; // what a zero Le field means
                command.ne = *plLe == 0 ? longest : static_cast<std::size_t>(*plLe);
            }
            const std::lock_guard lock(mutex_);
            state_.set(std::move(command));
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE Clear() noexcept override {
        return locked([](State& state) {
            state.set({});
            state.has_command = false;
            state.reply.reset();
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE Encapsulate(LPBYTEBUFFER pApdu, ISO_APDU_TYPE ApduType) noexcept override {
        if (pApdu == nullptr) {
            return E_POINTER;
        }
        if (ApduType < ISO_CASE_1 || ApduType > ISO_CASE_4) {
            return E_INVALIDARG;
        }
        return take(pApdu, k_max_data, [&](State& state, Bytes& payload) -> HRESULT {
            if (payload.empty()) {
                return E_INVALIDARG;
            }
            const std::size_t longest = payload.size() > 255 ? 65536 : 256;
            CommandApdu envelope{.cla = state.command.cla,
                                 .ins = static_cast<BYTE>(iso7816::Ins::envelope),
                                 .data = std::move(payload),
                                 .ne = {}};
            if (ApduType == ISO_CASE_2 || ApduType == ISO_CASE_4) {
                envelope.ne = longest;
            }
            state.set(std::move(envelope));
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE get_AlternateClassId(BYTE* pbyClass) noexcept override {
        return get_known(pbyClass, &State::alternate_class);
    }
    HRESULT STDMETHODCALLTYPE put_AlternateClassId(BYTE byClass) noexcept override {
        return locked([&](State& state) {
            state.alternate_class = byClass;
            return S_OK;
        });
    }

  private:
    template <class Body>
    HRESULT locked(Body&& body) noexcept {
        return guard([&]() -> HRESULT {
            const std::lock_guard lock(mutex_);
            return body(state_);
        });
    }

    template <class T, class Read>
    HRESULT get(T* out, Read&& read) noexcept {
        if (out == nullptr) {
            return E_POINTER;
        }
        *out = T{};
        return locked([&](const State& state) {
            *out = static_cast<T>(read(state));
            return S_OK;
        });
    }

    HRESULT get_known(BYTE* out, std::optional<BYTE> State::*member) noexcept {
        if (out == nullptr) {
            return E_POINTER;
        }
        *out = 0;
        return locked([&](const State& state) -> HRESULT {
            if (!(state.*member)) {
                return E_ACCESSDENIED;
            }
            *out = *(state.*member);
            return S_OK;
        });
    }

    template <class Read>
    HRESULT get_buffer(LPBYTEBUFFER* out, Read&& read) noexcept {
        if (out == nullptr) {
            return E_POINTER;
        }
        *out = nullptr;
        return locked([&](const State& state) {
            const Secret bytes(read(state));
            return give_bytes(bytes.bytes, out);
        });
    }

    HRESULT put_header(BYTE CommandApdu::*member, BYTE value) noexcept {
        return locked([&](State& state) {
            state.command.*member = value;
            state.has_command = true;
            return S_OK;
        });
    }

    /// Copies `buffer` before the lock is taken: it may be anybody's object. What `store` leaves of the copy
    /// is wiped.
    template <class Store>
    HRESULT take(LPBYTEBUFFER buffer, std::size_t longest, Store&& store) noexcept {
        if (buffer == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            Secret copy;
            if (const auto hr = take_bytes(buffer, longest, copy.bytes); FAILED(hr)) {
                return hr;
            }
            const std::lock_guard lock(mutex_);
            return store(state_, copy.bytes);
        });
    }

    std::mutex mutex_;
    State state_;
};

} // namespace

ComPtr<ISCardCmd> new_scard_cmd() {
    return ComPtr<ISCardCmd>(new SCardCmd());
}

} // namespace cardlatch::iscard
