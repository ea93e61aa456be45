#include "contention_worker.hpp"

#include "message.hpp"

#include <cardlatch/card/witness.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cardlatch::lockcheck {

namespace {

namespace witness = card::witness;

const std::string k_context = "c0";
const std::string k_connection = "h0";

Code code_of(LONG value) {
    return static_cast<Code>(static_cast<unsigned long>(value));
}

const Code k_no_service = code_of(SCARD_E_NO_SERVICE);
const Code k_comm_error = code_of(SCARD_F_COMM_ERROR);
constexpr Code k_refused = k_status_word_flag | 0x6985;

/// One process of the storm.
class StormWorker {
  public:
    StormWorker(Calls& calls, std::uint64_t seed, const std::atomic<bool>& halt, const Tell& tell)
        : calls_(calls)
        , random_(seed)
        , halt_(halt)
        , tell_(tell)
        , client_(static_cast<std::uint32_t>(::getpid())) {}

    Code run() {
        while (!halt_ && !service_lost_) {
            if (!connected_) {
                connect();
            } else {
                act();
            }
        }
        report(true);
        return service_lost_ ? k_no_service : k_success;
    }

    [[nodiscard]] std::string figures() const {
        std::string text;
        for (const auto& [what, count] : tally_) {
            text += fmt::format("{}{}={}", text.empty() ? "" : ";", what, count);
        }
        return text;
    }

  private:
    static constexpr std::uint64_t k_told_every = 16;

    /// True once in `times`, on average.
    bool once_in(unsigned times) { return std::uniform_int_distribution<unsigned>(1, times)(random_) == 1; }
    unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(random_); }

    Code note(const char* call, Code code) {
        if (code != k_success) {
            ++tally_[fmt::format("{} {}", call, describe_code(code))];
        }
        service_lost_ = service_lost_ || code == k_no_service || code == k_comm_error;
        return code;
    }

    void report(bool at_once) {
        if (at_once || untold_ >= k_told_every) {
            tell_(fmt::format("{} {} {}", std::exchange(untold_, 0), longest_wait_ns_,
                              std::exchange(dead_met_, 0)));
        }
    }

    /// After an ENTER that was refused because somebody is inside.
    void look_who_is_inside() {
        Bytes answer;
        if (calls_.command(k_connection, witness::report(), answer) == k_success && owner_is_dead(answer)) {
            ++dead_met_;
            report(true);
        }
    }

    void connect() {
        connected_ =
            note("connect", calls_.connect(k_context, k_connection, SCARD_SHARE_SHARED)) == k_success;
        fresh_ = true;
    }

    void disconnect(DWORD disposition) {
        note("disconnect", calls_.disconnect(k_connection, disposition));
        connected_ = false;
    }

    void reconnect(DWORD initialization) {
        fresh_ = true;
        if (note("reconnect", calls_.reconnect(k_connection, SCARD_SHARE_SHARED, initialization)) !=
            k_success) {
            disconnect(SCARD_LEAVE_CARD);
        }
    }

    void act() {
        Bytes answer;
        switch (const auto choice = below(100); choice / 5) {
        case 0:
            disconnect(once_in(2) ? SCARD_RESET_CARD : SCARD_LEAVE_CARD);
            break;
        case 1:
            note("release", calls_.release(k_context));
            connected_ = false;
            break;
        case 2:
        case 3:
            if (note("transmit", calls_.exchange(k_connection, harmless_command(), answer)) != k_success) {
                reconnect(SCARD_LEAVE_CARD);
            }
            break;
        case 4:
            if (note("status", calls_.status(k_connection)) != k_success) {
                reconnect(SCARD_LEAVE_CARD);
            }
            break;
        case 5:
            if (once_in(4)) {
                reconnect(SCARD_RESET_CARD);
            }
            break;
        default:
            locked_round();
        }
    }

    void locked_round() {
        const unsigned levels = once_in(10) ? 2 : 1;
        for (unsigned level = 0; level < levels; ++level) {
            const auto began = monotonic_ns();
            const auto code = note("begin", calls_.begin(k_connection));
            longest_wait_ns_ = std::max(longest_wait_ns_, monotonic_ns() - began);
            if (code != k_success) {
                // A lock that an earlier level has taken stays ours over this and goes with the connection.
                level == 0 ? reconnect(SCARD_LEAVE_CARD) : disconnect(SCARD_LEAVE_CARD);
                return;
            }
        }
        visit();
        if (!connected_) {
            return;
        }
        for (unsigned level = 0; level < levels; ++level) {
            if (!unlock(level + 1 == levels)) {
                return;
            }
        }
    }

    /// Ends one level; false when the rest of the lock went with the connection.
    bool unlock(bool last) {
        const DWORD disposition = !last || !once_in(8) ? SCARD_LEAVE_CARD
                                  : once_in(3)         ? SCARD_UNPOWER_CARD
                                                       : SCARD_RESET_CARD;
        const auto code = note("end", calls_.end(k_connection, disposition));
        if (disposition != SCARD_LEAVE_CARD) {
            fresh_ = true;
        }
        if (code != k_success) {
            // pcsc-lite's end that reports a reset has not unlocked; disconnecting clears every level.
            disconnect(SCARD_LEAVE_CARD);
            return false;
        }
        return true;
    }

    Code witnessed(const char* call, const iso7816::CommandApdu& command) {
        Bytes answer;
        const auto code = note(call, calls_.command(k_connection, command, answer));
        if (answer.size() == 2) {
            ++untold_;
        }
        return code;
    }

    /// Inside the lock: enter, do something, leave; or break off in one of the ways in which programs do.
    void visit() {
        Bytes answer;
        if (fresh_ && note("select", calls_.command(k_connection, witness::select(), answer)) == k_success) {
            fresh_ = false;
        }
        const auto entered = fresh_ ? k_no_service : witnessed("enter", witness::enter(client_, ++tag_));
        if (entered == k_refused) {
            look_who_is_inside();
        }
        bool inside = entered == k_success;
        for (unsigned step = below(4); inside && step > 0; --step) {
            inside = witnessed("touch", witness::touch(client_, step)) == k_success;
        }
        report(false);
        if (once_in(400)) {
            static_cast<void>(::raise(SIGKILL));
        } else if (once_in(50) || (entered == k_success && !inside)) {
            // With a reset, for an entry that stays open would be everybody's next refusal; and with the one
            // that comes before the unlock, for a disconnection's comes after. Also where a command could not
            // be sent: a reset that came late has taken the protocol away, and our entry was made after it.
            note("end", calls_.end(k_connection, SCARD_RESET_CARD));
            disconnect(SCARD_LEAVE_CARD);
        } else if (once_in(50)) {
            // pcscd resets, but late as for the dead, so without an open entry.
            if (inside) {
                witnessed("leave", witness::leave(client_));
            }
            note("release", calls_.release(k_context));
            connected_ = false;
        } else if (inside) {
            witnessed("leave", witness::leave(client_));
        } else {
            fresh_ = true;
        }
    }

    Calls& calls_;
    std::mt19937_64 random_;
    const std::atomic<bool>& halt_;
    const Tell& tell_;
    std::uint32_t client_;
    std::uint32_t tag_ = 0;
    bool connected_ = false;
    bool fresh_ = true; ///< the witness may not be the selected application
    bool service_lost_ = false;
    std::uint64_t untold_ = 0;
    std::uint64_t dead_met_ = 0;
    std::int64_t longest_wait_ns_ = 0;
    std::map<std::string, std::uint64_t> tally_;
};

} // namespace

bool owner_is_dead(ByteView report) {
    const auto parsed =
        witness::Report::parse(report.first(report.size() - std::min<std::size_t>(report.size(), 2)));
    if (!parsed || !parsed.assume_value().entered) {
        return false;
    }
    constexpr int k_looks = 100;
    for (int look = 0; look < k_looks; ++look) {
        // pid (name) state ...: Z and X have ended; the name may hold anything, so the last parenthesis
        // counts.
        std::ifstream file(fmt::format("/proc/{}/stat", parsed.assume_value().owner));
        std::string line;
        std::getline(file, line);
        const auto name_end = line.rfind(')');
        const char state =
            name_end == std::string::npos || name_end + 2 >= line.size() ? 'X' : line[name_end + 2];
        if (state == 'Z' || state == 'X') {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

Code contend(Calls& calls, const Contention& contention, std::string& figures) {
    std::uint64_t rounds = 0;
    std::int64_t longest_ns = 0;
    Bytes answer;
    Code code = k_success;
    while (code == k_success && !contention.halt) {
        const auto began = monotonic_ns();
        code = calls.begin(k_connection);
        if (code == k_success) {
            longest_ns = std::max(longest_ns, monotonic_ns() - began);
            code = calls.exchange(k_connection, harmless_command(), answer);
            contention.done(++rounds);
            const auto ended = calls.end(k_connection, SCARD_LEAVE_CARD);
            code = code == k_success ? ended : code;
        }
    }
    figures = fmt::format("{} {}", rounds, longest_ns);
    return code;
}

Code storm(Calls& calls, std::uint64_t seed, const std::atomic<bool>& halt, const Tell& tell,
           std::string& figures) {
    StormWorker worker(calls, seed, halt, tell);
    const auto code = worker.run();
    figures = worker.figures();
    return code;
}

} // namespace cardlatch::lockcheck
