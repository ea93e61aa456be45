#include <cardlatch/iso7816/aid.hpp>
#include <cardlatch/iso7816/apdu.hpp>
#include <cardlatch/iso7816/atr.hpp>
#include <cardlatch/iso7816/tlv.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <iostream>
#include <string>

using namespace cardlatch;
using namespace cardlatch::iso7816;
namespace data = boost::unit_test::data;
using boost::test_tools::per_element;

namespace {

Bytes hex(const std::string& text) {
    return from_hex(text).value();
}

/// One command APDU: its first bytes, how often AA follows, its last bytes, and what it means.
struct Shape {
    const char* head;
    std::size_t nc;
    const char* tail;
    int number;
    std::size_t ne;
    bool extended;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.head << " " << shape.nc << "*AA " << shape.tail;
}

const Shape k_shapes[] = {
    {"00A40000", 0, "", 1, 0, false},           {"00B00000", 0, "01", 2, 1, false},
    {"00B00000", 0, "FF", 2, 255, false},       {"00B00000", 0, "00", 2, 256, false},
    {"00B00000 00", 0, "0001", 2, 1, true},     {"00B00000 00", 0, "0100", 2, 256, true},
    {"00B00000 00", 0, "0101", 2, 257, true},   {"00B00000 00", 0, "FFFF", 2, 65535, true},
    {"00B00000 00", 0, "0000", 2, 65536, true}, {"00D60000 01", 1, "", 3, 0, false},
    {"00D60000 FF", 255, "", 3, 0, false},      {"00D60000 000001", 1, "", 3, 0, true},
    {"00D60000 000100", 256, "", 3, 0, true},   {"00D60000 00FFFF", 65535, "", 3, 0, true},
    {"00A40400 01", 1, "00", 4, 256, false},    {"00A40400 FF", 255, "FF", 4, 255, false},
    {"00A40400 000001", 1, "0001", 4, 1, true}, {"00A40400 00FFFF", 65535, "0000", 4, 65536, true},
};

Bytes bytes_of(const Shape& shape) {
    auto bytes = hex(shape.head);
    bytes.insert(bytes.end(), shape.nc, 0xAA);
    const auto tail = hex(shape.tail);
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    return bytes;
}

} // namespace

BOOST_AUTO_TEST_SUITE(command_apdu)

BOOST_DATA_TEST_CASE(every_case_is_read_and_written_back, data::make(k_shapes), shape) {
    const auto bytes = bytes_of(shape);
    const auto parsed = CommandApdu::parse(bytes);
    BOOST_TEST_REQUIRE(parsed.has_value());
    const auto& apdu = parsed.value();
    BOOST_TEST(apdu.command_case() == shape.number);
    BOOST_TEST(apdu.data.size() == shape.nc);
    BOOST_TEST(apdu.ne.value_or(0) == shape.ne);
    BOOST_TEST(apdu.extended == shape.extended);
    BOOST_TEST((apdu.encode() == bytes));
}

BOOST_DATA_TEST_CASE(lengths_that_do_not_fit_are_refused,
                     data::make({"", "00", "00A404", "00A40400 02 AA", "00A40400 01 AA 00 00",
                                 "00A40400 00 00", "00A40400 00 0000 AA", "00A40400 00 0002 AA",
                                 "00A40400 00 0001 AA 00", "00A40400 00 0001 AA 0000 00",
                                 "00A40400 00 0000 0000"}),
                     text) {
    const auto parsed = CommandApdu::parse(hex(text));
    BOOST_TEST_REQUIRE(!parsed.has_value());
    BOOST_TEST((parsed.error().code == std::errc::bad_message));
}

BOOST_AUTO_TEST_CASE(a_length_that_needs_it_makes_the_form_extended) {
    CommandApdu apdu{.cla = 0, .ins = 0xB0, .data = {}, .ne = 257};
    BOOST_TEST(apdu.encode() == hex("00B0000000 0101"), per_element());
    apdu = {.cla = 0, .ins = 0xD6, .data = Bytes(256, 0x11), .ne = 1};
    BOOST_TEST(apdu.encode().size() == 4U + 3 + 256 + 2);
    apdu = {.cla = 0, .ins = 0xA4, .data = {}, .ne = {}, .extended = true};
    BOOST_TEST(apdu.encode() == hex("00A40000"), per_element());
}

BOOST_AUTO_TEST_CASE(factories_build_what_the_standard_prints) {
    BOOST_TEST(CommandApdu::select_by_aid(hex("A000000308")).encode() == hex("00A4040005A00000030800"),
               per_element());
    BOOST_TEST(CommandApdu::select_by_fid(0x3F00).encode() == hex("00A40000023F0000"), per_element());
    BOOST_TEST(CommandApdu::read_binary(0x0102, 256).encode() == hex("00B0010200"), per_element());
    BOOST_TEST(CommandApdu::update_binary(3, hex("AABB")).encode() == hex("00D6000302AABB"), per_element());
    BOOST_TEST(CommandApdu::read_record(2).encode() == hex("00B2020400"), per_element());
    BOOST_TEST(CommandApdu::verify(0x81, hex("31323334")).encode() == hex("002000810431323334"),
               per_element());
    BOOST_TEST(CommandApdu::verify(0x81, {}).encode() == hex("00200081"), per_element());
    BOOST_TEST(CommandApdu::get_challenge(8).encode() == hex("0084000008"), per_element());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(response_apdu)

BOOST_AUTO_TEST_CASE(data_and_status_are_split_and_joined) {
    const auto reply = ResponseApdu::parse(hex("0102 6310")).value();
    BOOST_TEST(reply.data == hex("0102"), per_element());
    BOOST_TEST(reply.sw.value() == 0x6310);
    BOOST_TEST(reply.encode() == hex("01026310"), per_element());
    BOOST_TEST(ResponseApdu(sw::k_file_not_found).encode() == hex("6A82"), per_element());
}

BOOST_DATA_TEST_CASE(less_than_a_status_word_is_refused, data::make({"", "90"}), text) {
    BOOST_TEST((ResponseApdu::parse(hex(text)).error().code == std::errc::bad_message));
}

BOOST_AUTO_TEST_CASE(lengths_in_a_status_word_wrap_as_the_standard_says) {
    BOOST_TEST(sw::more_data(1).value() == 0x6101);
    BOOST_TEST(sw::more_data(256).value() == 0x6100);
    BOOST_TEST(sw::wrong_le(256).value() == 0x6C00);
    BOOST_TEST(sw::tries_left(3).value() == 0x63C3);
    BOOST_TEST(sw::more_data(5).ok());
    BOOST_TEST(!sw::k_wrong_length.ok());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(atr)

BOOST_AUTO_TEST_CASE(protocols_and_historical_bytes_are_found) {
    const auto t1 = Atr::parse(hex("3B80800101")).value();
    BOOST_TEST(t1.offers(0));
    BOOST_TEST(t1.offers(1));
    BOOST_TEST(t1.first_protocol() == 0U);
    const auto plain = Atr::parse(hex("3B02 1450")).value();
    BOOST_TEST(plain.offers(0));
    BOOST_TEST(!plain.offers(1));
    BOOST_TEST(Bytes(plain.historical_bytes().begin(), plain.historical_bytes().end()) == hex("1450"),
               per_element());
}

BOOST_DATA_TEST_CASE(malformed_bytes_are_refused_with_the_reason,
                     data::make({"", "3B", "3C00", "3B021450FF", "3B0214", "3B80", "3B8080", "3B80800102",
                                 "3B800100"}),
                     text) {
    const auto parsed = Atr::parse(hex(text));
    BOOST_TEST_REQUIRE(!parsed.has_value());
    BOOST_TEST((parsed.error().code == std::errc::invalid_argument));
    BOOST_TEST(!parsed.error().detail.empty());
}

BOOST_AUTO_TEST_CASE(a_wrong_tck_is_named_with_the_right_one) {
    BOOST_TEST(Atr::parse(hex("3B80800102")).error().detail.find("01") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(thirty_four_bytes_are_too_many) {
    Bytes bytes(34, 0);
    bytes[0] = 0x3B;
    BOOST_TEST(!Atr::parse(bytes).has_value());
}

BOOST_DATA_TEST_CASE(what_is_built_can_be_read, data::make({1, 2, 3}) * data::make({0, 1, 15}), protocols,
                     historical) {
    const Bytes text(static_cast<std::size_t>(historical), 0x41);
    const auto built = Atr::build((protocols & 1) != 0, (protocols & 2) != 0, text);
    BOOST_TEST_REQUIRE(built.has_value());
    BOOST_TEST(built.value().offers(0) == ((protocols & 1) != 0));
    BOOST_TEST(built.value().offers(1) == ((protocols & 2) != 0));
    BOOST_TEST(built.value().historical_bytes().size() == text.size());
    BOOST_TEST((Atr::parse(built.value().bytes()).value() == built.value()));
}

BOOST_AUTO_TEST_CASE(impossible_wishes_are_refused) {
    BOOST_TEST(!Atr::build(false, false, {}).has_value());
    BOOST_TEST(!Atr::build(true, true, Bytes(16)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(aid)

BOOST_AUTO_TEST_CASE(prefixes_select_and_lengths_are_bounded) {
    const auto piv = Aid::from(hex("A000000308000010000100")).value();
    BOOST_TEST(piv.starts_with(hex("A000000308")));
    BOOST_TEST(piv.starts_with(piv.bytes()));
    BOOST_TEST(!piv.starts_with({}));
    BOOST_TEST(!piv.starts_with(hex("A000000309")));
    BOOST_TEST(!piv.starts_with(hex("A00000030800001000010000")));
    BOOST_TEST(Aid::from(Bytes(1)).has_value());
    BOOST_TEST(Aid::from(Bytes(16)).has_value());
    BOOST_TEST(!Aid::from({}).has_value());
    BOOST_TEST(!Aid::from(Bytes(17)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(tlv)

BOOST_AUTO_TEST_CASE(objects_of_one_level_are_walked_over_fill_bytes) {
    const auto bytes = hex("00 FF 6F03 84 01 AA 00 7F49 02 0102 5FC102 00 FF");
    TlvCursor cursor(bytes);
    const auto first = cursor.next().value().value();
    BOOST_TEST(first.tag == 0x6FU);
    BOOST_TEST(first.constructed());
    BOOST_TEST(find_tlv(first.value, 0x84)->size() == 1U);
    const auto second = cursor.next().value().value();
    BOOST_TEST(second.tag == 0x7F49U);
    BOOST_TEST(second.constructed());
    const auto third = cursor.next().value().value();
    BOOST_TEST(third.tag == 0x5FC102U);
    BOOST_TEST(!third.constructed());
    BOOST_TEST(third.value.empty());
    BOOST_TEST(!cursor.next().value().has_value());
}

BOOST_DATA_TEST_CASE(malformed_objects_are_refused,
                     data::make({"84", "5F", "7F8181 01 00", "84 80 0000", "84 85 0000000001 AA", "84 02 AA",
                                 "84 82 01", "84 84 FFFFFFFF AA"}),
                     text) {
    const auto bytes = hex(text);
    TlvCursor cursor(bytes);
    const auto next = cursor.next();
    BOOST_TEST_REQUIRE(!next.has_value());
    BOOST_TEST((next.error().code == std::errc::bad_message));
    BOOST_TEST(!find_tlv(bytes, 0x84).has_value());
}

BOOST_DATA_TEST_CASE(any_size_survives_the_round_trip,
                     data::make(std::vector<std::size_t>{0, 1, 127, 128, 255, 256, 65535, 65536}) *
                         data::make(std::vector<std::uint32_t>{0x04, 0x5F20, 0x5FC102}),
                     size, tag) {
    Bytes out;
    append_tlv(out, tag, Bytes(size, 0x55));
    const auto found = find_tlv(out, tag);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->size() == size);
}

BOOST_AUTO_TEST_SUITE_END()
