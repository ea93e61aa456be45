#include "t0_exchange.hpp"

#include <cardlatch/iso7816/apdu.hpp>

namespace cardlatch::iscard {

namespace {

using iso7816::CommandApdu;
using iso7816::ResponseApdu;

/// SW2 of 61xx and 6Cxx as a number of bytes.
std::size_t length_of(iso7816::StatusWord sw) {
    return sw.sw2() == 0 ? 256 : sw.sw2();
}

/// One command, repeated once with the length that a 6Cxx asks for.
Result<ResponseApdu> send_with_right_le(const Exchange& send, ByteView command) {
    BOOST_OUTCOME_TRY(const auto first, send(command));
    BOOST_OUTCOME_TRY(auto reply, ResponseApdu::parse(first));
    auto again = CommandApdu::parse(command);
    if (reply.sw.sw1() != 0x6C || !again) {
        return reply;
    }
    again.value().ne = length_of(reply.sw);
    BOOST_OUTCOME_TRY(const auto second, send(again.value().encode()));
    return ResponseApdu::parse(second);
}

} // namespace

Result<Bytes> exchange_t0(const Exchange& send, ByteView command, std::uint8_t class_id) {
    BOOST_OUTCOME_TRY(auto reply, send_with_right_le(send, command));
    while (reply.sw.sw1() == 0x61) {
        const CommandApdu get_response{.cla = class_id,
                                       .ins = static_cast<std::uint8_t>(iso7816::Ins::get_response),
                                       .data = {},
                                       .ne = length_of(reply.sw)};
        BOOST_OUTCOME_TRY(const auto more, send_with_right_le(send, get_response.encode()));
        const auto room = iso7816::k_max_response_apdu - 2 - reply.data.size();
        // A card that promises data and brings none would be asked for ever.
        if (more.data.size() > room || (more.data.empty() && more.sw.sw1() == 0x61)) {
            break;
        }
        reply.data.insert(reply.data.end(), more.data.begin(), more.data.end());
        reply.sw = more.sw;
    }
    return reply.encode();
}

} // namespace cardlatch::iscard
