// bench_null_stack DRIVER -- COMMAND [ARG...]: a private pcscd around the null driver, for as long as COMMAND
// runs. What `cardlatch run` is for real drivers; the null driver has no link, so there is neither slot nor
// control here.

#include <cardlatch/harness/installation.hpp>
#include <cardlatch/harness/pcscd.hpp>
#include <cardlatch/harness/stack_directory.hpp>

#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace cardlatch;
using namespace cardlatch::harness;

namespace {

constexpr int k_usage = 2;
constexpr int k_own_failure = 125;
constexpr int k_not_executable = 126;

/// Everything that pcscd needs, in `directory`. Errors: the errno of the step that failed.
Result<Pcscd> start_pcscd(const std::filesystem::path& directory, const std::filesystem::path& driver) {
    BOOST_OUTCOME_TRY(const auto installation, Installation::locate());
    std::error_code error;
    std::filesystem::create_directory(directory / "run", error);
    std::filesystem::create_directory(directory / "readers", error);
    // pcscd's parser takes only some characters in a path; a link of a known name takes them all.
    std::filesystem::create_symlink(driver, directory / "driver.so", error);
    if (error) {
        return fail(error, "folder " + directory.native());
    }
    std::ofstream config(directory / "readers" / "null");
    config << "FRIENDLYNAME \"Null Reader\"\nDEVICENAME /dev/null\nLIBPATH "
           << (directory / "driver.so").native() << "\nCHANNELID 0\n";
    config.close();
    if (!config) {
        return last_system_error("reader configuration");
    }
    return Pcscd::start({.socket = directory / "pcscd.comm",
                         .config_dir = directory / "readers",
                         .run_dir = directory / "run",
                         .log_file = directory / "pcscd.log",
                         .shim = installation.shim,
                         .preload = {}});
}

/// Runs `command` until it ends and returns its exit status, or 128 and the signal.
int run_command(char** command, const std::filesystem::path& pcsc_socket) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setenv("PCSCLITE_CSOCK_NAME", pcsc_socket.c_str(), 1);
        ::execvp(command[0], command);
        ::_exit(k_not_executable);
    }
    // The command ends by these, or when its standard input does; this program then cleans up.
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGTERM, SIG_IGN);
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid) {
        return k_own_failure;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4 || std::strcmp(argv[2], "--") != 0) {
        fmt::print(stderr, "usage: bench_null_stack DRIVER -- COMMAND [ARG...]\n");
        return k_usage;
    }
    auto directory = StackDirectory::create();
    if (!directory) {
        fmt::print(stderr, "bench_null_stack: {}\n", directory.assume_error().message());
        return k_own_failure;
    }
    const auto& path = directory.assume_value().path();
    auto pcscd = start_pcscd(path, std::filesystem::absolute(argv[1]));
    if (!pcscd) {
        fmt::print(stderr, "bench_null_stack: {}\n", pcscd.assume_error().message());
        return k_own_failure;
    }
    const int code = run_command(argv + 3, path / "pcscd.comm");
    pcscd.assume_value().stop();
    return code;
}
