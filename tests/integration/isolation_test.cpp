// Stacks do not see each other, whoever starts them, and both ways of isolating pcscd work.

#include "child.hpp"
#include "stack_script.hpp"
#include "staged_install.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <memory>
#include <string>
#include <unistd.h>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

constexpr uid_t k_nobody = 65534;
constexpr int k_side_by_side = 12;

/// Root may become somebody else; others test as themselves alone.
std::vector<std::optional<uid_t>> users() {
    std::vector<std::optional<uid_t>> list{std::nullopt};
    if (::geteuid() == 0) {
        list.emplace_back(k_nobody);
    }
    return list;
}

/// The ways to try here. Whether this machine has mount namespaces at all is asked of util-linux, not of
/// ourselves.
std::vector<std::string> ways() {
    const auto probe = ::geteuid() == 0 ? std::vector<std::string>{"unshare", "--mount", "true"}
                                        : std::vector<std::string>{"unshare", "--user", "--mount", "true"};
    static const bool namespaces = run(probe).exit_code == 0;
    return namespaces ? std::vector<std::string>{"namespace", "shim"} : std::vector<std::string>{"shim"};
}

} // namespace

BOOST_AUTO_TEST_SUITE(isolation)

BOOST_DATA_TEST_CASE(each_way_serves_an_unmodified_client, data::make(ways()), way) {
    const StagedInstall installed;
    for (const auto& user : users()) {
        BOOST_TEST_CONTEXT("user " << (user ? std::to_string(*user) : "of the test")) {
            const auto outcome =
                run({installed.command(), "run", "--json", "--isolation", way, "--", "opensc-tool", "--atr"},
                    {.environment = {{"HOME", "/nonexistent"}}, .input = {}, .user = user});
            BOOST_TEST(outcome.exit_code == 0, outcome.err);
            BOOST_TEST(outcome.out.starts_with("3b:8d"),
                       outcome.out); // the default card, with installed keys
            BOOST_TEST(outcome.err.find("isolated by " + way) != std::string::npos, outcome.err);
        }
    }
}

BOOST_DATA_TEST_CASE(the_system_s_run_folder_is_not_touched, data::make(ways()), way) {
    const std::string before = run({"sh", "-c", "ls -la --time-style=full-iso /run/pcscd 2>&1"}).out;
    // The script sees the machine's /run, not pcscd's.
    const auto outcome = cardlatch_run(
        {"--isolation", way},
        {"sh", "-c", "opensc-tool --atr && ls -la --time-style=full-iso /run/pcscd 2>&1; true"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.substr(outcome.out.find('\n') + 1) == before);
}

BOOST_AUTO_TEST_CASE(twelve_at_once_see_their_own_reader_alone) {
    const StagedInstall installed;
    for (const auto& user : users()) {
        BOOST_TEST_CONTEXT("user " << (user ? std::to_string(*user) : "of the test")) {
            std::vector<std::unique_ptr<Child>> children;
            for (int i = 0; i < k_side_by_side; ++i) {
                // Each lists its readers only when told to, so that all are up at that time.
                children.push_back(std::make_unique<Child>(
                    std::vector<std::string>{
                        installed.command(), "run", "--reader-name", "Reader " + std::to_string(i), "--",
                        "sh", "-c",
                        k_shell + "trap 'reader_list; exit 0' TERM; echo up; while :; do sleep 0.05; done"},
                    ChildOptions{.environment = {{"HOME", "/nonexistent"}}, .input = {}, .user = user}));
            }
            for (auto& child : children) {
                child->await_output("up");
            }
            for (auto& child : children) {
                child->signal(SIGTERM); // passed on to the script
            }
            for (int i = 0; i < k_side_by_side; ++i) {
                const auto outcome = children[static_cast<std::size_t>(i)]->wait();
                BOOST_TEST(outcome.exit_code == 0, outcome.err);
                BOOST_TEST(outcome.out == "up\n0: Reader " + std::to_string(i) + " 00 00\n");
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
