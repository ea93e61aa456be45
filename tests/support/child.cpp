#include "child.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>

namespace cardlatch::test {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail("pipe");
    }
    return ends;
}

/// Input from an unlinked file: a pipe could fill up and block.
int make_input(const std::string& text) {
    std::string name = "/tmp/cardlatch-test-XXXXXX";
    const int fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0 || ::unlink(name.c_str()) != 0 ||
        ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::lseek(fd, 0, SEEK_SET) != 0) {
        fail("input file");
    }
    return fd;
}

bool become(uid_t user) {
    return ::setgroups(0, nullptr) == 0 && ::setgid(user) == 0 && ::setuid(user) == 0 &&
           // Otherwise the death signal and /proc/self are lost with the change of user.
           ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

} // namespace

Child::Child(const std::vector<std::string>& command, const ChildOptions& options) {
    for (const auto& word : command) {
        label_ += (label_.empty() ? "" : " ") + word;
    }
    const auto out = make_pipe();
    const auto err = make_pipe();
    const int input = make_input(options.input);
    std::vector<char*> arguments;
    for (const auto& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) {
        fail("fork");
    }
    if (pid_ == 0) {
        if (options.new_session) {
            ::setsid();
        }
        ::dup2(input, 0);
        ::dup2(out[1], 1);
        ::dup2(err[1], 2);
        for (const auto& [key, value] : options.environment) {
            ::setenv(key.c_str(), value.c_str(), 1);
        }
        if (options.user) {
            for (const auto* sanitizer : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
                ::unsetenv(sanitizer); // the folder for reports is not that user's
            }
        }
        if (!options.user || become(*options.user)) {
            ::execvp(arguments[0], arguments.data());
        }
        ::_exit(127);
    }
    ::close(input);
    ::close(out[1]);
    ::close(err[1]);
    out_fd_ = out[0];
    err_fd_ = err[0];
}

Child::~Child() {
    if (pid_ > 0) {
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    for (const int fd : {out_fd_, err_fd_}) {
        if (fd >= 0) {
            ::close(fd);
        }
    }
}

void Child::signal(int number) const {
    ::kill(pid_, number);
}

bool Child::read_some(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0 || (out_fd_ < 0 && err_fd_ < 0)) {
        return false;
    }
    std::array<pollfd, 2> streams{
        {{.fd = out_fd_, .events = POLLIN, .revents = 0}, {.fd = err_fd_, .events = POLLIN, .revents = 0}}};
    ::poll(streams.data(), streams.size(), static_cast<int>(left));
    const auto read = [](const pollfd& stream, int& fd, std::string& text) {
        if (stream.revents == 0) {
            return;
        }
        std::array<char, 4096> chunk{};
        const auto count = ::read(fd, chunk.data(), chunk.size());
        if (count > 0) {
            text.append(chunk.data(), static_cast<std::size_t>(count));
        } else if (count == 0) {
            ::close(fd);
            fd = -1;
        }
    };
    read(streams[0], out_fd_, outcome_.out);
    read(streams[1], err_fd_, outcome_.err);
    return true;
}

void Child::await(std::string Outcome::*stream, const std::string& text, std::chrono::seconds deadline) {
    const auto until = Clock::now() + deadline;
    while ((outcome_.*stream).find(text) == std::string::npos) {
        if (!read_some(until)) {
            throw std::runtime_error(label_ + ": did not print \"" + text +
                                     "\" in time\nout: " + outcome_.out + "\nerr: " + outcome_.err);
        }
    }
}

void Child::await_output(const std::string& text, std::chrono::seconds deadline) {
    await(&Outcome::out, text, deadline);
}

void Child::await_error(const std::string& text, std::chrono::seconds deadline) {
    await(&Outcome::err, text, deadline);
}

Outcome Child::wait(std::chrono::seconds deadline) {
    const auto until = Clock::now() + deadline;
    while (read_some(until)) {
    }
    if (out_fd_ >= 0 || err_fd_ >= 0) {
        throw std::runtime_error(label_ + ": did not end in time\nout: " + outcome_.out +
                                 "\nerr: " + outcome_.err);
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    outcome_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return outcome_;
}

Outcome run(const std::vector<std::string>& command, const ChildOptions& options) {
    return Child(command, options).wait();
}

std::string cardlatch_command() {
    return CARDLATCH_COMMAND;
}

Outcome cardlatch_run(const std::vector<std::string>& options, const std::vector<std::string>& command,
                      const ChildOptions& child_options) {
    std::vector<std::string> words{cardlatch_command(), "run"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), command.begin(), command.end());
    return run(words, child_options);
}

} // namespace cardlatch::test
