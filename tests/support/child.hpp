#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::test {

/// How a child ended and what it wrote.
struct Outcome {
    int exit_code = -1; ///< 128 + signal when a signal ended it
    std::string out;
    std::string err;
};

/// Options for a child of a test.
struct ChildOptions {
    std::vector<std::pair<std::string, std::string>> environment; ///< added to ours
    std::string input;                                            ///< its standard input
    std::optional<uid_t> user;                                    ///< becomes this user and group first
    bool new_session = true; ///< so that a test may signal it and all that it starts
};

/// A child process whose output is collected. Killed with its session when it is still there at the end.
class Child {
  public:
    explicit Child(const std::vector<std::string>& command, const ChildOptions& options = {});
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void signal(int number) const;

    /// Reads standard output until it holds `text`; throws after `deadline`, with what came instead.
    void await_output(const std::string& text, std::chrono::seconds deadline = std::chrono::seconds(60));
    /// As await_output(), for standard error.
    void await_error(const std::string& text, std::chrono::seconds deadline = std::chrono::seconds(60));

    /// Waits for the end; throws after `deadline`. Sanitizer builds are slow: the default is generous.
    Outcome wait(std::chrono::seconds deadline = std::chrono::seconds(120));

  private:
    void await(std::string Outcome::*stream, const std::string& text, std::chrono::seconds deadline);
    /// Reads what has come; false when both streams have ended or `until` has passed.
    bool read_some(std::chrono::steady_clock::time_point until);

    pid_t pid_ = -1;
    int out_fd_ = -1;
    int err_fd_ = -1;
    std::string label_;
    Outcome outcome_;
};

/// Runs a command to its end.
Outcome run(const std::vector<std::string>& command, const ChildOptions& options = {});

/// Path of the `cardlatch` command of this build.
std::string cardlatch_command();

/// `cardlatch run OPTIONS -- COMMAND`, to its end.
Outcome cardlatch_run(const std::vector<std::string>& options, const std::vector<std::string>& command,
                      const ChildOptions& child_options = {});

} // namespace cardlatch::test
