#include "pcscd_watch.hpp"

#include <cardlatch/harness/private_stack.hpp>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <stdexcept>
#include <string_view>

namespace cardlatch::test {

namespace {

constexpr std::array k_variables = {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

/// A leak that pcscd made without us, or the lines around leaks, which say nothing by themselves.
bool is_pcscds_own(std::string_view block) {
    const bool leak = block.find(" leak of ") != std::string_view::npos;
    const bool frame = block.find("ERROR: LeakSanitizer") != std::string_view::npos ||
                       block.find(" byte(s) leaked in ") != std::string_view::npos;
    return (leak && block.find("libifdcardlatch") == std::string_view::npos) || (frame && !leak);
}

} // namespace

std::uint64_t resident_kib(pid_t process) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) {
            return std::stoull(line.substr(6));
        }
    }
    return 0;
}

SanitizerReports::SanitizerReports() {
    std::string name = std::filesystem::temp_directory_path() / "cardlatch-reports-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("no folder for sanitizers' reports");
    }
    folder_ = name;
    // AddressSanitizer keeps what was freed for a while; with less of it, memory that grows is memory that
    // leaks.
    for (const auto* variable : k_variables) {
        const char* before = std::getenv(variable); // NOLINT(concurrency-mt-unsafe): no thread yet
        const auto value =
            (before != nullptr && *before != '\0' ? std::string(before) + ":" : std::string()) +
            "exitcode=0:quarantine_size_mb=8:log_path=" + (folder_ / "report").native();
        ::setenv(variable, value.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    }
}

SanitizerReports::~SanitizerReports() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string SanitizerReports::text() const {
    return reports_in(folder_);
}

std::string reports_in(const std::filesystem::path& folder) {
    std::string kept;
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(folder, absent)) {
        std::ifstream file(entry.path());
        const std::string text((std::istreambuf_iterator<char>(file)), {});
        for (std::size_t begin = 0; begin < text.size();) {
            const auto end = std::min(text.find("\n\n", begin), text.size());
            const auto block = std::string_view(text).substr(begin, end - begin);
            const bool blank = block.find_first_not_of("\n =") == std::string_view::npos;
            if (!blank && !is_pcscds_own(block)) {
                kept.append(block).append("\n\n");
            }
            begin = end + 2;
        }
    }
    return kept;
}

std::string end_pcscd(harness::PrivateStack& stack, std::chrono::seconds patience) {
    ::kill(stack.pcscd_pid(), SIGTERM);
    pollfd ended{.fd = stack.death_fd(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0) {
        return "pcscd did not end in time after SIGTERM";
    }
    const auto report = stack.death_report();
    return report.find("exited with status 0") != std::string::npos ? std::string() : report;
}

} // namespace cardlatch::test
