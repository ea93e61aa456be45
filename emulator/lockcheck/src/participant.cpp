#include "participant.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace cardlatch::lockcheck {

namespace {

std::vector<std::string> environment_with(const Environment& added) {
    std::vector<std::string> entries;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const bool replaced = std::any_of(added.begin(), added.end(), [text](const auto& item) {
            return text.starts_with(item.first) && text.substr(item.first.size(), 1) == "=";
        });
        if (!replaced) {
            entries.emplace_back(text);
        }
    }
    for (const auto& [name, value] : added) {
        entries.push_back(fmt::format("{}={}", name, value));
    }
    return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (auto& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

} // namespace

int milliseconds_until(Deadline deadline) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

Result<Participant> Participant::start(const std::vector<std::string>& command,
                                       const Environment& environment) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return last_system_error("socketpair");
    }
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    auto words = command;
    words.insert(words.end(), {"--fd", fmt::format("{}", theirs.get())});
    auto entries = environment_with(environment);
    const auto argv = pointers_to(words);
    const auto envp = pointers_to(entries);
    const pid_t parent = ::getpid();
    // Between fork and exec only async-signal-safe calls: this process may have threads.
    const pid_t pid = ::fork();
    if (pid < 0) {
        return last_system_error("fork");
    }
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() == parent && ::fcntl(theirs.get(), F_SETFD, 0) == 0) {
            ::execve(argv[0], argv.data(), envp.data());
        }
        ::_exit(127);
    }
    return Participant(pid, std::move(ours));
}

Participant::Participant(Participant&& other) noexcept
    : pid_(std::exchange(other.pid_, -1))
    , socket_(std::move(other.socket_))
    , last_id_(other.last_id_)
    , answers_(std::move(other.answers_))
    , news_(std::move(other.news_))
    , gone_(other.gone_) {}

Participant::~Participant() {
    kill();
}

std::uint32_t Participant::order(int lane, const std::string& command) {
    ++last_id_;
    gone_ = gone_ || !send_message(socket_.get(), {.id = last_id_,
                                                   .lane = static_cast<std::uint32_t>(lane),
                                                   .code = k_success,
                                                   .began_ns = 0,
                                                   .ended_ns = 0,
                                                   .text = command});
    return last_id_;
}

bool Participant::receive(Deadline deadline) {
    pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    int ready = 0;
    do {
        ready = gone_ ? 0 : ::poll(&waiting, 1, milliseconds_until(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        return false;
    }
    auto message = receive_message(socket_.get());
    if (!message) {
        gone_ = true;
        return false;
    }
    if (message->id == 0) {
        news_.push_back(std::move(*message));
    } else {
        answers_.emplace(message->id, std::move(*message));
    }
    return true;
}

std::optional<Message> Participant::await(std::uint32_t id, Deadline deadline) {
    for (;;) {
        if (const auto found = answers_.find(id); found != answers_.end()) {
            auto answer = std::move(found->second);
            answers_.erase(found);
            return answer;
        }
        if (!receive(deadline)) {
            return std::nullopt;
        }
    }
}

std::optional<Message> Participant::poll_answer(std::uint32_t id) {
    return await(id, Deadline{});
}

std::optional<Message> Participant::next_news() {
    if (news_.empty()) {
        return std::nullopt;
    }
    auto message = std::move(news_.front());
    news_.pop_front();
    return message;
}

void Participant::signal(int number) const {
    if (pid_ > 0) {
        ::kill(pid_, number);
    }
}

bool Participant::await_end(Deadline deadline) {
    // The end of a socket comes before the process can be waited for, and a forked child may hold it open.
    const UniqueFd pidfd(pid_ > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)) : -1);
    if (pidfd) {
        pollfd waiting{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
        int ready = 0;
        do {
            ready = ::poll(&waiting, 1, milliseconds_until(deadline));
        } while (ready < 0 && errno == EINTR);
        if (ready == 0) {
            return false;
        }
    }
    if (pid_ > 0) {
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    gone_ = true;
    return true;
}

bool Participant::finish(Deadline deadline) {
    const bool said_goodbye = pid_ > 0 && !gone_ && await(order(0, "quit"), deadline).has_value();
    kill();
    return said_goodbye;
}

void Participant::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    gone_ = true;
}

} // namespace cardlatch::lockcheck
