#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <poll.h>
#include <string>

namespace cardlatch::harness {

/// Blocks every signal of the calling thread while in scope, so that a forked child runs no handler of its
/// parent.
class SignalBlock {
  public:
    SignalBlock() noexcept;
    ~SignalBlock();
    SignalBlock(const SignalBlock&) = delete;
    SignalBlock& operator=(const SignalBlock&) = delete;

  private:
    sigset_t saved_{};
};

/// In a child, before exec: default actions and an empty mask. Async-signal-safe.
void reset_signals_in_child() noexcept;

/// A pidfd of a child that is not yet waited for, close-on-exec; -1 with errno.
int open_pidfd(pid_t pid) noexcept;

/// poll() that goes on after a signal. `timeout_ms` < 0 waits without end.
int poll_uninterrupted(pollfd* fds, nfds_t count, int timeout_ms) noexcept;

/// Reads until `size` bytes came or the end; returns the bytes read.
std::size_t read_all(int fd, void* buffer, std::size_t size) noexcept;

/// Writes everything; false with errno when that fails.
bool write_all(int fd, const void* buffer, std::size_t size) noexcept;

/// A wait status in words: "exited with status 1", "was killed by signal 9 (Killed)".
std::string describe_wait_status(int status);

} // namespace cardlatch::harness
