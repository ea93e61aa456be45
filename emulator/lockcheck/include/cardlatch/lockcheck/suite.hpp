#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/lockcheck/case.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cardlatch::lockcheck {

/// What came of a case.
enum class Verdict {
    pass,
    fail,
    differs, ///< it behaves as pcsc-lite is documented to, and Windows is documented otherwise
    skipped,
};

/// "pass", "fail", "differs-from-Windows", "skipped".
std::string_view to_string(Verdict verdict);

/// A figure that a case measured; never judged.
struct Measurement {
    std::string name;
    double value = 0;
    std::string unit;
};

/// One case's result.
struct CaseResult {
    const Case* subject = nullptr;
    Verdict verdict = Verdict::skipped;
    std::string detail; ///< the step that failed and how, or why it was skipped
    std::vector<Measurement> measurements;
    std::chrono::duration<double> took{};
};

/// How a run is done.
struct SuiteOptions {
    std::string reader;              ///< empty: the first one with a card in it
    std::vector<std::string> only;   ///< globs of case names; empty: all
    std::uint64_t seed = 1;          ///< for everything random in the storm
    unsigned processes = 16;         ///< of the storm; 2 to 64
    std::uint64_t operations = 2000; ///< of the storm: witnessed commands, at least
    /// One wait of the suite; whoever has not answered by then hangs.
    std::chrono::milliseconds deadline{60000};
    /// Program and arguments that run participant_main(); "--fd N" is added.
    std::vector<std::string> participant;
    std::optional<std::filesystem::path> control; ///< a stack's control socket
};

/// The reader and card of a run.
struct Subject {
    std::string reader;
    std::string atr; ///< hexadecimal
    bool witness = false;
    bool removable = false; ///< the control socket can take the card out of this reader
};

/// What a run found.
struct Report {
    Subject subject;
    std::uint64_t seed = 0;
    std::vector<CaseResult> results;
    std::chrono::duration<double> took{};

    /// How many cases came out so.
    [[nodiscard]] std::size_t count(Verdict verdict) const;
};

/// What a run tells while it goes on.
struct Progress {
    std::function<void(const Subject&, std::size_t cases)> started;
    std::function<void(const Case&)> began;
    std::function<void(const CaseResult&)> ended;
};

/// The cases that `only` chooses, in their order. Source of the globs: fnmatch(3).
std::vector<const Case*> choose(std::span<const Case> cases, const std::vector<std::string>& only);

/// Plays `cases` one after the other, each with processes of its own. Blocks; kills every participant it
/// started. Never calls winscard in this process. Errors: no_such_device when there is no such reader or no
/// card in it; the errno of starting a participant.
Result<Report> run_suite(std::span<const Case> cases, const SuiteOptions& options, const Progress& progress);

/// The life of a participant: does what comes over the socket `fd` until it closes. Returns the exit code.
int participant_main(int fd);

} // namespace cardlatch::lockcheck
