// The driver with cards that use the ring, properly and otherwise: commands through shared memory, everything
// else through the socket, and an end in time whatever the card does.

#include "ifd_module.hpp"
#include "ring_peer.hpp"

#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/reserved_port.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <ostream>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

const std::string k_command = "00A40400";

/// A card that took the ring, greeted and powered; it waits at the socket.
struct RingCard {
    RingCard(const OpenSlot& slot, const std::string& path, const std::string& features = "04")
        : socket(Peer::to_unix(path)) {
        socket.say("0004434C5804");
        BOOST_TEST(slot.presence() == IFD_ICC_NOT_PRESENT);
        socket.expect("000104");
        BOOST_TEST(slot.presence() == IFD_ICC_NOT_PRESENT);
        const auto memory = expect_with_descriptor(socket, "000000031F04" + features);
        BOOST_REQUIRE(memory);
        ring.emplace(memory);
        socket.say("0000000192");
        slot.until(IFD_ICC_PRESENT);
        power_up(slot, socket, false);
    }

    /// A proper card's wait at the ring, and a command that comes there.
    void take(const std::string& command) const {
        ring->to_card().await(RawRing::full);
        BOOST_REQUIRE_EQUAL(ring->to_card().message(), command);
    }
    void wait_at_ring() const { ring->to_card().state() = RawRing::looking; }
    /// Where the reader waits; it may have left the ring, on a machine as busy as some.
    void answer(const std::string& response) const {
        if (ring->to_reader().offer(hex(response))) {
            ring->to_reader().wake();
        } else {
            vpcd::Encoder frame;
            BOOST_REQUIRE(
                frame.add(vpcd::Dialect::extended, vpcd::FrameType::response, hex(response)).has_value());
            socket.say(frame.bytes());
        }
    }

    Peer socket;
    std::optional<RawRing> ring;
};

struct Fixture {
    explicit Fixture(const std::string& options = "")
        : slot(0x40000, "unix:" + path + options) {}

    /// After whatever was done, the slot takes a good card.
    void still_works() const {
        slot.until(IFD_ICC_NOT_PRESENT);
        const RingCard next(slot, path);
        next.wait_at_ring();
        auto sent = sending(slot, hex(k_command));
        next.take(k_command);
        next.answer("9000");
        BOOST_TEST(result_of(sent).bytes == "9000");
    }

    TempDir dir;
    std::string path = dir.path("link");
    OpenSlot slot;
};

/// With a deadline that a test can wait for.
struct ImpatientFixture : Fixture {
    ImpatientFixture()
        : Fixture("?timeout-ms=300") {}
};

struct Lie {
    const char* what;
    std::uint32_t word;
    std::uint32_t length;
};

std::ostream& operator<<(std::ostream& out, const Lie& lie) {
    return out << lie.what;
}

const std::vector<Lie> k_lies{
    {"no status word", RawRing::full, 1},
    {"longer than a response", RawRing::full, 65539},
    {"longer than the memory", RawRing::full, 0xFFFFFFFF},
    {"negative", RawRing::full, 0x80000000},
    {"unknown word", 77, 2},
};

/// How far a card comes before it dies.
enum class Step { before_it_takes, after_taking, after_the_bytes, after_the_length };

const std::vector<Step> k_steps{Step::before_it_takes, Step::after_taking, Step::after_the_bytes,
                                Step::after_the_length};

std::ostream& operator<<(std::ostream& out, Step step) {
    return out << static_cast<int>(step);
}

} // namespace

BOOST_AUTO_TEST_SUITE(ifd_ring)

BOOST_AUTO_TEST_CASE(commands_go_through_the_ring_while_the_card_waits_there) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    auto sent = sending(f.slot, hex(k_command)); // it waits at the socket, after power up
    card.socket.expect("0000000510" + k_command);
    card.wait_at_ring();
    card.socket.say("00000003909000");
    BOOST_TEST(result_of(sent).bytes == "9000");
    for (int i = 0; i < 3; ++i) {
        sent = sending(f.slot, hex("00B0000" + std::to_string(i)));
        card.take("00B0000" + std::to_string(i));
        card.wait_at_ring();
        card.answer("6F009000");
        BOOST_TEST(result_of(sent).bytes == "6F009000");
    }
    card.ring->to_card().state() = RawRing::cold;
    sent = sending(f.slot, hex(k_command));
    card.socket.expect("0000000510" + k_command);
    card.socket.say("00000003909000");
    BOOST_TEST(result_of(sent).bytes == "9000");
}

BOOST_AUTO_TEST_CASE(everything_but_commands_goes_through_the_socket_and_the_card_is_called_there) {
    Fixture f("?pin-pad=1");
    const RingCard card(f.slot, f.path, "06");
    card.wait_at_ring();
    auto done = powering(f.slot, IFD_RESET);
    card.ring->to_card().await(RawRing::full);
    BOOST_TEST(card.ring->to_card().length().load() == 0U); // look at the socket
    card.socket.expect("0000000103");
    card.socket.say("0000000681" + k_atr);
    BOOST_TEST(result_of(done).bytes == k_atr);
    done = powering(f.slot, IFD_POWER_DOWN); // the card has not come back to the ring: nobody to call
    card.socket.expect("0000000102");
    card.socket.say("0000000182");
    BOOST_TEST(result_of(done).code == IFD_SUCCESS);
}

BOOST_AUTO_TEST_CASE(longest_command_and_response_pass) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    Bytes command(65544, 0x5A);
    Bytes response(65538, 0xA5);
    auto sent = sending(f.slot, command);
    card.take(to_hex(command));
    card.answer(to_hex(response));
    BOOST_TEST((result_of(sent).bytes == to_hex(response)));
}

BOOST_AUTO_TEST_CASE(response_that_comes_through_the_socket_is_taken) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    card.socket.say("00000003906A82");
    card.ring->to_reader().put({}); // length 0: look there
    BOOST_TEST(result_of(sent).bytes == "6A82");
}

BOOST_AUTO_TEST_CASE(response_through_the_socket_is_found_without_being_called_there) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    card.socket.say("00000003906A82");
    BOOST_TEST(result_of(sent).bytes == "6A82");
}

BOOST_AUTO_TEST_CASE(slow_card_answers_through_the_socket_and_may_extend_the_time) {
    Fixture f("?timeout-ms=1000");
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    card.socket.say("00000003A0FFFF");
    BOOST_TEST((sent.wait_for(std::chrono::milliseconds(1300)) == std::future_status::timeout));
    BOOST_TEST(card.ring->to_reader().state().load() == RawRing::cold);
    card.socket.say("00000003909000");
    BOOST_TEST(result_of(sent).bytes == "9000");
}

BOOST_AUTO_TEST_CASE(card_s_end_says_that_no_answer_comes_and_the_ring_goes_on) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    card.wait_at_ring();
    card.socket.say("000000029301");
    card.ring->to_reader().put({});
    BOOST_TEST(result_of(sent).code == IFD_RESPONSE_TIMEOUT);
    sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    card.answer("9000");
    BOOST_TEST(result_of(sent).bytes == "9000");
}

BOOST_AUTO_TEST_CASE(response_without_a_wake_up_is_found) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    (void)card.ring->to_reader().await(RawRing::asleep, RawRing::cold);
    if (!card.ring->to_reader().offer(hex("9000"))) {
        card.socket.say("00000003909000");
    }
    BOOST_TEST(result_of(sent).bytes == "9000");
}

BOOST_DATA_TEST_CASE(lie_is_an_error_and_the_card_is_removed, data::make(k_lies), lie) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    Answer answer{IFD_SUCCESS, ""};
    while (answer.code == IFD_SUCCESS) { // until the reader hears the lie before it leaves the ring
        card.wait_at_ring();
        auto sent = sending(f.slot, hex(k_command));
        card.take(k_command);
        if (!card.ring->to_reader().offer(lie.word, lie.length)) {
            card.socket.say("00000003909000");
        }
        answer = result_of(sent);
    }
    BOOST_TEST(answer.code == IFD_COMMUNICATION_ERROR);
    BOOST_TEST(answer.bytes.empty());
    card.socket.expect_close();
    f.still_works();
}

BOOST_DATA_TEST_CASE(card_that_dies_is_gone_at_once, data::make(k_steps), step) {
    Fixture f;
    RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.ring->to_card().await(RawRing::full);
    if (step >= Step::after_the_bytes) {
        card.ring->to_reader().bytes()[0] = 0x90;
    }
    if (step >= Step::after_the_length) {
        card.ring->to_reader().length() = 2;
    }
    card.socket.close();
    const auto answer = result_of(sent); // long before the deadline of 5 s, or this machine is very slow
    BOOST_TEST(answer.code == IFD_ICC_NOT_PRESENT);
    BOOST_TEST(answer.bytes.empty());
    f.still_works();
}

BOOST_AUTO_TEST_CASE(card_that_stops_at_the_ring_is_a_timeout) {
    ImpatientFixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    const auto answer = f.slot.transmit(hex(k_command));
    BOOST_TEST(answer.code == IFD_RESPONSE_TIMEOUT);
    card.socket.expect_close();
    f.slot.until(IFD_ICC_NOT_PRESENT);
}

BOOST_AUTO_TEST_CASE(card_that_calls_to_an_empty_socket_is_a_timeout) {
    ImpatientFixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    card.ring->to_reader().put({});
    BOOST_TEST(result_of(sent).code == IFD_RESPONSE_TIMEOUT);
    f.slot.until(IFD_ICC_NOT_PRESENT);
}

BOOST_AUTO_TEST_CASE(closed_reader_ends_a_wait_at_the_ring) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    card.wait_at_ring();
    auto sent = sending(f.slot, hex(k_command));
    card.take(k_command);
    (void)f.slot.close();
    BOOST_TEST(result_of(sent).code != IFD_SUCCESS);
    card.socket.expect_close();
    BOOST_TEST(card.ring->to_reader().state().load() != RawRing::asleep);
}

BOOST_AUTO_TEST_CASE(older_card_is_offered_no_ring) {
    Fixture f;
    const auto card = Peer::to_unix(f.path);
    card.say("0004434C5803");
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    card.expect("000104");
    BOOST_TEST(!expect_with_descriptor(card, "000000031F0300"));
    card.say("0000000192");
    f.slot.until(IFD_ICC_PRESENT);
    power_up(f.slot, card, false);
    auto sent = sending(f.slot, hex(k_command));
    card.expect("0000000510" + k_command);
    card.say("00000003909000");
    BOOST_TEST(result_of(sent).bytes == "9000");
}

BOOST_AUTO_TEST_CASE(card_that_leaves_the_ring_alone_is_served_through_the_socket) {
    Fixture f;
    const RingCard card(f.slot, f.path);
    for (int i = 0; i < 3; ++i) {
        auto sent = sending(f.slot, hex(k_command));
        card.socket.expect("0000000510" + k_command);
        card.socket.say("00000003909000");
        BOOST_TEST(result_of(sent).bytes == "9000");
    }
}

BOOST_AUTO_TEST_CASE(no_ring_is_offered_where_it_is_turned_off) {
    Fixture f("?ring=0");
    const auto card = Peer::to_unix(f.path);
    card.say("0004434C5804");
    BOOST_TEST(f.slot.presence() == IFD_ICC_NOT_PRESENT);
    card.expect("000104");
    BOOST_TEST(!expect_with_descriptor(card, "000000031F0400"));
}

BOOST_AUTO_TEST_CASE(no_ring_is_offered_on_tcp) {
    auto row = vpcd::ReservedPort::reserve({"127.0.0.1", 0}, 1);
    BOOST_REQUIRE(row);
    const auto where = row.value()[0].where();
    row.value().clear();
    OpenSlot slot(0x40000, "vpcd-listen:" + where.text());
    BOOST_REQUIRE_EQUAL(slot.opened(), IFD_SUCCESS);
    auto seen = meanwhile([&] { return slot.reaches(IFD_ICC_PRESENT); });
    const auto card = Peer::to_tcp(where);
    card.expect("000104");
    card.say("0004434C5804");
    BOOST_TEST(!expect_with_descriptor(card, "000000031F0400"));
    card.say("0000000192");
    BOOST_TEST(result_of(seen));
}

BOOST_AUTO_TEST_SUITE_END()
