#include "isolation.hpp"
#include "process.hpp"

#include <cardlatch/harness/pcscd.hpp>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <unistd.h>

namespace cardlatch::harness {

namespace {

constexpr int k_listen_fd = 3; // SD_LISTEN_FDS_START
constexpr std::string_view k_listen_pid = "LISTEN_PID=";
constexpr std::string_view k_disable_polkit = "--disable-polkit";

Result<UniqueFd> listen_on(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        return fail(
            std::errc::filename_too_long,
            fmt::format(
                "socket path {} has {} bytes; the system allows {}: choose a shorter folder with TMPDIR",
                text, text.size(), sizeof address.sun_path - 1));
    }
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(text.c_str(), 0600) != 0 || ::listen(fd.get(), 128) != 0) {
        return last_system_error("socket " + text);
    }
    return fd;
}

/// The environment of pcscd: ours without what would change it, plus the listening socket's protocol.
struct Environment {
    std::vector<std::string> entries;
    std::vector<char*> pointers; ///< for execve
    char* listen_pid = nullptr;  ///< where the child writes its own pid, ten digits at most

    Environment(const PcscdOptions& options, bool isolate_by_shim) {
        for (char** entry = environ; *entry != nullptr; ++entry) {
            const std::string_view text(*entry);
            const bool ours = text.starts_with("LISTEN_") || text.starts_with("PCSCLITE_") ||
                              text.starts_with("LD_PRELOAD=") || text.starts_with("CARDLATCH_");
            if (!ours) {
                entries.emplace_back(text);
            }
        }
        std::string preload;
        // The shim before a sanitizer's run time, whose strdup() would hide the shim's.
        if (isolate_by_shim || options.loopback_only || !options.usb_bus.empty()) {
            preload = options.shim.native();
        }
        for (const auto& library : options.preload) {
            preload += (preload.empty() ? "" : ":") + library;
        }
        if (!options.preload.empty()) {
            allow_any_order();
        }
        if (!options.usb_bus.empty()) {
            entries.push_back("CARDLATCH_PCSCD_USB=" + options.usb_bus.native());
        }
        if (isolate_by_shim) {
            entries.push_back("CARDLATCH_PCSCD_RUN=" + options.run_dir.native());
        }
        if (options.loopback_only) {
            entries.emplace_back("CARDLATCH_PCSCD_LOOPBACK=1");
        }
        if (!preload.empty()) {
            entries.push_back("LD_PRELOAD=" + preload);
        }
        entries.emplace_back("LISTEN_FDS=1");
        entries.push_back(std::string(k_listen_pid) + std::string(11, '\0'));
        for (auto& entry : entries) {
            pointers.push_back(entry.data());
        }
        pointers.push_back(nullptr);
        listen_pid = entries.back().data() + k_listen_pid.size();
    }

    /// AddressSanitizer insists on being the first library, unless it is told.
    void allow_any_order() {
        constexpr std::string_view k_variable = "ASAN_OPTIONS=";
        constexpr std::string_view k_option = "verify_asan_link_order=0";
        for (auto& entry : entries) {
            if (entry.starts_with(k_variable)) {
                entry += (entry.size() == k_variable.size() ? "" : ":") + std::string(k_option);
                return;
            }
        }
        entries.push_back(std::string(k_variable) + std::string(k_option));
    }
};

/// All that the child needs, made before fork: between fork and exec nothing may allocate or lock.
struct ChildPlan {
    char* const* arguments;
    Environment* environment;
    int socket;
    int log;
    int null;
    int report; ///< pipe: two ints {step, errno} on failure, nothing on success (closed by exec)
    pid_t parent;
    bool use_namespace;
    uid_t uid;
    gid_t gid;
};

enum class Step : int { isolate = 1, exec = 2 };

void format_pid(char* out, pid_t pid) noexcept {
    std::array<char, 12> digits{};
    std::size_t count = 0;
    for (auto rest = static_cast<unsigned>(pid); rest != 0; rest /= 10) {
        digits[count++] = static_cast<char>('0' + rest % 10);
    }
    while (count > 0) {
        *out++ = digits[--count];
    }
    *out = '\0';
}

[[noreturn]] void report_and_exit(int pipe, Step step, int error) noexcept {
    const std::array<int, 2> report{static_cast<int>(step), error};
    [[maybe_unused]] const auto written = ::write(pipe, report.data(), sizeof report);
    ::_exit(127);
}

[[noreturn]] void become_pcscd(const ChildPlan& plan) noexcept {
    reset_signals_in_child();
    ::setsid(); // the terminal's Ctrl-C is for the command, not for the daemon
    if (plan.use_namespace) {
        // Root keeps its user namespace when it may, because files of other users stay readable then.
        const bool user_namespace = plan.uid != 0;
        int error = enter_private_run(user_namespace, plan.uid, plan.gid);
        if (error == EPERM && !user_namespace) {
            error =
                enter_private_run(true, plan.uid, plan.gid); // root without CAP_SYS_ADMIN, as in a container
        }
        if (error != 0) {
            report_and_exit(plan.report, Step::isolate, error);
        }
    }
    // After unshare, which clears it.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != plan.parent) {
        ::_exit(127); // the parent died before the line above
    }
    format_pid(plan.environment->listen_pid, ::getpid());
    // dup2 onto itself would keep close-on-exec; every source is above 3 because the caller made sure of it.
    if (::dup2(plan.null, 0) < 0 || ::dup2(plan.log, 1) < 0 || ::dup2(plan.log, 2) < 0 ||
        ::dup2(plan.socket, k_listen_fd) < 0) {
        report_and_exit(plan.report, Step::exec, errno);
    }
    ::execve(plan.arguments[0], plan.arguments, plan.environment->pointers.data());
    report_and_exit(plan.report, Step::exec, errno);
}

/// A duplicate of `fd` above the numbers that the child assigns, so that dup2 in the child never overwrites a
/// source.
Result<UniqueFd> above_listen_fd(int fd) {
    UniqueFd high(::fcntl(fd, F_DUPFD_CLOEXEC, k_listen_fd + 1));
    if (!high) {
        return last_system_error("duplicate a descriptor");
    }
    return high;
}

struct Spawned {
    pid_t pid = -1;
    UniqueFd pidfd;
    Step failed_step{};
    int failed_errno = 0;
};

/// Whether the program knows `option`, from what it prints for --help. A pcscd that does not know an option
/// ends at once (1.9.9), and versions or build options cannot be told apart otherwise. False when it cannot
/// be asked.
bool has_option(const std::filesystem::path& program, std::string_view option) {
    constexpr int k_patience_ms = 10'000;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return false;
    }
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    std::string path = program.native();
    std::string help = "--help";
    const std::array<char*, 3> arguments{path.data(), help.data(), nullptr};
    posix_spawn_file_actions_t streams{};
    ::posix_spawn_file_actions_init(&streams);
    ::posix_spawn_file_actions_addopen(&streams, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&streams, write_end.get(), 1);
    ::posix_spawn_file_actions_addopen(&streams, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, path.c_str(), &streams, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&streams);
    if (error != 0) {
        return false;
    }
    write_end.reset();
    std::string text;
    std::array<char, 4096> chunk{};
    pollfd waiting{.fd = read_end.get(), .events = POLLIN, .revents = 0};
    while (poll_uninterrupted(&waiting, 1, k_patience_ms) > 0) {
        const auto count = ::read(read_end.get(), chunk.data(), chunk.size());
        if (count <= 0) {
            break;
        }
        text.append(chunk.data(), static_cast<std::size_t>(count));
    }
    ::kill(pid, SIGKILL); // it has said everything, or never will
    ::waitpid(pid, nullptr, 0);
    return text.find(option) != std::string::npos;
}

Result<Spawned> spawn(const PcscdOptions& options, int socket, bool use_namespace, bool use_shim,
                      bool disable_polkit) {
    Environment environment(options, use_shim);
    std::string program = options.program.native();
    std::string config = options.config_dir.native();
    std::vector<std::string> texts{program, "--foreground", "--config", config};
    static constexpr std::array k_levels = {"--critical", "--error", "--info", "--debug"};
    texts.emplace_back(k_levels.at(static_cast<std::size_t>(options.log_level)));
    if (options.log_level == LogLevel::debug) {
        texts.emplace_back("--apdu");
    }
    if (disable_polkit) {
        texts.emplace_back(k_disable_polkit);
    }
    std::vector<char*> arguments;
    arguments.reserve(texts.size() + 1);
    for (auto& text : texts) {
        arguments.push_back(text.data());
    }
    arguments.push_back(nullptr);

    UniqueFd log(::open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log) {
        return last_system_error("log file " + options.log_file.native());
    }
    UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    std::array<int, 2> ends{};
    if (!null || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return last_system_error("start pcscd");
    }
    const UniqueFd report_read(ends[0]);
    UniqueFd report_write(ends[1]);
    BOOST_OUTCOME_TRY(const auto high_socket, above_listen_fd(socket));
    BOOST_OUTCOME_TRY(const auto high_log, above_listen_fd(log.get()));
    BOOST_OUTCOME_TRY(const auto high_null, above_listen_fd(null.get()));
    BOOST_OUTCOME_TRY(auto high_report, above_listen_fd(report_write.get()));

    const ChildPlan plan{.arguments = arguments.data(),
                         .environment = &environment,
                         .socket = high_socket.get(),
                         .log = high_log.get(),
                         .null = high_null.get(),
                         .report = high_report.get(),
                         .parent = ::getpid(),
                         .use_namespace = use_namespace,
                         .uid = ::geteuid(),
                         .gid = ::getegid()};
    Spawned spawned;
    const SignalBlock block; // no handler of the caller may run in the child
    spawned.pid = ::fork();
    if (spawned.pid < 0) {
        return last_system_error("fork");
    }
    if (spawned.pid == 0) {
        become_pcscd(plan);
    }
    spawned.pidfd.reset(open_pidfd(spawned.pid));
    report_write.reset();
    high_report.reset(); // the read below ends when the child's copy does, at exec
    std::array<int, 2> report{};
    if (read_all(report_read.get(), report.data(), sizeof report) == sizeof report) {
        spawned.failed_step = static_cast<Step>(report[0]);
        spawned.failed_errno = report[1];
        ::waitpid(spawned.pid, nullptr, 0);
    }
    return spawned;
}

} // namespace

const char* to_string(Isolation isolation) {
    switch (isolation) {
    case Isolation::automatic:
        return "auto";
    case Isolation::name_space:
        return "namespace";
    case Isolation::shim:
        break;
    }
    return "shim";
}

Result<Pcscd> Pcscd::start(const PcscdOptions& options) {
    if (::access(options.program.c_str(), X_OK) != 0) {
        const std::error_code code(errno, std::system_category());
        return fail(
            code,
            fmt::format("pcscd at {}: {}; install it (apt-get install pcscd) or name it with --pcscd or "
                        "CARDLATCH_PCSCD",
                        options.program.native(), code.message()));
    }
    BOOST_OUTCOME_TRY(const auto socket, listen_on(options.socket));
    // Who reaches the socket may use the cards; polkit, where pcscd asks it (2.x), refuses everybody when
    // there is no system bus, as in a container or behind a /run of one's own.
    const bool disable_polkit = has_option(options.program, k_disable_polkit);
    bool use_namespace = options.isolation != Isolation::shim;
    for (;;) {
        auto attempt = spawn(options, socket.get(), use_namespace, !use_namespace, disable_polkit);
        if (!attempt) {
            ::unlink(options.socket.c_str());
            return std::move(attempt).assume_error();
        }
        auto& spawned = attempt.assume_value();
        if (spawned.failed_errno == 0) {
            return Pcscd(spawned.pid, std::move(spawned.pidfd), options.socket,
                         use_namespace ? Isolation::name_space : Isolation::shim);
        }
        if (spawned.failed_step == Step::isolate && options.isolation == Isolation::automatic) {
            use_namespace = false;
            continue;
        }
        ::unlink(options.socket.c_str());
        const std::error_code code(spawned.failed_errno, std::system_category());
        return fail(code, spawned.failed_step == Step::isolate
                              ? fmt::format("a namespace for pcscd was refused: {}; use --isolation shim",
                                            code.message())
                              : fmt::format("pcscd at {}: {}", options.program.native(), code.message()));
    }
}

Pcscd::Pcscd(pid_t pid, UniqueFd pidfd, std::filesystem::path socket, Isolation isolation)
    : pid_(pid)
    , pidfd_(std::move(pidfd))
    , socket_(std::move(socket))
    , isolation_(isolation) {}

Pcscd::Pcscd(Pcscd&& other) noexcept
    : pid_(std::exchange(other.pid_, -1))
    , pidfd_(std::move(other.pidfd_))
    , socket_(std::move(other.socket_))
    , isolation_(other.isolation_)
    , wait_status_(other.wait_status_) {}

Pcscd::~Pcscd() {
    stop();
}

std::optional<std::string> Pcscd::how_it_ended() {
    if (!wait_status_ && pid_ > 0) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            wait_status_ = status;
        }
    }
    if (!wait_status_) {
        return std::nullopt;
    }
    return describe_wait_status(*wait_status_);
}

void Pcscd::stop(int grace_ms) {
    if (pid_ <= 0) {
        return;
    }
    if (!how_it_ended()) {
        ::kill(pid_, SIGTERM);
        pollfd waiting{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
        if (poll_uninterrupted(&waiting, 1, grace_ms) <= 0) {
            ::kill(pid_, SIGKILL);
        }
        ::waitpid(pid_, nullptr, 0);
    }
    pid_ = -1;
    ::unlink(socket_.c_str());
}

} // namespace cardlatch::harness
