// Readers that come and go while pcscd runs, as PC/SC programs see them; several slots, and the most readers
// that one pcscd carries.

#include "stack_script.hpp"
#include "temporary_folder.hpp"

#include <cardlatch/harness/test_stack.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/reader.hpp>

#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::test;
using harness::TestStack;

namespace {

/// The readers that a client of this process sees.
std::vector<std::string> listed() {
    const auto context = pcsc::Context::establish();
    BOOST_REQUIRE(context);
    const auto readers = context.value().readers();
    BOOST_REQUIRE(readers);
    std::vector<std::string> names;
    for (const auto& reader : readers.value()) {
        names.push_back(reader.name());
    }
    std::sort(names.begin(), names.end());
    return names;
}

using Names = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(readers)

BOOST_AUTO_TEST_CASE(a_reader_is_plugged_in_and_out_under_a_waiting_client) {
    const auto outcome = python({"--card", "filecard", "--reader-name", "Front desk"}, R"(
pnp = SCARD_STATE_UNAWARE
def wait():
    global pnp
    result, states = SCardGetStatusChange(context, 60000, [('\\\\?PnP?\\Notification', pnp)])
    assert result == 0, hex(result)
    pnp = states[0][1] & ~SCARD_STATE_CHANGED
waiter = subprocess.Popen([sys.executable, '-c', '''
from smartcard.scard import *
context = SCardEstablishContext(SCARD_SCOPE_USER)[1]
while len(SCardListReaders(context, [])[1]) < 2:
    result, states = SCardGetStatusChange(context, 60000, [("\\\\\\\\?PnP?\\\\Notification", SCARD_STATE_UNAWARE)])
    assert result == 0
'''])
name = cardlatch('reader', 'add', '--name', 'Größe & <Farbe>', '--card', 'filecard').strip()
print(name, readers() == ['Front desk 00 00', name])
assert waiter.wait(60) == 0
result, card, protocol = SCardConnect(context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY)
assert result == 0, hex(result)
print(SCardTransmit(card, protocol, [0, 0xA4, 0, 0x0C, 2, 0x3F, 0])[1])
cardlatch('reader', 'remove', '1')
print(readers())
print(code(SCardTransmit(card, protocol, [0, 0xA4, 0, 0x0C, 2, 0x3F, 0])), code(SCardBeginTransaction(card)),
      code(SCardStatus(card)), code(SCardDisconnect(card, SCARD_LEAVE_CARD)))
print(code(SCardConnect(context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY)))
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "Größe & <Farbe> 01 00 True\n[144, 0]\n['Front desk 00 00']\n"
                              "80100011 80100011 80100017 0\n80100009\n",
               outcome.out);
}

BOOST_AUTO_TEST_CASE(a_transaction_and_a_command_end_when_the_reader_goes) {
    const auto outcome =
        python({"--card", "filecard", "--card", "none", "--fault", "delay,ms=60000,ins=B0"}, R"(
import threading
name = readers()[0]
result, card, protocol = SCardConnect(context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY)
assert SCardBeginTransaction(card) == 0
answers = []
slow = threading.Thread(target=lambda: answers.append(SCardTransmit(card, protocol, [0, 0xB0, 0, 0, 4])))
slow.start()
while '"seen":1' not in cardlatch('fault', 'list', '--json'):
    pass
cardlatch('reader', 'remove', name)
slow.join(30)
print(code(answers[0]), readers() == ['Cardlatch Virtual Reader 01 00'])
print(cardlatch('reader', 'add').strip())
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "80100017 True\nCardlatch Virtual Reader 00 00\n", outcome.out);
}

BOOST_AUTO_TEST_CASE(numbers_of_slots_are_used_again_and_status_says_who_is_gone) {
    const auto outcome = script({"--card", "none", "--card", "none"}, R"(
cardlatch reader remove 0
cardlatch status | cut -c1-60
cardlatch insert 0 filecard 2>&1 || echo "$?"
cardlatch reader remove 0 2>&1 || echo "$?"
cardlatch reader add --name Three --card filecard --card none
cardlatch status | cut -c1-44
cardlatch remove 0
cardlatch insert 0
cardlatch reader remove "Three 00 00"
reader_list
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "SLOT  READER                          STATE      CARD  ATR\n"
                              "0     Cardlatch Virtual Reader 00 00  unplugged\n"
                              "1     Cardlatch Virtual Reader 01 00  empty\n"
                              "cardlatch: the reader of slot 0 is unplugged\n1\n"
                              "cardlatch: the reader of slot 0 is gone already\n1\n"
                              "Three 00 00\nThree 00 01\n"
                              "SLOT  READER                          STATE \n"
                              "0     Three 00 00                     presen\n"
                              "1     Cardlatch Virtual Reader 01 00  empty\n"
                              "2     Three 00 01                     empty\n"
                              "0: Cardlatch Virtual Reader 01 00\n",
               outcome.out);
}

BOOST_AUTO_TEST_CASE(a_reader_has_several_slots) {
    const auto outcome =
        python({"--slots", "2", "--card", "filecard", "--card", "witness", "--card", "none"}, R"(
print(readers())
def atr(name):
    result, card, protocol = SCardConnect(context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY)
    return bytes(SCardStatus(card)[4]).hex() if result == 0 else code(result)
answers = [atr(name) for name in readers()]
print(answers[0] != answers[1], answers[0][:2], answers[1][:2], answers[2:])
cardlatch('insert', '3', 'filecard')
print(atr(readers()[3]) == answers[0])
cardlatch('reader', 'remove', '1')
print(readers())
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    const std::string name = "'Cardlatch Virtual Reader 0";
    BOOST_TEST(outcome.out == "[" + name + "0 00', " + name + "0 01', " + name + "1 00', " + name +
                                  "1 01']\n" + "True 3b 3b ['8010000C', '8010000C']\nTrue\n[" + name +
                                  "1 00', " + name + "1 01']\n",
               outcome.out);
}

BOOST_AUTO_TEST_CASE(sixteen_slots_are_the_most) {
    std::vector<std::string> options;
    for (int i = 0; i < 15; ++i) {
        options.insert(options.end(), {"--card", "none"});
    }
    const auto outcome = script(options, R"(
cardlatch reader add --card none --card none 2>&1 || echo "$?"
cardlatch reader add
cardlatch reader add 2>&1 || echo "$?"
cardlatch reader remove 3
cardlatch reader add --name Last --card filecard
reader_list | wc -l
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    const std::string full =
        "cardlatch: one pcscd carries 16 readers, slots counted singly; remove one first\n1\n";
    BOOST_TEST(outcome.out == full + "Cardlatch Virtual Reader 0F 00\n" + full + "Last 03 00\n16\n",
               outcome.out);
    options.insert(options.end(), {"--card", "none", "--card", "none"});
    const auto over = cardlatch_run(options, {"true"});
    BOOST_TEST(over.exit_code == 125);
    BOOST_TEST(over.err.find("17 readers, slots counted singly: one pcscd carries 1 to 16") !=
                   std::string::npos,
               over.err);
}

BOOST_AUTO_TEST_CASE(names_that_pcscd_cannot_read_are_refused) {
    const auto outcome = script({"--card", "none"}, R"sh(
cardlatch reader add --name 'a "name"' 2>&1 || echo "$?"
cardlatch reader add --name "$(printf '%121s' x)" 2>&1 || echo "$?"
cardlatch reader add --card no-such-card 2>&1 || echo "$?"
cardlatch reader remove 7 2>&1 || echo "$?"
reader_list
)sh");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("double quote") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("121 bytes; 1 to 120") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("no card \"no-such-card\"") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("no slot \"7\"") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.ends_with("0: Cardlatch Virtual Reader 00 00\n"), outcome.out);
}

BOOST_AUTO_TEST_CASE(a_pcscd_that_starts_again_finds_what_is_plugged_in) {
    TestStack stack({"filecard", "none"});
    stack.reader(0).unplug();
    stack.add_reader("Other", "filecard"); // takes slot 0, comes second
    BOOST_TEST(listed() == (Names{"Cardlatch Virtual Reader 01 00", "Other 00 00"}),
               boost::test_tools::per_element());
    const auto fault = stack.reader(1).add_fault("kill-pcscd,on=now,back=never");
    stack.remove_fault(fault);
    BOOST_TEST(listed() == (Names{"Cardlatch Virtual Reader 00 00", "Other 01 00"}),
               boost::test_tools::per_element());
    BOOST_TEST(stack.stack().status().at(0).reader == "Other 01 00");
    BOOST_TEST(stack.stack().status().at(1).reader == "Cardlatch Virtual Reader 00 00");
}

BOOST_AUTO_TEST_CASE(readers_of_a_test_come_and_go) {
    TestStack stack({"none"});
    auto& added = stack.add_reader({}, "witness");
    BOOST_TEST(added.name() == "Cardlatch Virtual Reader 01 00");
    BOOST_TEST(added.holds_card());
    BOOST_TEST(added.is_free());
    added.unplug();
    BOOST_TEST(listed() == Names{"Cardlatch Virtual Reader 00 00"}, boost::test_tools::per_element());
    BOOST_TEST(added.status().state == "unplugged");
    BOOST_CHECK_THROW(added.unplug(), std::system_error);
    for (int round = 0; round < 20; ++round) {
        stack.add_reader("Round", "filecard").unplug();
    }
    BOOST_TEST(listed().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_pcscd_without_libudev_keeps_the_readers_of_its_configuration) {
    if (std::getenv("CARDLATCH_PCSCD_PRELOAD") != nullptr) {
        BOOST_TEST_MESSAGE("skipped: the shell around pcscd does not take a sanitizer's run time");
        return;
    }
    const TemporaryFolder folder;
    const auto wrapper = (folder.path() / "pcscd").string();
    std::ofstream(wrapper) << "#!/bin/sh\nexec /usr/sbin/pcscd \"$@\"\n";
    ::chmod(wrapper.c_str(), 0755);
    const auto outcome = script({"--card", "filecard", "--card", "none", "--pcscd", wrapper}, R"(
reader_list
cardlatch reader add 2>&1 || echo "$?"
cardlatch reader remove 1 2>&1 || echo "$?"
cardlatch fault add unplug on=now slot=0 name=u
cardlatch status | cut -c39-49
cardlatch fault remove u
opensc-tool --atr
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out);
    BOOST_TEST(outcome.out.find("0: Cardlatch Virtual Reader 00 00\n1: Cardlatch Virtual Reader 01 00\n") ==
                   0U,
               outcome.out);
    BOOST_TEST(outcome.out.find("built without libudev and takes readers only when it starts\n1\n") !=
                   std::string::npos,
               outcome.out);
    BOOST_TEST(outcome.out.find("keeps them until it ends\n1\n") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("unavailable\nempty\n3b:8f") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(stock_vpcd_and_serve_have_the_readers_that_they_have) {
    const auto outcome =
        script({"--driver", "vpcd"}, "cardlatch reader add 2>&1 || cardlatch reader remove 0");
    BOOST_TEST(outcome.exit_code == 1);
    BOOST_TEST(outcome.out.find("stock vpcd has the two slots of one reader") != std::string::npos,
               outcome.out);
    const auto slots = cardlatch_run({"--driver", "vpcd", "--slots", "2"}, {"true"});
    BOOST_TEST(slots.exit_code == 125, slots.err);
}

BOOST_AUTO_TEST_SUITE_END()
