#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace cardlatch::harness {
class PrivateStack;
}

namespace cardlatch::test {

/// Resident memory of a process, in KiB; 0 when it is gone. Source: proc(5), VmRSS.
std::uint64_t resident_kib(pid_t process);

/// Every report in `folder`, without leaks in which our driver has no part: pcscd frees little at its end.
/// Empty when there is no folder.
std::string reports_in(const std::filesystem::path& folder);

/// Collects what sanitizers say in processes that are started from here on; nobody reads their standard
/// error.
///
/// Sets log_path and exitcode=0 (the reports tell, the status is the program's own) in ASAN_OPTIONS,
/// TSAN_OPTIONS and UBSAN_OPTIONS, which every child inherits: make it before the first thread. Only a
/// program with a run time of a sanitizer in it can report.
class SanitizerReports {
  public:
    SanitizerReports();
    ~SanitizerReports();
    SanitizerReports(const SanitizerReports&) = delete;
    SanitizerReports& operator=(const SanitizerReports&) = delete;

    /// Every report so far: reports_in().
    [[nodiscard]] std::string text() const;

  private:
    std::filesystem::path folder_;
};

/// How to end a pcscd: SIGTERM is a service manager's way, and it leaves at once, with status 0; on SIGINT it
/// closes its readers and unloads their drivers first, under the hands of its clients' threads, so it ends
/// with status 1 or crashes (1.9.9).
enum class Ending { terminate, interrupt };

/// Ends the stack's pcscd with time for what its sanitizer, or valgrind, has to say. Returns nothing when it
/// ended as it should, otherwise how; the stack's own destructor is to follow.
std::string end_pcscd(harness::PrivateStack& stack, Ending ending = Ending::terminate,
                      std::chrono::seconds patience = std::chrono::seconds(120));

} // namespace cardlatch::test
