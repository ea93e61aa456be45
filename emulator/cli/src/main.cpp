#include "command.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iterator>
#include <string>
#include <vector>

namespace {

using cardlatch::cli::Command;

int run(int argc, char** argv) {
    // Everything after the first "--" belongs to the user's command and is never looked at.
    std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    const std::vector<std::string> trailing(dashes == arguments.end() ? dashes : std::next(dashes),
                                            arguments.end());
    arguments.erase(dashes, arguments.end());

    CLI::App app(
        "Virtual smart card readers and cards on a private pcscd: no hardware, no root, no system daemon.",
        "cardlatch");
    app.set_version_flag("--version", std::string("cardlatch ") + CARDLATCH_VERSION);
    app.failure_message([](const CLI::App*, const CLI::Error& error) {
        return std::string("cardlatch: ") + error.what() + "; see cardlatch --help\n";
    });
    app.footer("Try: cardlatch run -- opensc-tool --atr");
    std::vector<std::unique_ptr<Command>> commands;
    commands.push_back(cardlatch::cli::make_run_command(app));
    std::ranges::move(cardlatch::cli::make_control_commands(app), std::back_inserter(commands));
    commands.push_back(cardlatch::cli::make_fault_command(app));
    commands.push_back(cardlatch::cli::make_serve_command(app));
    commands.push_back(cardlatch::cli::make_record_command(app));
    std::ranges::move(cardlatch::cli::make_lockcheck_commands(app), std::back_inserter(commands));
    std::ranges::move(cardlatch::cli::make_card_commands(app), std::back_inserter(commands));
    commands.push_back(cardlatch::cli::make_profiles_command(app));
    commands.push_back(cardlatch::cli::make_capabilities_command(app));

    try {
        std::reverse(arguments.begin(), arguments.end()); // CLI11 takes them from the back
        app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
        const int code = app.exit(error);
        return asked ? code : cardlatch::cli::k_usage;
    }
    for (const auto& command : commands) {
        if (command->chosen()) {
            return command->run(trailing);
        }
    }
    return cardlatch::cli::complain("a subcommand is missing; see cardlatch --help", cardlatch::cli::k_usage);
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        return cardlatch::cli::complain(error.what(), cardlatch::cli::k_own_failure);
    }
}
