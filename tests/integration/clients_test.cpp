// Unmodified PC/SC programs see an ordinary reader with an ordinary card.

#include "child.hpp"
#include "drivers.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

Outcome on(const std::string& driver, const std::vector<std::string>& command,
           const std::string& input = {}) {
    return cardlatch_run({"--driver", driver, "--card", "filecard"}, command,
                         {.environment = {}, .input = input, .user = {}});
}

const std::string k_atr_colons = "3b:8f:01:80:31:f8:73:f6:41:ff:67:46:49:4c:45:43:52:44:c8";

} // namespace

BOOST_AUTO_TEST_SUITE(clients)

BOOST_DATA_TEST_CASE(opensc_tool_reads_the_atr, data::make(drivers()), driver) {
    const auto outcome = on(driver, {"opensc-tool", "--atr"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == k_atr_colons + "\n");
}

BOOST_DATA_TEST_CASE(opensc_tool_lists_the_reader_with_its_card, data::make(drivers()), driver) {
    const auto outcome = on(driver, {"opensc-tool", "--list-readers"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("Yes") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("Cardlatch Virtual Reader 00 00") != std::string::npos, outcome.out);
}

BOOST_DATA_TEST_CASE(opensc_explorer_reads_an_ef, data::make(drivers()), driver) {
    const auto outcome = on(driver, {"opensc-explorer"}, "cd 5000\ncat 5001\ninfo 5002\nquit\n");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("Hello from Cardl") != std::string::npos, outcome.out + outcome.err);
    BOOST_TEST(outcome.out.find("600 bytes") != std::string::npos, outcome.out + outcome.err);
}

BOOST_DATA_TEST_CASE(opensc_explorer_verifies_the_pin_and_reads_what_it_protects, data::make(drivers()),
                     driver) {
    const auto refused = on(driver, {"opensc-explorer"}, "cd 5000\ncat 5005\nquit\n");
    BOOST_TEST(refused.out.find("The secret") == std::string::npos, refused.out);
    const auto allowed =
        on(driver, {"opensc-explorer"}, "verify CHV1 31:32:33:34:35:36\ncd 5000\ncat 5005\nquit\n");
    BOOST_TEST(allowed.out.find("The secret") != std::string::npos, allowed.out + allowed.err);
}

BOOST_DATA_TEST_CASE(pcsc_scan_lists_the_reader, data::make(drivers()), driver) {
    const auto outcome = on(driver, {"pcsc_scan", "-r"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("0: Cardlatch Virtual Reader 00 00") != std::string::npos, outcome.out);
}

BOOST_DATA_TEST_CASE(a_pyscard_client_selects_and_reads, data::make(drivers()), driver) {
    const std::string script = R"(
from smartcard.System import readers
reader = readers()[0]
connection = reader.createConnection()
connection.connect()
print(reader)
print(bytes(connection.getATR()).hex())
data, sw1, sw2 = connection.transmit([0x00, 0xA4, 0x04, 0x0C, 0x07, 0xF0, 0x43, 0x4C, 0x44, 0x45, 0x4D, 0x4F])
print('select %02X%02X' % (sw1, sw2))
data, sw1, sw2 = connection.transmit([0x00, 0xB0, 0x81, 0x00, 0x14])
print(bytes(data).decode(), '%02X%02X' % (sw1, sw2))
data, sw1, sw2 = connection.transmit([0x00, 0xB0, 0x82, 0x00, 0x00, 0x00, 0x00])
print('extended', len(data), '%02X%02X' % (sw1, sw2))
)";
    const auto outcome = on(driver, {"/usr/bin/python3", "-"}, script);
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out ==
                   "Cardlatch Virtual Reader 00 00\n3b8f018031f873f641ff6746494c45435244c8\nselect 9000\n"
                   "Hello from Cardlatch 9000\nextended 600 9000\n",
               outcome.out);
}

BOOST_AUTO_TEST_CASE(reader_name_is_free_text) {
    const auto outcome =
        cardlatch_run({"--reader-name", "Bank of Example: 5€ #1 (test)"}, {"pcsc_scan", "-r"});
    BOOST_TEST(outcome.out.find("0: Bank of Example: 5€ #1 (test) 00 00") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_SUITE_END()
