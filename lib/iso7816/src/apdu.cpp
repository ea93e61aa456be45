#include <cardlatch/iso7816/apdu.hpp>

#include <cassert>
#include <string>

namespace cardlatch::iso7816 {

namespace {

constexpr std::size_t k_header = 4;

void append_u16(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>((value >> 8U) & 0xFFU));
    out.push_back(static_cast<std::uint8_t>(value & 0xFFU));
}

std::size_t read_u16(ByteView bytes, std::size_t at) {
    return (static_cast<std::size_t>(bytes[at]) << 8U) | bytes[at + 1];
}

Error bad_length(ByteView bytes) {
    return fail(std::errc::bad_message, "command APDU of " + std::to_string(bytes.size()) +
                                            " bytes: the length fields do not fit (ISO/IEC 7816-3 12.1.3)");
}

CommandApdu make(Ins ins, std::uint8_t p1, std::uint8_t p2, ByteView data, std::optional<std::size_t> ne) {
    return {.cla = 0,
            .ins = static_cast<std::uint8_t>(ins),
            .p1 = p1,
            .p2 = p2,
            .data = Bytes(data.begin(), data.end()),
            .ne = ne,
            .extended = false};
}

std::uint8_t high(std::uint16_t value) {
    return static_cast<std::uint8_t>(value >> 8U);
}
std::uint8_t low(std::uint16_t value) {
    return static_cast<std::uint8_t>(value & 0xFFU);
}

} // namespace

int CommandApdu::command_case() const {
    return 1 + (ne ? 1 : 0) + (data.empty() ? 0 : 2);
}

Bytes CommandApdu::encode() const {
    assert(data.size() <= 65535 && (!ne || (*ne >= 1 && *ne <= 65536)));
    const bool wide = (extended && (ne || !data.empty())) || data.size() > 255 || ne.value_or(0) > 256;
    Bytes out{cla, ins, p1, p2};
    out.reserve(k_header + data.size() + 5);
    if (wide) {
        out.push_back(0);
        if (!data.empty()) {
            append_u16(out, data.size());
        }
    } else if (!data.empty()) {
        out.push_back(static_cast<std::uint8_t>(data.size()));
    }
    out.insert(out.end(), data.begin(), data.end());
    if (ne) {
        if (wide) {
            append_u16(out, *ne);
        } else {
            out.push_back(static_cast<std::uint8_t>(*ne & 0xFFU));
        }
    }
    return out;
}

Result<CommandApdu> CommandApdu::parse(ByteView bytes) {
    if (bytes.size() < k_header) {
        return bad_length(bytes);
    }
    CommandApdu apdu{.cla = bytes[0], .ins = bytes[1], .p1 = bytes[2], .p2 = bytes[3], .data = {}, .ne = {}};
    const auto body = bytes.subspan(k_header);
    if (body.empty()) {
        return apdu; // case 1
    }
    if (body.size() == 1) { // case 2 short
        apdu.ne = body[0] == 0 ? 256 : body[0];
        return apdu;
    }
    std::size_t nc = body[0];
    std::size_t lc_size = 1;
    if (nc == 0) {
        apdu.extended = true;
        if (body.size() < 3) {
            return bad_length(bytes);
        }
        const auto first = read_u16(body, 1);
        if (body.size() == 3) { // case 2 extended
            apdu.ne = first == 0 ? 65536 : first;
            return apdu;
        }
        nc = first;
        lc_size = 3;
        if (nc == 0) {
            return bad_length(bytes);
        }
    }
    const std::size_t le_size = apdu.extended ? 2 : 1;
    if (body.size() != lc_size + nc && body.size() != lc_size + nc + le_size) {
        return bad_length(bytes);
    }
    const auto data = body.subspan(lc_size, nc);
    apdu.data.assign(data.begin(), data.end());
    if (body.size() > lc_size + nc) { // case 4
        const auto at = lc_size + nc;
        const auto le = apdu.extended ? read_u16(body, at) : body[at];
        apdu.ne = le != 0 ? le : (apdu.extended ? 65536U : 256U);
    }
    return apdu;
}

CommandApdu CommandApdu::select_by_aid(ByteView aid) {
    return make(Ins::select, 0x04, 0x00, aid, 256);
}

CommandApdu CommandApdu::select_by_fid(std::uint16_t fid) {
    const Bytes id{high(fid), low(fid)};
    return make(Ins::select, 0x00, 0x00, id, 256);
}

CommandApdu CommandApdu::read_binary(std::uint16_t offset, std::size_t length) {
    assert(offset <= 0x7FFF);
    return make(Ins::read_binary, high(offset), low(offset), {}, length);
}

CommandApdu CommandApdu::update_binary(std::uint16_t offset, ByteView data) {
    assert(offset <= 0x7FFF);
    return make(Ins::update_binary, high(offset), low(offset), data, {});
}

CommandApdu CommandApdu::read_record(std::uint8_t number, std::size_t length) {
    return make(Ins::read_record, number, 0x04, {}, length);
}

CommandApdu CommandApdu::verify(std::uint8_t qualifier, ByteView reference_data) {
    return make(Ins::verify, 0x00, qualifier, reference_data, {});
}

CommandApdu CommandApdu::get_challenge(std::size_t length) {
    return make(Ins::get_challenge, 0x00, 0x00, {}, length);
}

Bytes ResponseApdu::encode() const {
    Bytes out;
    out.reserve(data.size() + 2);
    out.insert(out.end(), data.begin(), data.end());
    out.push_back(sw.sw1());
    out.push_back(sw.sw2());
    return out;
}

Result<ResponseApdu> ResponseApdu::parse(ByteView bytes) {
    if (bytes.size() < 2) {
        return fail(std::errc::bad_message,
                    "response APDU of " + std::to_string(bytes.size()) + " bytes: SW1-SW2 are missing");
    }
    const auto payload = bytes.first(bytes.size() - 2);
    return ResponseApdu(Bytes(payload.begin(), payload.end()),
                        StatusWord(bytes[bytes.size() - 2], bytes[bytes.size() - 1]));
}

} // namespace cardlatch::iso7816
