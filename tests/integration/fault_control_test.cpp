// Faults as they are added, listed and removed: by the harness, a profile, the command and its options; and
// what else the harness does to a reader.

#include "plain_client.hpp"
#include "stack_script.hpp"

#include <cardlatch/harness/test_stack.hpp>

#include <boost/json.hpp>
#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <string>
#include <system_error>
#include <vector>

using namespace cardlatch;
using harness::Driver;
using harness::StackOptions;
using harness::TestStack;
using test::code;
using test::PlainClient;

namespace {

const std::string k_select = "00A4000C022F01"; // EF.ATR/INFO
const std::string k_read = "00B0000004";
const std::string k_good = "9000+4";

StackOptions on(Driver driver) {
    StackOptions options;
    options.driver = driver;
    options.seed = 7;
    return options;
}

} // namespace

BOOST_AUTO_TEST_SUITE(fault_control)

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_faults) {
    const auto story = [](std::uint64_t seed) {
        auto options = on(Driver::cardlatch);
        options.seed = seed;
        options.faults = {"wrong-sw,probability=0.5,until=cleared,ins=B0"};
        TestStack stack({"filecard"}, options);
        PlainClient client(stack.reader().name());
        client.connect();
        client.transmit(k_select);
        std::string seen;
        for (int i = 0; i < 64; ++i) {
            seen += client.transmit(k_read) == k_good ? '.' : 'x';
        }
        return seen;
    };
    const auto first = story(42);
    BOOST_TEST(first == story(42));
    BOOST_TEST(first != story(43));
}

BOOST_AUTO_TEST_CASE(faults_of_a_profile_come_with_its_card) {
    const auto card = std::string(CARDLATCH_TEST_SUPPORT "/faulty_card.toml");
    TestStack stack({card}, on(Driver::cardlatch));
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    BOOST_TEST(client.transmit("00A4000C023F00") == "9000+0");
    BOOST_TEST(client.transmit(k_read) == "6581+0");
    BOOST_TEST(client.transmit(k_read) == "6581+0");
    BOOST_TEST(client.transmit(k_read) == "6986+0"); // as often as the profile says
    BOOST_TEST(stack.faults().at(0).fault.name == "worn-out");
    reader.remove();
    reader.insert("filecard");
    BOOST_TEST(stack.faults().empty());
}

BOOST_AUTO_TEST_CASE(where_a_fault_cannot_strike_is_said) {
    const auto refused = [](const std::vector<std::string>& options, const std::string& why) {
        const auto outcome = test::cardlatch_run(options, {"true"});
        BOOST_TEST(outcome.exit_code == 125);
        BOOST_TEST(outcome.err.find(why) != std::string::npos, outcome.err);
    };
    refused({"--driver", "vpcd", "--fault", "time-extensions"}, "stock vpcd's link has no time extension");
    refused({"--driver", "vpcd", "--fault", "unplug"}, "stock vpcd cannot say that its reader is gone");
    refused({"--driver", "vpcd", "--fault", "mute,on=activation"}, "waits for an ATR for ever");
    refused({"--host", "driver", "--fault", "mute"}, "the cards run inside pcscd");
    refused({"--host", "driver", "--card", CARDLATCH_TEST_SUPPORT "/faulty_card.toml"}, "inside pcscd");
    refused({"--fault", "unplug,on=now"}, "on=now is for a stack that runs");
    refused({"--fault", "mute,slot=3"}, "no slot \"3\"");
    refused({"--fault", "melt"}, "no fault \"melt\"; there are mute");
    refused({"--fault", "mute,sw=6F00"}, "mute has no setting \"sw\"");
}

BOOST_AUTO_TEST_CASE(a_hosted_card_has_the_faults_that_happen_now) {
    auto options = on(Driver::cardlatch);
    options.host = harness::Host::driver;
    TestStack stack({"filecard"}, options);
    auto& reader = stack.reader();
    PlainClient client(reader.name());
    BOOST_TEST(client.connect() == "00000000");
    reader.add_fault("reinsert,on=now");
    BOOST_TEST(client.transmit(k_read) == code(SCARD_W_REMOVED_CARD));
    reader.add_fault("unplug,on=now");
    BOOST_TEST(client.transmit(k_read) == code(SCARD_E_INVALID_VALUE));
    stack.clear_faults();
    BOOST_TEST(client.connect() == "00000000");
    BOOST_CHECK_THROW(reader.add_fault("mute"), std::system_error);
}

BOOST_AUTO_TEST_CASE(a_fault_for_now_strikes_where_a_card_is) {
    for (const auto driver : {Driver::cardlatch, Driver::vpcd}) {
        TestStack stack({"filecard", "none"}, on(driver));
        auto& reader = stack.reader();
        PlainClient client(reader.name());
        BOOST_TEST(client.connect() == "00000000");
        stack.stack().add_fault(stack.stack().read_fault("client-reset,on=now").value()).value();
        BOOST_TEST(client.transmit(k_select) == "80100068");
        BOOST_TEST(client.reconnect(SCARD_LEAVE_CARD) == "00000000");
        stack.stack().add_fault(stack.stack().read_fault("cut,on=now").value()).value();
        BOOST_TEST(client.transmit(k_select) == "80100069");
        BOOST_TEST(reader.status().state == "present"); // again
        stack.stack().add_fault(stack.stack().read_fault("remove,on=now").value()).value();
        BOOST_TEST(client.transmit(k_select) == "80100069");
        BOOST_TEST(reader.status().state == "empty");
        const auto again = stack.stack().add_fault(stack.stack().read_fault("remove,on=now").value());
        BOOST_REQUIRE(!again);
        BOOST_TEST(again.assume_error().detail == "no card in any reader; insert one first");
        BOOST_CHECK_THROW(stack.reader(1).add_fault("remove,on=now"), std::system_error);
        BOOST_TEST(stack.faults().size() == 3U); // those that struck
    }
}

BOOST_AUTO_TEST_CASE(each_strike_is_an_event) {
    const auto outcome = test::cardlatch_run(
        {"--card", "filecard", "--json", "--seed", "5", "--fault", "wrong-sw,sw=6A88,ins=A4,name=worn"},
        {"opensc-tool", "-s", "00A4000C022F01"});
    BOOST_TEST(
        outcome.err.find(R"("who":"fault","what":"wrong-sw","reader":"Cardlatch Virtual Reader 00 00",)"
                         R"("detail":"worn, seed 5")") != std::string::npos,
        outcome.err);
}

BOOST_AUTO_TEST_CASE(cards_for_another_pcscd_have_faults_of_their_own_alone) {
    const auto outcome = test::script({"--card", "none"}, R"sh(
link=$(cardlatch status --json | sed 's/.*"link":"\([^"]*\)".*/\1/')
for fault in unplug client-reset kill-pcscd; do
    ! cardlatch serve --connect "$link" --card filecard --fault $fault 2>&1
done
"$COMMAND" serve --connect "$link" --card filecard --fault wrong-sw,sw=6A88,ins=A4,until=cleared &
server=$!
await present # opensc-tool --wait is for another card than the one it has found
opensc-tool -s 00A4000C022F01 | tail -1
kill $server
wait $server
)sh");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    for (const auto* fault : {"unplug", "client-reset", "kill-pcscd"}) {
        BOOST_TEST(outcome.out.find(fmt::format("fault {}: the reader belongs to another pcscd", fault)) !=
                       std::string::npos,
                   outcome.out);
    }
    BOOST_TEST(outcome.out.find("Received (SW1=0x6A, SW2=0x88)") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(the_command_adds_lists_and_removes_faults) {
    const auto outcome = test::script({"--card", "filecard", "--card", "none", "--seed", "11"}, R"(
cardlatch fault add wrong-sw sw=6A88 until=cleared slot=0 ins=A4
cardlatch fault add wrong-sw,ins=FE
opensc-tool -s 00A4000C022F01 | tail -1
cardlatch fault list
cardlatch fault remove wrong-sw-2
cardlatch fault list --json
cardlatch fault remove wrong-sw-2 2>&1 || echo "$?"
cardlatch fault add mute name=wrong-sw 2>&1 || echo "$?"
cardlatch fault clear
cardlatch fault list
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    const auto& out = outcome.out;
    BOOST_TEST(out.find("wrong-sw\nwrong-sw-2\nReceived (SW1=0x6A, SW2=0x88)\nseed 11\n") == 0U, out);
    BOOST_TEST(
        out.find("wrong-sw-2: wrong-sw,on=command,until=once,nth=1,probability=1,ins=FE,sw=6F00,executed=no; "
                 "struck 0 of 0\n") != std::string::npos,
        out);
    const auto json_at = out.find('{');
    const auto list = boost::json::parse(out.substr(json_at, out.find('\n', json_at) - json_at));
    BOOST_TEST(list.at("seed").as_int64() == 11);
    BOOST_TEST(list.at("faults").as_array().size() == 1U);
    BOOST_TEST(list.at("faults").at(0).at("struck").as_int64() >= 1);
    BOOST_TEST(out.find("no fault \"wrong-sw-2\"; there are wrong-sw\n1\n") != std::string::npos, out);
    BOOST_TEST(out.find("there is a fault \"wrong-sw\"") != std::string::npos, out);
    BOOST_TEST(out.ends_with("seed 11\n"), out);
}

BOOST_AUTO_TEST_CASE(a_pin_is_typed_by_the_harness) {
    auto options = on(Driver::cardlatch);
    options.pin_pad = true;
    TestStack stack({harness::k_default_card}, options);
    BOOST_TEST(stack.reader().status().profile == "piv");
    stack.reader().type_pin("123456");
    const auto login = test::run({"pkcs11-tool", "--login", "--list-objects", "--type", "privkey"});
    BOOST_TEST(login.exit_code == 0, login.err);
    BOOST_TEST(login.out.find("Private Key Object") != std::string::npos, login.out);
    stack.reader().cancel_pin();
    BOOST_TEST(test::run({"pkcs11-tool", "--login", "--list-objects"}).exit_code != 0);
}

BOOST_AUTO_TEST_SUITE_END()
