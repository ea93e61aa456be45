// The conformance suite on private stacks: it passes on what it describes, it skips what it cannot do and
// says so, and it fails when something is not as expected.

#include "child.hpp"
#include "drivers.hpp"
#include "temporary_folder.hpp"

#include <cardlatch/harness/private_stack.hpp>
#include <cardlatch/lockcheck/report.hpp>
#include <cardlatch/lockcheck/script.hpp>
#include <cardlatch/lockcheck/suite.hpp>

#include <boost/json.hpp>
#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace cardlatch::test;
namespace data = boost::unit_test::data;
namespace harness = cardlatch::harness;
namespace json = boost::json;
namespace lockcheck = cardlatch::lockcheck;

namespace {

/// The suite's topics, in parts that take about as long as each other.
const std::vector<std::vector<std::string>> k_parts = {{"share", "lock", "end"},
                                                       {"reset", "threads", "wait", "removal"},
                                                       {"death"},
                                                       {"library"},
                                                       {"fairness", "storm"}};

/// `cardlatch run STACK -- cardlatch lockcheck OPTIONS --json`.
std::vector<std::string> lockcheck_command(const std::vector<std::string>& stack,
                                           const std::vector<std::string>& options) {
    std::vector<std::string> command{cardlatch_command(), "run"};
    command.insert(command.end(), stack.begin(), stack.end());
    command.insert(command.end(), {"--", cardlatch_command(), "lockcheck", "--json"});
    command.insert(command.end(), options.begin(), options.end());
    return command;
}

/// Such a run, with its JSON.
struct Run {
    Outcome outcome;
    json::object report;

    Run(const std::vector<std::string>& stack, const std::vector<std::string>& options)
        : Run(std::make_unique<Child>(lockcheck_command(stack, options))) {}

    explicit Run(const std::unique_ptr<Child>& child)
        : outcome(child->wait(std::chrono::seconds(280))) {
        boost::system::error_code error;
        auto value = json::parse(outcome.out, error);
        BOOST_REQUIRE_MESSAGE(!error && value.is_object(), outcome.out + outcome.err);
        report = value.as_object();
    }

    [[nodiscard]] std::map<std::string, std::string> verdicts() const {
        std::map<std::string, std::string> result;
        for (const auto& item : report.at("cases").as_array()) {
            result[item.at("name").as_string().c_str()] = item.at("verdict").as_string().c_str();
        }
        return result;
    }

    [[nodiscard]] std::string detail(const std::string& name) const {
        for (const auto& item : report.at("cases").as_array()) {
            if (item.at("name").as_string() == name) {
                return item.at("detail").as_string().c_str();
            }
        }
        return "no such case";
    }
};

/// What fabricated cases come to on a stack of this test; winscard is called by participants alone.
lockcheck::Report play(const std::vector<lockcheck::Case>& cases, std::chrono::milliseconds deadline) {
    harness::StackOptions options;
    options.slots.push_back({std::string(CARDLATCH_FIXTURES) + "/cards/witness.toml"});
    if (const char* preload = std::getenv("CARDLATCH_PCSCD_PRELOAD"); preload != nullptr) {
        options.pcscd_preload.emplace_back(preload);
    }
    const auto stack = harness::PrivateStack::start(std::move(options)).value();
    lockcheck::SuiteOptions suite;
    suite.deadline = deadline;
    suite.participant = {cardlatch_command(), "lockcheck-participant"};
    for (const auto& [name, value] : stack->environment()) {
        BOOST_REQUIRE(::setenv(name.c_str(), value.c_str(), 1) == 0);
        if (name == "CARDLATCH_CONTROL") {
            suite.control = value;
        }
    }
    return lockcheck::run_suite(cases, suite, {}).value();
}

lockcheck::Case fabricated(std::string_view name, std::string_view script) {
    lockcheck::Case subject;
    subject.name = name;
    subject.purpose = "Made up.";
    subject.pcsclite = {"what <nobody> & \"no card\" does", "nowhere"};
    subject.windows = {"the same", "nowhere"};
    subject.script = script;
    return subject;
}

const lockcheck::Case& find_case(const std::string& name) {
    const auto& cases = lockcheck::all_cases();
    const auto found = std::find_if(cases.begin(), cases.end(),
                                    [&name](const auto& subject) { return subject.name == name; });
    BOOST_REQUIRE_MESSAGE(found != cases.end(), name);
    return *found;
}

} // namespace

BOOST_AUTO_TEST_SUITE(lockcheck_suite)

BOOST_DATA_TEST_CASE(everything_passes_on_the_witness, data::make(drivers()), driver) {
    // A stack for each part, side by side: the cases mostly wait for pcscd's sleeps.
    std::vector<std::unique_ptr<Child>> children;
    for (const auto& part : k_parts) {
        std::vector<std::string> options{"--processes", "6", "--operations", "500"};
        for (const auto& topic : part) {
            options.insert(options.end(), {"--only", topic + ".*"});
        }
        children.push_back(
            std::make_unique<Child>(lockcheck_command({"--driver", driver, "--card", "witness"}, options)));
    }
    std::size_t played = 0;
    for (const auto& child : children) {
        const Run run(child);
        BOOST_TEST(run.outcome.exit_code == 0, run.outcome.err);
        for (const auto& [name, verdict] : run.verdicts()) {
            const auto& subject = find_case(name);
            const bool stays = subject.needs == lockcheck::Needs::reader_removal && driver == "vpcd";
            const auto* const expected = stays ? "skipped"
                                         : subject.relation == lockcheck::Windows::differs
                                             ? "differs-from-Windows"
                                             : "pass";
            BOOST_TEST(verdict == expected, name << ": " << verdict << ": " << run.detail(name));
            ++played;
        }
    }
    BOOST_TEST(played == lockcheck::all_cases().size());
}

BOOST_AUTO_TEST_CASE(a_witness_beside_other_applications_is_found_by_its_name) {
    const Run run({"--card", "filecard"},
                  {"--only", "lock.card-*", "--only", "storm.*", "--processes", "4", "--operations", "200"});
    BOOST_TEST(run.outcome.exit_code == 0, run.outcome.err);
    BOOST_TEST(run.verdicts().size() == 4U);
    for (const auto& [name, verdict] : run.verdicts()) {
        BOOST_TEST(verdict == "pass", name << ": " << run.detail(name));
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_card_is_spared_what_needs_the_witness) {
    const TemporaryFolder folder;
    const auto profile = folder.write("plain.toml", R"(
description = "A card without a witness"
selected_at_reset = "filecard"
[atr]
protocols = ["T=1"]
[filecard.mf]
aid = "F0 43 4C 46 49 4C 45 43 41 52 44"
label = "plain"
)");
    const Run run({"--card", profile.string()}, {"--only", "storm.*", "--only", "lock.card-*", "--only",
                                                 "lock.second-*", "--only", "removal.waiter-*"});
    BOOST_TEST(run.outcome.exit_code == 0, run.outcome.err);
    const auto verdicts = run.verdicts();
    BOOST_TEST(verdicts.at("storm.random-calls-and-kills") == "skipped");
    BOOST_TEST(verdicts.at("lock.card-sees-one-client") == "skipped");
    BOOST_TEST(verdicts.at("lock.second-client-waits") == "pass");
    BOOST_TEST(verdicts.at("removal.waiter-is-told") == "pass");
    BOOST_TEST(run.detail("storm.random-calls-and-kills").find("witness") != std::string::npos);
    BOOST_TEST(run.report.at("witness").as_bool() == false);
}

BOOST_AUTO_TEST_CASE(without_a_control_socket_the_card_stays_in_and_pcscd_alive) {
    const auto outcome = cardlatch_run({"--card", "witness"},
                                       {"env", "-u", "CARDLATCH_CONTROL", cardlatch_command(), "lockcheck",
                                        "--only", "removal.*", "--only", "death.pcscd-killed"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.out.find("stays in") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find(" 0 pass, 0 differ from Windows, 9 skipped, 0 failed") != std::string::npos,
               outcome.out);
}

BOOST_AUTO_TEST_CASE(only_what_is_chosen_runs_on_the_reader_that_is_named) {
    const Run run({"--card", "witness", "--card", "witness"},
                  {"--only", "end.twice", "--only", "share.exclusive-then-*", "--reader",
                   "Cardlatch Virtual Reader 01 00"});
    BOOST_TEST(run.outcome.exit_code == 0, run.outcome.err);
    BOOST_TEST(run.verdicts().size() == 4U);
    BOOST_TEST(run.verdicts().contains("end.twice"));
    BOOST_TEST(run.report.at("reader").as_string() == "Cardlatch Virtual Reader 01 00");
}

BOOST_AUTO_TEST_CASE(no_case_no_reader_and_no_card_are_said) {
    const auto command = cardlatch_command();
    const auto no_case = cardlatch_run({"--card", "witness"}, {command, "lockcheck", "--only", "no.such*"});
    BOOST_TEST(no_case.exit_code == 2);
    BOOST_TEST(no_case.err.find("no case has such a name") != std::string::npos, no_case.err);
    const auto no_reader =
        cardlatch_run({"--card", "witness"}, {command, "lockcheck", "--reader", "Nobody's"});
    BOOST_TEST(no_reader.exit_code == 1);
    BOOST_TEST(no_reader.err.find("SCARD_E_UNKNOWN_READER") != std::string::npos, no_reader.err);
    const auto no_card = cardlatch_run({"--card", "none"}, {command, "lockcheck"});
    BOOST_TEST(no_card.exit_code == 1);
    BOOST_TEST(no_card.err.find("SCARD_E_NO_SMARTCARD") != std::string::npos, no_card.err);
    BOOST_TEST(run({command, "lockcheck", "--processes", "1"}).exit_code == 2);
}

BOOST_AUTO_TEST_CASE(junit_is_well_formed) {
    const TemporaryFolder folder;
    const auto file = folder.path() / "lockcheck.xml";
    const Run run({"--card", "piv", "--reader-name", "A <reader> & more"},
                  {"--only", "share.*", "--only", "removal.reader-*", "--only", "lock.card-sees-one-client",
                   "--junit", file.string()});
    BOOST_TEST(run.outcome.exit_code == 0, run.outcome.err);
    boost::property_tree::ptree tree;
    BOOST_REQUIRE_NO_THROW(boost::property_tree::read_xml(file.string(), tree));
    const auto& suite = tree.get_child("testsuite");
    BOOST_TEST(suite.get<int>("<xmlattr>.tests") == 15);
    BOOST_TEST(suite.get<int>("<xmlattr>.failures") == 0);
    BOOST_TEST(suite.get<int>("<xmlattr>.skipped") == 1);
    BOOST_TEST(suite.count("testcase") == 15U);
}

BOOST_AUTO_TEST_CASE(a_participant_that_misbehaves_is_a_failure_with_its_step) {
    const std::vector<lockcheck::Case> cases{
        fabricated("made-up.wrong-code", "A connect shared\n A transmit = reset"),
        // "look" comes back after "transmit", which is before it on the same thread.
        fabricated("made-up.does-not-wait", "A connect shared\n B connect shared\n B transmit &\n B look\n"
                                            "B waits while A works"),
        fabricated("made-up.too-early",
                   "A connect shared\n B connect shared\n B transmit &\n B look\n A transmit\n"
                   "B returns ok after A"),
        fabricated("made-up.no-such-verb", "A dances"),
        fabricated("made-up.no-such-step", "A waits for Godot"),
        fabricated("made-up.good", "A connect shared\n A transmit"),
    };
    const auto report = play(cases, std::chrono::seconds(60));
    BOOST_REQUIRE(report.results.size() == cases.size());
    BOOST_TEST(report.count(lockcheck::Verdict::fail) == 5U);
    BOOST_TEST(report.results[0].detail ==
               "step 2 \"A transmit = reset\": expected SCARD_W_RESET_CARD, got SCARD_S_SUCCESS");
    BOOST_TEST(report.results[1].detail ==
               "step 5 \"B waits while A works\": came back with SCARD_S_SUCCESS instead of waiting");
    BOOST_TEST(report.results[2].detail ==
               "step 6 \"B returns ok after A\": came back with SCARD_S_SUCCESS before A acted");
    BOOST_TEST(report.results[3].detail == "step 1 \"A dances\": expected SCARD_S_SUCCESS, got not done");
    BOOST_TEST(report.results[4].detail.find("\"A waits for Godot\": expected") != std::string::npos,
               report.results[4].detail);
    // What went wrong does not reach the next case.
    BOOST_TEST((report.results[5].verdict == lockcheck::Verdict::pass), report.results[5].detail);

    BOOST_TEST(lockcheck::to_line(report.results[0]).find("fail") == 0U);
    std::istringstream junit(lockcheck::to_junit(report));
    boost::property_tree::ptree tree;
    BOOST_REQUIRE_NO_THROW(boost::property_tree::read_xml(junit, tree));
    BOOST_TEST(tree.get<int>("testsuite.<xmlattr>.failures") == 5);
    BOOST_TEST(json::parse(lockcheck::to_json(report)).at("summary").at("fail").to_number<int>() == 5);
}

BOOST_AUTO_TEST_CASE(a_participant_that_hangs_is_killed_and_the_lock_is_free_again) {
    const std::vector<lockcheck::Case> cases{
        fabricated("made-up.hangs",
                   "A connect shared\n B connect shared\n A begin\n B begin &\n B returns ok"),
        fabricated("made-up.good", "A connect shared\n A begin\n A end leave"),
    };
    const auto report = play(cases, std::chrono::seconds(5));
    BOOST_REQUIRE(report.results.size() == 2U);
    BOOST_TEST(report.results[0].detail == "step 5 \"B returns ok\": no answer within 5 s");
    BOOST_TEST((report.results[1].verdict == lockcheck::Verdict::pass), report.results[1].detail);
}

BOOST_AUTO_TEST_CASE(every_script_is_understood_and_every_name_is_its_own) {
    std::map<std::string_view, int> names;
    for (const auto& subject : lockcheck::all_cases()) {
        BOOST_TEST(++names[subject.name] == 1, subject.name);
        BOOST_TEST(
            (!subject.purpose.empty() && !subject.pcsclite.source.empty() && !subject.windows.source.empty()),
            subject.name);
        const auto steps = lockcheck::parse_script(subject.script);
        BOOST_REQUIRE_MESSAGE(steps.has_value(), subject.name);
        const bool played =
            subject.play == lockcheck::Play::script && subject.needs != lockcheck::Needs::reader_removal;
        BOOST_TEST((!played || !steps.assume_value().empty()), subject.name);
    }
}

BOOST_AUTO_TEST_CASE(the_documentation_lists_the_cases_as_they_are) {
    const auto listed = run({cardlatch_command(), "lockcheck", "--list", "--markdown"});
    BOOST_TEST(listed.exit_code == 0, listed.err);
    std::ifstream file(std::string(CARDLATCH_FIXTURES) + "/../docs/lockcheck.md");
    std::ostringstream text;
    text << file.rdbuf();
    BOOST_TEST((text.str().find(listed.out) != std::string::npos),
               "docs/lockcheck.md is not what `cardlatch lockcheck --list --markdown` prints");
}

BOOST_AUTO_TEST_SUITE_END()
