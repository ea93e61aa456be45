#include "process.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <unistd.h>

namespace cardlatch::harness {

SignalBlock::SignalBlock() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
}

SignalBlock::~SignalBlock() {
    pthread_sigmask(SIG_SETMASK, &saved_, nullptr);
}

void reset_signals_in_child() noexcept {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
        sigaction(signal, &standard, nullptr); // fails for SIGKILL and SIGSTOP, which nobody can change
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

int open_pidfd(pid_t pid) noexcept {
    return static_cast<int>(
        ::syscall(SYS_pidfd_open, pid, 0)); // glibc 2.36 has no wrapper in C++ headers of Debian 12
}

int poll_uninterrupted(pollfd* fds, nfds_t count, int timeout_ms) noexcept {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        const int ready = ::poll(fds, count, timeout_ms);
        if (ready >= 0 || errno != EINTR) {
            return ready;
        }
        if (timeout_ms >= 0) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
            timeout_ms = left > 0 ? static_cast<int>(left) : 0;
        }
    }
}

std::size_t read_all(int fd, void* buffer, std::size_t size) noexcept {
    std::size_t done = 0;
    while (done < size) {
        const auto count = ::read(fd, static_cast<char*>(buffer) + done, size - done);
        if (count > 0) {
            done += static_cast<std::size_t>(count);
        } else if (count == 0 || errno != EINTR) {
            break;
        }
    }
    return done;
}

bool write_all(int fd, const void* buffer, std::size_t size) noexcept {
    std::size_t done = 0;
    while (done < size) {
        const auto count = ::write(fd, static_cast<const char*>(buffer) + done, size - done);
        if (count >= 0) {
            done += static_cast<std::size_t>(count);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

std::string describe_wait_status(int status) {
    if (WIFSIGNALED(status)) {
        return fmt::format("was killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    }
    return fmt::format("exited with status {}", WEXITSTATUS(status));
}

} // namespace cardlatch::harness
