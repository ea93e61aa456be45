#include "child_command.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace cardlatch::cli {

namespace {

constexpr std::array k_received = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};

sigset_t received_set() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : k_received) {
        sigaddset(&set, signal);
    }
    return set;
}

/// The children of this process, of all its threads. Source: proc(5), /proc/pid/task/tid/children.
std::vector<pid_t> children() {
    std::vector<pid_t> pids;
    std::error_code ignored;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
        std::ifstream file(task.path() / "children");
        for (pid_t pid = 0; file >> pid;) {
            pids.push_back(pid);
        }
    }
    return pids;
}

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

} // namespace

SignalReceiver::SignalReceiver() {
    const auto set = received_set();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::optional<SignalReceiver::Signal> SignalReceiver::next() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) {
        return std::nullopt;
    }
    return Signal{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

Result<ChildCommand>
ChildCommand::start(const std::vector<std::string>& arguments,
                    const std::vector<std::pair<std::string, std::string>>& environment) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return last_system_error("pipe");
    }
    const UniqueFd report_read(ends[0]);
    UniqueFd report_write(ends[1]);
    std::vector<char*> pointers;
    for (const auto& argument : arguments) {
        pointers.push_back(const_cast<char*>(argument.c_str())); // execvp's signature predates const
    }
    pointers.push_back(nullptr);
    std::vector<std::string> extended;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const bool replaced = std::any_of(environment.begin(), environment.end(), [text](const auto& item) {
            return text.starts_with(item.first) && text.substr(item.first.size(), 1) == "=";
        });
        if (!replaced) {
            extended.emplace_back(text);
        }
    }
    for (const auto& [name, value] : environment) {
        extended.push_back(name + "=" + value);
    }
    std::vector<char*> environment_pointers;
    environment_pointers.reserve(extended.size() + 1);
    for (auto& entry : extended) {
        environment_pointers.push_back(entry.data());
    }
    environment_pointers.push_back(nullptr);

    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        return last_system_error("fork");
    }
    if (pid == 0) {
        const auto set = received_set();
        sigprocmask(SIG_UNBLOCK, &set, nullptr);
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() == parent) {
            ::execvpe(pointers[0], pointers.data(), environment_pointers.data());
        }
        const int error = errno;
        [[maybe_unused]] const auto written = ::write(report_write.get(), &error, sizeof error);
        ::_exit(127);
    }
    report_write.reset();
    int error = 0;
    ssize_t count = 0;
    do {
        count = ::read(report_read.get(), &error, sizeof error);
    } while (count < 0 && errno == EINTR);
    if (count == sizeof error) {
        ::waitpid(pid, nullptr, 0);
        const std::error_code code(error, std::system_category());
        return fail(code, fmt::format("{}: {}", arguments.front(), code.message()));
    }
    return ChildCommand(pid);
}

void ChildCommand::kill(int signal) const {
    if (!status_) {
        ::kill(pid_, signal);
    }
}

std::optional<int> ChildCommand::status() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = status;
    }
    return status_;
}

void reap_adopted(pid_t command, const std::vector<pid_t>& keep) {
    for (const auto pid : children()) {
        if (pid != command && !contains(keep, pid)) {
            ::waitpid(pid, nullptr, WNOHANG);
        }
    }
}

void end_other_children(const std::vector<pid_t>& keep) {
    using Clock = std::chrono::steady_clock;
    const auto patience = Clock::now() + std::chrono::seconds(2);
    const auto end =
        Clock::now() + std::chrono::seconds(10); // SIGKILL waits for a process that the kernel holds
    std::vector<pid_t> asked;
    for (;;) {
        bool any = false;
        const bool hurry = Clock::now() >= patience;
        for (const auto pid : children()) {
            if (contains(keep, pid) || ::waitpid(pid, nullptr, WNOHANG) != 0) {
                continue;
            }
            any = true;
            if (hurry) {
                ::kill(pid, SIGKILL);
            } else if (!contains(asked, pid)) {
                ::kill(pid, SIGTERM);
                asked.push_back(pid);
            }
        }
        if (!any || Clock::now() >= end) {
            return;
        }
        // SIGCHLD is blocked: sleep until one arrives, or look again after a moment for grandchildren that
        // became ours.
        const auto set = received_set();
        const timespec moment{.tv_sec = 0, .tv_nsec = 20'000'000};
        sigtimedwait(&set, nullptr, &moment);
    }
}

} // namespace cardlatch::cli
