// The card's end of the link: greeting and service in both dialects, stopping, listening.

#include "link_peer.hpp"
#include "ring_peer.hpp"

#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/icc_endpoint.hpp>
#include <cardlatch/vpcd/icc_link.hpp>
#include <cardlatch/vpcd/ring.hpp>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <future>
#include <optional>
#include <thread>

using namespace cardlatch;
using namespace cardlatch::vpcd;
using cardlatch::test::hex;
using cardlatch::test::k_patience;
using cardlatch::test::Peer;

namespace {

/// Answers a command with its own bytes and 9000; models neither files nor protocols.
class EchoCard : public IccHandler {
  public:
    Bytes power_on() override {
        calls += "on ";
        return answer_to_reset;
    }
    void power_off() override { calls += "off "; }
    Bytes reset() override {
        calls += "reset ";
        return answer_to_reset;
    }
    Bytes atr() override { return hex("3B8001 81"); }
    void set_protocol(unsigned protocol) override { calls += "T=" + std::to_string(protocol) + " "; }
    Bytes transmit(ByteView command) override {
        if (command[0] == 0xFF) {
            return {}; // no answer
        }
        if (command[0] == 0xEE) {
            released.get_future().wait_for(k_patience);
        }
        Bytes response(command.begin(), command.end());
        response.insert(response.end(), {0x90, 0x00});
        return response;
    }

    Bytes answer_to_reset = hex("3B8001 81");
    std::string calls;
    std::promise<void> released;
};

/// A card being served in a thread of its own, and the reader's end of its link.
struct Served {
    explicit Served(bool offers_extension, EchoCard& card)
        : Served(offers_extension, card, test::socket_pair()) {}
    ~Served() { stop.request_stop(); } // or the future would wait for a card that nobody stops

    Result<void> wait() {
        BOOST_REQUIRE((result.wait_for(k_patience) == std::future_status::ready));
        return result.get();
    }

    std::stop_source stop;
    Peer reader;
    std::future<Result<void>> result;

  private:
    Served(bool offers_extension, EchoCard& card, std::pair<UniqueFd, UniqueFd> ends)
        : reader(std::move(ends.first))
        , result(std::async(std::launch::async, [&card, offers_extension, fd = std::move(ends.second),
                                                 token = stop.get_token()]() mutable {
            return IccEndpoint(card, offers_extension).serve(std::move(fd), token);
        })) {}
};

void greet_extended(const Peer& reader) {
    reader.say("000104");
    reader.expect("0004434C5805");
    reader.say("000000021F01");
}

/// A reader that brings `memory` with its hello, of version 4 unless said otherwise.
void greet_with(const Peer& reader, const UniqueFd& memory, const std::string& version = "04") {
    reader.say("000104");
    reader.expect("0004434C5805");
    const auto sent = send_with_descriptor(reader.fd(), hex("000000031F" + version + "04"), memory.get());
    BOOST_REQUIRE(sent);
    reader.expect("0000000192");
}

/// A card with a ring, whose reader does with it what the test says.
struct Ringed {
    Ringed() {
        auto made = Ring::create();
        BOOST_REQUIRE(made);
        const auto memory = made.value()->take_descriptor();
        ring.emplace(memory);
        greet_with(served.reader, memory);
    }

    /// After a command it waits at the ring, for some moments: makes it do so until `use` has done something
    /// there.
    template <class Use>
    void at_ring(Use&& use) const {
        do {
            ring->to_reader().state() = test::RawRing::cold;
            served.reader.say("000000051000A40400");
            served.reader.expect("000000079000A404009000");
        } while (!use());
    }

    /// Leaves a command, and waits at the ring for the answer.
    void leave(const std::string& command) const {
        at_ring([&] {
            ring->to_reader().state() = test::RawRing::looking;
            return ring->to_card().offer(hex(command));
        });
    }

    EchoCard card;
    Served served{true, card};
    std::optional<test::RawRing> ring;
};
using test::RawRing;

} // namespace

BOOST_AUTO_TEST_SUITE(vpcd_icc)

BOOST_AUTO_TEST_CASE(command_in_the_ring_is_answered_there) {
    Ringed r;
    for (int i = 0; i < 3; ++i) {
        r.leave("00B00000"); // nobody wakes it: it looks by itself in the end
        r.ring->to_reader().await(RawRing::full);
        BOOST_TEST(r.ring->to_reader().message() == "00B000009000");
    }
}

BOOST_AUTO_TEST_CASE(answer_goes_through_the_socket_when_the_reader_waits_there) {
    Ringed r;
    r.at_ring([&] { return r.ring->to_card().offer(hex("00B00000")); });
    r.served.reader.expect("000000079000B000009000");
    BOOST_TEST(r.ring->to_reader().state().load() == RawRing::cold);
}

BOOST_AUTO_TEST_CASE(idle_card_leaves_the_ring_for_the_socket) {
    Ringed r;
    r.at_ring([] { return true; });
    r.ring->to_card().await(RawRing::cold);
    r.served.reader.say("000000051000A40400");
    r.served.reader.expect("000000079000A404009000");
}

BOOST_AUTO_TEST_CASE(card_at_the_ring_can_be_called_to_the_socket) {
    Ringed r;
    r.at_ring([&] { return r.ring->to_card().offer(RawRing::full, 0); });
    r.served.reader.say("0000000103");
    r.served.reader.expect("00000005813B800181");
    BOOST_TEST(r.card.calls == "reset ");
}

BOOST_AUTO_TEST_CASE(answer_follows_its_time_extensions_through_the_socket) {
    Ringed r;
    r.leave("EE00");
    r.served.reader.expect("00000003A01388");
    r.card.released.set_value();
    std::string answer;
    do {
        answer = r.served.reader.hear(7);
    } while (answer == "00000003A01388");
    BOOST_TEST(answer + r.served.reader.hear(2) == "0000000590EE009000");
    BOOST_TEST(r.ring->to_reader().state().load() == RawRing::full);
    BOOST_TEST(r.ring->to_reader().length().load() == 0U); // called to the socket
}

BOOST_AUTO_TEST_CASE(command_of_impossible_length_in_the_ring_ends_the_link) {
    for (const std::uint32_t length : {65545U, 0xFFFFFFFFU}) {
        Ringed r;
        r.at_ring([&] { return r.ring->to_card().offer(RawRing::full, length); });
        const auto result = r.served.wait();
        BOOST_REQUIRE(!result);
        BOOST_TEST((result.error().code == LinkErrc::malformed));
        r.served.reader.expect_close();
    }
}

BOOST_AUTO_TEST_CASE(stop_wakes_a_card_at_the_ring) {
    Ringed r;
    r.at_ring([] { return true; });
    r.served.stop.request_stop();
    BOOST_TEST(r.served.wait().has_value());
    r.served.reader.expect_close();
    BOOST_TEST(r.ring->to_reader().state().load() == RawRing::closed);
}

BOOST_AUTO_TEST_CASE(reader_that_vanishes_ends_the_link_of_a_card_at_the_ring) {
    Ringed r;
    r.at_ring([] { return true; });
    r.served.reader.close();
    BOOST_TEST(r.served.wait().has_value());
}

BOOST_AUTO_TEST_CASE(hello_without_usable_memory_leaves_the_socket) {
    const auto works = [](const Peer& reader) {
        for (int i = 0; i < 2; ++i) {
            reader.say("000000051000A40400");
            reader.expect("000000079000A404009000");
        }
    };
    {
        EchoCard card;
        Served served(true, card);
        served.reader.say("000104");
        served.reader.expect("0004434C5805");
        served.reader.say("000000031F0404"); // announces memory, and brings none
        served.reader.expect("0000000192");
        works(served.reader);
    }
    {
        EchoCard card;
        Served served(true, card);
        greet_with(served.reader, UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC)));
        works(served.reader);
    }
    EchoCard card;
    Served served(true, card);
    auto made = Ring::create();
    BOOST_REQUIRE(made);
    const auto memory = made.value()->take_descriptor();
    const RawRing ring(memory);
    greet_with(served.reader, memory, "03"); // a version that knows no ring
    works(served.reader);
    BOOST_TEST(ring.to_card().state().load() == RawRing::cold);
}

BOOST_AUTO_TEST_CASE(plain_reader_is_served) {
    EchoCard card;
    Served served(false, card);
    served.reader.say("000104");
    served.reader.expect("00043B800181");
    served.reader.say("000101 000104"); // power on, request ATR in one piece
    served.reader.expect("00043B800181");
    served.reader.say("0004 00A40400");
    served.reader.expect("000600A404009000");
    served.reader.say("000102 000104");
    served.reader.expect("00043B800181");
    served.reader.say("000100 000104");
    served.reader.expect("00043B800181");
    served.reader.close();
    BOOST_TEST(served.wait().has_value());
    BOOST_TEST(card.calls == "on reset off ");
}

BOOST_AUTO_TEST_CASE(extension_is_offered_once_and_served) {
    EchoCard card;
    Served served(true, card);
    greet_extended(served.reader);
    served.reader.say("0000000101");
    served.reader.expect("00000005813B800181");
    served.reader.say("0000000103");
    served.reader.expect("00000005813B800181");
    served.reader.say("0000000510 00A40400");
    served.reader.expect("000000079000A404009000");
    served.reader.say("0000000102");
    served.reader.expect("0000000182");
    served.reader.close();
    BOOST_TEST(served.wait().has_value());
    BOOST_TEST(card.calls == "on reset off ");
}

BOOST_AUTO_TEST_CASE(whole_extended_apdu_passes) {
    EchoCard card;
    Served served(true, card);
    greet_extended(served.reader);
    Bytes command = hex("000100 00 10"); // a frame of 65,536 bytes
    command.resize(4 + 0x10000, 0x00);
    served.reader.say(command);
    BOOST_TEST(served.reader.hear(5) == "0001000290");
    BOOST_TEST(served.reader.hear(0x10001).size() == 2 * 0x10001);
}

BOOST_AUTO_TEST_CASE(mute_card_answers_with_no_atr) {
    EchoCard card;
    card.answer_to_reset.clear();
    {
        Served served(true, card);
        greet_extended(served.reader);
        served.reader.say("0000000101");
        served.reader.expect("0000000181");
    }
    Served served(false, card);
    served.reader.say("000104");
    served.reader.expect("00043B800181"); // there is a card, before power
    served.reader.say("000101 000104");
    served.reader.expect("0000");
}

BOOST_AUTO_TEST_CASE(unanswered_command_keeps_the_link) {
    EchoCard card;
    Served served(true, card);
    greet_extended(served.reader);
    served.reader.say("0000000310 FF00");
    served.reader.say("0000000310 0001");
    served.reader.expect("000000059000019000");
}

BOOST_AUTO_TEST_CASE(card_is_told_the_protocol) {
    EchoCard card;
    Served served(true, card);
    greet_extended(served.reader);
    served.reader.say("000000021201");
    served.reader.expect("0000000194");
    served.reader.say("000000021200");
    served.reader.expect("0000000194");
    served.reader.say("000000021202");
    const auto result = served.wait();
    BOOST_REQUIRE(!result);
    BOOST_TEST((result.error().code == LinkErrc::malformed));
    BOOST_TEST(card.calls == "T=1 T=0 ");
}

BOOST_AUTO_TEST_CASE(command_before_hello_ends_the_link) {
    EchoCard card;
    Served served(true, card);
    served.reader.say("000104");
    served.reader.expect("0004434C5805");
    served.reader.say("0000000310 0000");
    const auto result = served.wait();
    BOOST_REQUIRE(!result);
    BOOST_TEST((result.error().code == LinkErrc::malformed));
}

BOOST_AUTO_TEST_CASE(close_inside_a_message_is_an_error) {
    EchoCard card;
    Served served(false, card);
    served.reader.say("0004 00A4");
    served.reader.close();
    const auto result = served.wait();
    BOOST_REQUIRE(!result);
    BOOST_TEST((result.error().code == LinkErrc::closed));
}

BOOST_AUTO_TEST_CASE(stop_wakes_a_waiting_card_and_closes_the_link) {
    EchoCard card;
    Served served(false, card);
    served.reader.say("000104");
    served.reader.expect("00043B800181");
    served.stop.request_stop();
    BOOST_TEST(served.wait().has_value());
    served.reader.expect_close();
}

BOOST_AUTO_TEST_CASE(long_command_is_announced_and_answered) {
    EchoCard card;
    Served served(true, card);
    greet_extended(served.reader);
    served.reader.say("0000000310 EE00");
    served.reader.expect("00000003A01388"); // after one second
    served.reader.expect("00000003A01388"); // and after another
    card.released.set_value();
    std::string answer;
    do { // a further announcement may have been on its way
        answer = served.reader.hear(7);
    } while (answer == "00000003A01388");
    BOOST_TEST(answer + served.reader.hear(2) == "0000000590EE009000");
}

BOOST_AUTO_TEST_CASE(listening_card_comes_and_goes_at_one_port) {
    auto link = IccLink::open(LinkAddress::parse("vpcd-listen://127.0.0.1:0").value());
    BOOST_REQUIRE(link);
    const auto where = link.value().address().tcp;
    BOOST_REQUIRE(where.port != 0);
    for (int round = 0; round < 2; ++round) {
        const auto address = SocketAddress::of_host(where).value();
        BOOST_TEST(!connect_socket(address, k_patience, "the card").has_value());
        BOOST_REQUIRE(link.value().insert());
        EchoCard card;
        std::stop_source stop;
        auto result =
            std::async(std::launch::async, [&] { return link.value().serve(card, stop.get_token()); });
        for (int reader = 0; reader < 2; ++reader) { // a reader may go and come back
            const auto peer = Peer::to_tcp(where);
            peer.say("000104");
            peer.expect("00043B800181");
            peer.say("00"); // length and body apart, as stock vpcd sends them
            peer.say("04");
            peer.say("00A40400");
            peer.expect("000600A404009000");
        }
        const auto last = Peer::to_tcp(where);
        last.say("000104");
        last.expect("00043B800181");
        stop.request_stop();
        BOOST_REQUIRE((result.wait_for(k_patience) == std::future_status::ready));
        BOOST_TEST(result.get().has_value());
        last.expect_close();
        link.value().remove();
    }
}

BOOST_AUTO_TEST_CASE(serving_before_insertion_is_an_error) {
    auto link = IccLink::open(LinkAddress::parse("vpcd-listen://127.0.0.1:0").value());
    BOOST_REQUIRE(link);
    EchoCard card;
    BOOST_TEST((link.value().serve(card, {}).error().code == std::errc::not_connected));
}

BOOST_AUTO_TEST_SUITE_END()
