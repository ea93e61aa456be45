#pragma once

#include "message.hpp"

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cardlatch::lockcheck {

using Deadline = std::chrono::steady_clock::time_point;
using Environment = std::vector<std::pair<std::string, std::string>>;

/// A process of its own that calls winscard when it is told to; see actor.cpp for what it understands.
///
/// Dies with this process, and in the destructor. Not thread-safe.
class Participant {
  public:
    /// Starts `command` with `--fd N`. Errors: the errno of the step that failed.
    static Result<Participant> start(const std::vector<std::string>& command, const Environment& environment);
    ~Participant();
    Participant(Participant&& other) noexcept;
    Participant& operator=(Participant&&) = delete;
    Participant(const Participant&) = delete;
    Participant& operator=(const Participant&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] int fd() const { return socket_.get(); }

    /// Orders `command` from thread `lane` and returns the order's number. A participant that is gone shows
    /// in await().
    std::uint32_t order(int lane, const std::string& command);

    /// The answer to `id`; nothing when it has not come by `deadline` or the participant is gone.
    std::optional<Message> await(std::uint32_t id, Deadline deadline);
    /// The answer to `id` if it is there. Does not block.
    std::optional<Message> poll_answer(std::uint32_t id);
    /// Reads one message, blocking at most until `deadline`; false when none came or the participant is gone.
    bool receive(Deadline deadline);
    /// News that nobody ordered, oldest first.
    std::optional<Message> next_news();

    /// True once its socket has ended.
    [[nodiscard]] bool gone() const { return gone_; }

    void signal(int number) const;
    /// Waits for its end; false when it lives on at `deadline`.
    bool await_end(Deadline deadline);
    /// Has it disconnect everything and release every context, then ends it; false when it did not do so by
    /// `deadline`.
    bool finish(Deadline deadline);
    /// SIGKILL, and waits. Idempotent.
    void kill();

  private:
    Participant(pid_t pid, UniqueFd socket)
        : pid_(pid)
        , socket_(std::move(socket)) {}

    pid_t pid_;
    UniqueFd socket_;
    std::uint32_t last_id_ = 0;
    std::map<std::uint32_t, Message> answers_;
    std::deque<Message> news_;
    bool gone_ = false;
};

/// Milliseconds until `deadline`, for poll(2).
int milliseconds_until(Deadline deadline);

} // namespace cardlatch::lockcheck
