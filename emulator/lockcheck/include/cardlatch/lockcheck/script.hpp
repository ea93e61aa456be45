#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/lockcheck/code.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace cardlatch::lockcheck {

/// One step of a script.
///
///     A begin                      participant A calls SCardBeginTransaction and succeeds
///     B transmit = reset|removed   ... and the call comes back with one of these codes
///     B.1 begin h1 &               B's second thread begins on B's second handle; the script goes on
///     B waits while A works        twenty operations of A complete, and B's call is still out
///     B returns ok after A         B's call comes back, after A's last call was begun
///     B until status = reset       B repeats the call until that code comes
///     A dies, A stops, A continues, A exits    SIGKILL, SIGSTOP, SIGCONT, exit(0) without a call
///     card leaves, card arrives, reader leaves, reader arrives, pcscd dies
///
/// Lines that begin with # are comments.
struct Step {
    /// The kinds of lines above.
    enum class Kind {
        call,
        start,
        waits,
        returns,
        until,
        dies,
        stops,
        continues,
        exits,
        leaves,
        arrives,
        reader_leaves,
        reader_arrives,
        service_dies
    };

    Kind kind = Kind::call;
    char who = 0;              ///< the participant, 'A' to 'Z'; 0 for the card and pcscd
    int lane = 0;              ///< its thread
    std::string command;       ///< for the participant: verb and arguments
    std::vector<Code> expects; ///< any of these
    std::string other; ///< waits: who works meanwhile; returns: after whom ("A", "card", "pcscd"), or empty
    std::string other_command; ///< waits: what they do
    std::string text;          ///< the line, for reports
};

/// Reads a script.
/// Errors: std::errc::invalid_argument with the line that is not understood.
Result<std::vector<Step>> parse_script(std::string_view script);

} // namespace cardlatch::lockcheck
