// A program in the style of Microsoft's documentation, tests/examples/iscard_lock, on real stacks.

#include "child.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

const std::string k_program = CARDLATCH_ISCARD_LOCK;
const std::string k_reader = "Cardlatch Virtual Reader 00 00";

} // namespace

BOOST_AUTO_TEST_SUITE(iscard)

BOOST_DATA_TEST_CASE(locks_sends_and_unlocks, data::make(std::vector<std::string>{"cardlatch", "vpcd"}),
                     driver) {
    const auto outcome = cardlatch_run({"--driver", driver, "--card", "filecard"}, {k_program, k_reader});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("ATR: 3B 8F 01 80 31 F8 73 F6") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("9000") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(locks_a_piv_card_as_well) {
    const auto outcome = cardlatch_run({"--card", "piv"}, {k_program, k_reader});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("ATR: 3B 8D 01 80 FB A0") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(reader_name_beyond_ascii_reaches_pcscd_as_utf8) {
    const auto outcome = cardlatch_run({"--reader-name", "Bürgeramt 5€", "--card", "filecard"},
                                       {k_program, "Bürgeramt 5€ 00 00"},
                                       {.environment = {{"LC_ALL", "C.UTF-8"}}, .input = {}, .user = {}});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
}

BOOST_AUTO_TEST_CASE(failures_carry_winscard_s_codes) {
    const auto unknown = cardlatch_run({}, {k_program, "No Such Reader"});
    BOOST_TEST(unknown.exit_code == 1);
    BOOST_TEST(unknown.err.find("80100009") != std::string::npos, unknown.err); // SCARD_E_UNKNOWN_READER
    const auto empty = cardlatch_run({"--card", "none"}, {k_program, k_reader});
    BOOST_TEST(empty.exit_code == 1);
    BOOST_TEST(empty.err.find("8010000C") != std::string::npos, empty.err); // SCARD_E_NO_SMARTCARD
    const auto nowhere =
        run({k_program, k_reader},
            {.environment = {{"PCSCLITE_CSOCK_NAME", "/nonexistent/pcscd.comm"}}, .input = {}, .user = {}});
    BOOST_TEST(nowhere.exit_code == 1);
    BOOST_TEST(nowhere.err.find("8010001D") != std::string::npos, nowhere.err); // SCARD_E_NO_SERVICE
}

// Every method of the family on the emulator's cards; docs/iscard.md's table says "yes" for these.
BOOST_AUTO_TEST_CASE(every_method_works_on_a_card) {
    const std::string examples = CARDLATCH_ISCARD_EXAMPLES;
    const std::vector<std::pair<std::string, std::vector<std::string>>> programs = {
        {"filecard", {examples + "/iscard_commands", "filecard", k_reader}},
        {"piv", {examples + "/iscard_commands", "piv", k_reader}},
        {"filecard", {examples + "/iscard_locate", "Cardlatch filecard"}},
        {"piv", {examples + "/iscard_locate", "PIV"}},
        {"filecard", {examples + "/iscard_provider", "filecard", k_reader}},
        {"piv", {examples + "/iscard_provider", "piv", k_reader}},
    };
    std::set<std::string> called;
    for (const auto& [card, program] : programs) {
        const auto outcome = cardlatch_run({"--card", card}, program);
        BOOST_TEST(outcome.exit_code == 0, program[0] << " on " << card << ": " << outcome.err);
        std::istringstream lines(outcome.out);
        for (std::string method, result; lines >> method >> result;) {
            called.insert(method);
        }
    }
    std::set<std::string> promised;
    std::ifstream in(CARDLATCH_FIXTURES "/iscard/card.calls");
    for (std::string method; in >> method;) {
        promised.insert(method);
    }
    BOOST_TEST(called == promised, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
