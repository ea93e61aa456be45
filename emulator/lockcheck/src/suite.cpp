#include "stage.hpp"

#include <cardlatch/card/witness.hpp>
#include <cardlatch/harness/control.hpp>
#include <cardlatch/harness/private_stack.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fnmatch.h>

namespace cardlatch::lockcheck {

namespace {

namespace json = boost::json;

/// The reader, its card, and whether that is a witness. SELECT by an unknown name leaves a card as it was.
Result<Subject> examine(const SuiteOptions& options, const Environment& environment) {
    BOOST_OUTCOME_TRY(auto scout, Participant::start(options.participant, environment));
    const auto deadline = std::chrono::steady_clock::now() + options.deadline;
    const auto found = scout.await(scout.order(0, "find " + options.reader), deadline);
    const auto blank = found ? found->text.find(' ') : std::string::npos;
    const auto named = blank == std::string::npos ? std::string() : found->text.substr(blank + 1);
    if (!found || found->code != k_success) {
        const auto reader = named.empty() ? options.reader : named;
        return fail(std::errc::no_such_device,
                    fmt::format("{}: {}; lockcheck needs a reader with a card in it, for instance "
                                "cardlatch run --card witness -- cardlatch lockcheck",
                                reader.empty() ? "no reader" : '"' + reader + '"',
                                found ? describe_code(found->code) : "no answer"));
    }
    Subject subject{
        .reader = named, .atr = found->text.substr(0, blank), .witness = false, .removable = false};
    scout.await(scout.order(0, "reader " + subject.reader), deadline);
    const auto connected = scout.await(scout.order(0, "connect shared"), deadline);
    if (!connected || connected->code != k_success) {
        return fail(std::errc::device_or_resource_busy,
                    fmt::format("\"{}\" cannot be connected: {}", subject.reader,
                                connected ? describe_code(connected->code) : "somebody holds it"));
    }
    const auto selected = scout.await(scout.order(0, "select"), deadline);
    subject.witness = selected && selected->code == k_success;
    scout.finish(deadline);
    return subject;
}

/// What the control socket can do for this reader.
bool can_remove(const SuiteOptions& options, const Subject& subject) {
    if (!options.control) {
        return false;
    }
    const auto status = harness::control_call(*options.control, "status", {});
    if (!status || !status.assume_value().is_object()) {
        return false;
    }
    const auto* const slots = status.assume_value().as_object().if_contains("slots");
    return slots != nullptr && slots->is_array() &&
           std::any_of(slots->as_array().begin(), slots->as_array().end(), [&](const json::value& slot) {
               const auto* const reader = slot.is_object() ? slot.as_object().if_contains("reader") : nullptr;
               return reader != nullptr && *reader == json::value(subject.reader);
           });
}

Result<void> control(const SuiteOptions& options, const Subject& subject, const char* method) {
    BOOST_OUTCOME_TRY(harness::control_call(*options.control, method, {{"slot", subject.reader}}));
    return ok();
}

/// Whether readers of the stack can come and go.
bool can_unplug(const SuiteOptions& options) {
    const auto answer = harness::control_call(*options.control, "capabilities", {});
    const auto* const object = answer ? answer.assume_value().if_object() : nullptr;
    const auto* const change = object == nullptr ? nullptr : object->if_contains("reader_changes");
    return change != nullptr && *change == true;
}

constexpr const char* k_unplugging = "lockcheck-unplugs";

/// The reader goes by a fault, because one that a fault took comes back as it was.
Result<void> unplug(const SuiteOptions& options, const Subject& subject) {
    BOOST_OUTCOME_TRY(harness::control_call(
        *options.control, "fault_add",
        {{"type", "unplug"}, {"on", "now"}, {"slot", subject.reader}, {"name", k_unplugging}}));
    return ok();
}

Result<void> plug(const SuiteOptions& options) {
    BOOST_OUTCOME_TRY(harness::control_call(*options.control, "fault_remove", {{"name", k_unplugging}}));
    return ok();
}

Played play(const Stage& stage, const Case& subject) {
    switch (subject.play) {
    case Play::script:
        return play_script(stage, subject.script);
    case Play::fairness:
        return play_fairness(stage, subject.population);
    case Play::progress:
        return play_progress(stage, subject.population);
    case Play::storm:
        return play_storm(stage, subject.population);
    }
    return {.failure = "unknown play", .untidy = false, .measurements = {}};
}

/// A stack that a case may ruin: our driver and the witness card.
Result<std::unique_ptr<harness::PrivateStack>> start_own_stack() {
    harness::StackOptions options;
    BOOST_OUTCOME_TRY(auto profile, harness::find_profile("witness"));
    options.slots.push_back({std::move(profile)});
    if (const char* preload = std::getenv("CARDLATCH_PCSCD_PRELOAD");
        preload != nullptr && *preload != '\0') {
        options.pcscd_preload.emplace_back(preload);
    }
    return harness::PrivateStack::start(std::move(options));
}

Played play_on_own_stack(const SuiteOptions& options, const Case& subject) {
    auto started = start_own_stack();
    if (!started) {
        return {.failure = "no stack of its own: " + started.assume_error().message(),
                .untidy = false,
                .measurements = {}};
    }
    auto& stack = *started.assume_value();
    const auto slot = stack.status().at(0);
    const Stage stage{.options = options,
                      .subject = {.reader = slot.reader, .atr = slot.atr, .witness = true, .removable = true},
                      .environment = stack.environment(),
                      .remove = [&stack] { return stack.remove(0); },
                      .insert = [&stack] { return stack.insert(0); },
                      .unplug = {},
                      .plug = {},
                      .kill_service = [&stack]() -> Result<void> {
                          return ::kill(stack.pcscd_pid(), SIGKILL) == 0 ? Result<void>(ok())
                                                                         : last_system_error("kill pcscd");
                      }};
    auto played = play(stage, subject);
    played.untidy = false; // what it left behind goes with the stack
    return played;
}

/// Why a case cannot be played here; empty when it can.
std::string obstacle(const Case& subject, const Stage& stage) {
    switch (subject.needs) {
    case Needs::nothing:
        return {};
    case Needs::witness:
        return stage.subject.witness ? "" : "the card has no witness application to judge by";
    case Needs::removal:
        return stage.remove ? ""
                            : "nobody can take this card out: no control socket of a stack with this reader";
    case Needs::own_stack:
        return stage.remove ? "" : "it ends or wedges a pcscd, and this one is not a private stack's";
    case Needs::reader_removal:
        return stage.unplug
                   ? ""
                   : "nobody can unplug this reader: it is no reader of a stack whose readers come and go";
    }
    return "unknown need";
}

/// After a case that left pcscd to clean up: until the lock can be had and nobody is connected any more.
std::string settle(const Stage& stage) {
    if (stage.plug) {
        [[maybe_unused]] const auto ignored = stage.plug(); // refused while it is there
    }
    if (stage.remove) {
        // A case that failed half-way may have left the reader empty; inserting into an occupied one is
        // refused.
        [[maybe_unused]] const auto ignored = stage.insert();
    }
    auto joined = stage.join();
    if (!joined) {
        return joined.assume_error().message();
    }
    auto& sweeper = joined.assume_value();
    for (const auto* order : {"connect shared", "recover", "end leave", "disconnect leave", "quiet"}) {
        const auto answer = sweeper.await(sweeper.order(0, order), stage.deadline());
        if (!answer || answer->code != k_success) {
            return fmt::format("{}: {}", order, answer ? describe_code(answer->code) : "no answer");
        }
    }
    sweeper.finish(stage.deadline());
    return {};
}

CaseResult run_case(const Stage& stage, const Case& subject, std::string& unusable) {
    CaseResult result{
        .subject = &subject, .verdict = Verdict::skipped, .detail = {}, .measurements = {}, .took = {}};
    result.detail = unusable.empty() ? obstacle(subject, stage) : unusable;
    if (!result.detail.empty()) {
        return result;
    }
    const auto began = std::chrono::steady_clock::now();
    const bool own = subject.needs == Needs::own_stack;
    auto played = own ? play_on_own_stack(stage.options, subject) : play(stage, subject);
    result.verdict = !played.failure.empty()                ? Verdict::fail
                     : subject.relation == Windows::differs ? Verdict::differs
                                                            : Verdict::pass;
    result.detail = std::move(played.failure);
    result.measurements = std::move(played.measurements);
    if (!own && (played.untidy || result.verdict == Verdict::fail)) {
        if (const auto failure = settle(stage); !failure.empty()) {
            unusable = fmt::format("the reader is not usable any more after {}: {}", subject.name, failure);
            result.verdict = Verdict::fail;
            result.detail += (result.detail.empty() ? "" : "; ") + unusable;
        }
    }
    result.took = std::chrono::steady_clock::now() - began;
    return result;
}

} // namespace

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
    case Verdict::pass:
        return "pass";
    case Verdict::fail:
        return "fail";
    case Verdict::differs:
        return "differs-from-Windows";
    case Verdict::skipped:
        return "skipped";
    }
    return "unknown";
}

std::size_t Report::count(Verdict verdict) const {
    return static_cast<std::size_t>(std::count_if(
        results.begin(), results.end(), [verdict](const auto& result) { return result.verdict == verdict; }));
}

std::vector<const Case*> choose(std::span<const Case> cases, const std::vector<std::string>& only) {
    std::vector<const Case*> chosen;
    for (const auto& candidate : cases) {
        const std::string name(candidate.name);
        if (only.empty() || std::any_of(only.begin(), only.end(), [&name](const std::string& glob) {
                return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
            })) {
            chosen.push_back(&candidate);
        }
    }
    return chosen;
}

Result<Report> run_suite(std::span<const Case> cases, const SuiteOptions& options, const Progress& progress) {
    const auto began = std::chrono::steady_clock::now();
    Stage stage{.options = options,
                .subject = {},
                .environment = {},
                .remove = {},
                .insert = {},
                .unplug = {},
                .plug = {},
                .kill_service = {}};
    BOOST_OUTCOME_TRY(stage.subject, examine(options, stage.environment));
    stage.subject.removable = can_remove(options, stage.subject);
    if (stage.subject.removable) {
        stage.remove = [&] { return control(options, stage.subject, "remove"); };
        stage.insert = [&] { return control(options, stage.subject, "insert"); };
        if (can_unplug(options)) {
            stage.unplug = [&] { return unplug(options, stage.subject); };
            stage.plug = [&] { return plug(options); };
        }
    }
    const auto chosen = choose(cases, options.only);
    if (progress.started) {
        progress.started(stage.subject, chosen.size());
    }
    Report report{.subject = stage.subject, .seed = options.seed, .results = {}, .took = {}};
    std::string unusable;
    for (const auto* subject : chosen) {
        if (progress.began) {
            progress.began(*subject);
        }
        report.results.push_back(run_case(stage, *subject, unusable));
        if (progress.ended) {
            progress.ended(report.results.back());
        }
    }
    report.took = std::chrono::steady_clock::now() - began;
    return report;
}

} // namespace cardlatch::lockcheck
