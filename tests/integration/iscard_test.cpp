// A program in the style of Microsoft's documentation, tests/examples/iscard_lock, on real stacks.

#include "child.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <map>
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

// A program for each interface, with all of its methods, on both cards; docs/iscard.md's table says what came
// of it: "yes" for a method that succeeded, "refused" for one that the card turned down each time.
BOOST_DATA_TEST_CASE(every_method_meets_a_card, data::make(std::vector<std::string>{"filecard", "piv"}),
                     card) {
    std::map<std::string, std::string> called;
    for (const std::string program : {"auth", "buffer", "card", "command", "database", "fileaccess",
                                      "iso7816", "locate", "manage", "typeconv", "verify"}) {
        const auto outcome =
            cardlatch_run({"--card", card}, {CARDLATCH_ISCARD_EXAMPLES "/iscard_" + program, card, k_reader});
        BOOST_TEST(outcome.exit_code == 0, program << ": " << outcome.err);
        std::istringstream lines(outcome.out);
        for (std::string method, result; lines >> method >> result;) {
            auto& so_far = called[method];
            so_far = so_far == "yes" ? so_far : result;
        }
    }
    std::map<std::string, std::string> promised;
    std::ifstream in(CARDLATCH_FIXTURES "/iscard/card.calls");
    for (std::string on, method, result; in >> on >> method >> result;) {
        if (on == card) {
            promised[method] = result;
        }
    }
    for (const auto& [method, result] : promised) {
        BOOST_TEST(called[method] == result, method << ": " << called[method] << ", not " << result);
    }
    BOOST_TEST(called.size() == promised.size());
}

// The built-in entries of the card database fit every card that Cardlatch ships.
BOOST_AUTO_TEST_CASE(every_shipped_card_is_known) {
    for (const std::string card : {"filecard", "witness", "piv", "piv-ec", "piv-empty", "piv-locked"}) {
        const auto outcome =
            cardlatch_run({"--card", card}, {CARDLATCH_ISCARD_EXAMPLES "/iscard_database", card, k_reader});
        BOOST_TEST(outcome.exit_code == 0, card << ": " << outcome.err);
    }
}

BOOST_AUTO_TEST_SUITE_END()
