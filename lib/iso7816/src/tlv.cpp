#include <cardlatch/iso7816/tlv.hpp>

namespace cardlatch::iso7816 {

namespace {

Error malformed(const char* what) {
    return fail(std::errc::bad_message, std::string("BER-TLV: ") + what);
}

} // namespace

bool Tlv::constructed() const {
    std::uint32_t first = tag;
    while (first > 0xFF) {
        first >>= 8U;
    }
    return (first & 0x20U) != 0;
}

Result<std::optional<Tlv>> TlvCursor::next() {
    while (!rest_.empty() && (rest_[0] == 0x00 || rest_[0] == 0xFF)) {
        rest_ = rest_.subspan(1);
    }
    if (rest_.empty()) {
        return std::optional<Tlv>{};
    }
    std::size_t at = 0;
    Tlv tlv;
    tlv.tag = rest_[at++];
    if ((tlv.tag & 0x1FU) == 0x1F) {
        bool more = true;
        while (more) {
            if (at >= rest_.size()) {
                return malformed("the tag ends early");
            }
            if (at >= 3) {
                return malformed("a tag has more than three bytes");
            }
            more = (rest_[at] & 0x80U) != 0;
            tlv.tag = (tlv.tag << 8U) | rest_[at++];
        }
    }
    if (at >= rest_.size()) {
        return malformed("the length is missing");
    }
    std::size_t length = rest_[at++];
    if (length == 0x80 || length > 0x84) {
        return malformed("a length is indefinite or has more than four bytes");
    }
    if (length > 0x80) {
        std::size_t count = length & 0x7FU;
        length = 0;
        for (; count > 0; --count) {
            if (at >= rest_.size()) {
                return malformed("the length ends early");
            }
            length = (length << 8U) | rest_[at++];
        }
    }
    if (length > rest_.size() - at) {
        return malformed("a value goes past the end");
    }
    tlv.value = rest_.subspan(at, length);
    rest_ = rest_.subspan(at + length);
    return std::optional<Tlv>{tlv};
}

std::optional<ByteView> find_tlv(ByteView bytes, std::uint32_t tag) {
    TlvCursor cursor(bytes);
    for (;;) {
        const auto item = cursor.next();
        if (!item || !item.value()) {
            return std::nullopt;
        }
        if (item.value()->tag == tag) {
            return item.value()->value;
        }
    }
}

void append_tlv(Bytes& out, std::uint32_t tag, ByteView value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        const auto byte = static_cast<std::uint8_t>((tag >> static_cast<unsigned>(shift)) & 0xFFU);
        if (byte != 0 || shift == 0 || (tag >> static_cast<unsigned>(shift)) != 0) {
            out.push_back(byte);
        }
    }
    const auto size = value.size();
    if (size < 0x80) {
        out.push_back(static_cast<std::uint8_t>(size));
    } else {
        unsigned count = 1;
        while (size >> (8U * count) != 0) {
            ++count;
        }
        out.push_back(static_cast<std::uint8_t>(0x80U | count));
        for (; count > 0; --count) {
            out.push_back(static_cast<std::uint8_t>((size >> (8U * (count - 1))) & 0xFFU));
        }
    }
    out.insert(out.end(), value.begin(), value.end());
}

} // namespace cardlatch::iso7816
