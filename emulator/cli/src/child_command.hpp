#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::cli {

/// Blocks the signals that end a program and SIGCHLD, and hands them out one by one.
class SignalReceiver {
  public:
    SignalReceiver();

    struct Signal {
        int number = 0;
        bool from_terminal = false; ///< Ctrl-C and the like, which the whole foreground process group gets
    };

    /// Readable when next() has something.
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// The next pending signal, or nothing. Does not block.
    std::optional<Signal> next();

  private:
    UniqueFd fd_;
};

/// The user's command as a child process.
class ChildCommand {
  public:
    /// Starts `arguments` (found in PATH) with `environment` added. The child dies with this process.
    /// Errors: the errno of exec: ENOENT when there is no such program, EACCES and others when it cannot be
    /// run.
    static Result<ChildCommand> start(const std::vector<std::string>& arguments,
                                      const std::vector<std::pair<std::string, std::string>>& environment);

    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill(int signal) const;

    /// The wait status once the command has ended. Does not block.
    std::optional<int> status();

  private:
    explicit ChildCommand(pid_t pid)
        : pid_(pid) {}
    pid_t pid_;
    std::optional<int> status_;
};

/// Collects ended processes that were orphaned to us, but neither `command` nor those in `keep`.
void reap_adopted(pid_t command, const std::vector<pid_t>& keep);

/// Ends every child that is not in `keep`, and theirs: SIGTERM, and SIGKILL after two seconds.
void end_other_children(const std::vector<pid_t>& keep);

} // namespace cardlatch::cli
