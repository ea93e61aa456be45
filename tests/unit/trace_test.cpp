// Traces without a stack: what is masked, what a tap on pcscd's socket understands, what files hold.

#include "../support/temporary_folder.hpp"

#include <cardlatch/trace/event_pipe.hpp>
#include <cardlatch/trace/secret_mask.hpp>
#include <cardlatch/trace/trace_file.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstring>
#include <ostream>
#include <string>
#include <tapped_client.hpp>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::trace;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;
namespace message = harness::pcsc_message;

namespace {

struct MaskCase {
    const char* what;
    std::vector<std::pair<const char*, const char*>> exchanges; ///< command, response
    const char* command;                                        ///< how the last command is shown
    const char* response;
};
std::ostream& operator<<(std::ostream& out, const MaskCase& c) {
    return out << c.what;
}

const MaskCase k_masked[] = {
    {"SELECT has no secrets", {{"00A4040002A000", "6F009000"}}, "00 A4 04 00 02 A0 00", "6F 00 90 00"},
    {"VERIFY", {{"0020008004 31323334", "9000"}}, "00 20 00 80 04 ** ** ** **", "90 00"},
    {"VERIFY that asks for the tries left", {{"00200080", "63C3"}}, "00 20 00 80", "63 C3"},
    {"VERIFY with wrong lengths", {{"0020008009313233", "6700"}}, "00 20 00 80 ** ** ** **", "67 00"},
    {"VERIFY with an extended length",
     {{"002000800000023132", "9000"}},
     "00 20 00 80 00 00 02 ** **",
     "90 00"},
    {"CHANGE REFERENCE DATA", {{"00240080023132", "9000"}}, "00 24 00 80 02 ** **", "90 00"},
    {"RESET RETRY COUNTER", {{"002C0080023132", "9000"}}, "00 2C 00 80 02 ** **", "90 00"},
    {"GENERAL AUTHENTICATE, both ways",
     {{"0087039B047C028100", "7C0281009000"}},
     "00 87 03 9B 04 ** ** ** **",
     "** ** ** ** 90 00"},
    {"what GENERAL AUTHENTICATE left for GET RESPONSE",
     {{"0087039B017C", "AA6102"}, {"00C0000002", "BBCC9000"}},
     "00 C0 00 00 02",
     "** ** 90 00"},
    {"GET RESPONSE of something else",
     {{"00CA00C102", "AA6102"}, {"00C0000002", "BBCC9000"}},
     "00 C0 00 00 02",
     "BB CC 90 00"},
    {"an imported key", {{"00FE1A9A020101", "9000"}}, "00 FE 1A 9A 02 ** **", "90 00"},
    {"a management key", {{"00FFFFFF03030202", "9000"}}, "00 FF FF FF 03 ** ** **", "90 00"},
    {"an OpenPGP key, later link of a chain",
     {{"10DB3FFF024D05", "9000"}, {"00DB3FFF02B600", "9000"}},
     "00 DB 3F FF 02 ** **",
     "90 00"},
    {"a certificate is no key", {{"00DB3FFF025C03", "9000"}}, "00 DB 3F FF 02 5C 03", "90 00"},
    {"deciphered text", {{"002A808602AABB00", "31329000"}}, "00 2A 80 86 02 AA BB 00", "** ** 90 00"},
    {"a signature", {{"002A9E9A02AABB00", "31329000"}}, "00 2A 9E 9A 02 AA BB 00", "31 32 90 00"},
    {"the printed information",
     {{"00CB3FFF055C035FC10900", "53029000"}},
     "00 CB 3F FF 05 5C 03 5F C1 09 00",
     "** ** 90 00"},
    {"VERIFY in an ENVELOPE",
     {{"00C2000006002000800131", "9000"}, {"00C20000023132", "9000"}},
     "00 C2 00 00 02 ** **",
     "90 00"},
    {"on another channel", {{"0120008002 3132", "9000"}}, "01 20 00 80 02 ** **", "90 00"},
};

Event exchange(const char* command, const char* response) {
    const auto now = Clock::now();
    return {now, now, What::exchange, "Reader 00 00", "card", *from_hex(command), *from_hex(response), {}};
}

/// Remembers what it is told.
class Memory : public Sink {
  public:
    void record(const Event& event) override { events.push_back(event); }
    std::vector<Event> events;
};

template <class Message>
Bytes raw(const Message& value) {
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

template <class Message>
Bytes request(message::Code code, const Message& body, const Bytes& trailing = {}) {
    auto bytes = raw(message::Header{sizeof body, code});
    const auto rest = raw(body);
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    bytes.insert(bytes.end(), trailing.begin(), trailing.end());
    return bytes;
}

/// A connection that has a card, and what it told.
struct Tapped {
    std::vector<Event> events;
    harness::TappedClient client{"test (1)", true, [this](const Event& event) { events.push_back(event); }};

    Tapped() {
        message::Connect connect{};
        std::strcpy(&connect.reader[0], "Reader 00 00");
        client.from_client(request(message::Code::connect, connect));
        connect.card = 7;
        client.from_pcscd(raw(connect));
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(trace_room)

BOOST_DATA_TEST_CASE(mask_covers_secrets_and_nothing_else, data::make(k_masked), c) {
    SecretMask mask;
    SecretBytes secret;
    for (const auto& [command, response] : c.exchanges) {
        secret = mask.examine(*from_hex(command), *from_hex(response));
    }
    const auto& [command, response] = c.exchanges.back();
    BOOST_TEST(masked_hex(*from_hex(command), secret.command_begin, secret.command_end, "**") == c.command);
    BOOST_TEST(masked_hex(*from_hex(response), 0, secret.response_end, "**") == c.response);
}

BOOST_AUTO_TEST_CASE(mask_takes_any_bytes) {
    SecretMask mask;
    for (unsigned ins = 0; ins < 256; ++ins) {
        for (std::size_t size = 0; size < 12; ++size) {
            Bytes command(size, 0x05);
            if (size > 1) {
                command[1] = static_cast<std::uint8_t>(ins);
            }
            const auto secret = mask.examine(command, Bytes(size % 4));
            BOOST_REQUIRE(secret.command_begin <= secret.command_end);
            BOOST_REQUIRE(secret.command_end <= command.size());
            BOOST_REQUIRE(secret.response_end <= size % 4);
        }
    }
}

BOOST_AUTO_TEST_CASE(tap_tells_exchanges_from_pieces_of_any_size) {
    Tapped tapped;
    message::Transmit transmit{};
    transmit.card = 7;
    transmit.send_length = 5;
    const auto asked = request(message::Code::transmit, transmit, *from_hex("00CA000000"));
    transmit.receive_length = 3;
    auto answer = raw(transmit);
    for (const auto byte : {0xAA, 0x90, 0x00}) {
        answer.push_back(static_cast<std::uint8_t>(byte));
    }
    for (const auto byte : asked) {
        tapped.client.from_client(ByteView(&byte, 1));
    }
    for (const auto byte : answer) {
        tapped.client.from_pcscd(ByteView(&byte, 1));
    }
    BOOST_REQUIRE(tapped.events.size() == 1U);
    BOOST_TEST(tapped.events[0].reader == "Reader 00 00");
    BOOST_TEST(to_hex(tapped.events[0].command) == "00CA000000");
    BOOST_TEST(to_hex(tapped.events[0].response) == "AA9000");
}

BOOST_AUTO_TEST_CASE(tap_tells_one_lock_for_nested_transactions_and_for_a_dead_client) {
    Tapped tapped;
    const auto begin = [&] {
        tapped.client.from_client(request(message::Code::begin_transaction, message::Begin{7, 0}));
        tapped.client.from_pcscd(raw(message::Begin{7, 0}));
    };
    begin();
    begin();
    for (const std::size_t told : {0U, 1U}) {
        tapped.client.from_client(request(message::Code::end_transaction, message::End{7, 0, 0}));
        tapped.client.from_pcscd(raw(message::End{7, 0, 0}));
        BOOST_TEST(tapped.events.size() == told);
    }
    begin();
    tapped.client.ended();
    BOOST_REQUIRE(tapped.events.size() == 2U);
    BOOST_TEST((tapped.events[1].what == What::lock));
    BOOST_TEST(tapped.events[1].who == "test (1)");
}

BOOST_AUTO_TEST_CASE(tap_tells_one_wait_for_a_client_that_was_refused) {
    Tapped tapped;
    for (const std::uint32_t result : {0x8010000BU, 0x8010000BU, 0U}) { // SCARD_E_SHARING_VIOLATION
        tapped.client.from_client(request(message::Code::begin_transaction, message::Begin{7, 0}));
        tapped.client.from_pcscd(raw(message::Begin{7, result}));
    }
    BOOST_REQUIRE(tapped.events.size() == 1U);
    BOOST_TEST((tapped.events[0].what == What::lock_wait));
    BOOST_TEST((tapped.events[0].begin <= tapped.events[0].end));
}

BOOST_AUTO_TEST_CASE(tap_survives_what_is_no_message) {
    Tapped tapped;
    tapped.client.from_client(Bytes(64, 0xFF));
    tapped.client.from_pcscd(Bytes(64, 0xFF));
    tapped.client.ended();
    BOOST_TEST(tapped.events.empty());
}

BOOST_AUTO_TEST_CASE(events_of_another_process_arrive_before_the_receiver_ends) {
    const TemporaryFolder folder;
    const auto memory = std::make_shared<Memory>();
    auto receiver = EventReceiver::start(folder.path() / "trace", memory);
    BOOST_REQUIRE(receiver);
    auto sender = EventSender::connect((folder.path() / "trace").native());
    BOOST_REQUIRE(sender);
    auto sent = exchange("00B0000000", "9000");
    sent.response.insert(sent.response.begin(), 65536, 0x5A);
    for (int i = 0; i < 20; ++i) {
        sender.value()->record(sent);
    }
    receiver.value().reset();
    BOOST_REQUIRE(memory->events.size() == 20U);
    BOOST_TEST((memory->events.back().response == sent.response));
    BOOST_TEST((memory->events.back().begin == sent.begin));
    BOOST_TEST(memory->events.back().reader == sent.reader);
    sender.value()->record(sent); // nobody is there: no signal, no error
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_told_at_the_end) {
    const auto file = TraceFile::create("/dev/full", Format::chrome, Secrets::masked);
    BOOST_REQUIRE(file);
    file.value()->record(exchange("00A40000", "9000"));
    const auto closed = file.value()->close();
    BOOST_REQUIRE(!closed);
    BOOST_TEST((closed.error().code == std::errc::no_space_on_device));
}

BOOST_AUTO_TEST_CASE(a_trace_is_for_its_owner_alone) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "x.json";
    BOOST_REQUIRE(TraceFile::create(path, Format::chrome, Secrets::masked));
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    BOOST_TEST(((std::filesystem::status(path).permissions() & others) == std::filesystem::perms::none));
    BOOST_TEST(!format_of("x.txt"));
}

BOOST_AUTO_TEST_SUITE_END()
