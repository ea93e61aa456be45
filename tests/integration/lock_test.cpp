// Exclusive access on real stacks: processes that use the library, processes that use winscard.h alone, and
// the witness in the card as the judge. The test starts a stack around lock_client, which plays all of them.

#include "child.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

/// Plays `scene` on a witness card. The scene checks itself; its last line is the witness's word.
Outcome play(const std::string& scene, const std::string& driver = "cardlatch") {
    return run({CARDLATCH_COMMAND, "run", "--driver", driver, "--card", "witness", "--",
                CARDLATCH_LOCK_CLIENT, scene});
}

void check(const Outcome& outcome) {
    BOOST_TEST(outcome.exit_code == 0, outcome.out + outcome.err);
    BOOST_TEST(outcome.out.find("interleavings 0\n") != std::string::npos, outcome.out + outcome.err);
}

const std::vector<std::string> k_scenes = {"order", "killed-holder", "killed-waiter", "stopped-holder",
                                           "plain", "recovery",      "stuck-queue",   "mixed"};

} // namespace

BOOST_AUTO_TEST_SUITE(locks)

BOOST_DATA_TEST_CASE(scene, data::make(k_scenes), name) {
    check(play(name));
}

BOOST_AUTO_TEST_CASE(mixed_population_on_stock_vpcd) {
    check(play("mixed", "vpcd"));
}

BOOST_AUTO_TEST_SUITE_END()
