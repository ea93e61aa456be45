// What an attached card tells, and what Transaction() sends and receives.

#include "iscard_card_support.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <vector>

namespace data = boost::unit_test::data;
using cardlatch::Bytes;
using cardlatch::ByteView;

BOOST_AUTO_TEST_SUITE(getters)

BOOST_FIXTURE_TEST_CASE(atr_is_a_buffer_at_its_first_byte, Attached) {
    Ref<IByteBuffer> atr;
    BOOST_TEST(card->get_Atr(atr.out()) == S_OK);
    BOOST_TEST(rest_of(atr.get()) == "3B80800101");
    world.fail_next("SCardStatus", SCARD_W_REMOVED_CARD);
    BOOST_TEST(card->get_Atr(atr.out()) == scard(SCARD_W_REMOVED_CARD));
    BOOST_TEST(atr.get() == nullptr);
}

BOOST_FIXTURE_TEST_CASE(status_follows_the_reader, Attached) {
    SCARD_STATES state{};
    BOOST_TEST(card->get_Status(&state) == S_OK);
    BOOST_TEST(state == SPECIFICMODE);
    reader().mute = true;
    BOOST_TEST(card->get_Status(&state) == S_OK);
    BOOST_TEST(state == SWALLOWED);
    world.remove(fake::k_reader);
    BOOST_TEST(card->get_Status(&state) == S_OK);
    BOOST_TEST(state == ABSENT);
    world.unplug(fake::k_reader);
    BOOST_TEST(card->get_Status(&state) == scard(SCARD_E_UNKNOWN_READER));
}

BOOST_FIXTURE_TEST_CASE(status_and_protocol_do_not_wait_for_a_lock, Attached) {
    const Ref<ISCard> other(new_card());
    BOOST_TEST(other->AttachByReader(name.value, SHARED, k_any) == S_OK);
    BOOST_TEST(other->LockSCard() == S_OK);
    SCARD_STATES state{};
    SCARD_PROTOCOLS protocol{};
    BOOST_TEST(card->get_Status(&state) == S_OK);
    BOOST_TEST(card->get_Protocol(&protocol) == S_OK);
    BOOST_TEST(protocol == T0);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(transaction)

BOOST_FIXTURE_TEST_CASE(sends_the_command_and_keeps_the_reply, Attached) {
    world.card = [](ByteView) { return Bytes{0x01, 0x02, 0x6A, 0x82}; };
    BOOST_TEST(card->Transaction(&raw_command) == S_OK); // any status word is a success
    BOOST_TEST(raw_command == command.get());
    BOOST_TEST(cardlatch::to_hex(reader().commands.at(0)) == "00A40000");
    BOOST_TEST(reply_of(raw_command) == "01026A82");
    WORD status = 0;
    BOOST_TEST(command->get_ReplyStatus(&status) == S_OK);
    BOOST_TEST(status == 0x6A82);
}

BOOST_FIXTURE_TEST_CASE(an_empty_command_is_not_sent, Attached) {
    BOOST_TEST(command->Clear() == S_OK);
    BOOST_TEST(card->Transaction(&raw_command) == E_INVALIDARG);
    BOOST_TEST(reader().commands.empty());
}

BOOST_FIXTURE_TEST_CASE(a_node_address_cannot_be_passed_on, Attached) {
    BOOST_TEST(command->put_Nad(0x12) == S_OK);
    BOOST_TEST(card->Transaction(&raw_command) == static_cast<HRESULT>(0x80100022U));
    BOOST_TEST(reader().commands.empty());
}

BOOST_FIXTURE_TEST_CASE(a_failure_leaves_no_old_reply, Attached) {
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    world.fail_next("SCardTransmit", SCARD_F_COMM_ERROR);
    BOOST_TEST(card->Transaction(&raw_command) == scard(SCARD_F_COMM_ERROR));
    WORD status = 1;
    BOOST_TEST(command->get_ReplyStatus(&status) == S_OK);
    BOOST_TEST(status == 0);
    BOOST_TEST(reply_of(raw_command).empty());
}

BOOST_FIXTURE_TEST_CASE(t0_fetches_the_rest_with_the_alternate_class, Attached) {
    world.card = [this](ByteView bytes) -> Bytes {
        if (bytes[1] != 0xC0) {
            return {0xAA, 0x61, 0x02};
        }
        return reader().commands.size() == 2 ? Bytes{0xBB, 0xCC, 0x61, 0x01} : Bytes{0xDD, 0x90, 0x00};
    };
    BOOST_TEST(command->put_AlternateClassId(0x80) == S_OK);
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    BOOST_TEST(reply_of(raw_command) == "AABBCCDD9000");
    BOOST_TEST(cardlatch::to_hex(reader().commands.at(1)) == "80C0000002");
    BOOST_TEST(cardlatch::to_hex(reader().commands.at(2)) == "80C0000001");
}

BOOST_FIXTURE_TEST_CASE(t0_repeats_with_the_right_le_once, Attached) {
    world.card = [](ByteView bytes) -> Bytes {
        return bytes.size() == 5 && bytes[4] == 3 ? Bytes{1, 2, 3, 0x90, 0x00} : Bytes{0x6C, 0x03};
    };
    LONG le = 0;
    BOOST_TEST(command->BuildCmd(0x0C, 0xB0, 0, 0, nullptr, &le) == S_OK);
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    BOOST_TEST(reply_of(raw_command) == "0102039000");
    BOOST_TEST(cardlatch::to_hex(reader().commands.at(1)) == "0CB0000003");
    world.card = [](ByteView) -> Bytes { return {0x6C, 0x05}; };
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    BOOST_TEST(reply_of(raw_command) == "6C05");
    BOOST_TEST(reader().commands.size() == 4U);
}

BOOST_FIXTURE_TEST_CASE(t0_gives_up_on_a_card_that_promises_for_ever, Attached) {
    world.card = [](ByteView) -> Bytes { return {0x61, 0x10}; };
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    BOOST_TEST(reply_of(raw_command) == "6110");
    BOOST_TEST(reader().commands.size() == 2U);
    world.card = [](ByteView) -> Bytes {
        Bytes reply(256 + 2, 0x55);
        reply[256] = 0x61;
        reply[257] = 0x00;
        return reply;
    };
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    BOOST_TEST(reply_of(raw_command).size() == 2U * 65538);
}

BOOST_FIXTURE_TEST_CASE(t1_passes_61_and_6c_on, Unattached) {
    BOOST_TEST(card->AttachByReader(name.value, SHARED, T1) == S_OK);
    world.card = [](ByteView) -> Bytes { return {0x61, 0x10}; };
    BOOST_TEST(card->Transaction(&raw_command) == S_OK);
    BOOST_TEST(reply_of(raw_command) == "6110");
    BOOST_TEST(reader().commands.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
