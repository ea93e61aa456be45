// The driver with peers that are silent, slow, lying or gone: an error in time, the card removed, the slot
// ready for the next.

#include "ifd_module.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <ostream>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

/// A slot whose deadlines are short, and which must take a good card after whatever was done to it.
struct Fixture {
    TempDir dir;
    std::string path = dir.path("link");
    OpenSlot slot{0x20000, "unix:" + path + "?timeout-ms=60&greeting-ms=60"};

    void still_works() const {
        slot.until(IFD_ICC_NOT_PRESENT);
        // More time than the short deadlines give: the test plays both ends, and the machine may be busy.
        const auto card = insert_plain(slot, path);
        BOOST_TEST(slot.presence() == IFD_ICC_PRESENT);
    }
};

/// The same with deadlines that no test reaches.
struct PatientFixture : Fixture {
    TempDir patient_dir;
    std::string patient_path = patient_dir.path("link");
    OpenSlot patient{0x20001, "unix:" + patient_path + "?slots=2"};
};

struct Lie {
    const char* what;
    bool plain;
    const char* answer; ///< to the command 00A40400
};

std::ostream& operator<<(std::ostream& out, const Lie& lie) {
    return out << lie.what;
}

const std::vector<Lie> k_lies{
    {"plain: length 0", true, "0000"},
    {"plain: one byte", true, "000190"},
    {"plain: two answers", true, "00029000 00026A82"},
    {"extended: length 0", false, "00000000"},
    {"extended: length too large", false, "7FFFFFFF"},
    {"extended: one byte", false, "000000029090"},
    {"extended: another frame", false, "00000003813B00"},
    {"extended: the reader's frame", false, "000000051000A40400"},
    {"extended: unknown frame", false, "0000000177"},
    {"extended: two answers", false, "00000003909000 00000003909000"},
};

const std::vector<std::string> k_bad_greetings{
    "0000",         "00029000",          "00013B",
    "0004434C5800", "0003434C58",        "0005434C580101",
    "00024101",     "00053B80800101 00", "0022 3B" + std::string(66, '0')};

} // namespace

BOOST_AUTO_TEST_SUITE(ifd_faults)

BOOST_DATA_TEST_CASE(bad_greeting_ends_the_connection, data::make(k_bad_greetings), greeting) {
    Fixture f;
    const auto peer = Peer::to_unix(f.path);
    peer.try_say(hex(greeting));
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    peer.expect("000104");
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    peer.expect_close();
    f.still_works();
}

BOOST_AUTO_TEST_CASE(silent_peer_is_no_card_and_loses_its_place) {
    Fixture f;
    const auto silent = Peer::to_unix(f.path);
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    silent.expect("000104");
    const auto next = Peer::to_unix(f.path); // waits behind it
    next.say("0005" + k_atr);
    f.slot.until(IFD_ICC_PRESENT);
    silent.expect_close();
}

BOOST_DATA_TEST_CASE(silent_card_is_a_timeout_and_is_removed, data::make({true, false}), plain) {
    Fixture f;
    const auto card = plain ? insert_plain(f.slot, f.path) : insert_extended(f.slot, f.path);
    const auto answer = f.slot.power(IFD_POWER_UP);
    BOOST_TEST(answer.code == IFD_RESPONSE_TIMEOUT);
    BOOST_TEST(answer.bytes.empty());
    card.expect(plain ? "000101000104" : "0000000101");
    card.expect_close();
    f.still_works();
}

BOOST_AUTO_TEST_CASE(trickle_of_bytes_gains_no_time) {
    Fixture f;
    const auto card = insert_plain(f.slot, f.path);
    std::atomic<bool> done = false;
    // Announces an ATR of 33 bytes and gives a byte again and again, each well within the deadline.
    std::thread trickle([&] {
        card.try_say(hex("7FFF"));
        pollfd never{-1, 0, 0};
        while (!done) {
            card.try_say(hex("3B"));
            (void)::poll(&never, 1, 5);
        }
    });
    const auto answer = f.slot.power(IFD_POWER_UP);
    done = true;
    trickle.join();
    BOOST_TEST(answer.code == IFD_RESPONSE_TIMEOUT);
    f.still_works();
}

BOOST_AUTO_TEST_CASE(peer_that_does_not_read_is_a_timeout) {
    PatientFixture f;
    OpenSlot slot(0x20002, "unix:" + f.dir.path("third") + "?slots=3&timeout-ms=500");
    const auto card = insert_extended(slot, f.dir.path("third.2"));
    power_up(slot, card, false);
    Bytes command(65544, 0x00);
    RESPONSECODE code = IFD_SUCCESS;
    for (int i = 0; i < 3 && code == IFD_SUCCESS; ++i) {
        code = slot.transmit(command).code;
    }
    BOOST_TEST(code == IFD_RESPONSE_TIMEOUT);
}

BOOST_DATA_TEST_CASE(lie_is_an_error_and_the_card_is_removed, data::make(k_lies), lie) {
    PatientFixture f;
    const auto card = lie.plain ? insert_plain(f.patient, f.patient_path + ".1")
                                : insert_extended(f.patient, f.patient_path + ".1");
    power_up(f.patient, card, lie.plain);
    auto sent = sending(f.patient, hex("00A40400"));
    card.expect(lie.plain ? "000400A40400" : "000000051000A40400");
    card.try_say(hex(lie.answer));
    const auto answer = result_of(sent);
    BOOST_TEST(answer.code == IFD_COMMUNICATION_ERROR);
    BOOST_TEST(answer.bytes.empty());
    card.expect_close();
    f.patient.until(IFD_ICC_NOT_PRESENT);
    (void)insert_plain(f.patient, f.patient_path + ".1");
}

BOOST_DATA_TEST_CASE(card_that_dies_inside_an_answer_is_gone, data::make({true, false}), plain) {
    PatientFixture f;
    const Bytes whole = hex(plain ? "00046F009000" : "00000005906F009000");
    for (std::size_t said = 0; said < whole.size(); ++said) {
        auto card = plain ? insert_plain(f.patient, f.patient_path + ".1")
                          : insert_extended(f.patient, f.patient_path + ".1");
        power_up(f.patient, card, plain);
        auto sent = sending(f.patient, hex("00A40400"));
        card.expect(plain ? "000400A40400" : "000000051000A40400");
        card.say(ByteView(whole).first(said));
        card.close();
        const auto answer = result_of(sent);
        BOOST_TEST(answer.code == IFD_ICC_NOT_PRESENT);
        BOOST_TEST(answer.bytes.empty());
        f.patient.until(IFD_ICC_NOT_PRESENT);
    }
}

BOOST_DATA_TEST_CASE(peer_that_dies_inside_the_greeting_is_no_card,
                     data::make({"00053B80800101", "0004434C5801"}), text) {
    Fixture f;
    const Bytes whole = hex(text);
    for (std::size_t said = 0; said < whole.size(); ++said) {
        auto peer = Peer::to_unix(f.path);
        peer.say(ByteView(whole).first(said));
        peer.close();
        BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    }
    f.still_works();
}

BOOST_AUTO_TEST_CASE(answer_in_single_bytes_is_an_answer) {
    PatientFixture f;
    const auto card = insert_extended(f.patient, f.patient_path + ".1");
    power_up(f.patient, card, false);
    auto sent = sending(f.patient, hex("00A40400"));
    card.expect("000000051000A40400");
    for (const auto byte : hex("0000000590 6F009000")) {
        card.say(ByteView(&byte, 1));
    }
    BOOST_TEST(result_of(sent).bytes == "6F009000");
}

BOOST_DATA_TEST_CASE(card_s_end_says_that_no_answer_comes_and_the_card_stays, data::make({true, false}),
                     mute) {
    PatientFixture f;
    const auto card = insert_extended(f.patient, f.patient_path + ".1");
    power_up(f.patient, card, false);
    auto sent = sending(f.patient, hex("00A40400"));
    card.expect("000000051000A40400");
    card.say(mute ? "000000029301" : "000000029302");
    BOOST_TEST(result_of(sent).code == (mute ? IFD_RESPONSE_TIMEOUT : IFD_COMMUNICATION_ERROR));
    BOOST_TEST(f.patient.presence() == IFD_ICC_PRESENT);
    auto next = sending(f.patient, hex("00A40400"));
    card.expect("000000051000A40400");
    card.say("00000003909000");
    BOOST_TEST(result_of(next).bytes == "9000");
}

BOOST_AUTO_TEST_CASE(unplugged_reader_is_no_device_until_it_is_plugged_in) {
    TempDir dir;
    const auto file = dir.path("unplugged");
    const auto path = dir.path("link");
    OpenSlot slot{0x30000, "unix:" + path + "?unplug-file=" + file};
    const auto card = insert_plain(slot, path);
    power_up(slot, card, true);
    UniqueFd(::creat(file.c_str(), 0600)).reset();
    BOOST_TEST(slot.presence() == IFD_NO_SUCH_DEVICE);
    card.expect_close();
    BOOST_TEST(slot.transmit(hex("00A40400")).code == IFD_NO_SUCH_DEVICE);
    BOOST_TEST(slot.power(IFD_POWER_UP).code == IFD_NO_SUCH_DEVICE);
    ::unlink(file.c_str());
    BOOST_TEST(slot.presence() == IFD_ICC_NOT_PRESENT);
    (void)insert_plain(slot, path);
}

BOOST_AUTO_TEST_CASE(time_extension_moves_the_deadline) {
    Fixture f; // 60 ms for an answer
    OpenSlot slot(0x20003, "unix:" + f.dir.path("x") + "?slots=4&timeout-ms=1000");
    const auto card = insert_extended(slot, f.dir.path("x.3"));
    power_up(slot, card, false);
    auto sent = sending(slot, hex("00A40400"));
    card.expect("000000051000A40400");
    card.say("00000003A0FFFF");
    // Past the deadline as it was; only the extension keeps the command alive.
    BOOST_TEST((sent.wait_for(std::chrono::milliseconds(1300)) == std::future_status::timeout));
    card.say("00000003A00001"); // asks for less: takes nothing back
    card.say("00000003909000");
    BOOST_TEST(result_of(sent).code == IFD_SUCCESS);
}

BOOST_AUTO_TEST_CASE(command_that_plain_vpcd_cannot_carry_leaves_the_card_alone) {
    PatientFixture f;
    const auto card = insert_plain(f.patient, f.patient_path + ".1");
    power_up(f.patient, card, true);
    BOOST_TEST(f.patient.transmit(Bytes(65536)).code == IFD_ERROR_INSUFFICIENT_BUFFER);
    BOOST_TEST(f.patient.transmit(Bytes(1)).code == IFD_ERROR_INSUFFICIENT_BUFFER);
    BOOST_TEST(f.patient.presence() == IFD_ICC_PRESENT);
    auto sent = sending(f.patient, hex("00A40400"));
    card.expect("000400A40400"); // nothing of the others was sent
    card.say("00029000");
    BOOST_TEST(result_of(sent).code == IFD_SUCCESS);
}

BOOST_AUTO_TEST_CASE(answer_longer_than_the_buffer_is_an_error_and_the_card_stays) {
    PatientFixture f;
    const auto card = insert_plain(f.patient, f.patient_path + ".1");
    power_up(f.patient, card, true);
    auto sent = sending(f.patient, hex("00A40400"), 3);
    card.expect("000400A40400");
    card.say("0004 6F00 9000");
    const auto answer = result_of(sent);
    BOOST_TEST(answer.code == IFD_ERROR_INSUFFICIENT_BUFFER);
    BOOST_TEST(answer.bytes.empty());
    BOOST_TEST(f.patient.presence() == IFD_ICC_PRESENT);
}

BOOST_AUTO_TEST_SUITE_END()
