#include "process.hpp"

#include <cardlatch/harness/observer.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace cardlatch::harness {

namespace json = boost::json;

namespace {

constexpr int k_channel_fd = 3; // the observer's end of the socket pair
constexpr int k_farewell_ms = 2000;
constexpr const char* k_ended = "pcscd has ended, or the client that watches it: its log says why";
constexpr std::size_t k_longest_line = 65536;

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

} // namespace

Result<std::unique_ptr<Observer>> Observer::start(const std::filesystem::path& program,
                                                  const std::filesystem::path& pcsc_socket,
                                                  const std::filesystem::path& log_file,
                                                  ChangeHandler on_change) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        return last_system_error("observer");
    }
    UniqueFd ours(pair[0]);
    // High numbers, so that dup2 in the child cannot overwrite them.
    const UniqueFd low(pair[1]);
    const UniqueFd theirs(::fcntl(low.get(), F_DUPFD_CLOEXEC, k_channel_fd + 1));
    const UniqueFd log_low(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const UniqueFd log(::fcntl(log_low.get(), F_DUPFD_CLOEXEC, k_channel_fd + 1));
    const UniqueFd null_low(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const UniqueFd null(::fcntl(null_low.get(), F_DUPFD_CLOEXEC, k_channel_fd + 1));
    if (!theirs || !log || !null) {
        return last_system_error("observer: log " + log_file.native());
    }

    std::vector<std::string> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (!std::string_view(*entry).starts_with("PCSCLITE_CSOCK_NAME=")) {
            environment.emplace_back(*entry);
        }
    }
    environment.push_back("PCSCLITE_CSOCK_NAME=" + pcsc_socket.native());
    std::vector<char*> pointers;
    pointers.reserve(environment.size() + 1);
    for (auto& entry : environment) {
        pointers.push_back(entry.data());
    }
    pointers.push_back(nullptr);
    std::string path = program.native();
    const std::array<char*, 2> arguments{path.data(), nullptr};

    const pid_t parent = ::getpid();
    pid_t pid = -1;
    {
        const SignalBlock block;
        pid = ::fork();
        if (pid == 0) {
            reset_signals_in_child();
            ::setsid();
            ::prctl(PR_SET_PDEATHSIG, SIGTERM); // it has queues to remove
            if (::getppid() == parent && ::dup2(null.get(), 0) == 0 && ::dup2(log.get(), 1) == 1 &&
                ::dup2(log.get(), 2) == 2 && ::dup2(theirs.get(), k_channel_fd) == k_channel_fd) {
                ::execve(arguments[0], arguments.data(), pointers.data());
            }
            ::_exit(127);
        }
    }
    if (pid < 0) {
        return last_system_error("fork");
    }
    return std::unique_ptr<Observer>(new Observer(pid, std::move(ours), std::move(on_change)));
}

Observer::Observer(pid_t pid, UniqueFd channel, ChangeHandler on_change)
    : pid_(pid)
    , channel_(std::move(channel))
    , on_change_(std::move(on_change))
    , reader_([this] { read_messages(); }) {}

void Observer::leave() noexcept {
    ::shutdown(channel_.get(), SHUT_RDWR); // it removes the locks' queues and ends
}

Observer::~Observer() {
    leave();
    const UniqueFd ended(open_pidfd(pid_));
    pollfd wait{.fd = ended.get(), .events = POLLIN, .revents = 0};
    poll_uninterrupted(&wait, 1, k_farewell_ms);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    reader_.join();
}

void Observer::read_messages() {
    std::string pending;
    std::array<char, 4096> chunk{};
    for (;;) {
        const auto count = ::read(channel_.get(), chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0 || pending.size() > k_longest_line) {
            break;
        }
        pending.append(chunk.data(), static_cast<std::size_t>(count));
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            handle(pending.substr(0, end));
            pending.erase(0, end + 1);
        }
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void Observer::handle(const std::string& line) {
    boost::system::error_code error;
    const auto value = json::parse(line, error);
    if (error || !value.is_object()) {
        return; // only our own program writes here
    }
    const auto& message = value.as_object();
    std::vector<std::pair<ReaderView, ReaderView>> changes;
    {
        const std::lock_guard lock(mutex_);
        if (const auto* views = message.if_contains("readers"); views != nullptr && views->is_array()) {
            std::vector<ReaderView> now;
            for (const auto& item : views->as_array()) {
                const auto& object = item.as_object();
                ReaderView view{.name = text_of(object, "name"),
                                .state = text_of(object, "state"),
                                .atr = text_of(object, "atr"),
                                .events = json::value_to<std::uint32_t>(object.at("events"))};
                const auto old =
                    std::find_if(readers_.begin(), readers_.end(),
                                 [&view](const ReaderView& other) { return other.name == view.name; });
                const ReaderView before = old == readers_.end() ? ReaderView{} : *old;
                if (!(before == view)) {
                    changes.emplace_back(before, view);
                }
                now.push_back(std::move(view));
            }
            readers_ = std::move(now);
            listed_ = true;
        } else if (const auto* id = message.if_contains("id"); id != nullptr) {
            const auto* busy = message.if_contains("busy");
            replies_[json::value_to<int>(*id)] = {text_of(message, "error"),
                                                  busy != nullptr && *busy == true};
        }
        changed_.notify_all();
    }
    if (on_change_) {
        for (const auto& [before, now] : changes) {
            on_change_(before, now);
        }
    }
}

std::vector<ReaderView> Observer::readers() const {
    const std::lock_guard lock(mutex_);
    return ended_ ? std::vector<ReaderView>{} : readers_;
}

Result<void>
Observer::wait_until(std::chrono::steady_clock::time_point deadline,
                     const std::function<bool(const std::vector<ReaderView>&)>& predicate) const {
    std::unique_lock lock(mutex_);
    const bool decided =
        changed_.wait_until(lock, deadline, [&] { return ended_ || (listed_ && predicate(readers_)); });
    if (!decided) {
        return fail(std::errc::timed_out, "no PC/SC client has seen the change in time");
    }
    if (!(listed_ && predicate(readers_))) {
        return fail(std::errc::connection_reset, k_ended);
    }
    return ok();
}

Result<void> Observer::reset_card(const std::string& reader, std::chrono::steady_clock::time_point deadline) {
    return request("reset", reader, deadline, "was not reset in time; a client holds a transaction on it");
}

Result<void> Observer::acquire_card(const std::string& reader,
                                    std::chrono::steady_clock::time_point deadline) {
    return request("acquire", reader, deadline, "is not free: a client holds a transaction on it");
}

Result<void> Observer::request(const char* action, const std::string& reader,
                               std::chrono::steady_clock::time_point deadline, const std::string& too_late) {
    std::unique_lock lock(mutex_);
    const int id = next_request_++;
    const auto line = json::serialize(json::object{{"id", id}, {"do", action}, {"reader", reader}}) + "\n";
    if (ended_ ||
        ::send(channel_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
        return fail(std::errc::connection_reset, k_ended);
    }
    if (!changed_.wait_until(lock, deadline, [&] { return ended_ || replies_.contains(id); })) {
        return fail(std::errc::timed_out, fmt::format("the card in {} {}", reader, too_late));
    }
    const auto reply = replies_.find(id);
    if (reply == replies_.end()) {
        return fail(std::errc::connection_reset, k_ended);
    }
    const auto [error, busy] = reply->second;
    replies_.erase(reply);
    if (!error.empty()) {
        return fail(busy ? std::errc::device_or_resource_busy : std::errc::io_error, error);
    }
    return ok();
}

} // namespace cardlatch::harness
