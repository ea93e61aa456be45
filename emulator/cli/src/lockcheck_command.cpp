#include "command.hpp"

#include <cardlatch/lockcheck/report.hpp>
#include <cardlatch/lockcheck/suite.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <unistd.h>

namespace cardlatch::cli {

namespace {

constexpr const char* k_participant = "lockcheck-participant";

/// Lines for a log, or one line that is rewritten on a terminal.
class ProgressPrinter {
  public:
    explicit ProgressPrinter(std::FILE* stream)
        : stream_(stream)
        , terminal_(::isatty(::fileno(stream)) == 1) {}

    void started(const lockcheck::Subject& subject, std::size_t cases) {
        total_ = cases;
        print(fmt::format("{} cases on \"{}\", card {}{}{}\n", cases, subject.reader, subject.atr,
                          subject.witness ? ", a witness" : ", no witness",
                          subject.removable ? ", can be removed" : ", stays in"));
    }

    void began(const lockcheck::Case& subject) {
        ++number_;
        if (terminal_) {
            print(fmt::format("\r\033[K[{}/{}] {} ...", number_, total_, subject.name));
        }
    }

    void ended(const lockcheck::CaseResult& result) {
        print(fmt::format("{}{}\n", terminal_ ? "\r\033[K" : "", lockcheck::to_line(result)));
    }

    void print(const std::string& text) {
        fmt::print(stream_, "{}", text);
        std::fflush(stream_);
    }

  private:
    std::FILE* stream_;
    bool terminal_;
    std::size_t number_ = 0;
    std::size_t total_ = 0;
};

class LockcheckCommand : public Command {
  public:
    explicit LockcheckCommand(CLI::App& root) {
        app_ = root.add_subcommand("lockcheck",
                                   "Check how exclusive access to a card behaves, on any PC/SC reader");
        app_->add_option("--reader", options_.reader,
                         "Reader to use; default: the first one with a card in it")
            ->type_name("NAME");
        app_->add_flag("--json", json_,
                       "Print the result as one JSON object; progress goes to standard error");
        app_->add_option("--junit", junit_, "Write the result as JUnit XML")->type_name("FILE");
        app_->add_option("--only", options_.only,
                         "Only cases with such a name, for instance 'lock.*'; may be repeated")
            ->type_name("GLOB");
        auto* const list = app_->add_flag("--list", list_, "List the cases and do nothing");
        app_->add_flag("--markdown", markdown_, "With --list: as the tables of the documentation")
            ->needs(list);
        app_->add_option("--seed", options_.seed, "For everything random in the storm")
            ->type_name("N")
            ->capture_default_str();
        app_->add_option("--processes", options_.processes, "How many processes the storm has")
            ->type_name("N")
            ->check(CLI::Range(2U, 64U))
            ->capture_default_str();
        app_->add_option("--operations", options_.operations,
                         "How many commands of the storm the card shall see")
            ->type_name("N")
            ->check(CLI::PositiveNumber)
            ->capture_default_str();
        app_->add_option("--control", control_,
                         "Control socket of the reader's stack; known inside `cardlatch run`")
            ->envname("CARDLATCH_CONTROL")
            ->type_name("PATH");
    }

    int run(const std::vector<std::string>&) override {
        const auto& cases = lockcheck::all_cases();
        const auto chosen = lockcheck::choose(cases, options_.only);
        if (chosen.empty()) {
            return complain("no case has such a name; see cardlatch lockcheck --list", k_usage);
        }
        if (list_) {
            fmt::print("{}", markdown_ ? lockcheck::list_markdown(chosen) : lockcheck::list_text(chosen));
            return k_ok;
        }
        std::ofstream junit;
        if (!junit_.empty()) {
            junit.open(junit_); // before the work, so that a mistake in the path costs nothing
            if (!junit) {
                return complain(fmt::format("{}: cannot be written", junit_), k_usage);
            }
        }
        if (!control_.empty()) {
            options_.control = control_;
        }
        options_.participant = {"/proc/self/exe", k_participant};
        ProgressPrinter printer(json_ ? stderr : stdout);
        const auto report = lockcheck::run_suite(
            cases, options_,
            {.started = [&](const auto& subject, std::size_t count) { printer.started(subject, count); },
             .began = [&](const auto& subject) { printer.began(subject); },
             .ended = [&](const auto& result) { printer.ended(result); }});
        if (!report) {
            return complain(report.assume_error(), k_check_failed);
        }
        const auto& result = report.assume_value();
        printer.print(lockcheck::to_summary(result) + "\n");
        if (json_) {
            fmt::print("{}\n", lockcheck::to_json(result));
        }
        if (junit.is_open()) {
            junit << lockcheck::to_junit(result);
            if (!junit.flush()) {
                return complain(fmt::format("{}: cannot be written", junit_), k_check_failed);
            }
        }
        return result.count(lockcheck::Verdict::fail) == 0 ? k_ok : k_check_failed;
    }

  private:
    lockcheck::SuiteOptions options_;
    std::string control_;
    std::string junit_;
    bool json_ = false;
    bool list_ = false;
    bool markdown_ = false;
};

/// What lockcheck starts its participants as; not for people.
class ParticipantCommand : public Command {
  public:
    explicit ParticipantCommand(CLI::App& root) {
        app_ = root.add_subcommand(k_participant)->group("");
        app_->add_option("--fd", fd_)->required();
    }

    int run(const std::vector<std::string>&) override { return lockcheck::participant_main(fd_); }

  private:
    int fd_ = -1;
};

} // namespace

std::vector<std::unique_ptr<Command>> make_lockcheck_commands(CLI::App& root) {
    std::vector<std::unique_ptr<Command>> commands;
    commands.push_back(std::make_unique<LockcheckCommand>(root));
    commands.push_back(std::make_unique<ParticipantCommand>(root));
    return commands;
}

} // namespace cardlatch::cli
