// The driver as pcscd drives it, with well-behaved peers: opening, presence by event, power, commands,
// attributes.

#include "ifd_module.hpp"

#include <cardlatch/vpcd/reserved_port.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <thread>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

constexpr int k_long_ms = 1000 * static_cast<int>(k_patience.count());

struct Fixture {
    TempDir dir;
    std::string path = dir.path("link");
    OpenSlot slot{0, "unix:" + path};
};

} // namespace

BOOST_AUTO_TEST_SUITE(ifd_driver)

BOOST_AUTO_TEST_CASE(quoted_name_opens_a_socket_for_its_owner_alone) {
    const TempDir dir;
    OpenSlot slot(0, "\"unix:" + dir.path("link") + "?slots=2&timeout-ms=100\"");
    BOOST_REQUIRE_EQUAL(slot.opened(), IFD_SUCCESS);
    struct stat info {};
    BOOST_REQUIRE(::stat(dir.path("link").c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777U) == 0600U);
    OpenSlot second(1, "unix:" + dir.path("link") + "?slots=2");
    BOOST_REQUIRE_EQUAL(second.opened(), IFD_SUCCESS);
    BOOST_TEST(::access(dir.path("link.1").c_str(), F_OK) == 0);
    BOOST_TEST(slot.close() == IFD_SUCCESS);
    BOOST_TEST(second.close() == IFD_SUCCESS);
    BOOST_TEST(::access(dir.path("link").c_str(), F_OK) != 0);
    BOOST_TEST(::access(dir.path("link.1").c_str(), F_OK) != 0);
}

const std::vector<std::string> k_bad_names{"",
                                           "/dev/null",
                                           "unix:",
                                           "unix:" + std::string(108, 'a'),
                                           "unix:/nonexistent/directory/link",
                                           "unix:x?slots=0",
                                           "unix:x?slots=9",
                                           "unix:x?slots",
                                           "unix:x?timeout-ms=9",
                                           "unix:x?timeout-ms=1s",
                                           "unix:x?greeting-ms=60001",
                                           "unix:x?ring=2",
                                           "unix:x?colour=blue",
                                           "vpcd-listen:127.0.0.1:0",
                                           "vpcd-listen:127.0.0.1:65536",
                                           "vpcd-listen:127.0.0.1:65535?slots=2",
                                           "vpcd-connect:no.such.host.invalid:1"};

BOOST_DATA_TEST_CASE(bad_name_is_refused, data::make(k_bad_names), name) {
    BOOST_TEST(OpenSlot(0, name).opened() == IFD_COMMUNICATION_ERROR);
}

BOOST_AUTO_TEST_CASE(second_reader_on_the_same_socket_is_refused) {
    Fixture f;
    BOOST_TEST(OpenSlot(0x10000, "unix:" + f.path).opened() == IFD_COMMUNICATION_ERROR);
    BOOST_TEST(OpenSlot(0, "unix:" + f.dir.path("other")).opened() == IFD_COMMUNICATION_ERROR); // Lun in use
    const auto card = insert_plain(f.slot, f.path); // still served
}

BOOST_AUTO_TEST_CASE(slot_beyond_the_readers_is_refused) {
    const TempDir dir;
    BOOST_TEST(OpenSlot(2, "unix:" + dir.path("link") + "?slots=2").opened() == IFD_COMMUNICATION_ERROR);
    BOOST_TEST(OpenSlot(0xFFFF0000, "unix:" + dir.path("link")).opened() == IFD_COMMUNICATION_ERROR);
}

BOOST_AUTO_TEST_CASE(unknown_lun_is_an_error_everywhere) {
    OpenSlot slot(0, "");
    BOOST_TEST(slot.presence() == IFD_COMMUNICATION_ERROR);
    BOOST_TEST(slot.power(IFD_POWER_UP).code == IFD_COMMUNICATION_ERROR);
    const auto answer = slot.transmit(hex("00A40400"));
    BOOST_TEST(answer.code == IFD_COMMUNICATION_ERROR);
    BOOST_TEST(answer.bytes.empty());
    BOOST_TEST(slot.attribute(TAG_IFD_THREAD_SAFE).bytes.empty());
    BOOST_TEST(IfdModule::get().close(0) == IFD_COMMUNICATION_ERROR);
}

BOOST_AUTO_TEST_CASE(capabilities_tell_the_truth) {
    Fixture f;
    BOOST_TEST(f.slot.attribute(TAG_IFD_THREAD_SAFE).bytes == "01");
    BOOST_TEST(f.slot.attribute(TAG_IFD_SLOT_THREAD_SAFE).bytes == "01");
    BOOST_TEST(f.slot.attribute(TAG_IFD_SLOTS_NUMBER).bytes == "01");
    BOOST_TEST(f.slot.capability<UCHAR>(TAG_IFD_SIMULTANEOUS_ACCESS) >= 16);
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_VENDOR_NAME).bytes == "436172646C6174636800");
    BOOST_TEST(f.slot.capability<std::uint32_t>(SCARD_ATTR_VENDOR_IFD_VERSION) == 0x00010000U);
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_ICC_PRESENCE).bytes == "00");
    BOOST_TEST(
        f.slot.attribute(SCARD_ATTR_VENDOR_IFD_SERIAL_NO).bytes.starts_with("434C")); // "CL", then a number
    BOOST_TEST(f.slot.capability<std::uint32_t>(SCARD_ATTR_CHANNEL_ID) == 0x00F00000U);
    BOOST_TEST(f.slot.capability<std::uint32_t>(SCARD_ATTR_MAX_IFSD) == 254U);
    BOOST_TEST(f.slot.capability<std::uint32_t>(SCARD_ATTR_ASYNC_PROTOCOL_TYPES) == 3U);
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_CURRENT_PROTOCOL_TYPE).code == IFD_ERROR_TAG); // no card
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_DEVICE_FRIENDLY_NAME).code == IFD_ERROR_TAG);  // pcscd knows it
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_VENDOR_NAME, 3).code == IFD_ERROR_INSUFFICIENT_BUFFER);
    BOOST_TEST(f.slot.attribute(TAG_IFD_POLLING_THREAD_KILLABLE).code == IFD_ERROR_TAG);
    UCHAR value = 1;
    BOOST_TEST(IfdModule::get().set_capabilities(0, TAG_IFD_SLOTS_NUMBER, 1, &value) ==
               IFD_ERROR_VALUE_READ_ONLY);
    BOOST_TEST(IfdModule::get().set_capabilities(0, 0x7777, 1, &value) == IFD_ERROR_TAG);
}

BOOST_AUTO_TEST_CASE(tlv_properties_are_found_through_the_feature_request) {
    Fixture f;
    const auto card = insert_extended(f.slot, f.path);
    std::array<UCHAR, 32> out{};
    DWORD size = 0;
    const auto control = [&](DWORD code, DWORD room) {
        return IfdModule::get().control(0, code, nullptr, 0, out.data(), room, &size);
    };
    BOOST_REQUIRE(control(CM_IOCTL_GET_FEATURE_REQUEST, out.size()) == IFD_SUCCESS);
    BOOST_REQUIRE_EQUAL(size, 6U);
    BOOST_TEST(out[0] == FEATURE_GET_TLV_PROPERTIES);
    const DWORD code = DWORD{out[2]} << 24U | DWORD{out[3]} << 16U | DWORD{out[4]} << 8U | DWORD{out[5]};
    BOOST_REQUIRE(control(code, out.size()) == IFD_SUCCESS);
    BOOST_TEST(to_hex(ByteView(out).first(size)) == "01020000"
                                                    "030100"
                                                    "090100"
                                                    "0A0400000100");
    BOOST_TEST(control(code, 5) == IFD_ERROR_INSUFFICIENT_BUFFER);
    BOOST_TEST(size == 0U);
    BOOST_TEST(control(1, out.size()) == IFD_ERROR_NOT_SUPPORTED);
}

BOOST_AUTO_TEST_CASE(a_card_learns_which_protocol_is_used) {
    Fixture f;
    auto card = Peer::to_unix(f.path);
    card.say("0004434C5805");
    auto greeted = meanwhile([&f] { return f.slot.reaches(IFD_ICC_PRESENT); });
    card.expect("000104");
    card.expect("000000031F0504");
    card.say("0000000192");
    BOOST_TEST(result_of(greeted));
    power_up(f.slot, card, false);
    for (const bool t1 : {false, true}) {
        auto chosen = meanwhile([t1] {
            return IfdModule::get().set_protocol(0, t1 ? SCARD_PROTOCOL_T1 : SCARD_PROTOCOL_T0, 0, 0, 0, 0);
        });
        card.expect(t1 ? "000000021201" : "000000021200");
        card.say("0000000194");
        BOOST_TEST(result_of(chosen) == IFD_SUCCESS);
    }
    auto chosen = meanwhile([] { return IfdModule::get().set_protocol(0, SCARD_PROTOCOL_T0, 0, 0, 0, 0); });
    card.expect("000000021200");
    card.say("00000003909000"); // no answer to that
    BOOST_TEST(result_of(chosen) == IFD_COMMUNICATION_ERROR);
    f.slot.until(IFD_ICC_NOT_PRESENT);
}

BOOST_AUTO_TEST_CASE(a_reader_that_udev_told_of_ends_what_is_under_way_when_it_goes) {
    Fixture f;
    const auto path = f.dir.path("hot");
    OpenSlot slot(0x50000, "usb:ca4d/1a7c:libudev:0:unix:" + path + "?slots=1");
    BOOST_REQUIRE(slot.opened() == IFD_SUCCESS);
    const auto card = insert_extended(slot, path);
    power_up(slot, card, false);
    BOOST_TEST(slot.attribute(TAG_IFD_DEVICE_REMOVED).bytes == "01");
    auto sent = sending(slot, hex("00A40400"));
    card.expect("000000051000A40400");
    UCHAR gone = 0;
    BOOST_TEST(IfdModule::get().set_capabilities(slot.lun(), TAG_IFD_DEVICE_REMOVED, 1, &gone) ==
               IFD_SUCCESS);
    BOOST_TEST(slot.presence() == IFD_ICC_PRESENT);
    gone = 1;
    BOOST_TEST(IfdModule::get().set_capabilities(slot.lun(), TAG_IFD_DEVICE_REMOVED, 0, &gone) ==
               IFD_ERROR_SET_FAILURE);
    BOOST_TEST(IfdModule::get().set_capabilities(slot.lun(), TAG_IFD_DEVICE_REMOVED, 1, &gone) ==
               IFD_SUCCESS);
    BOOST_TEST(result_of(sent).code == IFD_NO_SUCH_DEVICE);
    card.expect_close();
    BOOST_TEST(slot.presence() == IFD_NO_SUCH_DEVICE);
    BOOST_TEST(slot.power(IFD_POWER_UP).code == IFD_NO_SUCH_DEVICE);
    BOOST_TEST(slot.close() == IFD_SUCCESS);
}

BOOST_DATA_TEST_CASE(card_is_powered_used_reset_and_powered_down, data::make({true, false}), plain) {
    Fixture f;
    const auto card = plain ? insert_plain(f.slot, f.path) : insert_extended(f.slot, f.path);
    BOOST_TEST(f.slot.attribute(TAG_IFD_ATR).bytes.empty());
    BOOST_TEST(f.slot.transmit(hex("00A40400")).code == IFD_COMMUNICATION_ERROR); // no power
    power_up(f.slot, card, plain);
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_ATR_STRING).bytes == k_atr);
    BOOST_TEST(IfdModule::get().set_protocol(0, SCARD_PROTOCOL_T0, 0, 0, 0, 0) == IFD_SUCCESS);
    BOOST_TEST(IfdModule::get().set_protocol(0, SCARD_PROTOCOL_T1, 0, 0, 0, 0) == IFD_SUCCESS);
    BOOST_TEST(f.slot.capability<std::uint32_t>(SCARD_ATTR_CURRENT_PROTOCOL_TYPE) == SCARD_PROTOCOL_T1);
    BOOST_TEST(f.slot.capability<std::uint32_t>(SCARD_ATTR_CURRENT_IFSC) ==
               32U); // the default: no TA for T=1
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_ICC_PRESENCE).bytes == "02");
    BOOST_TEST(f.slot.attribute(SCARD_ATTR_ICC_INTERFACE_STATUS).bytes == "01");
    // PPS1: the default and what TA1 offers, here the same.
    BOOST_TEST(IfdModule::get().set_protocol(0, SCARD_PROTOCOL_T1, IFD_NEGOTIATE_PTS1, 0x11, 0, 0) ==
               IFD_SUCCESS);
    BOOST_TEST(IfdModule::get().set_protocol(0, SCARD_PROTOCOL_T1, IFD_NEGOTIATE_PTS1, 0x96, 0, 0) ==
               IFD_ERROR_PTS_FAILURE);
    BOOST_TEST(IfdModule::get().set_protocol(0, SCARD_PROTOCOL_RAW, 0, 0, 0, 0) ==
               IFD_PROTOCOL_NOT_SUPPORTED);

    auto sent = sending(f.slot, hex("00A40400"));
    card.expect(plain ? "000400A40400" : "000000051000A40400");
    card.say(plain ? "00029000" : "00000003909000");
    auto answer = result_of(sent);
    BOOST_TEST(answer.code == IFD_SUCCESS);
    BOOST_TEST(answer.bytes == "9000");

    auto reset = powering(f.slot, IFD_RESET);
    card.expect(plain ? "000102000104" : "0000000103");
    card.say(plain ? "00023B00" : "00000003813B00"); // another ATR, T=0 alone
    answer = result_of(reset);
    BOOST_TEST(answer.code == IFD_SUCCESS);
    BOOST_TEST(answer.bytes == "3B00");
    BOOST_TEST(IfdModule::get().set_protocol(0, SCARD_PROTOCOL_T1, 0, 0, 0, 0) == IFD_PROTOCOL_NOT_SUPPORTED);

    auto down = powering(f.slot, IFD_POWER_DOWN);
    card.expect(plain ? "000100" : "0000000102");
    if (!plain) {
        card.say("0000000182");
    }
    BOOST_TEST(result_of(down).code == IFD_SUCCESS);
    BOOST_TEST(f.slot.attribute(TAG_IFD_ATR).bytes.empty());
    BOOST_TEST(f.slot.power(999).code == IFD_NOT_SUPPORTED);
    BOOST_TEST(f.slot.presence() == IFD_ICC_PRESENT);
}

BOOST_DATA_TEST_CASE(mute_card_stays_and_is_an_error, data::make({true, false}), plain) {
    Fixture f;
    const auto card = plain ? insert_plain(f.slot, f.path) : insert_extended(f.slot, f.path);
    auto powered = powering(f.slot, IFD_POWER_UP);
    card.expect(plain ? "000101000104" : "0000000101");
    card.say(plain ? "0000" : "0000000181");
    const auto answer = result_of(powered);
    BOOST_TEST(answer.code == IFD_ERROR_POWER_ACTION);
    BOOST_TEST(answer.bytes.empty());
    BOOST_TEST(f.slot.presence() == IFD_ICC_PRESENT);
}

BOOST_AUTO_TEST_CASE(insertion_and_removal_wake_the_waiting_thread) {
    Fixture f;
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    for (int round = 0; round < 3; ++round) {
        auto inserted = meanwhile([&] { return f.slot.reaches(IFD_ICC_PRESENT); });
        auto card = Peer::to_unix(f.path);
        card.expect("000104"); // the waiting thread greets
        card.say("0005" + k_atr);
        BOOST_TEST(result_of(inserted));
        auto removed = meanwhile([&] { return f.slot.reaches(IFD_ICC_NOT_PRESENT); });
        card.close();
        BOOST_TEST(result_of(removed));
    }
}

BOOST_AUTO_TEST_CASE(waiting_ends_at_its_timeout_and_when_it_is_stopped) {
    Fixture f;
    BOOST_TEST(f.slot.wait(1) == IFD_SUCCESS);
    auto waiting = meanwhile([&] { return f.slot.wait(k_long_ms); });
    BOOST_TEST(f.slot.stop() == IFD_SUCCESS);
    BOOST_TEST(result_of(waiting) == IFD_SUCCESS);
    BOOST_TEST(f.slot.stop() == IFD_SUCCESS); // before the wait: the next one obeys
    BOOST_TEST(f.slot.wait(k_long_ms) == IFD_SUCCESS);
}

BOOST_AUTO_TEST_CASE(closing_ends_waiting_and_a_command_under_way) {
    Fixture f;
    auto card = insert_plain(f.slot, f.path);
    power_up(f.slot, card, true);
    auto sent = sending(f.slot, hex("00A40400"));
    auto waiting = meanwhile([&] { return f.slot.wait(k_long_ms); });
    card.expect("000400A40400");
    BOOST_TEST(f.slot.close() == IFD_SUCCESS);
    (void)result_of(waiting);
    const auto answer = result_of(sent);
    BOOST_TEST(answer.code != IFD_SUCCESS);
    BOOST_TEST(answer.bytes.empty());
    card.expect_close();
}

BOOST_AUTO_TEST_CASE(commands_do_not_wake_the_waiting_thread) {
    Fixture f;
    const auto card = insert_plain(f.slot, f.path);
    power_up(f.slot, card, true);
    std::atomic<bool> woken = false;
    auto waiting = meanwhile([&] {
        (void)f.slot.wait(k_long_ms);
        woken = true;
    });
    for (int i = 0; i < 200; ++i) {
        auto sent = sending(f.slot, hex("00A40400"));
        card.expect("000400A40400");
        card.say("00029000");
        BOOST_REQUIRE_EQUAL(result_of(sent).code, IFD_SUCCESS);
    }
    BOOST_TEST(!woken);
    (void)f.slot.stop();
    result_of(waiting);
}

BOOST_AUTO_TEST_CASE(removal_and_insertion_between_two_looks_are_seen_as_absent_once) {
    Fixture f;
    auto first = insert_plain(f.slot, f.path);
    power_up(f.slot, first, true);
    first.close();
    const auto second = Peer::to_unix(f.path);
    second.say("0005" + k_atr);
    BOOST_TEST(f.slot.wait(k_long_ms) == IFD_SUCCESS);
    BOOST_TEST(f.slot.transmit(hex("00A40400")).code == IFD_ICC_NOT_PRESENT); // was meant for the first card
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    f.slot.until(IFD_ICC_PRESENT);
    second.expect("000104");
    power_up(f.slot, second, true);
}

BOOST_AUTO_TEST_CASE(absence_is_kept_for_the_waiting_thread) {
    Fixture f;
    BOOST_TEST(f.slot.wait(1) == IFD_SUCCESS); // this thread waits: it is pcscd's status thread
    auto first = insert_plain(f.slot, f.path);
    first.close();
    const auto second = Peer::to_unix(f.path);
    second.say("0005" + k_atr);
    auto client = meanwhile([&] { return std::pair(f.slot.presence(), f.slot.presence()); });
    const auto [once, twice] = result_of(client);
    BOOST_TEST(once == IFD_ICC_NOT_PRESENT);
    BOOST_TEST(twice == IFD_ICC_NOT_PRESENT);
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    f.slot.until(IFD_ICC_PRESENT);
}

/// pcscd asks for presence once more inside IFDPowerICC, and forgets that answer.
BOOST_AUTO_TEST_CASE(card_that_leaves_before_it_is_powered_is_not_taken_for_reported) {
    Fixture f;
    BOOST_TEST(f.slot.wait(1) == IFD_SUCCESS);
    auto card = insert_plain(f.slot, f.path); // the loop's question
    card.close();
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT); // the question before IFD_POWER_UP
    BOOST_TEST(f.slot.wait(k_long_ms) == IFD_SUCCESS);    // at once: pcscd believes in a mute card
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
}

BOOST_AUTO_TEST_CASE(absence_is_kept_when_only_the_switching_of_power_has_met_it) {
    Fixture f;
    BOOST_TEST(f.slot.wait(1) == IFD_SUCCESS);
    auto first = insert_plain(f.slot, f.path);
    first.close();
    const auto second = Peer::to_unix(f.path);
    second.say("0005" + k_atr);
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT); // before IFD_POWER_UP
    BOOST_TEST(f.slot.wait(k_long_ms) == IFD_SUCCESS);
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT); // before IFD_POWER_DOWN, which pcscd may ask for
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT); // the loop's
    f.slot.until(IFD_ICC_PRESENT);
}

/// A client that resets what it believes to be its card may note that a card is there.
BOOST_AUTO_TEST_CASE(card_that_only_a_client_has_met_is_told_all_the_same) {
    Fixture f;
    BOOST_TEST(f.slot.wait(1) == IFD_SUCCESS);
    auto card = Peer::to_unix(f.path);
    card.say("0005" + k_atr);
    auto client = meanwhile([&] {
        (void)f.slot.presence(); // greets
        return f.slot.presence();
    });
    BOOST_TEST(result_of(client) == IFD_ICC_PRESENT);
    card.close();
    BOOST_TEST(f.slot.wait(k_long_ms) == IFD_SUCCESS);
    BOOST_TEST(f.slot.presence() == IFD_ICC_PRESENT); // before IFD_POWER_DOWN, perhaps
    BOOST_TEST(f.slot.power(IFD_POWER_DOWN).code == IFD_ICC_NOT_PRESENT);
    BOOST_TEST(f.slot.presence() == IFD_ICC_PRESENT);
    BOOST_TEST(f.slot.power(IFD_POWER_UP).code == IFD_ICC_NOT_PRESENT);
    BOOST_TEST(f.slot.wait(k_long_ms) == IFD_SUCCESS);
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    BOOST_TEST(f.slot.wait(1) == IFD_SUCCESS);
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
}

/// Else pcscd's note of the removal is overwritten by what a client's thread notes about its reset.
BOOST_AUTO_TEST_CASE(removal_is_told_when_a_client_has_done_with_what_it_was_told) {
    Fixture f;
    BOOST_TEST(f.slot.wait(1) == IFD_SUCCESS);
    auto card = insert_plain(f.slot, f.path);
    std::promise<void> told;
    std::promise<void> may_note;
    std::atomic<bool> noted = false;
    auto client = meanwhile([&] {
        const auto presence = f.slot.presence();
        told.set_value();
        may_note.get_future().wait(); // a futex: it has yet to note that
        noted = true;
        return presence;
    });
    told.get_future().wait();
    card.close();
    auto noting = meanwhile([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50)); // for a driver that does not wait to err
        may_note.set_value();
    });
    f.slot.until(IFD_ICC_NOT_PRESENT);
    BOOST_TEST(noted);
    BOOST_TEST(result_of(client) == IFD_ICC_PRESENT);
    result_of(noting);
}

BOOST_AUTO_TEST_CASE(second_peer_is_turned_away_while_a_card_is_present) {
    Fixture f;
    const auto card = insert_plain(f.slot, f.path);
    const auto other = Peer::to_unix(f.path);
    BOOST_TEST(f.slot.presence() == IFD_ICC_PRESENT);
    other.expect_close();
    power_up(f.slot, card, true);
}

BOOST_AUTO_TEST_CASE(without_a_waiting_thread_presence_alone_does_everything) {
    Fixture f;
    auto card = Peer::to_unix(f.path);
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    card.expect("000104");
    card.say("0005" + k_atr);
    BOOST_TEST(f.slot.presence() == IFD_ICC_PRESENT); // a unix socket delivers at once
    card.close();
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    const auto next = Peer::to_unix(f.path);
    next.say("0005" + k_atr);
    BOOST_TEST(f.slot.presence() == IFD_ICC_PRESENT);
}

BOOST_AUTO_TEST_CASE(slots_work_at_the_same_time) {
    constexpr unsigned k_slots = 6;
    constexpr int k_commands = 300;
    const TempDir dir;
    const auto name = "unix:" + dir.path("link") + "?slots=6";
    std::vector<std::unique_ptr<OpenSlot>> slots;
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    std::vector<Peer> cards;
    for (unsigned i = 0; i < k_slots; ++i) {
        slots.push_back(std::make_unique<OpenSlot>(0x30000 + i, name));
        BOOST_REQUIRE_EQUAL(slots.back()->opened(), IFD_SUCCESS);
        cards.push_back(insert_plain(*slots[i], dir.path(i == 0 ? "link" : "link." + std::to_string(i))));
        power_up(*slots[i], cards[i], true);
    }
    for (unsigned i = 0; i < k_slots; ++i) {
        const auto digits = to_hex(Bytes{static_cast<std::uint8_t>(i)});
        threads.emplace_back([&wrong, card = &cards[i], digits] { // answers with its own number
            for (int n = 0; n < k_commands; ++n) {
                wrong += card->hear(6) == "0004" + digits + "A40400" ? 0 : 1;
                card->try_say(hex("0003" + digits + "9000"));
            }
        });
        threads.emplace_back([&wrong, slot = slots[i].get(), digits] {
            for (int n = 0; n < k_commands; ++n) {
                wrong += slot->transmit(hex(digits + "A40400")).bytes == digits + "9000" ? 0 : 1;
            }
        });
        threads.emplace_back([slot = slots[i].get()] { (void)slot->wait(k_long_ms); });
    }
    for (unsigned t = 0; t < threads.size(); ++t) {
        if (t % 3 != 2) {
            threads[t].join();
        }
    }
    for (unsigned i = 0; i < k_slots; ++i) {
        (void)slots[i]->stop();
        threads[3 * i + 2].join();
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(listening_reader_takes_a_tcp_card) {
    auto row = vpcd::ReservedPort::reserve({"127.0.0.1", 0}, 1);
    BOOST_REQUIRE(row);
    const auto where = row.value()[0].where();
    row.value().clear();
    OpenSlot slot(0x50000, "vpcd-listen:" + where.text());
    BOOST_REQUIRE_EQUAL(slot.opened(), IFD_SUCCESS);
    const auto card = Peer::to_tcp(where);
    card.say("0005" + k_atr);
    slot.until(IFD_ICC_PRESENT);
    card.expect("000104");
    power_up(slot, card, true);
}

BOOST_AUTO_TEST_CASE(channel_number_alone_is_a_listening_port) {
    auto row = vpcd::ReservedPort::reserve({"127.0.0.1", 0}, 1);
    BOOST_REQUIRE(row);
    const auto where = row.value()[0].where();
    row.value().clear();
    BOOST_REQUIRE_EQUAL(IfdModule::get().create(0x50000, where.port), IFD_SUCCESS);
    const auto card = Peer::to_tcp(where);
    card.expect(IfdModule::get().presence(0x50000) == IFD_ICC_NOT_PRESENT ? "000104" : "");
    BOOST_TEST(IfdModule::get().close(0x50000) == IFD_SUCCESS);
}

BOOST_AUTO_TEST_CASE(connecting_reader_finds_a_card_that_listens_and_finds_it_again) {
    auto row = vpcd::ReservedPort::reserve({"127.0.0.1", 0}, 1);
    BOOST_REQUIRE(row);
    OpenSlot slot(0x50000, "vpcd-connect:" + row.value()[0].where().text());
    BOOST_REQUIRE_EQUAL(slot.opened(), IFD_SUCCESS);
    BOOST_TEST(slot.presence() == IFD_ICC_NOT_PRESENT); // nobody listens yet
    for (int round = 0; round < 2; ++round) {
        const auto listener = row.value()[0].listen();
        BOOST_REQUIRE(listener);
        auto seen = meanwhile([&] { return slot.reaches(IFD_ICC_PRESENT); });
        Peer card(UniqueFd(::accept(listener.value().get(), nullptr, nullptr)));
        card.expect("000104");
        card.say("0005" + k_atr);
        BOOST_TEST(result_of(seen));
        power_up(slot, card, true);
        card.close();
        // By the thread that waits: what the test's own is told may be told to that one later.
        auto gone = meanwhile([&] { return slot.reaches(IFD_ICC_NOT_PRESENT); });
        BOOST_TEST(result_of(gone));
    }
}

BOOST_AUTO_TEST_SUITE_END()
