#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <list>
#include <poll.h>
#include <sstream>

namespace cardlatch::lockcheck {

namespace {

constexpr std::size_t k_contenders = 4;
constexpr std::chrono::seconds k_race{2};
// Of the contenders that go on until each has got its share: how many, its share, and how long each lock is
// held.
constexpr std::size_t k_claimants = 6;
constexpr int k_share = 10;
constexpr int k_hold_us = 1000;
constexpr double k_ms_per_ns = 1e-6;

/// Waits until one of `members` has something to read or has ended; false at `deadline`.
bool await_any(const std::list<Participant>& members, Deadline deadline) {
    std::vector<pollfd> waiting;
    waiting.reserve(members.size());
    for (const auto& member : members) {
        waiting.push_back({.fd = member.gone() ? -1 : member.fd(), .events = POLLIN, .revents = 0});
    }
    return ::poll(waiting.data(), waiting.size(), milliseconds_until(deadline)) > 0;
}

/// Contenders of one race, from the start to the figures.
class Race {
  public:
    Race(const Stage& stage, Population population)
        : stage_(stage)
        , population_(population) {}

    /// Has `count` of them contend; `terms` as the order has them. Empty, or what went wrong.
    std::string start(std::size_t count, const std::string& terms) {
        for (std::size_t i = 0; i < count; ++i) {
            auto joined = stage_.join();
            if (!joined) {
                return joined.assume_error().message();
            }
            members_.push_back(std::move(joined).assume_value());
            // All connect before the first lock, which a connect would have to wait for.
            const auto* const connects = uses_library(population_, i) ? "attach" : "connect shared";
            if (auto failure = orderly(stage_, members_.back(), {connects}); !failure.empty()) {
                return failure;
            }
        }
        for (auto& member : members_) {
            const auto* const verb =
                uses_library(population_, orders_.size()) ? "library-contend" : "contend";
            orders_.push_back(member.order(0, fmt::format("{} {}", verb, terms)));
        }
        return {};
    }

    /// Until `end`; ends early when somebody does.
    void run_until(Deadline end) {
        while (await_any(members_, end) && std::chrono::steady_clock::now() < end) {
            for (auto& member : members_) {
                member.receive(Deadline{});
            }
        }
    }

    /// Until each has told that it has got its share. Empty, or who has not.
    std::string run_until_all_have_told() {
        const auto deadline = stage_.deadline();
        std::vector<bool> told(members_.size(), false);
        while (std::find(told.begin(), told.end(), false) != told.end()) {
            if (!await_any(members_, deadline)) {
                return "somebody starves: " + list_untold(told);
            }
            std::size_t index = 0;
            for (auto& member : members_) {
                member.receive(Deadline{});
                if (const auto early = member.poll_answer(orders_[index])) {
                    return failed("contend", early);
                }
                if (member.gone()) {
                    return "a contender ended";
                }
                told[index] = told[index] || member.next_news().has_value();
                ++index;
            }
        }
        return {};
    }

    /// Stops everybody and takes the figures.
    std::string finish(Played& played) {
        for (auto& member : members_) {
            member.order(0, "halt");
        }
        Sum all;
        Sum library;
        const auto deadline = stage_.deadline();
        std::size_t index = 0;
        for (auto& member : members_) {
            const auto answer = member.await(orders_[index], deadline);
            if (!answer || answer->code != k_success) {
                played.untidy = true;
                return failed("contend", answer);
            }
            std::istringstream in(answer->text);
            double rounds = 0;
            double wait = 0;
            in >> rounds >> wait;
            all.add(rounds, wait);
            if (uses_library(population_, index)) {
                library.add(rounds, wait);
            }
            ++index;
        }
        for (auto& member : members_) {
            member.finish(stage_.deadline());
        }
        const auto count = static_cast<double>(members_.size());
        played.measurements = {
            {"locks", all.rounds, ""},
            {"most by one", all.most, ""},
            {"fewest by one", all.fewest, ""},
            {"longest wait", all.longest * k_ms_per_ns, "ms"},
            {"Jain index", all.squares > 0 ? all.rounds * all.rounds / (count * all.squares) : 0, ""}};
        if (population_ == Population::mixed) {
            played.measurements.push_back({"locks by users of the library", library.rounds, ""});
            played.measurements.push_back({"their longest wait", library.longest * k_ms_per_ns, "ms"});
        }
        return {};
    }

  private:
    struct Sum {
        double rounds = 0;
        double squares = 0;
        double most = 0;
        double fewest = std::numeric_limits<double>::max();
        double longest = 0; ///< wait, in nanoseconds

        void add(double by_one, double wait) {
            rounds += by_one;
            squares += by_one * by_one;
            most = std::max(most, by_one);
            fewest = std::min(fewest, by_one);
            longest = std::max(longest, wait);
        }
    };

    [[nodiscard]] std::string list_untold(const std::vector<bool>& told) const {
        std::string text;
        for (std::size_t i = 0; i < told.size(); ++i) {
            if (!told[i]) {
                text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                                    uses_library(population_, i) ? "library user" : "plain client", i + 1);
            }
        }
        return text;
    }

    const Stage& stage_;
    const Population population_;
    std::list<Participant> members_;
    std::vector<std::uint32_t> orders_;
};

} // namespace

std::string failed(const std::string& what, const std::optional<Message>& answer) {
    return fmt::format("{}: {}", what, answer ? describe_code(answer->code) : "no answer by the deadline");
}

std::string orderly(const Stage& stage, Participant& who, const std::vector<std::string>& orders,
                    std::string* text) {
    for (const auto& order : orders) {
        const auto answer = who.await(who.order(0, order), stage.deadline());
        if (!answer || answer->code != k_success) {
            return failed(order, answer);
        }
        if (text != nullptr) {
            *text = answer->text;
        }
    }
    return {};
}

// All get the same time, so that shares can be compared; nobody is judged by it.
Played play_fairness(const Stage& stage, Population population) {
    Played played;
    Race race(stage, population);
    played.failure = race.start(k_contenders, "0");
    if (played.failure.empty()) {
        race.run_until(std::chrono::steady_clock::now() + k_race);
        played.failure = race.finish(played);
    }
    return played;
}

// Who has got its share goes on, so that the others have to get theirs against everybody.
Played play_progress(const Stage& stage, Population population) {
    Played played;
    Race race(stage, population);
    played.failure = race.start(k_claimants, fmt::format("{}", k_share));
    if (!played.failure.empty()) {
        return played;
    }
    played.failure = race.run_until_all_have_told();
    if (auto failure = race.finish(played); played.failure.empty()) {
        played.failure = std::move(failure);
    }
    return played;
}

} // namespace cardlatch::lockcheck
