#include "stage.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/card/witness.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <map>
#include <poll.h>
#include <random>
#include <sstream>

namespace cardlatch::lockcheck {

namespace {

constexpr double k_ms_per_ns = 1e-6;

/// The storm from outside: starts workers, kills some, judges by the card's record.
class Storm {
  public:
    Storm(const Stage& stage, Population population)
        : stage_(stage)
        , population_(population)
        , random_(stage.options.seed) {}

    Played play() {
        played_.untidy = true;
        played_.failure = run();
        if (played_.failure.empty()) {
            measure();
        }
        return std::move(played_);
    }

  private:
    struct Worker {
        Participant process;
        std::uint32_t order = 0;
    };

    std::string run() {
        const auto began = std::chrono::steady_clock::now();
        if (auto failure = clear(); !failure.empty()) {
            return failure;
        }
        for (unsigned i = 0; i < stage_.options.processes; ++i) {
            if (auto failure = add_worker(); !failure.empty()) {
                return failure;
            }
        }
        plan_kill();
        while (done_ < stage_.options.operations) {
            if (auto failure = advance(); !failure.empty()) {
                return failure;
            }
        }
        if (auto failure = halt(); !failure.empty()) {
            return failure;
        }
        took_ = std::chrono::steady_clock::now() - began;
        return judge();
    }

    std::string clear() {
        auto joined = stage_.join();
        if (!joined) {
            return joined.assume_error().message();
        }
        auto& judge = joined.assume_value();
        auto failure = orderly(stage_, judge, {"connect shared", "recover", "select", "clear", "end leave"});
        judge.finish(stage_.deadline());
        return failure;
    }

    std::string add_worker() {
        auto joined = stage_.join();
        if (!joined) {
            return joined.assume_error().message();
        }
        workers_.push_back({std::move(joined).assume_value()});
        const auto* const order = uses_library(population_, started_++) ? "library-storm" : "storm";
        workers_.back().order = workers_.back().process.order(0, fmt::format("{} {}", order, random_()));
        return {};
    }

    /// One victim in every 40 to 160 commands of the card.
    void plan_kill() { next_kill_ = done_ + std::uniform_int_distribution<std::uint64_t>(40, 160)(random_); }

    bool await_worker(Deadline deadline) {
        std::vector<pollfd> waiting;
        waiting.reserve(workers_.size());
        for (const auto& worker : workers_) {
            waiting.push_back({.fd = worker.process.fd(), .events = POLLIN, .revents = 0});
        }
        return ::poll(waiting.data(), waiting.size(), milliseconds_until(deadline)) > 0;
    }

    void take_news(Participant& process) {
        while (process.receive(Deadline{})) {
        }
        while (const auto news = process.next_news()) {
            std::istringstream in(news->text);
            std::uint64_t commands = 0;
            std::int64_t wait = 0;
            std::uint64_t dead_met = 0;
            in >> commands >> wait >> dead_met;
            done_ += commands;
            dead_met_ += dead_met;
            longest_wait_ns_ = std::max(longest_wait_ns_, wait);
        }
    }

    /// Until somebody has told something; replaces the dead and kills when it is time.
    std::string advance() {
        if (!await_worker(stage_.deadline())) {
            return fmt::format("no process got on after {} commands", done_);
        }
        for (auto worker = workers_.begin(); worker != workers_.end();) {
            take_news(worker->process);
            if (const auto early = worker->process.poll_answer(worker->order)) {
                return failed("a process gave up", early);
            }
            if (worker->process.gone()) {
                ++self_killed_;
                worker = workers_.erase(worker);
            } else {
                ++worker;
            }
        }
        if (done_ >= next_kill_ && !workers_.empty()) {
            const auto index = std::uniform_int_distribution<std::size_t>(0, workers_.size() - 1)(random_);
            auto victim = workers_.begin();
            std::advance(victim, static_cast<std::ptrdiff_t>(index));
            victim->process.kill();
            workers_.erase(victim);
            ++killed_;
            plan_kill();
        }
        while (workers_.size() < stage_.options.processes) {
            if (auto failure = add_worker(); !failure.empty()) {
                return failure;
            }
        }
        return {};
    }

    /// Everybody comes to an end by himself, or hangs.
    std::string halt() {
        for (auto& worker : workers_) {
            worker.process.order(0, "halt");
        }
        const auto deadline = stage_.deadline();
        std::size_t hanging = 0;
        for (auto& worker : workers_) {
            const auto answer = worker.process.await(worker.order, deadline);
            take_news(worker.process);
            if (answer && answer->code != k_success) {
                return failed("a process gave up", answer);
            }
            if (answer) {
                add_to_tally(answer->text);
                worker.process.finish(deadline);
            } else if (!worker.process.gone()) {
                ++hanging;
            }
        }
        workers_.clear();
        return hanging == 0 ? std::string()
                            : fmt::format("{} processes hang after {} commands", hanging, done_);
    }

    void add_to_tally(const std::string& text) {
        std::istringstream in(text);
        for (std::string item; std::getline(in, item, ';');) {
            const auto equals = item.find('=');
            tally_[item.substr(0, equals)] += std::stoull(item.substr(equals + 1));
        }
    }

    std::string judge() {
        auto joined = stage_.join();
        if (!joined) {
            return joined.assume_error().message();
        }
        auto& judge = joined.assume_value();
        std::string text;
        auto failure =
            orderly(stage_, judge, {"quiet", "connect shared", "recover", "select", "report"}, &text);
        if (!failure.empty()) {
            return "afterwards the lock cannot be had: " + failure;
        }
        failure = orderly(stage_, judge, {"end leave"});
        judge.finish(stage_.deadline());
        auto bytes = from_hex(text).value_or(Bytes{});
        bytes.resize(bytes.size() >= 2 ? bytes.size() - 2 : 0); // the status word
        const auto report = card::witness::Report::parse(bytes);
        if (!failure.empty() || !report) {
            return failure.empty() ? "the witness does not answer: " + report.assume_error().message()
                                   : failure;
        }
        report_ = report.assume_value();
        // Between the dead and the living there is nothing to exclude: see owner_is_dead().
        if (report_.interleavings > dead_met_) {
            return fmt::format(
                "the card saw {} interleavings in {} commands, the last by client {}; {} were with "
                "clients that had died, whose reset was still to come",
                report_.interleavings, report_.commands, report_.last_offender, dead_met_);
        }
        if (report_.entered) {
            return fmt::format("client {} is still inside", report_.owner);
        }
        return {};
    }

    void measure() {
        const auto add = [this](const std::string& name, auto value, const char* unit) {
            played_.measurements.push_back({name, static_cast<double>(value), unit});
        };
        add("processes", stage_.options.processes, "");
        add("witnessed commands", report_.commands, "");
        add("interleavings",
            report_.interleavings - std::min<std::uint64_t>(report_.interleavings, dead_met_), "");
        add("dead clients met before their reset", dead_met_, "");
        add("entries", report_.entries, "");
        add("broken off by a reset", report_.broken_off, "");
        add("strays", report_.strays, "");
        add("killed", killed_ + self_killed_, "");
        add("longest wait", static_cast<double>(longest_wait_ns_) * k_ms_per_ns, "ms");
        add("time", took_.count(), "s");
        for (const auto& [what, count] : tally_) {
            add(what, count, "");
        }
    }

    const Stage& stage_;
    const Population population_;
    std::mt19937_64 random_;
    std::size_t started_ = 0;
    std::list<Worker> workers_;
    Played played_;
    std::uint64_t done_ = 0;
    std::uint64_t next_kill_ = 0;
    std::uint64_t killed_ = 0;
    std::uint64_t self_killed_ = 0;
    std::uint64_t dead_met_ = 0;
    std::int64_t longest_wait_ns_ = 0;
    std::map<std::string, std::uint64_t> tally_; ///< of those that lived to the end
    card::witness::Report report_;
    std::chrono::duration<double> took_{};
};

} // namespace

Played play_storm(const Stage& stage, Population population) {
    return Storm(stage, population).play();
}

} // namespace cardlatch::lockcheck
