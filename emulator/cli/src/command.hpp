#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/harness/slot_control.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::cli {

/// Exit codes that scripts rely on (architecture, "Contracts that scripts rely on").
enum ExitCode : int {
    k_ok = 0,
    k_check_failed = 1,
    k_usage = 2,
    k_own_failure = 125,
    k_not_executable = 126,
    k_not_found = 127,
    k_signal_base = 128,
};

/// One subcommand: declares its options on construction, then runs.
class Command {
  public:
    Command() = default;
    virtual ~Command() = default;
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    /// True when the command line named this subcommand.
    [[nodiscard]] bool chosen() const { return app_ != nullptr && app_->parsed(); }

    /// Does the work and returns the exit code. `trailing` is what followed `--` on the command line.
    virtual int run(const std::vector<std::string>& trailing) = 0;

  protected:
    CLI::App* app_ = nullptr;
};

std::unique_ptr<Command> make_run_command(CLI::App& root);
std::unique_ptr<Command> make_serve_command(CLI::App& root);
std::unique_ptr<Command> make_record_command(CLI::App& root);
std::unique_ptr<Command> make_profiles_command(CLI::App& root);
std::unique_ptr<Command> make_capabilities_command(CLI::App& root);
/// card new, card show and card export.
std::vector<std::unique_ptr<Command>> make_card_commands(CLI::App& root);
/// lockcheck, and what it starts its participants as.
std::vector<std::unique_ptr<Command>> make_lockcheck_commands(CLI::App& root);
/// fault add, list, remove, clear and types.
std::unique_ptr<Command> make_fault_command(CLI::App& root);
/// insert, remove, reset, acquire, type, reader and status.
std::vector<std::unique_ptr<Command>> make_control_commands(CLI::App& root);

/// "cardlatch: MESSAGE" on standard error; returns `code` so that callers can `return complain(...)`.
int complain(const std::string& message, int code);
int complain(const Error& error, int code);

/// What `--card` values mean: shipped profile names, TOML files, or "none" for an empty reader.
Result<std::vector<std::optional<std::filesystem::path>>>
resolve_cards(const std::vector<std::string>& names);

using harness::k_default_card;

} // namespace cardlatch::cli
