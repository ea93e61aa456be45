#include "pcscd_watch.hpp"

#include <cardlatch/harness/private_stack.hpp>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace cardlatch::test {

namespace {

constexpr std::array k_variables = {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

using Text = std::string_view;

bool has(Text text, Text word) {
    return text.find(word) != Text::npos;
}

/// In a stack the driver is loaded as driver.so.
bool names_our_driver(Text text) {
    return has(text, "driver.so") || has(text, "libifdcardlatch");
}

/// The pieces of `text` between lines of equals signs.
std::vector<std::string> between_rules(const std::string& text) {
    std::vector<std::string> pieces(1);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.size() >= 10 && line.find_first_not_of('=') == std::string::npos) {
            pieces.emplace_back();
        } else {
            pieces.back() += line + "\n";
        }
    }
    return pieces;
}

/// The leaks of `report` in which our driver has a part.
std::string leaks_of_ours(const std::string& report) {
    std::string kept;
    for (std::size_t begin = 0; begin < report.size();) {
        const auto end = std::min(report.find("\n\n", begin), report.size());
        const auto block = Text(report).substr(begin, end - begin);
        if (has(block, " leak of ") && names_our_driver(block)) {
            kept.append(block).append("\n\n");
        }
        begin = end + 2;
    }
    return kept;
}

/// What of one report is about our driver. pcscd frees little at its end, and it hands its readers' states to
/// clients while they change: with the run time of a sanitizer in it, both are seen without its code being
/// compiled for that.
std::string ours(const std::string& report) {
    if (report.find_first_not_of(" \n") == std::string::npos) {
        return {};
    }
    if (has(report, "LeakSanitizer")) {
        return leaks_of_ours(report);
    }
    if (has(report, "ThreadSanitizer") && !has(report, "DEADLYSIGNAL") && !has(report, "FATAL")) {
        const auto location = report.find("Location is global");
        const bool of_pcscd =
            location != std::string::npos &&
            has(Text(report).substr(location, report.find('\n', location) - location), "(pcscd+");
        // OpenSSL cleans up when pcscd exits beside its threads, and its locks are not seen.
        const auto summary = report.find("SUMMARY:");
        const bool of_openssl =
            summary != std::string::npos && has(Text(report).substr(summary), "/libcrypto.so");
        return names_our_driver(report) && !of_pcscd && !of_openssl ? report : std::string();
    }
    return report;
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
        for (const auto& report : between_rules(text)) {
            kept += ours(report);
        }
    }
    return kept;
}

std::string end_pcscd(harness::PrivateStack& stack, Ending ending, std::chrono::seconds patience) {
    ::kill(stack.pcscd_pid(), ending == Ending::terminate ? SIGTERM : SIGINT);
    pollfd ended{.fd = stack.death_fd(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0) {
        return "pcscd did not end in time after its signal";
    }
    const auto report = stack.death_report();
    const bool as_due =
        ending == Ending::interrupt || report.find("exited with status 0") != std::string::npos;
    return as_due ? std::string() : report;
}

} // namespace cardlatch::test
