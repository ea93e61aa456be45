#pragma once

#include "participant.hpp"

#include <cardlatch/lockcheck/suite.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::lockcheck {

/// Where a case is played: the reader, and what may be done to it.
struct Stage {
    const SuiteOptions& options;
    Subject subject;
    Environment environment;                    ///< for participants, beside ours
    std::function<Result<void>()> remove;       ///< takes the card out; empty where nobody can
    std::function<Result<void>()> insert;       ///< puts it back
    std::function<Result<void>()> unplug;       ///< takes the reader away; empty where nobody can
    std::function<Result<void>()> plug;         ///< brings it back, under the same name and with its card
    std::function<Result<void>()> kill_service; ///< SIGKILL for pcscd; empty unless it is our own

    [[nodiscard]] Deadline deadline() const { return std::chrono::steady_clock::now() + options.deadline; }

    /// A participant that knows the reader's name.
    [[nodiscard]] Result<Participant> join() const {
        BOOST_OUTCOME_TRY(auto participant, Participant::start(options.participant, environment));
        participant.await(participant.order(0, "reader " + subject.reader), deadline());
        return participant;
    }
};

/// What playing a case came to.
struct Played {
    std::string failure; ///< empty when everything came as expected
    bool untidy = false; ///< somebody ended without saying goodbye, so pcscd may still be busy cleaning up
    std::vector<Measurement> measurements;
};

Played play_script(const Stage& stage, std::string_view script);
Played play_fairness(const Stage& stage, Population population);
Played play_progress(const Stage& stage, Population population);
Played play_storm(const Stage& stage, Population population);

/// Whether participant number `index` of `population` uses the library.
constexpr bool uses_library(Population population, std::size_t index) {
    return population == Population::library || (population == Population::mixed && index % 2 == 0);
}

/// Does `orders` one after the other; the last answer's text goes to `text`. Empty, or what went wrong.
std::string orderly(const Stage& stage, Participant& who, const std::vector<std::string>& orders,
                    std::string* text = nullptr);
/// What to say of an answer that is no success, or is missing.
std::string failed(const std::string& what, const std::optional<Message>& answer);

} // namespace cardlatch::lockcheck
