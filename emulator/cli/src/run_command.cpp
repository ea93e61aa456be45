#include "child_command.hpp"
#include "command.hpp"
#include "trace_options.hpp"

#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/harness/private_stack.hpp>

#include <boost/json.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <unistd.h>

namespace cardlatch::cli {

namespace {

namespace json = boost::json;
using harness::PrivateStack;

/// How long the command may go on after it was asked to end, in milliseconds.
constexpr int k_grace_ms = 5000;

const std::map<std::string, harness::Driver> k_drivers{{"cardlatch", harness::Driver::cardlatch},
                                                       {"vpcd", harness::Driver::vpcd}};
const std::map<std::string, harness::Host> k_hosts{{"stack", harness::Host::stack},
                                                   {"driver", harness::Host::driver}};
const std::map<std::string, harness::Isolation> k_isolations{{"auto", harness::Isolation::automatic},
                                                             {"namespace", harness::Isolation::name_space},
                                                             {"shim", harness::Isolation::shim}};
const std::map<std::string, harness::LogLevel> k_log_levels{{"critical", harness::LogLevel::critical},
                                                            {"error", harness::LogLevel::error},
                                                            {"info", harness::LogLevel::info},
                                                            {"debug", harness::LogLevel::debug}};

void print_event(const harness::Event& event, bool as_json) {
    if (as_json) {
        const auto ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(event.when.time_since_epoch()).count();
        const json::object line{{"when_ms", ms},
                                {"who", event.who},
                                {"what", event.what},
                                {"reader", event.reader},
                                {"detail", event.detail}};
        fmt::print(stderr, "{}\n", json::serialize(line));
    } else {
        fmt::print(stderr, "cardlatch: {} {}{}{}{}{}\n", event.who, event.what,
                   event.reader.empty() ? "" : ", ", event.reader, event.detail.empty() ? "" : ": ",
                   event.detail);
    }
}

class RunCommand : public Command {
  public:
    explicit RunCommand(CLI::App& root) {
        app_ =
            root.add_subcommand("run", "Start a private pcscd with virtual readers and run a command in it");
        app_->footer("The command follows two dashes: cardlatch run [OPTIONS] -- COMMAND [ARG...]");
        app_->add_option("--card", cards_,
                         "Card in a reader; repeat it for more readers. A shipped profile's name, a TOML "
                         "file, or 'none' "
                         "for an empty reader. Default: " +
                             std::string(k_default_card))
            ->type_name("PROFILE");
        app_->add_option("--reader-name", options_.reader_name,
                         "Name of the readers; pcscd adds ' 00 00' and so on")
            ->capture_default_str();
        app_->add_option("--slots", options_.slots_per_reader,
                         "Slots of each reader; the cards fill them in order. pcscd names them 'NAME 00 00', "
                         "'NAME 00 01' and so on")
            ->type_name("N")
            ->check(CLI::Range(1, static_cast<int>(harness::k_most_reader_slots)))
            ->capture_default_str();
        app_->add_option("--driver", options_.driver,
                         "IFD handler that pcscd loads: 'vpcd' is Debian's stock vpcd")
            ->transform(CLI::CheckedTransformer(k_drivers))
            ->option_text("cardlatch|vpcd");
        app_->add_option(
                "--host", options_.host,
                "Process that runs the cards: 'driver' is pcscd itself, for speed; a card's crash is pcscd's")
            ->transform(CLI::CheckedTransformer(k_hosts))
            ->option_text("stack|driver");
        app_->add_flag("--pin-pad", options_.pin_pad,
                       "Readers with a PIN pad; `cardlatch type` presses its keys");
        app_->add_option("--fault", options_.faults,
                         "What goes wrong, TYPE[,KEY=VALUE...]; repeat it for more. `cardlatch fault types` "
                         "lists them")
            ->type_name("FAULT");
        app_->add_option("--seed", options_.seed, "Seed of everything random in faults; default: any")
            ->type_name("N");
        app_->add_option("--state", state_, "Folder where cards keep their state; without it they forget")
            ->type_name("DIR");
        app_->add_option("--log", log_, "File for pcscd's log")->type_name("FILE");
        app_->add_option("--log-level", options_.log_level,
                         "How much pcscd logs; 'debug' shows APDUs, PINs included")
            ->transform(CLI::CheckedTransformer(k_log_levels))
            ->option_text("critical|error|info|debug");
        traces_.add_to(*app_);
        app_->add_option("--isolation", options_.isolation, "How pcscd gets a /run of its own")
            ->transform(CLI::CheckedTransformer(k_isolations))
            ->option_text("auto|namespace|shim");
        app_->add_option("--pcscd", pcscd_, "The pcscd to start")
            ->envname("CARDLATCH_PCSCD")
            ->capture_default_str();
        app_->add_flag("--verbose,-v", verbose_, "Print what happens, on standard error");
        app_->add_flag("--json", json_, "Print what happens as JSON lines, on standard error");
    }

    int run(const std::vector<std::string>& trailing) override {
        if (trailing.empty()) {
            return complain("run needs a command: cardlatch run [OPTIONS] -- COMMAND [ARG...]", k_usage);
        }
        auto profiles = resolve_cards(cards_);
        if (!profiles) {
            return complain(profiles.assume_error(), k_own_failure);
        }
        for (auto& profile : profiles.assume_value()) {
            options_.slots.push_back({std::move(profile)});
        }
        options_.pcscd = pcscd_;
        if (!log_.empty()) {
            options_.log_file = std::filesystem::absolute(log_);
            if (app_->get_option("--log-level")->empty()) {
                options_.log_level = harness::LogLevel::info; // who asks for a log wants to read something
            }
        }
        if (!state_.empty()) {
            options_.state_dir = std::filesystem::absolute(state_);
        }
        if (const char* preload = std::getenv("CARDLATCH_PCSCD_PRELOAD");
            preload != nullptr && *preload != '\0') {
            options_.pcscd_preload.emplace_back(preload);
        }
        options_.on_event = [as_json = json_, all = json_ || verbose_](const harness::Event& event) {
            if (all || event.what == "replay") { // a replay that is left makes what follows worthless
                print_event(event, as_json);
            }
        };
        const auto opened = traces_.open();
        if (!opened) {
            const bool usage = opened.assume_error().code == std::errc::invalid_argument;
            return complain(opened.assume_error(), usage ? k_usage : k_own_failure);
        }
        options_.trace = opened.assume_value();
        const int code = run_in_stack(trailing);
        return traces_.close(code);
    }

  private:
    int run_in_stack(const std::vector<std::string>& command) {
        // Before any thread exists, so that every thread inherits the mask and signals come to the descriptor
        // alone.
        SignalReceiver signals;
        // Orphans of the command become our children, so that none outlives the stack.
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        auto started = PrivateStack::start(options_);
        if (!started) {
            return complain(started.assume_error(), k_own_failure);
        }
        auto& stack = *started.assume_value();
        int code = k_own_failure;
        auto child = ChildCommand::start(command, stack.environment());
        if (!child) {
            const bool missing = child.assume_error().code == std::errc::no_such_file_or_directory;
            code = complain(child.assume_error(), missing ? k_not_found : k_not_executable);
        } else {
            code = watch(child.assume_value(), stack, signals);
        }
        end_other_children(stack.processes());
        return code;
    }

    /// Waits for the command; passes signals on; ends the command when pcscd dies.
    static int watch(ChildCommand& child, PrivateStack& stack, SignalReceiver& signals) {
        bool pcscd_died = false;
        int wait_ms = -1;
        for (;;) {
            pollfd waiting[] = {{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                {.fd = pcscd_died ? -1 : stack.death_fd(), .events = POLLIN, .revents = 0}};
            const int ready = ::poll(waiting, std::size(waiting), wait_ms);
            if (ready == 0) {
                child.kill(SIGKILL); // it had its time to end by itself
                wait_ms = -1;
            }
            while (const auto signal = signals.next()) {
                if (signal->number != SIGCHLD) {
                    // A signal from the terminal has already reached the command, which is in the same
                    // process group.
                    if (!signal->from_terminal) {
                        child.kill(signal->number);
                        wait_ms = k_grace_ms;
                    }
                }
            }
            reap_adopted(child.pid(), stack.processes());
            if (const auto status = child.status()) {
                if (pcscd_died) {
                    return k_own_failure;
                }
                return WIFSIGNALED(*status) ? k_signal_base + WTERMSIG(*status) : WEXITSTATUS(*status);
            }
            if (!pcscd_died && waiting[1].revents != 0) {
                pcscd_died = true;
                complain(stack.death_report() + "; ending the command", k_own_failure);
                child.kill(SIGTERM);
                wait_ms = k_grace_ms;
            }
        }
    }

    harness::StackOptions options_;
    TraceOptions traces_;
    std::vector<std::string> cards_{k_default_card};
    std::string state_;
    std::string log_;
    std::string pcscd_ = "/usr/sbin/pcscd";
    bool verbose_ = false;
    bool json_ = false;
};

} // namespace

std::unique_ptr<Command> make_run_command(CLI::App& root) {
    return std::make_unique<RunCommand>(root);
}

} // namespace cardlatch::cli
