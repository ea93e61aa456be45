#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::harness {

/// How a private pcscd is kept from the system's /run/pcscd.
enum class Isolation {
    automatic,  ///< a namespace, or the shim where the kernel refuses one
    name_space, ///< a mount namespace with a /run of its own (and a user namespace where the caller is not
                ///< root)
    shim,       ///< a preloaded library that rewrites the path
};

/// The word used on the command line: "auto", "namespace", "shim".
const char* to_string(Isolation isolation);

/// How much pcscd writes to its log.
enum class LogLevel { critical, error, info, debug };

/// What a private pcscd needs. All paths are absolute.
struct PcscdOptions {
    std::filesystem::path program = "/usr/sbin/pcscd";
    std::filesystem::path socket;     ///< where clients connect; at most 107 bytes; must not exist
    std::filesystem::path config_dir; ///< reader configuration files
    std::filesystem::path run_dir;    ///< existing empty folder that plays /run/pcscd for the shim
    std::filesystem::path log_file;   ///< standard output and error of pcscd; appended to
    std::filesystem::path shim;       ///< the preload library, used only where it is needed
    bool loopback_only =
        false; ///< what the driver binds to every interface is bound to 127.0.0.1 (by the shim)
    /// The folder of its USB bus (UsbBus), shown by the shim; empty: the machine's own bus.
    std::filesystem::path usb_bus;
    std::vector<std::string> preload; ///< further libraries to preload (sanitizer run times)
    Isolation isolation = Isolation::automatic;
    LogLevel log_level = LogLevel::error;
};

/// A pcscd of one's own: the real daemon, started unprivileged on a socket that this class owns.
///
/// The socket is bound and listening before pcscd starts and is handed over as descriptor 3 (the service
/// manager's protocol), so clients need no readiness poll. The daemon ends when this object does, and when
/// the *thread* that called start() ends (PR_SET_PDEATHSIG): call it from one that lives as long.
class Pcscd {
  public:
    /// Binds the socket and starts the daemon.
    /// Errors: the errno of the step that failed; ENOENT for a missing program, ENAMETOOLONG for the socket
    /// path, EPERM when `name_space` was demanded and refused.
    static Result<Pcscd> start(const PcscdOptions& options);

    Pcscd(Pcscd&& other) noexcept;
    Pcscd& operator=(Pcscd&&) = delete;
    ~Pcscd();

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Which isolation is in force; never `automatic`.
    [[nodiscard]] Isolation isolation() const { return isolation_; }

    /// Readable as soon as the daemon has ended (a pidfd).
    [[nodiscard]] int death_fd() const { return pidfd_.get(); }

    /// "exited with status 1", "was killed by signal 9 (Killed)", or nothing while it runs.
    std::optional<std::string> how_it_ended();

    /// Ends the daemon: SIGTERM, and SIGKILL when it is not gone after `grace_ms` milliseconds. Idempotent.
    void stop(int grace_ms = 2000);

  private:
    Pcscd(pid_t pid, UniqueFd pidfd, std::filesystem::path socket, Isolation isolation);
    pid_t pid_;
    UniqueFd pidfd_;
    std::filesystem::path socket_;
    Isolation isolation_;
    std::optional<int> wait_status_;
};

} // namespace cardlatch::harness
