#pragma once

#include <string_view>
#include <vector>

namespace cardlatch::lockcheck {

/// An outcome in one sentence, and where it is documented.
struct Outcome {
    std::string_view text;
    std::string_view source; ///< function and file of pcsc-lite, or page of Microsoft's reference
};

/// How Windows' published behaviour relates to pcsc-lite's.
enum class Windows {
    same,
    differs,
    unpublished, ///< Microsoft's pages are silent, so nothing is compared
};

/// What a case needs beyond a reader with a card that several processes can use.
enum class Needs {
    nothing,
    witness,       ///< the card has the witness application
    removal,       ///< somebody can take the card out and put it back: a stack's control socket
    own_stack,     ///< it ends or wedges a pcscd, so it gets one of its own
    reader_removal ///< the reader itself can be unplugged
};

/// What plays a case.
enum class Play {
    script,   ///< the steps in `script`
    fairness, ///< contenders that are measured, never judged by time
    progress, ///< contenders that go on until each of them has got its share
    storm,    ///< seeded disorder with the witness as judge
};

/// Who contends, and who makes the storm.
enum class Population {
    plain,   ///< programs that call winscard
    library, ///< users of our library
    mixed,   ///< both, in turns
};

/// One case of the suite, all data. docs/lockcheck.md is generated from it.
struct Case {
    std::string_view name;    ///< stable: topic, dot, condition and outcome
    std::string_view purpose; ///< one sentence
    Outcome pcsclite;         ///< what a run is judged by
    Outcome windows;
    Windows relation = Windows::same;
    Needs needs = Needs::nothing;
    /// Steps, one a line; script.hpp has the language.
    std::string_view script = {};
    Play play = Play::script;
    Population population = Population::plain; ///< of everything but a script
};

/// Every case, grouped by topic in the order in which they run.
const std::vector<Case>& all_cases();

/// "witness", "card removal", ...; empty for nothing.
std::string_view describe(Needs needs);

} // namespace cardlatch::lockcheck
