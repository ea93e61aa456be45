// Exclusive access on real stacks: processes that use the library, processes that use winscard.h alone, and
// the witness in the card as the judge. The test starts a stack around lock_client, which plays all of them.

#include "child.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

/// Plays `scene` on a witness card. The scene checks itself; its last line is the witness's word.
std::vector<std::string> scene_command(const std::string& scene, const std::string& driver) {
    return {CARDLATCH_COMMAND,     "run", "--driver", driver, "--card", "witness", "--",
            CARDLATCH_LOCK_CLIENT, scene};
}

Outcome play(const std::string& scene, const std::string& driver = "cardlatch") {
    return run(scene_command(scene, driver));
}

void check(const Outcome& outcome) {
    BOOST_TEST(outcome.exit_code == 0, outcome.out + outcome.err);
    BOOST_TEST(outcome.out.find("interleavings 0\n") != std::string::npos, outcome.out + outcome.err);
}

const std::vector<std::string> k_scenes = {
    "order",         "killed-holder", "killed-waiter",      "stopped-holder",
    "plain",         "recovery",      "stuck-queue",        "mixed",
    "forked-holder", "exec-in-lock",  "disconnect-in-wait", "disconnect-in-lock",
    "too-many"};

/// How scene `number` ended. Each has a stack of its own and mostly waits, so the next few run meanwhile.
Outcome end_of_scene(std::size_t number) {
    constexpr std::size_t k_ahead = 3;
    static std::map<std::size_t, std::unique_ptr<Child>> playing;
    for (auto next = number; next < std::min(number + 1 + k_ahead, k_scenes.size()); ++next) {
        if (auto& child = playing[next]; !child) {
            child = std::make_unique<Child>(scene_command(k_scenes[next], "cardlatch"));
        }
    }
    return playing[number]->wait();
}

/// Runs `script` with an IPC namespace of its own, in which all semaphore sets are the script's.
Outcome alone_with_its_semaphores(const std::string& script) {
    std::vector<std::string> command{"unshare", "--ipc"};
    if (::geteuid() != 0) {
        command.emplace_back("--map-root-user");
    }
    for (const auto& word : {std::string("sh"), std::string("-c"), script, std::string(CARDLATCH_COMMAND),
                             std::string(CARDLATCH_LOCK_CLIENT)}) {
        command.push_back(word);
    }
    return run(command);
}

} // namespace

BOOST_AUTO_TEST_SUITE(locks)

BOOST_DATA_TEST_CASE(scene, data::xrange(k_scenes.size()), number) {
    BOOST_TEST_INFO("scene " << k_scenes[number]);
    check(end_of_scene(number));
}

BOOST_AUTO_TEST_CASE(users_of_the_machine_share_one_queue) {
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("skipped: only root can become somebody else");
        return;
    }
    check(play("other-user"));
}

/// What processes that were killed leave behind lasts as long as their stack, and no longer.
BOOST_AUTO_TEST_CASE(no_semaphore_set_outlives_its_stack) {
    if (alone_with_its_semaphores("true").exit_code != 0) {
        BOOST_TEST_MESSAGE("skipped: no IPC namespace of its own to be had here");
        return;
    }
    const auto outcome = alone_with_its_semaphores(R"(
        sets() { tail -n +2 /proc/sysvipc/sem | wc -l; }
        echo before $(sets)
        "$0" run --card witness -- sh -c '"$0" order && "$0" abandoned; echo status $?;
            echo left $(tail -n +2 /proc/sysvipc/sem | wc -l)' "$1"
        "$0" run --card witness --driver vpcd -- "$1" killed-waiter
        echo after $(sets)
    )");
    BOOST_TEST(outcome.out == "before 0\ninterleavings 0\nstatus 0\nleft 1\ninterleavings 0\nafter 0\n",
               outcome.out + outcome.err);
}

BOOST_AUTO_TEST_CASE(mixed_population_on_stock_vpcd) {
    check(play("mixed", "vpcd"));
}

BOOST_AUTO_TEST_SUITE_END()
