// The reader's PIN pad, through the driver's exported functions: features, how typed PINs get into commands,
// and what the reader itself answers. Source of every expectation: PC/SC part 10 §2.5, USB CCID 1.1 §6.1.11.

#include "ifd_module.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>

using namespace cardlatch;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace pin_pad_test { // named: lambdas of the cases below hold it

/// A reader with a PIN pad and a card in it that is switched on; the test plays the card's end.
struct PinPad {
    explicit PinPad(const std::string& options = "?pin-pad=1")
        : slot(0, "unix:" + dir.path("link") + options)
        , card(Peer::to_unix(dir.path("link"))) {
        card.say("0004434C5802");
        BOOST_TEST(slot.presence() == IFD_ICC_NOT_PRESENT); // until the card has answered to the hello
        card.expect("000104");
        card.expect(options.empty() ? "000000031F0200" : "000000031F0202");
        card.say("0000000192"); // serves the link itself
        slot.until(IFD_ICC_PRESENT);
        power_up(slot, card, false);
    }

    [[nodiscard]] Answer control(DWORD code, const Bytes& in, DWORD room = 300) const {
        Bytes out(room);
        DWORD size = 0;
        const auto result = IfdModule::get().control(0, code, const_cast<PUCHAR>(in.data()), in.size(),
                                                     out.data(), room, &size);
        return {result, to_hex(ByteView(out).first(size))};
    }

    /// The control code of each feature.
    [[nodiscard]] std::map<unsigned, DWORD> features() const {
        const auto list = hex(control(CM_IOCTL_GET_FEATURE_REQUEST, {}).bytes);
        std::map<unsigned, DWORD> codes;
        for (std::size_t at = 0; at + 6 <= list.size(); at += 6) {
            BOOST_REQUIRE_EQUAL(list[at + 1], 4);
            codes[list[at]] = DWORD{list[at + 2]} << 24U | DWORD{list[at + 3]} << 16U |
                              DWORD{list[at + 4]} << 8U | list[at + 5];
        }
        return codes;
    }

    TempDir dir;
    OpenSlot slot;
    Peer card;
};

} // namespace pin_pad_test
using pin_pad_test::PinPad;

namespace {

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

Bytes length_of(const Bytes& apdu) {
    Bytes bytes(4);
    const auto size = static_cast<std::uint32_t>(apdu.size());
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes;
}

/// PIN_VERIFY_STRUCTURE: time-out 7 s, PINs of 4 to 8 digits, `format` being bmFormatString,
/// bmPINBlockString, bmPINLengthFormat.
Bytes verify(const std::string& format, const std::string& apdu) {
    return hex("0700") + hex(format) +
           hex("0804"
               "02"
               "01"
               "0904"
               "00"
               "000000") +
           length_of(hex(apdu)) + hex(apdu);
}

/// PIN_MODIFY_STRUCTURE with its two insertion offsets and bConfirmPIN.
Bytes modify(const std::string& format, const std::string& offsets, const std::string& confirm,
             const std::string& apdu) {
    return hex("0700") + hex(format) + hex(offsets) + hex("0804") + hex(confirm) +
           hex("02"
               "03"
               "0904"
               "000102"
               "000000") +
           length_of(hex(apdu)) + hex(apdu);
}

std::string frame(const std::string& type, const std::string& payload) {
    const auto size = static_cast<std::uint8_t>(1 + payload.size() / 2);
    return "000000" + to_hex(Bytes{size}) + type + payload;
}

/// How PINs are to be put into a command, and what comes out.
struct Block {
    const char* what;
    Bytes structure;
    bool modifies;
    std::string asks;  ///< payload of the PIN request
    std::string typed; ///< payload of the entry
    std::string apdu;
};

std::ostream& operator<<(std::ostream& out, const Block& block) {
    return out << block.what;
}

const std::string k_1234 = "0431323334";
const std::string k_56789 = "053536373839";

const std::vector<Block> k_blocks = {
    {"ASCII as long as the PIN", verify("820000", "0020000100"), false, "01070408", "00" + k_1234,
     "002000010431323334"},
    {"ASCII, a header alone", verify("020000", "00200001"), false, "01070408", "00" + k_1234,
     "002000010431323334"},
    {"ASCII in a prepared block", verify("820800", "0020008008FFFFFFFFFFFFFFFF"), false, "01070408",
     "00" + k_1234, "002000800831323334FFFFFFFF"},
    {"ASCII right-justified", verify("860800", "0020008008FFFFFFFFFFFFFFFF"), false, "01070408",
     "00" + k_1234, "0020008008FFFFFFFF31323334"},
    {"ASCII behind two bytes", verify("920000", "002000010600000000AAAA"), false, "01070408", "00" + k_1234,
     "0020000106000031323334"},
    {"ASCII block without a template", verify("820800", "00200080"), false, "01070408", "00" + k_1234,
     "002000800831323334FFFFFFFF"},
    {"ASCII with Le behind", verify("820400", "0020000104AAAAAAAA00"), false, "01070408", "00" + k_1234,
     "00200001043132333400"},
    {"BCD, odd", verify("810400", "0020000104FFFFFFFF"), false, "01070408", "00" + k_56789,
     "002000010456789FFF"},
    {"GlobalPlatform: length in a nibble", verify("414804", "002000010820FFFFFFFFFFFFFF"), false, "01070408",
     "00" + k_56789, "00200001082556789FFFFFFFFF"},
    {"binary digits", verify("800000", "0020000100"), false, "01070408", "00" + k_1234, "002000010401020304"},
    {"length in a whole byte before the PIN", verify("8A8410", "002000010500AAAAAAAA"), false, "01070408",
     "00" + k_1234, "00200001050431323334"},
    {"modify: old and new in prepared blocks",
     modify("820800", "0008", "03", "0024008010FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"), true, "07070408",
     "00" + k_1234 + k_56789 + k_56789, "002400801031323334FFFFFFFF3536373839FFFFFF"},
    {"modify: old and new one behind the other", modify("820000", "0000", "03", "0024000100"), true,
     "07070408", "00" + k_1234 + k_56789 + k_56789, "0024000109313233343536373839"},
    {"modify: new alone, unconfirmed", modify("820000", "0000", "00", "0024010100"), true, "02070408",
     "00" + k_56789, "00240101053536373839"},
};

constexpr unsigned k_verify = FEATURE_VERIFY_PIN_DIRECT;
constexpr unsigned k_modify = FEATURE_MODIFY_PIN_DIRECT;

} // namespace

BOOST_AUTO_TEST_SUITE(ifd_pin_pad)

BOOST_AUTO_TEST_CASE(features_are_listed_only_by_a_reader_with_a_pin_pad) {
    const PinPad with;
    const auto codes = with.features();
    BOOST_TEST(codes.size() == 4);
    BOOST_TEST(codes.contains(k_verify));
    BOOST_TEST(codes.contains(k_modify));
    BOOST_TEST(with.control(codes.at(FEATURE_IFD_PIN_PROPERTIES), {}).bytes == "00000700");
    BOOST_TEST(with.control(codes.at(FEATURE_IFD_PIN_PROPERTIES), {}, 3).code ==
               IFD_ERROR_INSUFFICIENT_BUFFER);
    BOOST_TEST(with.control(codes.at(FEATURE_GET_TLV_PROPERTIES), {})
                   .bytes.starts_with("01020000"
                                      "020107"));
}

BOOST_AUTO_TEST_CASE(without_a_pin_pad_there_are_properties_alone_and_no_escape_commands) {
    const PinPad without("");
    const auto codes = without.features();
    BOOST_TEST(codes.size() == 1);
    BOOST_TEST(codes.contains(FEATURE_GET_TLV_PROPERTIES));
    const auto verify_code = codes.at(FEATURE_GET_TLV_PROPERTIES) - FEATURE_GET_TLV_PROPERTIES + k_verify;
    BOOST_TEST(without.control(verify_code, verify("820000", "00200001")).code == IFD_ERROR_NOT_SUPPORTED);
    BOOST_TEST(without.control(SCARD_CTL_CODE(1), {0x02}).code ==
               IFD_ERROR_NOT_SUPPORTED); // libccid's escape
}

BOOST_DATA_TEST_CASE(typed_pins_are_put_into_the_command, data::make(k_blocks), block) {
    const PinPad pad;
    const auto code = pad.features().at(block.modifies ? k_modify : k_verify);
    auto done = meanwhile([&] { return pad.control(code, block.structure); });
    pad.card.expect(frame("11", block.asks));
    pad.card.say(frame("91", block.typed));
    pad.card.expect(frame("10", block.apdu));
    pad.card.say("000000039063C2");
    const auto answer = result_of(done);
    BOOST_TEST(answer.code == IFD_SUCCESS);
    BOOST_TEST(answer.bytes == "63C2"); // the card's own word
}

const std::vector<std::string> k_badly_typed = {
    "02",                                                            // nobody typed
    "01",                                                            // the cancel key
    "00" + k_1234 + k_1234 + k_56789,                                // the new PINs differ
    "0003313233" + k_56789 + k_56789,                                // too short
    "00" + k_1234 + "09313131313131313131" + "09313131313131313131", // too long
};
const std::vector<std::string> k_statuses = {"6400", "6401", "6402", "6403", "6403"};

BOOST_DATA_TEST_CASE(the_reader_answers_itself_when_no_pin_was_typed_well,
                     data::make(k_badly_typed) ^ data::make(k_statuses), typed, status) {
    const PinPad pad;
    const auto structure = modify("820000", "0000", "03", "0024000100");
    const auto code = pad.features().at(k_modify);
    auto done = meanwhile([&] { return pad.control(code, structure); });
    pad.card.expect(frame("11", "07070408"));
    pad.card.say(frame("91", typed));
    const auto answer = result_of(done);
    BOOST_TEST(answer.code == IFD_SUCCESS);
    BOOST_TEST(answer.bytes == status);
    auto sent = sending(pad.slot, hex("00A40400")); // the next thing that the card hears
    pad.card.expect(frame("10", "00A40400"));
    pad.card.say(frame("90", "9000"));
    BOOST_TEST(result_of(sent).bytes == "9000");
}

BOOST_AUTO_TEST_CASE(a_structure_that_does_not_add_up_asks_nobody) {
    const PinPad pad;
    const auto codes = pad.features();
    const auto whole = verify("820000", "0020000100");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        BOOST_TEST(pad.control(codes.at(k_verify), cut).code == IFD_COMMUNICATION_ERROR, size);
        BOOST_TEST(pad.control(codes.at(k_modify), cut).code == IFD_COMMUNICATION_ERROR, size);
    }
    BOOST_TEST(pad.control(codes.at(k_verify), verify("830000", "0020000100")).code ==
               IFD_COMMUNICATION_ERROR);
    BOOST_TEST(pad.control(codes.at(k_verify), verify("820000", "0020000105FF")).code ==
               IFD_COMMUNICATION_ERROR);
    BOOST_TEST(pad.control(codes.at(k_verify), whole, 1).code == IFD_ERROR_INSUFFICIENT_BUFFER);
    BOOST_TEST(pad.slot.presence() == IFD_ICC_PRESENT);
}

BOOST_AUTO_TEST_CASE(numbers_in_the_other_byte_order_are_understood) {
    const PinPad pad;
    auto structure = verify("820000", "0020000100");
    std::swap(structure[5], structure[6]);
    std::reverse(structure.begin() + 15, structure.begin() + 19);
    const auto code = pad.features().at(k_verify);
    auto done = meanwhile([&] { return pad.control(code, structure); });
    pad.card.expect(frame("11", "01070408"));
    pad.card.say(frame("91", "01"));
    BOOST_TEST(result_of(done).bytes == "6401");
}

const std::vector<std::string> k_impossible = {
    "00"
    "0441424344", // letters, in BCD
    "00"
    "083132333435363738", // more digits than the block holds
};

BOOST_DATA_TEST_CASE(a_pin_that_the_command_cannot_carry_is_not_sent, data::make(k_impossible), typed) {
    const PinPad pad;
    const auto structure = verify("810300", "0020000103FFFFFF");
    const auto code = pad.features().at(k_verify);
    auto done = meanwhile([&] { return pad.control(code, structure); });
    pad.card.expect(frame("11", "01070408"));
    pad.card.say(frame("91", typed));
    BOOST_TEST(result_of(done).code == IFD_COMMUNICATION_ERROR);
    BOOST_TEST(pad.slot.presence() == IFD_ICC_PRESENT);
}

const std::vector<std::string> k_lies = {"03", "00", "0005313233",
                                         "00"
                                         "0131"
                                         "00",
                                         "01"
                                         "00"};

BOOST_DATA_TEST_CASE(an_entry_that_lies_about_its_lengths_is_refused, data::make(k_lies), typed) {
    const PinPad pad;
    const auto code = pad.features().at(k_verify);
    auto done = meanwhile([&] { return pad.control(code, verify("820000", "00200001")); });
    pad.card.expect(frame("11", "01070408"));
    pad.card.say(frame("91", typed));
    BOOST_TEST(result_of(done).code == IFD_COMMUNICATION_ERROR);
    pad.card.expect_close();
}

BOOST_AUTO_TEST_CASE(a_card_that_is_pulled_ends_the_entry) {
    PinPad pad;
    const auto code = pad.features().at(k_verify);
    auto done = meanwhile([&] { return pad.control(code, verify("820000", "00200001")); });
    pad.card.expect(frame("11", "01070408"));
    pad.card.close();
    BOOST_TEST(result_of(done).code == IFD_ICC_NOT_PRESENT);
}

BOOST_AUTO_TEST_CASE(a_peer_without_a_keypad_cannot_be_asked) {
    const TempDir dir;
    const OpenSlot slot(0x70000, "unix:" + dir.path("link") + "?pin-pad=1");
    const auto card = insert_plain(slot, dir.path("link"));
    power_up(slot, card, true);
    DWORD size = 0;
    Bytes out(16);
    auto structure = verify("820000", "00200001");
    const auto code = SCARD_CTL_CODE(0x330000 + FEATURE_VERIFY_PIN_DIRECT);
    BOOST_TEST(IfdModule::get().control(0x70000, code, structure.data(), structure.size(), out.data(),
                                        out.size(), &size) == IFD_NOT_SUPPORTED);
}

BOOST_AUTO_TEST_CASE(a_library_that_cannot_be_loaded_keeps_the_card_out) {
    const TempDir dir;
    const OpenSlot slot(0x70000, "unix:" + dir.path("link") + "?host=/nowhere/libcard.so");
    const auto card = Peer::to_unix(dir.path("link"));
    card.say("0004434C5802");
    BOOST_TEST(slot.presence() == IFD_ICC_NOT_PRESENT);
    card.expect("000104");
    card.expect("000000031F0201");
    card.say("000000059278797A0A"); // asks to be hosted
    BOOST_TEST(slot.presence() == IFD_ICC_NOT_PRESENT);
    card.expect_close();
}

BOOST_AUTO_TEST_SUITE_END()
