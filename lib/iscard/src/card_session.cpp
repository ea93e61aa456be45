#include "card_session.hpp"

#include "byte_buffer.hpp"
#include "guard.hpp"
#include "scard_cmd.hpp"
#include "secret.hpp"
#include "t0_exchange.hpp"

namespace cardlatch::iscard {

namespace {

/// One APDU through ISCard::Transaction(), as any program would do it.
HRESULT transact(ISCard& card, ByteView command, Bytes& reply) {
    const auto object = new_scard_cmd();
    ComPtr<IByteBuffer> buffer;
    if (const auto hr = give_bytes(command, buffer.receive()); FAILED(hr)) {
        return hr;
    }
    auto hr = object->put_Apdu(buffer.get());
    auto* pointer = object.get();
    if (SUCCEEDED(hr)) {
        hr = card.Transaction(&pointer);
    }
    if (SUCCEEDED(hr)) {
        hr = object->get_ApduReply(buffer.receive());
    }
    return FAILED(hr) || !buffer ? hr : take_bytes(buffer.get(), iso7816::k_max_response_apdu, reply);
}

} // namespace

HRESULT CardSession::send(const iso7816::CommandApdu& command, iso7816::ResponseApdu& reply) const {
    const Secret apdu(command.encode());
    HRESULT failure = S_OK;
    const auto exchange = [&](ByteView bytes) -> Result<Bytes> {
        Bytes answer;
        failure = transact(card(), bytes, answer);
        if (FAILED(failure)) {
            return fail(std::errc::io_error);
        }
        return answer;
    };
    const auto whole = exchange_t0(exchange, apdu.bytes, command.cla);
    if (FAILED(failure)) {
        return failure;
    }
    auto parsed =
        whole ? iso7816::ResponseApdu::parse(whole.value()) : Result<iso7816::ResponseApdu>(whole.error());
    if (!parsed) {
        return hresult_of(pcsc::Errc::comm_data_lost);
    }
    reply = std::move(parsed).value();
    return S_OK;
}

HRESULT CardSession::perform(const iso7816::CommandApdu& command, iso7816::ResponseApdu& reply) const {
    const auto hr = send(command, reply);
    return FAILED(hr) ? hr : meaning_of(reply.sw);
}

HRESULT CardSession::present(BYTE ins, BYTE p1, BYTE p2, ByteView first, ByteView second) const {
    iso7816::CommandApdu command{.cla = 0, .ins = ins, .p1 = p1, .p2 = p2, .data = {}, .ne = {}};
    command.data.reserve(first.size() + second.size()); // so that growing leaves no copy behind
    command.data.insert(command.data.end(), first.begin(), first.end());
    command.data.insert(command.data.end(), second.begin(), second.end());
    iso7816::ResponseApdu reply;
    const auto hr = perform(command, reply);
    wipe(command.data);
    return hr;
}

HRESULT meaning_of(iso7816::StatusWord sw) noexcept {
    using pcsc::Errc;
    switch (sw.value()) {
    case 0x6283: // deactivated
    case 0x6285: // terminated
        return hresult_of(Errc::no_access);
    case 0x6700:
    case 0x6A80:
    case 0x6A86:
    case 0x6A87:
        return E_INVALIDARG;
    case 0x6981: // the command does not go with the file's structure
    case 0x6986: // no current EF
        return hresult_of(Errc::no_file);
    case 0x6982:
        return hresult_of(Errc::security_violation);
    case 0x6983:
        return hresult_of(Errc::chv_blocked);
    case 0x6984:
    case 0x6985:
        return hresult_of(Errc::no_access);
    case 0x6882: // secure messaging
    case 0x6A81:
    case 0x6D00:
    case 0x6E00:
        return hresult_of(Errc::windows_unsupported_feature);
    case 0x6A82:
    case 0x6A88:
        return hresult_of(Errc::file_not_found);
    case 0x6A83:
        return hresult_of(Errc::eof);
    case 0x6A84:
        return hresult_of(Errc::write_too_many);
    case 0x6A89:
    case 0x6A8A:
        return hresult_of(Errc::invalid_value);
    case 0x6B00:
        return hresult_of(Errc::bad_seek);
    default:
        break;
    }
    if (sw.sw1() == 0x63 && (sw.sw2() & 0xF0U) == 0xC0) {
        return hresult_of(sw.sw2() == 0xC0 ? Errc::chv_blocked : Errc::wrong_chv);
    }
    const bool done = sw.value() == 0x9000 || sw.sw1() == 0x61 || sw.sw1() == 0x62 || sw.sw1() == 0x63;
    return done ? S_OK : hresult_of(Errc::card_unsupported);
}

} // namespace cardlatch::iscard
