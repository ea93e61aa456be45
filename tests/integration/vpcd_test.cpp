// The link works with others on both sides: a card that speaks only plain vpcd
// (tests/support/plain_vpcd_card.py, written in another language from the protocol alone) in our reader, and
// our cards, served by `cardlatch serve`, in readers that exist.

#include "stack_script.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <string>
#include <unistd.h>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

// link: where the card end of slot 0's link goes.
const std::string k_link = "CARD='" CARDLATCH_TEST_SUPPORT "/plain_vpcd_card.py'\n"
                           R"(
link() { cardlatch status --json | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["slots"][0]["link"])'; }
)";

Outcome with_link(const std::vector<std::string>& options, const std::string& text) {
    return script(options, k_link + text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(vpcd)

BOOST_AUTO_TEST_CASE(a_foreign_plain_card_works_in_our_reader) {
    const auto outcome = with_link({"--card", "none"}, R"(
path=$(link); path=${path#unix:}
/usr/bin/python3 "$CARD" --unix "$path" --atr 3B80800101 & peer=$!
await present
opensc-tool --atr
opensc-tool --send-apdu 00A4040000 --send-apdu 00FF0000
kill $peer
await empty
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out);
    BOOST_TEST(outcome.out.starts_with("3b:80:80:01:01\n"), outcome.out);
    BOOST_TEST(outcome.out.find("Received (SW1=0x90, SW2=0x00)") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("Received (SW1=0x6D, SW2=0x00)") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(a_foreign_card_comes_back_after_it_was_killed) {
    const auto outcome = with_link({"--card", "none"}, R"(
path=$(link); path=${path#unix:}
for round in 1 2 3; do
    /usr/bin/python3 "$CARD" --unix "$path" --atr 3B80800101 & peer=$!
    await present
    kill -9 $peer
    await empty
done
echo done
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "done\n", outcome.out);
}

// What `cardlatch serve` is given, and the driver behind the reader: the extension and plain vpcd on our
// reader, plain vpcd over TCP on the stock one.
struct Served {
    std::string driver;
    std::string address; ///< shell words; $link is what `status` says
};

std::ostream& operator<<(std::ostream& out, const Served& served) {
    return out << served.driver << " " << served.address;
}

const std::vector<Served> k_served = {
    {"cardlatch", "\"$link\""}, {"cardlatch", "\"vpcd+$link\""}, {"vpcd", "\"$link\""}};

BOOST_DATA_TEST_CASE(a_served_card_works_in_a_reader_that_exists, data::make(k_served), served) {
    const auto outcome =
        with_link({"--card", "none", "--driver", served.driver},
                  "link=$(link)\n"
                  "'" CARDLATCH_COMMAND "' serve --card filecard --connect " +
                      served.address +
                      " --control \"$(dirname \"$CARDLATCH_CONTROL\")/served\" 2>/dev/null & serve=$!\n"
                      R"(
await present
opensc-tool --atr
served() { cardlatch "$@" --control "$(dirname "$CARDLATCH_CONTROL")/served"; }
served remove 0; await empty
served insert 0; await present
printf 'cd 5000\ncat 5001\n' | opensc-explorer >/dev/null
kill $serve; wait $serve
await empty
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err + outcome.out);
    BOOST_TEST(outcome.out == "3b:8f:01:80:31:f8:73:f6:41:ff:67:46:49:4c:45:43:52:44:c8\n", outcome.out);
}

BOOST_AUTO_TEST_CASE(a_served_card_waits_for_its_reader) {
    // Nobody listens at first: serve keeps trying, says so in its status, and ends when told to.
    Child serve({cardlatch_command(), "serve", "--connect", "unix:/tmp/cl-nobody-listens-here", "--control",
                 "/tmp/cl-serve-" + std::to_string(::getpid())});
    serve.await_error("slot 0: piv at unix:/tmp/cl-nobody-listens-here");
    const auto status =
        run({cardlatch_command(), "status", "--control", "/tmp/cl-serve-" + std::to_string(::getpid())});
    BOOST_TEST(status.out.find("unavailable") != std::string::npos, status.out + status.err);
    serve.signal(SIGTERM);
    BOOST_TEST(serve.wait().exit_code == 0);
}

BOOST_AUTO_TEST_CASE(stock_vpcd_listens_on_loopback_alone) {
    const auto outcome = with_link({"--driver", "vpcd"}, R"(
link=$(link); port=$(printf '%04X' "${link##*:}")
grep -i ":$port 00000000:0000 0A" /proc/net/tcp | cut -c7-14
)");
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out == "0100007F\n",
               outcome.out); // 127.0.0.1 in network order on a little-endian machine
}

BOOST_AUTO_TEST_SUITE_END()
