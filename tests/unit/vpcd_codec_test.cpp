// The wire codec: golden bytes of both dialects, every split point, lengths that lie. Source:
// docs/protocol.md.

#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/error.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <ostream>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::vpcd;
namespace data = boost::unit_test::data;

namespace {

struct Golden {
    Dialect dialect;
    Side sender;
    FrameType type;
    const char* payload;
    const char* wire;
};

std::ostream& operator<<(std::ostream& out, const Golden& golden) {
    return out << golden.wire;
}

const std::vector<Golden> k_golden{
    {Dialect::plain, Side::ifd, FrameType::power_off, "", "00 01 00"},
    {Dialect::plain, Side::ifd, FrameType::power_on, "", "00 01 01"},
    {Dialect::plain, Side::ifd, FrameType::reset, "", "00 01 02"},
    {Dialect::plain, Side::ifd, FrameType::request_atr, "", "00 01 04"},
    {Dialect::plain, Side::ifd, FrameType::command, "00 A4 04 00", "00 04 00 A4 04 00"},
    {Dialect::plain, Side::icc, FrameType::response, "90 00", "00 02 90 00"},
    {Dialect::plain, Side::icc, FrameType::response, "3B 80 01 81", "00 04 3B 80 01 81"},
    {Dialect::plain, Side::icc, FrameType::response, "", "00 00"},
    {Dialect::extended, Side::ifd, FrameType::power_on, "", "00 00 00 01 01"},
    {Dialect::extended, Side::ifd, FrameType::power_off, "", "00 00 00 01 02"},
    {Dialect::extended, Side::ifd, FrameType::reset, "", "00 00 00 01 03"},
    {Dialect::extended, Side::ifd, FrameType::command, "00 A4 04 00", "00 00 00 05 10 00 A4 04 00"},
    {Dialect::extended, Side::ifd, FrameType::command, "01", "00 00 00 02 10 01"},
    {Dialect::extended, Side::ifd, FrameType::hello, "01", "00 00 00 02 1F 01"},
    {Dialect::extended, Side::ifd, FrameType::protocol, "01", "00 00 00 02 12 01"},
    {Dialect::extended, Side::icc, FrameType::protocol_set, "", "00 00 00 01 94"},
    {Dialect::extended, Side::icc, FrameType::atr, "3B 80 01 81", "00 00 00 05 81 3B 80 01 81"},
    {Dialect::extended, Side::icc, FrameType::atr, "", "00 00 00 01 81"},
    {Dialect::extended, Side::icc, FrameType::off, "", "00 00 00 01 82"},
    {Dialect::extended, Side::icc, FrameType::response, "90 00", "00 00 00 03 90 90 00"},
    {Dialect::extended, Side::icc, FrameType::time_extension, "13 88", "00 00 00 03 A0 13 88"},
};

struct Lie {
    Dialect dialect;
    Side sender;
    const char* wire;
};

std::ostream& operator<<(std::ostream& out, const Lie& lie) {
    return out << lie.wire;
}

const std::vector<Lie> k_lies{
    {Dialect::plain, Side::ifd, "00 00"},             // length 0
    {Dialect::plain, Side::ifd, "00 01 03"},          // unknown control byte
    {Dialect::plain, Side::ifd, "00 01 FF"},          //
    {Dialect::extended, Side::icc, "00 00 00 00"},    // length 0
    {Dialect::extended, Side::ifd, "00 00 00 01 12"}, // a protocol without its number
    {Dialect::extended, Side::icc, "00 00 00 02 94"}, // an answer that says more than it may
    {Dialect::extended, Side::icc, "00 01 00 41"},    // 65,601
    {Dialect::extended, Side::icc, "FF FF FF FF"},    //
    {Dialect::extended, Side::icc, "00 00 00 02 90"}, // a response of one byte, told before it has come
    {Dialect::extended, Side::icc, "00 01 00 40 90"}, // a response of 65,599 bytes
    {Dialect::extended, Side::icc, "00 00 00 23 81"}, // an ATR of 34 bytes
    {Dialect::extended, Side::icc, "00 00 00 02 A0"}, // a time extension of one byte
    {Dialect::extended, Side::icc, "00 00 00 02 82"}, // off with a payload
    {Dialect::extended, Side::icc, "00 00 00 01 01"}, // the other side's frame
    {Dialect::extended, Side::ifd, "00 00 00 03 90"}, //
    {Dialect::extended, Side::ifd, "00 00 00 01 00"}, // request ATR does not exist here
    {Dialect::extended, Side::ifd, "00 00 00 01 10"}, // an empty command
    {Dialect::extended, Side::ifd, "00 00 00 01 1F"}, // a hello without version
    {Dialect::extended, Side::ifd, "00 00 00 01 77"}, // unknown type
};

void feed(Decoder& decoder, ByteView bytes) {
    const auto space = decoder.space();
    BOOST_REQUIRE_GE(space.size(), bytes.size());
    std::copy(bytes.begin(), bytes.end(), space.begin());
    decoder.commit(bytes.size());
}

Bytes hex(const char* text) {
    return from_hex(text).value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(vpcd_codec)

BOOST_DATA_TEST_CASE(encoder_writes_the_golden_bytes, data::make(k_golden), golden) {
    Encoder encoder;
    BOOST_REQUIRE(encoder.add(golden.dialect, golden.type, hex(golden.payload)));
    BOOST_TEST(to_hex(encoder.bytes(), " ") == golden.wire);
}

BOOST_DATA_TEST_CASE(decoder_reads_the_golden_bytes_split_anywhere, data::make(k_golden), golden) {
    const Bytes wire = hex(golden.wire);
    for (std::size_t split = 0; split <= wire.size(); ++split) {
        Decoder decoder(golden.dialect, golden.sender);
        feed(decoder, ByteView(wire).first(split));
        auto frame = decoder.next();
        BOOST_REQUIRE(frame);
        if (split < wire.size()) {
            BOOST_TEST(!frame.value().has_value());
            BOOST_TEST(decoder.idle() == (split == 0));
            feed(decoder, ByteView(wire).subspan(split));
            frame = decoder.next();
            BOOST_REQUIRE(frame);
        }
        BOOST_REQUIRE(frame.value().has_value());
        BOOST_TEST((frame.value()->type == golden.type));
        BOOST_TEST(to_hex(frame.value()->payload, " ") == golden.payload);
        BOOST_TEST(decoder.idle());
    }
}

BOOST_DATA_TEST_CASE(decoder_refuses_what_no_peer_may_send, data::make(k_lies), lie) {
    Decoder decoder(lie.dialect, lie.sender);
    feed(decoder, hex(lie.wire));
    const auto frame = decoder.next();
    BOOST_REQUIRE(!frame);
    BOOST_TEST((frame.error().code == LinkErrc::malformed));
    BOOST_TEST((frame.error().code == std::errc::bad_message));
}

BOOST_AUTO_TEST_CASE(several_messages_of_one_receive_come_out_in_order) {
    Decoder decoder(Dialect::plain, Side::ifd);
    feed(decoder, hex("00 01 01  00 01 04  00 04 00 A4 04 00  00 02 00"));
    BOOST_TEST((decoder.next().value()->type == FrameType::power_on));
    BOOST_TEST((decoder.next().value()->type == FrameType::request_atr));
    BOOST_TEST(to_hex(decoder.next().value()->payload) == "00A40400");
    BOOST_TEST(!decoder.next().value().has_value());
    BOOST_TEST(!decoder.idle());
    feed(decoder, hex("01"));
    BOOST_TEST(to_hex(decoder.next().value()->payload) == "0001");
    BOOST_TEST(decoder.idle());
}

BOOST_AUTO_TEST_CASE(messages_one_behind_the_other_leave_as_one_piece) {
    Encoder encoder;
    BOOST_REQUIRE(encoder.add(Dialect::plain, FrameType::power_on));
    BOOST_REQUIRE(encoder.add(Dialect::plain, FrameType::request_atr));
    BOOST_TEST(to_hex(encoder.bytes()) == "000101000104");
    encoder.clear();
    BOOST_TEST(encoder.bytes().empty());
}

BOOST_DATA_TEST_CASE(longest_messages_pass, data::make({true, false}), plain) {
    const auto dialect = plain ? Dialect::plain : Dialect::extended;
    const Bytes longest(dialect == Dialect::plain ? k_max_plain_body : k_max_response, 0x5A);
    Encoder encoder;
    BOOST_REQUIRE(encoder.add(dialect, FrameType::response, longest));
    Decoder decoder(dialect, Side::icc);
    // The short message before it makes the decoder move what it holds.
    feed(decoder, dialect == Dialect::plain ? hex("00 02 90 00") : hex("00 00 00 03 90 90 00"));
    BOOST_REQUIRE(decoder.next().value().has_value());
    ByteView rest = encoder.bytes();
    while (!rest.empty()) {
        const auto piece = rest.first(std::min(rest.size(), decoder.space().size()));
        feed(decoder, piece);
        rest = rest.subspan(piece.size());
    }
    const auto frame = decoder.next();
    BOOST_REQUIRE(frame);
    BOOST_REQUIRE(frame.value().has_value());
    BOOST_TEST(frame.value()->payload.size() == longest.size());
}

BOOST_AUTO_TEST_CASE(encoder_refuses_what_a_dialect_cannot_carry) {
    Encoder encoder;
    BOOST_TEST(
        (encoder.add(Dialect::plain, FrameType::command, Bytes(65536)).error().code == LinkErrc::too_long));
    BOOST_TEST(
        (encoder.add(Dialect::plain, FrameType::response, Bytes(65536)).error().code == LinkErrc::too_long));
    BOOST_TEST((encoder.add(Dialect::extended, FrameType::command, Bytes(k_max_command + 1)).error().code ==
                LinkErrc::too_long));
    BOOST_TEST(
        (encoder.add(Dialect::plain, FrameType::command, Bytes(1)).error().code == LinkErrc::malformed));
    BOOST_TEST((encoder.add(Dialect::plain, FrameType::time_extension, Bytes(2)).error().code ==
                LinkErrc::malformed));
    BOOST_TEST((encoder.add(Dialect::extended, FrameType::request_atr).error().code == LinkErrc::malformed));
    BOOST_TEST(encoder.bytes().empty());
}

BOOST_AUTO_TEST_SUITE_END()
