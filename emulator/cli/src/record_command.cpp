#include "child_command.hpp"
#include "command.hpp"

#include <cardlatch/harness/pcsc_tap.hpp>
#include <cardlatch/harness/stack_directory.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/lock.hpp>
#include <cardlatch/pcsc/reader.hpp>
#include <cardlatch/trace/trace_file.hpp>

#include <fmt/format.h>
#include <sys/wait.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <unistd.h>

namespace cardlatch::cli {

namespace {

using trace::Clock;
using trace::What;

constexpr const char* k_default_socket = "/run/pcscd/pcscd.comm";

class RecordCommand : public Command {
  public:
    explicit RecordCommand(CLI::App& root) {
        app_ = root.add_subcommand("record", "Write down a dialogue with the card in any PC/SC reader");
        app_->footer("The command follows two dashes: cardlatch record [OPTIONS] -- COMMAND [ARG...]\n"
                     "Without one, commands are read from standard input: hexadecimal, 'reset' or 'power', "
                     "one on a line.");
        app_->add_option("--reader", reader_, "Reader's name or number; default: the only one with a card")
            ->type_name("NAME");
        app_->add_option("--output", output_, "File for the dialogue; default: standard output")
            ->type_name("FILE");
        app_->add_option("--profile", profile_, "Card profile that the dialogue is to name")
            ->type_name("NAME")
            ->capture_default_str();
        app_->add_flag("--show-secrets", show_secrets_, "Do not mask PINs and keys");
    }

    int run(const std::vector<std::string>& trailing) override {
        const auto recorded = trailing.empty() ? record_input() : record_command(trailing);
        if (!recorded) {
            return complain(recorded.assume_error(), trailing.empty() ? k_check_failed : k_own_failure);
        }
        return recorded.assume_value();
    }

  private:
    /// The reader that is meant.
    Result<pcsc::ReaderState> find_reader() const {
        BOOST_OUTCOME_TRY(const auto context, pcsc::Context::establish());
        BOOST_OUTCOME_TRY(const auto readers, context.readers());
        std::size_t number = readers.size();
        const auto* const end = reader_.data() + reader_.size();
        const bool numbered = !reader_.empty() && std::from_chars(reader_.data(), end, number).ptr == end;
        std::vector<pcsc::ReaderState> with_card;
        std::string known;
        for (std::size_t i = 0; i < readers.size(); ++i) {
            BOOST_OUTCOME_TRY(auto state, readers[i].state());
            known += fmt::format("{}{} \"{}\"", known.empty() ? "" : ", ", i, readers[i].name());
            const bool meant = numbered ? number == i : readers[i].name() == reader_;
            if (meant && !state.card_present()) {
                return fail(std::errc::no_such_device, fmt::format("no card in \"{}\"", readers[i].name()));
            }
            if (meant || (reader_.empty() && state.card_present())) {
                with_card.push_back(std::move(state));
            }
        }
        if (with_card.size() == 1) {
            return std::move(with_card.front());
        }
        if (known.empty()) {
            return fail(std::errc::no_such_device, "there is no reader");
        }
        return fail(std::errc::no_such_device,
                    fmt::format("{}; there is {}",
                                !reader_.empty()    ? fmt::format("no reader \"{}\"", reader_)
                                : with_card.empty() ? std::string("no reader has a card")
                                                    : std::string("several readers have cards: say --reader"),
                                known));
    }

    /// The dialogue's file, with what stands at its head.
    Result<std::shared_ptr<trace::TraceFile>> open_output(const pcsc::ReaderState& reader) const {
        const auto secrets = show_secrets_ ? trace::Secrets::shown : trace::Secrets::masked;
        std::shared_ptr<trace::TraceFile> file;
        if (output_.empty()) {
            UniqueFd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
            if (!out) {
                return last_system_error("standard output");
            }
            file = trace::TraceFile::on(std::move(out), "standard output", trace::Format::apdu, secrets);
        } else {
            BOOST_OUTCOME_TRY(file, trace::TraceFile::create(output_, trace::Format::apdu, secrets));
        }
        const auto now = Clock::now();
        file->record({now, now, What::inserted, reader.name, "card", {}, {}, profile_});
        file->record({now, now, What::cold_reset, reader.name, "card", {}, reader.atr, {}});
        return file;
    }

    /// Runs a command whose pcscd is a relay to ours.
    Result<int> record_command(const std::vector<std::string>& command) const {
        SignalReceiver signals; // before any thread exists
        BOOST_OUTCOME_TRY(const auto reader, find_reader());
        BOOST_OUTCOME_TRY(const auto file, open_output(reader));
        BOOST_OUTCOME_TRY(const auto directory, harness::StackDirectory::create());
        const auto socket = directory.path() / "pcscd.comm";
        const char* const configured = std::getenv("PCSCLITE_CSOCK_NAME");
        BOOST_OUTCOME_TRY(
            auto tap,
            harness::PcscTap::start(
                {.socket = socket,
                 .pcscd = configured != nullptr && *configured != '\0' ? configured : k_default_socket,
                 .trace = file,
                 .exchanges = true,
                 .reader = reader.name}));
        auto child = ChildCommand::start(command, {{"PCSCLITE_CSOCK_NAME", socket.native()}});
        if (!child) {
            const bool missing = child.assume_error().code == std::errc::no_such_file_or_directory;
            return complain(child.assume_error(), missing ? k_not_found : k_not_executable);
        }
        const int status = wait_for(child.assume_value(), signals);
        tap.reset(); // what it saw is told
        BOOST_OUTCOME_TRY(file->close());
        return status;
    }

    static int wait_for(ChildCommand& child, SignalReceiver& signals) {
        pollfd waiting{.fd = signals.fd(), .events = POLLIN, .revents = 0};
        for (;;) {
            if (const auto status = child.status()) {
                return WIFSIGNALED(*status) ? k_signal_base + WTERMSIG(*status) : WEXITSTATUS(*status);
            }
            ::poll(&waiting, 1, -1);
            while (const auto signal = signals.next()) {
                if (signal->number != SIGCHLD && !signal->from_terminal) {
                    child.kill(signal->number);
                }
            }
        }
    }

    /// Sends what is typed. The card is ours alone meanwhile.
    Result<int> record_input() const {
        BOOST_OUTCOME_TRY(const auto reader, find_reader());
        BOOST_OUTCOME_TRY(const auto file, open_output(reader));
        BOOST_OUTCOME_TRY(const auto context, pcsc::Context::establish());
        BOOST_OUTCOME_TRY(auto card, context.reader(reader.name).connect());
        BOOST_OUTCOME_TRY(auto lock, card.lock());
        const bool talk = ::isatty(STDIN_FILENO) != 0;
        if (talk) {
            fmt::print(stderr, "{}: hexadecimal commands, 'reset' or 'power'; end with Ctrl-D\n",
                       reader.name);
        }
        std::size_t number = 0;
        for (std::string line; await_line(line);) {
            ++number;
            if (line.empty() || line.front() == '#') {
                continue;
            }
            if (line == "reset" || line == "power") {
                const bool warm = line == "reset";
                BOOST_OUTCOME_TRY(
                    card.reconnect(pcsc::ShareMode::shared, pcsc::Protocol::any,
                                   warm ? pcsc::Disposition::reset : pcsc::Disposition::unpower));
                const auto now = Clock::now();
                file->record({now,
                              now,
                              warm ? What::warm_reset : What::cold_reset,
                              reader.name,
                              "record",
                              {},
                              {},
                              {}});
                continue;
            }
            auto command = from_hex(line);
            constexpr std::size_t k_shortest_apdu = 4;
            if (!command || command->size() < k_shortest_apdu) {
                return fail(
                    std::errc::invalid_argument,
                    fmt::format("line {}: neither a command APDU in hexadecimal nor reset or power", number));
            }
            trace::Event event{.begin = Clock::now(),
                               .end = {},
                               .what = What::exchange,
                               .reader = reader.name,
                               .who = "record",
                               .command = std::move(*command),
                               .response = {},
                               .detail = {}};
            BOOST_OUTCOME_TRY(event.response, lock.transmit_bytes(event.command));
            event.end = Clock::now();
            file->record(event);
            wipe(event.command);
            if (talk) {
                fmt::print(stderr, "{}\n", to_hex(event.response, " "));
            }
        }
        BOOST_OUTCOME_TRY(file->close());
        return k_ok;
    }

    /// The next line of standard input, or false at its end.
    static bool await_line(std::string& line) { return static_cast<bool>(std::getline(std::cin, line)); }

    std::string reader_;
    std::string output_;
    std::string profile_ = "recorded";
    bool show_secrets_ = false;
};

} // namespace

std::unique_ptr<Command> make_record_command(CLI::App& root) {
    return std::make_unique<RecordCommand>(root);
}

} // namespace cardlatch::cli
