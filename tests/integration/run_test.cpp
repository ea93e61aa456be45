// What `cardlatch run` promises about the command it runs: its exit status, its signals, and that nothing
// stays behind.

#include "child.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <signal.h>
#include <string>

using namespace cardlatch::test;
namespace fs = std::filesystem;

namespace {

/// A folder for the stacks of one test case, so that what they leave behind can be told from other tests'
/// stacks.
struct OwnFolder {
    std::string path = "/tmp/cl-run-XXXXXX";
    OwnFolder() { BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~OwnFolder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    [[nodiscard]] ChildOptions options() const {
        return {.environment = {{"TMPDIR", path}}, .input = {}, .user = {}};
    }
    [[nodiscard]] bool empty() const { return fs::is_empty(path); }

    /// Processes that mention this folder in their environment or command line: what a stack started.
    [[nodiscard]] std::string processes() const {
        std::string found;
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const auto pid = entry.path().filename().string();
            if (pid.find_first_not_of("0123456789") != std::string::npos || std::stoi(pid) == ::getpid()) {
                continue;
            }
            for (const char* file : {"environ", "cmdline"}) {
                std::ifstream stream(entry.path() / file);
                const std::string text((std::istreambuf_iterator<char>(stream)), {});
                if (text.find(path) != std::string::npos) {
                    found += pid + " ";
                    break;
                }
            }
        }
        return found;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(run)

BOOST_AUTO_TEST_CASE(exit_status_of_the_command_is_passed_on) {
    BOOST_TEST(cardlatch_run({}, {"true"}).exit_code == 0);
    BOOST_TEST(cardlatch_run({}, {"sh", "-c", "exit 7"}).exit_code == 7);
    BOOST_TEST(cardlatch_run({}, {"sh", "-c", "exit 255"}).exit_code == 255);
}

BOOST_AUTO_TEST_CASE(a_command_that_dies_of_a_signal_gives_128_plus_the_signal) {
    BOOST_TEST(cardlatch_run({}, {"sh", "-c", "kill -9 $$"}).exit_code == 128 + SIGKILL);
    BOOST_TEST(cardlatch_run({}, {"sh", "-c", "kill -SEGV $$"}).exit_code == 128 + SIGSEGV);
}

BOOST_AUTO_TEST_CASE(a_missing_command_gives_127_and_one_that_cannot_be_run_126) {
    const auto missing = cardlatch_run({}, {"/nonexistent/program"});
    BOOST_TEST(missing.exit_code == 127);
    BOOST_TEST(missing.err == "cardlatch: /nonexistent/program: No such file or directory\n");
    const auto folder = cardlatch_run({}, {"/tmp"});
    BOOST_TEST(folder.exit_code == 126);
    BOOST_TEST(folder.err.find("Permission denied") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(standard_streams_and_arguments_are_the_commands_own) {
    const auto outcome = cardlatch_run({}, {"sh", "-c", "cat; echo \"$1|$2\" >&2", "sh", "--json", "a b"},
                                       {.environment = {}, .input = "from stdin", .user = {}});
    BOOST_TEST(outcome.exit_code == 0);
    BOOST_TEST(outcome.out == "from stdin");
    BOOST_TEST(outcome.err == "--json|a b\n");
}

BOOST_AUTO_TEST_CASE(the_environment_names_the_stack_for_the_command_alone) {
    const auto outcome =
        cardlatch_run({}, {"sh", "-c",
                           "test -S \"$PCSCLITE_CSOCK_NAME\" && test -S \"$CARDLATCH_CONTROL\" &&"
                           " stat -c %a:%a $(dirname $CARDLATCH_CONTROL) $CARDLATCH_CONTROL"});
    BOOST_TEST(outcome.exit_code == 0);
    BOOST_TEST(outcome.out == "700:700\n600:600\n");
}

BOOST_AUTO_TEST_CASE(nothing_stays_behind_after_a_normal_end) {
    const OwnFolder folder;
    const auto outcome = cardlatch_run({}, {"sh", "-c", "ls $TMPDIR | wc -l"}, folder.options());
    BOOST_TEST(outcome.out == "1\n");
    BOOST_TEST(folder.empty());
    BOOST_TEST(folder.processes() == "");
}

BOOST_AUTO_TEST_CASE(processes_that_the_command_left_in_the_background_are_ended) {
    const OwnFolder folder;
    // One is a daemon in a session of its own, one ignores SIGTERM.
    const auto outcome = cardlatch_run(
        {},
        {"sh", "-c",
         "setsid sleep 1000 >/dev/null 2>&1 & (trap '' TERM; sleep 1001) >/dev/null 2>&1 & kill -9 $$"},
        folder.options());
    BOOST_TEST(outcome.exit_code == 128 + SIGKILL);
    BOOST_TEST(folder.empty());
    BOOST_TEST(folder.processes() == "");
}

BOOST_AUTO_TEST_CASE(a_signal_to_cardlatch_ends_the_command_and_everything) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        BOOST_TEST_CONTEXT("signal " << signal) {
            const OwnFolder folder;
            Child child({cardlatch_command(), "run", "--", "sh", "-c", "echo ready; exec sleep 1000"},
                        folder.options());
            child.await_output("ready");
            child.signal(signal);
            BOOST_TEST(child.wait().exit_code == 128 + signal);
            BOOST_TEST(folder.empty());
            BOOST_TEST(folder.processes() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_command_that_ignores_the_signal_is_killed_after_its_grace) {
    const OwnFolder folder;
    Child child(
        {cardlatch_command(), "run", "--", "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"},
        folder.options());
    child.await_output("ready");
    child.signal(SIGTERM);
    BOOST_TEST(child.wait().exit_code == 128 + SIGKILL);
    BOOST_TEST(folder.empty());
    BOOST_TEST(folder.processes() == "");
}

BOOST_AUTO_TEST_CASE(the_death_of_pcscd_is_a_clear_error_and_125) {
    const OwnFolder folder;
    Child child({cardlatch_command(), "run", "--json", "--", "sh", "-c", "echo ready; exec sleep 1000"},
                folder.options());
    child.await_output("ready");
    const int pcscd = [&folder] {
        for (const auto& entry : fs::directory_iterator("/proc")) {
            std::ifstream name(entry.path() / "comm");
            std::ifstream arguments(entry.path() / "cmdline");
            std::string comm;
            std::getline(name, comm);
            const std::string text((std::istreambuf_iterator<char>(arguments)), {});
            if (comm == "pcscd" && text.find(folder.path) != std::string::npos) {
                return std::stoi(entry.path().filename().string());
            }
        }
        return -1;
    }();
    BOOST_REQUIRE(pcscd > 0);
    ::kill(pcscd, SIGKILL);
    const auto outcome = child.wait();
    BOOST_TEST(outcome.exit_code == 125);
    BOOST_TEST(outcome.err.find("cardlatch: pcscd was killed by signal 9") != std::string::npos);
    BOOST_TEST(folder.empty());
    BOOST_TEST(folder.processes() == "");
}

BOOST_AUTO_TEST_CASE(what_a_killed_cardlatch_left_is_removed_by_the_next) {
    const OwnFolder folder;
    {
        Child child({cardlatch_command(), "run", "--", "sh", "-c", "echo ready; exec sleep 1000"},
                    folder.options());
        child.await_output("ready");
        child.signal(SIGKILL);
        BOOST_TEST(child.wait().exit_code ==
                   128 + SIGKILL); // the command and pcscd die with it: the pipes end
    }
    BOOST_TEST(!folder.empty());
    BOOST_TEST(cardlatch_run({}, {"true"}, folder.options()).exit_code == 0);
    BOOST_TEST(folder.empty());
}

BOOST_AUTO_TEST_CASE(an_empty_folder_of_a_stack_is_removed_and_nothing_else) {
    const OwnFolder folder;
    fs::create_directory(folder.path +
                         "/cardlatch-AbCdEf"); // its owner was killed between its lock and the folder
    fs::create_directory(folder.path + "/cardlatch-of-somebody-else");
    fs::create_directory(folder.path + "/cardlatch-uvwxyz");
    std::ofstream(folder.path + "/cardlatch-uvwxyz/file") << "not a stack";
    BOOST_TEST(cardlatch_run({}, {"true"}, folder.options()).exit_code == 0);
    BOOST_TEST(!fs::exists(folder.path + "/cardlatch-AbCdEf"));
    BOOST_TEST(fs::exists(folder.path + "/cardlatch-of-somebody-else"));
    BOOST_TEST(fs::exists(folder.path + "/cardlatch-uvwxyz/file"));
}

BOOST_AUTO_TEST_CASE(json_events_tell_the_story_on_standard_error) {
    const auto outcome = cardlatch_run({"--json"}, {"true"});
    for (const char* what : {"\"started\"", "\"inserted\"", "\"stopped\""}) {
        BOOST_TEST(outcome.err.find(what) != std::string::npos);
    }
    BOOST_TEST(outcome.out == "");
}

BOOST_AUTO_TEST_CASE(state_is_kept_across_runs_only_when_asked) {
    const OwnFolder folder;
    const std::string state = folder.path + "/state";
    // UPDATE RECORD 1 of EF 5003 in DF 5000 (fixtures/cards/filecard.toml), then READ RECORD in another run.
    const std::string select = "00A4080C0450005003";
    const std::vector<std::string> write{"opensc-tool", "-s", select, "-s",
                                         "00DC0104104B455054204B455054204B455054204B"};
    const std::vector<std::string> read{"opensc-tool", "-s", select, "-s", "00B2010410"};
    const std::vector<std::string> kept{"--card", "filecard", "--state", state};
    BOOST_TEST(cardlatch_run(kept, write).exit_code == 0);
    BOOST_TEST(cardlatch_run(kept, read).out.find("KEPT KEPT") != std::string::npos);
    BOOST_TEST(cardlatch_run({"--card", "filecard"}, read).out.find("first") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
