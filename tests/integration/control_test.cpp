// Cards come and go through the control socket, and when a change is reported done, PC/SC clients see it.

#include "stack_script.hpp"

#include <boost/json.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;
namespace json = boost::json;

namespace {

// Prints every reader with its state as an independent client sees it: SCardGetStatusChange through pyscard.
const std::string k_states = R"(
states() { /usr/bin/python3 -c '
from smartcard.scard import *
context = SCardEstablishContext(SCARD_SCOPE_USER)[1]
readers = SCardListReaders(context, [])[1]
for name, state, atr in SCardGetStatusChange(context, 0, [(r, SCARD_STATE_UNAWARE) for r in readers])[1]:
    print("present" if state & SCARD_STATE_PRESENT else "empty", state >> 16, end=";")
print()'; }
)";

} // namespace

BOOST_AUTO_TEST_SUITE(control)

BOOST_DATA_TEST_CASE(insert_and_remove_are_seen_by_the_next_client,
                     data::make(std::vector<std::string>{"cardlatch", "vpcd"}), driver) {
    const auto outcome = script({"--driver", driver, "--card", "filecard", "--card", "none"}, k_states + R"(
states
cardlatch remove 0; states
cardlatch insert 0; states
cardlatch insert 1 witness; states
cardlatch remove 1; cardlatch insert 1 filecard; states
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    // The number is pcscd's count of insertions and removals; the first card of the slot counts only when the
    // reader was empty before, which stock vpcd's poll decides.
    std::string seen = outcome.out;
    for (auto at = seen.find(' '); at != std::string::npos; at = seen.find(' ')) {
        seen.erase(at, seen.find(';', at) - at);
    }
    BOOST_TEST(seen == "present;empty;\nempty;empty;\npresent;empty;\npresent;present;\npresent;present;\n",
               outcome.out);
}

BOOST_AUTO_TEST_CASE(a_reader_can_be_named_instead_of_numbered) {
    const auto outcome = script({"--reader-name", "Left door", "--card", "none", "--card", "none"},
                                k_states + "cardlatch insert 'Left door 01 00' witness; states");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "empty 0;present 1;\n");
}

BOOST_AUTO_TEST_CASE(presence_comes_by_event_and_not_by_pcscd_s_poll) {
    // pcscd says in its log which of the two it uses; what that is worth in milliseconds is ./dev bench's to
    // say.
    const auto outcome = script({"--card", "none", "--log", "/dev/stderr", "--log-level", "debug"},
                                "cardlatch insert 0 witness");
    BOOST_TEST(outcome.exit_code == 0);
    BOOST_TEST(outcome.err.find("Using the reader polling thread") != std::string::npos, outcome.err);
    BOOST_TEST(outcome.err.find("Using the pcscd polling thread") == std::string::npos, outcome.err);
    BOOST_TEST(outcome.err.find("Card inserted into Cardlatch Virtual Reader 00 00") != std::string::npos,
               outcome.err);
}

BOOST_AUTO_TEST_CASE(status_shows_what_clients_see_as_a_table_and_as_json) {
    const auto table = script({"--card", "filecard", "--card", "none"}, "cardlatch status");
    BOOST_TEST(table.out.find("0     Cardlatch Virtual Reader 00 00  present  filecard  3B8F") !=
                   std::string::npos,
               table.out);
    BOOST_TEST(table.out.find("1     Cardlatch Virtual Reader 01 00  empty") != std::string::npos, table.out);
    const auto text = script({"--card", "filecard", "--card", "none"}, "cardlatch status --json");
    const auto slots = json::parse(text.out).at("slots").as_array();
    BOOST_REQUIRE(slots.size() == 2);
    BOOST_TEST(slots[0].at("slot").as_int64() == 0);
    BOOST_TEST(slots[0].at("state").as_string() == "present");
    BOOST_TEST(slots[1].at("profile").as_string() == "");
}

BOOST_AUTO_TEST_CASE(a_card_comes_back_with_what_was_on_it) {
    const auto outcome = script({"--card", "filecard"}, R"(
opensc-tool -s 00A4080C0450005003 -s 00DC0104104B455054204B455054204B455054204B >/dev/null
cardlatch remove 0
cardlatch insert 0
opensc-tool -s 00A4080C0450005003 -s 00B2010410
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("KEPT KEPT") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(reset_is_seen_by_a_connected_client) {
    const auto outcome = python({"--card", "filecard"}, R"(
result, card, protocol = SCardConnect(context, readers()[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY)
assert result == 0
cardlatch('reset', '0')
print(code(SCardTransmit(card, protocol, [0, 0xA4, 0, 0x0C])))
result, protocol = SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD)
result, answer = SCardTransmit(card, protocol, [0, 0xA4, 0, 0x0C])
print(code(result), bytes(answer).hex())
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "80100068\n0 9000\n",
               outcome.out); // SCARD_W_RESET_CARD, then the card anew
}

BOOST_AUTO_TEST_CASE(acquire_tells_whether_somebody_holds_the_card) {
    const auto outcome = python({}, R"(
import time
def acquire(*options):
    return subprocess.run([sys.argv[1], 'acquire', '0', *options], stderr=subprocess.PIPE, text=True)
reader = readers()[0]
def connect(mode):
    for attempt in range(500): # the question that was given up may still be answered by pcscd, and has the card for a moment
        result, card, protocol = SCardConnect(context, reader, mode, SCARD_PROTOCOL_ANY)
        if result != SCARD_E_SHARING_VIOLATION:
            return card
        time.sleep(0.02)
card = connect(SCARD_SHARE_SHARED)
print('connected', acquire().returncode)
SCardBeginTransaction(card)
held = acquire('--within', '100')
print('in a transaction', held.returncode, held.stderr.strip())
SCardEndTransaction(card, SCARD_LEAVE_CARD)
print('after it', acquire().returncode, code(SCardTransmit(card, SCARD_PCI_T1, [0, 0xA4, 0, 0x0C])))
SCardDisconnect(card, SCARD_LEAVE_CARD)
card = connect(SCARD_SHARE_EXCLUSIVE)
print('exclusive', acquire().returncode)
SCardDisconnect(card, SCARD_LEAVE_CARD)
cardlatch('remove', '0')
print('empty', acquire().stderr.strip())
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out ==
                   "connected 0\nin a transaction 1 cardlatch: the card in 0 is held by a PC/SC client\n"
                   "after it 0 0\nexclusive 1\n"
                   "empty cardlatch: no card in \"Cardlatch Virtual Reader 00 00\"; insert one first\n",
               outcome.out);
}

BOOST_AUTO_TEST_CASE(a_change_that_cannot_be_made_says_why_and_changes_nothing) {
    const auto twice = script({}, "cardlatch insert 0 witness");
    BOOST_TEST(twice.exit_code == 1);
    BOOST_TEST(twice.err.find("a card is in slot 0; remove it first") != std::string::npos, twice.err);
    const auto empty = script({"--card", "none"}, "cardlatch remove 0");
    BOOST_TEST(empty.err.find("no card in slot 0") != std::string::npos, empty.err);
    const auto never = script({"--card", "none"}, "cardlatch insert 0");
    BOOST_TEST(never.err.find("name a profile") != std::string::npos, never.err);
    const auto nowhere = script({}, "cardlatch remove 7");
    BOOST_TEST(nowhere.err.find("no slot \"7\"; there is 0 \"Cardlatch Virtual Reader 00 00\"") !=
                   std::string::npos,
               nowhere.err);
    const auto unknown = script({"--card", "none"}, "cardlatch insert 0 platinum");
    BOOST_TEST(unknown.err.find("no card \"platinum\"") != std::string::npos, unknown.err);
}

BOOST_AUTO_TEST_CASE(the_socket_speaks_json_rpc_to_any_language) {
    const auto outcome = cardlatch_run({"--card", "none"}, {"/usr/bin/python3", "-c", R"(
import json, os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ['CARDLATCH_CONTROL'])
f = s.makefile('rw')
def ask(text):
    f.write(text + '\n'); f.flush()
    return json.loads(f.readline())
def call(method, **params):
    return ask(json.dumps({'jsonrpc': '2.0', 'id': 7, 'method': method, 'params': params}))
print(call('insert', slot=0, profile='witness')['result']['slots'][0]['state'])
print(call('status')['id'], call('status')['result']['slots'][0]['profile'])
print('insert' in call('capabilities')['result']['methods'])
for reply in (ask('{'), ask('[]'), call('fly'), call('remove'), call('remove', slot=3), call('insert', slot=0),
              call('insert', slot=0, profile=5), ask('{"method":"status","params":[]}')):
    print(reply['error']['code'])
print(ask('[' * 200)['error']['code'])
s2 = socket.socket(socket.AF_UNIX)
s2.connect(os.environ['CARDLATCH_CONTROL'])
s2.sendall(b'x' * 70000)
print(json.loads(s2.makefile().readline())['error']['code'])
print(call('status')['result']['slots'][0]['state'])
)"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(
        outcome.out ==
            "present\n7 witness\nTrue\n-32700\n-32600\n-32601\n-32602\n-32602\n-32000\n-32602\n-32602\n"
            "-32700\n-32600\npresent\n",
        outcome.out);
}

BOOST_AUTO_TEST_SUITE_END()
