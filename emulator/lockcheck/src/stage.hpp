#pragma once

#include "participant.hpp"

#include <cardlatch/lockcheck/suite.hpp>

#include <functional>
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
Played play_fairness(const Stage& stage);
Played play_storm(const Stage& stage);

} // namespace cardlatch::lockcheck
