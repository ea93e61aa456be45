// What processes of the storm and contenders do by the library; contention_worker.cpp has those who call
// winscard.

#include "contention_worker.hpp"
#include "message.hpp"

#include <cardlatch/card/witness.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cardlatch::lockcheck {

namespace {

namespace witness = card::witness;
using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint16_t k_done = 0x9000;
constexpr Code k_refused = k_status_word_flag | 0x6985;

/// One process of the storm, as a user of the library.
class LibraryStormWorker {
  public:
    LibraryStormWorker(pcsc::Reader reader, std::uint64_t seed, const std::atomic<bool>& halt,
                       const Tell& tell)
        : reader_(std::move(reader))
        , random_(seed)
        , halt_(halt)
        , tell_(tell)
        , client_(static_cast<std::uint32_t>(::getpid())) {}

    Code run() {
        while (!halt_ && !service_lost_) {
            if (!card_) {
                connect();
            } else {
                act();
            }
        }
        card_.reset();
        report(true);
        return service_lost_ ? code_of(pcsc::Errc::no_service) : k_success;
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
    bool once_in(unsigned times) { return below(times) == 0; }
    unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(random_); }

    template <class T>
    Code note(const char* call, const Result<T>& result) {
        const auto code = code_of(result);
        if (code != k_success) {
            ++tally_[fmt::format("{} {}", call, describe_code(code))];
        }
        service_lost_ = service_lost_ || code == code_of(pcsc::Errc::no_service);
        return code;
    }

    void report(bool at_once) {
        if (at_once || untold_ >= k_told_every) {
            tell_(fmt::format("{} {} {}", std::exchange(untold_, 0), longest_wait_ns_,
                              std::exchange(dead_met_, 0)));
        }
    }

    /// After an ENTER that was refused because somebody is inside.
    void look_who_is_inside(const pcsc::Lock& lock) {
        const auto reply = lock.transmit_bytes(witness::report().encode());
        if (reply && owner_is_dead(reply.assume_value())) {
            ++dead_met_;
            report(true);
        }
    }

    void connect() {
        auto connected = reader_.connect();
        fresh_ = true;
        if (note("Reader::connect", connected) == k_success) {
            card_.emplace(std::move(connected).assume_value());
            choose_policy();
        }
    }

    /// Ways to deal with resets and with the queue are tried as they come.
    void choose_policy() {
        pcsc::LockPolicy policy;
        if (once_in(2)) {
            policy.after_reset = pcsc::Recovery::reattach([this](pcsc::Lock& lock) -> Result<void> {
                BOOST_OUTCOME_TRY(const auto reply, lock.transmit(witness::select()));
                fresh_ = reply.sw.value() != k_done;
                return ok();
            });
        }
        if (once_in(10)) {
            policy.queue_patience = milliseconds(below(50)); // 0: does not queue at all
        }
        card_->set_lock_policy(std::move(policy));
    }

    void disconnect(pcsc::Disposition disposition) {
        note("Card::disconnect", card_->disconnect(disposition));
        card_.reset();
    }

    void reconnect(pcsc::Disposition initialization) {
        fresh_ = true;
        if (note("Card::reconnect", card_->reconnect(pcsc::ShareMode::shared, pcsc::Protocol::any,
                                                     initialization)) != k_success) {
            card_.reset();
        }
    }

    void act() {
        switch (below(20)) {
        case 0:
            disconnect(once_in(2) ? pcsc::Disposition::reset : pcsc::Disposition::leave);
            break;
        case 1:
            card_.reset();
            break;
        case 2:
        case 3:
            if (note("Card::transmit_unlocked", card_->transmit_unlocked(harmless_command().encode())) !=
                k_success) {
                reconnect(pcsc::Disposition::leave);
            }
            break;
        case 4:
            if (note("Card::status", card_->status()) != k_success) {
                reconnect(pcsc::Disposition::leave);
            }
            break;
        case 5:
            if (once_in(4)) {
                reconnect(pcsc::Disposition::reset);
            }
            break;
        default:
            locked_round();
        }
    }

    /// Every form of lock().
    Result<pcsc::Lock> lock() {
        switch (below(8)) {
        case 0:
        case 1:
            return card_->lock(Clock::now() + milliseconds(1 + below(300)));
        case 2:
            return card_->try_lock();
        case 3: {
            std::stop_source stop;
            const std::jthread canceller([&stop, time = microseconds(below(20'000))] {
                std::this_thread::sleep_for(time);
                stop.request_stop();
            });
            return card_->lock(stop.get_token());
        }
        case 4:
            if (once_in(40)) { // the Card goes under the waiter's feet
                const std::jthread leaver([this, time = microseconds(below(5'000))] {
                    std::this_thread::sleep_for(time);
                    (void)card_->disconnect(pcsc::Disposition::reset);
                });
                return card_->lock();
            }
            [[fallthrough]];
        default:
            const auto began = Clock::now();
            auto lock = card_->lock();
            const std::chrono::nanoseconds took = Clock::now() - began;
            longest_wait_ns_ = std::max<std::int64_t>(longest_wait_ns_, took.count());
            return lock;
        }
    }

    void locked_round() {
        auto outer = lock();
        const auto code = note("Card::lock", outer);
        if (code != k_success) {
            const bool in_vain = code == code_of(pcsc::Errc::timeout) ||
                                 code == code_of(pcsc::Errc::cancelled) ||
                                 code == code_of(pcsc::Errc::sharing_violation);
            if (code == code_of(pcsc::Errc::reset_card)) {
                reconnect(pcsc::Disposition::leave);
            } else if (!in_vain) {
                card_.reset();
            }
            return;
        }
        auto& lock = outer.assume_value();
        if (once_in(10)) {
            auto inner = card_->lock();
            if (note("Card::lock, nested", inner) == k_success) {
                visit(inner.assume_value());
                if (card_) {
                    unlock(inner.assume_value(), pcsc::Disposition::leave);
                }
            }
        } else {
            visit(lock);
        }
        if (card_) {
            unlock(lock, !once_in(8)  ? pcsc::Disposition::leave
                         : once_in(3) ? pcsc::Disposition::unpower
                                      : pcsc::Disposition::reset);
        }
    }

    void unlock(pcsc::Lock& lock, pcsc::Disposition disposition) {
        fresh_ = fresh_ || disposition != pcsc::Disposition::leave;
        if (disposition == pcsc::Disposition::leave && once_in(4)) {
            const pcsc::Lock goes_out_of_scope = std::move(lock);
            return;
        }
        if (note("Lock::unlock", lock.unlock(disposition)) != k_success) {
            fresh_ = true;
        }
        if (lock.held()) {
            disconnect(pcsc::Disposition::reset);
        }
    }

    /// The card's answer, as a Code.
    Code sent(const char* call, const pcsc::Lock& lock, const iso7816::CommandApdu& command) {
        const auto reply = lock.transmit(command);
        const auto code = note(call, reply);
        const auto status_word = reply ? reply.assume_value().sw.value() : k_done;
        if (status_word == k_done) {
            return code;
        }
        ++tally_[fmt::format("{} {}", call, describe_code(k_status_word_flag | status_word))];
        return k_status_word_flag | status_word;
    }

    Code witnessed(const char* call, const pcsc::Lock& lock, const iso7816::CommandApdu& command) {
        const auto code = sent(call, lock, command);
        if (code == k_success || (code & 0xFFFF0000U) == k_status_word_flag) {
            ++untold_; // the card has seen it
        }
        return code;
    }

    /// Inside the lock: enter, do something, leave; or break off in one of the ways in which programs do.
    void visit(pcsc::Lock& lock) {
        if (fresh_) {
            fresh_ = sent("select", lock, witness::select()) != k_success;
        }
        const auto entered = fresh_ ? k_not_done : witnessed("enter", lock, witness::enter(client_, ++tag_));
        if (entered == k_refused) {
            look_who_is_inside(lock);
        }
        bool inside = entered == k_success;
        for (unsigned step = below(4); inside && step > 0; --step) {
            inside = witnessed("touch", lock, witness::touch(client_, step)) == k_success;
        }
        report(false);
        if (once_in(400)) {
            static_cast<void>(::raise(SIGKILL));
        } else if (once_in(50)) {
            // With a reset, for an entry that stays open would be everybody's next refusal; and with the one
            // that comes before the unlock, for a disconnection's comes after.
            note("Lock::unlock", lock.unlock(pcsc::Disposition::reset));
            disconnect(pcsc::Disposition::leave);
        } else if (inside) {
            witnessed("leave", lock, witness::leave(client_));
        } else {
            fresh_ = true;
        }
    }

    pcsc::Reader reader_;
    std::mt19937_64 random_;
    const std::atomic<bool>& halt_;
    const Tell& tell_;
    std::uint32_t client_;
    std::uint32_t tag_ = 0;
    std::optional<pcsc::Card> card_;
    bool fresh_ = true; ///< the witness may not be the selected application
    bool service_lost_ = false;
    std::uint64_t untold_ = 0;
    std::uint64_t dead_met_ = 0;
    std::int64_t longest_wait_ns_ = 0;
    std::map<std::string, std::uint64_t> tally_;
};

} // namespace

Code library_contend(LibraryCalls& calls, const std::string& card, const Contention& contention,
                     std::string& figures) {
    std::uint64_t rounds = 0;
    std::int64_t longest_ns = 0;
    Bytes answer;
    Code code = k_success;
    while (code == k_success && !contention.halt) {
        const auto began = monotonic_ns();
        code = calls.lock(card);
        if (code == k_success) {
            longest_ns = std::max(longest_ns, monotonic_ns() - began);
            code = calls.transmit(card, harmless_command(), answer);
            contention.done(++rounds);
            const auto ended = calls.unlock(card, pcsc::Disposition::leave);
            code = code == k_success ? ended : code;
        }
    }
    figures = fmt::format("{} {}", rounds, longest_ns);
    return code;
}

Code library_storm(const pcsc::Reader& reader, std::uint64_t seed, const std::atomic<bool>& halt,
                   const Tell& tell, std::string& figures) {
    LibraryStormWorker worker(reader, seed, halt, tell);
    const auto code = worker.run();
    figures = worker.figures();
    return code;
}

} // namespace cardlatch::lockcheck
