#pragma once

#include "card_bench.hpp"
#include "crypto/block_cipher.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

/// A PIV card in the process, and what a client of it does all the time.
namespace cardlatch::test {

inline constexpr auto k_verify_pin = "00200080 08 313233343536FFFF";
inline constexpr auto k_verify_wrong_pin = "00200080 08 303030303030FFFF";

/// The status word of `response` in hexadecimal.
inline std::string status_of(const iso7816::ResponseApdu& response) {
    return to_hex(response.sw.value() == 0 ? Bytes{} : Bytes{response.sw.sw1(), response.sw.sw2()});
}

/// `command` is hexadecimal text; the answer's status word too.
inline std::string status(card::Card& card, std::string_view command) {
    return status_of(iso7816::ResponseApdu::parse(card.transmit(*from_hex(command))).value());
}

inline std::string tlv(std::uint32_t tag, std::string_view value) {
    Bytes out;
    iso7816::append_tlv(out, tag, *from_hex(value));
    return to_hex(out);
}

/// An extended command APDU whose answer may have any length.
inline iso7816::ResponseApdu command(card::Card& card, std::string_view header, std::string_view data = "") {
    const auto h = *from_hex(header);
    return send(card, {.cla = h[0],
                       .ins = h[1],
                       .p1 = h[2],
                       .p2 = h[3],
                       .data = *from_hex(data),
                       .ne = 65536,
                       .extended = true});
}

/// Proves the management key by mutual authentication, as yubico-piv-tool, ykman and piv-tool do.
inline std::string authenticate(card::Card& card, const card::crypto::SymmetricKey& key,
                                std::string_view algorithm) {
    const auto header = "0087" + std::string(algorithm) + "9B";
    const auto witness = command(card, header, "7C028000");
    if (status_of(witness) != "9000") {
        return status_of(witness);
    }
    const auto encrypted = ByteView(witness.data).subspan(4);
    const auto decrypted = key.decrypt_ecb(encrypted).value();
    const Bytes challenge(decrypted.size(), 0x5A);
    const auto done =
        command(card, header, tlv(0x7C, tlv(0x80, to_hex(decrypted)) + tlv(0x81, to_hex(challenge))));
    if (status_of(done) == "9000") {
        BOOST_TEST(to_hex(done.data) == tlv(0x7C, tlv(0x82, to_hex(key.encrypt_ecb(challenge).value()))));
    }
    return status_of(done);
}

inline card::crypto::SymmetricKey well_known_management_key() {
    return card::crypto::SymmetricKey::from(card::crypto::Cipher::tdes,
                                            *from_hex("010203040506070801020304050607080102030405060708"))
        .value();
}

inline std::string authenticate(card::Card& card) {
    return authenticate(card, well_known_management_key(), "03");
}

/// GET DATA of `tag`.
inline iso7816::ResponseApdu object(card::Card& card, std::string_view tag) {
    return command(card, "00CB3FFF", tlv(0x5C, tag));
}

/// PUT DATA of `tag`, for an authenticated administrator.
inline std::string put_object(card::Card& card, std::string_view tag, std::string_view content) {
    return status_of(command(card, "00DB3FFF", tlv(0x5C, tag) + tlv(0x53, content)));
}

} // namespace cardlatch::test
