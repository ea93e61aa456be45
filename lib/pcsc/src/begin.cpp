// Connection::begin() and what it waits for: the connection's own other threads, the turn among this
// library's users, and everybody else.

#include "connection.hpp"
#include "native_calls.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace cardlatch::pcsc::detail {

namespace {

using Clock = std::chrono::steady_clock;

// The time after which pcscd tells a client that it must wait: who was answered later has met somebody
// outside the queue. Source: pcsc-lite PCSCLITE_LOCK_POLL_RATE.
constexpr std::chrono::milliseconds k_daemon_pause{100};
// Who has met somebody outside the queue asks before beginning for this long.
constexpr std::chrono::seconds k_ask_first{10};
constexpr std::chrono::milliseconds k_shortest_pause{1};
constexpr std::chrono::milliseconds k_longest_pause{20};
// Who has the lock already is answered at once: an answer that is late is a busy machine's.
constexpr std::chrono::seconds k_answer_to_holder{5};

Error untold_reset() {
    return pcsc_error(Errc::reset_card, "lock: the card was reset earlier");
}

constexpr int k_recoveries = 3; // the card may be reset again while a reset is acknowledged

} // namespace

/// A begin on a thread of its own, which pcsc-lite may keep for as long as somebody has the card.
struct Connection::Transaction {
    std::mutex mutex;
    std::atomic<bool> done{false};
    CancelPoint* listener = nullptr; ///< who waits; without one the transaction is ended as soon as it is had
    Result<void> result = ok();
};

Error Connection::not_entered(const LockBounds& bounds) const {
    if (!connected) {
        return pcsc_error(Errc::invalid_handle, "lock: the card is disconnected");
    }
    return pcsc_error(bounds.stop.stop_requested() ? Errc::cancelled : bounds.too_late, "lock");
}

Result<Connection::Entered> Connection::begin(const LockBounds& bounds) {
    BOOST_OUTCOME_TRY(check_connected("lock"));
    CancelPoint point;
    const auto wake = [&] {
        point.cancel();
        const std::lock_guard guard(mutex_);
        changed_.notify_all();
    };
    const std::stop_callback on_stop(bounds.stop, wake);
    const std::stop_callback on_close(closing_.get_token(), wake);

    std::unique_lock guard(mutex_);
    changed_.wait_until(guard, bounds.deadline, [&] { return !entering_ || point.cancelled(); });
    if (entering_ || point.cancelled()) {
        return not_entered(bounds);
    }
    const bool outermost = depth_ == 0;
    const bool may_recover = outermost && policy_.after_reset.reselect();
    const auto patience = policy_.queue_patience;
    if (outermost ? reset_untold_ && !may_recover : reset_met_.load()) {
        return untold_reset();
    }
    entering_ = true;
    guard.unlock();

    auto entered = [&]() -> Result<Turn> {
        Turn turn;
        if (outermost && share != ShareMode::exclusive) {
            auto taken = turnstile_->take_within(patience, bounds.deadline, point,
                                                 "lock of the card in reader '" + reader + "'");
            if (!taken) {
                return not_entered(bounds);
            }
            turn = std::move(taken).value();
        }
        BOOST_OUTCOME_TRY(enter(bounds, point, may_recover));
        return turn;
    }();

    guard.lock();
    entering_ = false;
    changed_.notify_all();
    if (!entered && connected) {
        return entered.error();
    }
    if (!connected) {
        return not_entered(bounds); // disconnected just now, and with it the transaction
    }
    if (depth_++ == 0) {
        turn_ = std::move(entered).value();
        last_use_ = Clock::now();
        warned_ = false;
    }
    const Entered level{epoch_, may_recover && reset_untold_};
    const auto idle = policy_.idle;
    if (idle.action == IdleWatch::Action::unlock || (idle.action == IdleWatch::Action::warn && has_log())) {
        if (!std::exchange(watched_, true)) {
            guard.unlock();
            watch(shared_from_this(), Clock::now() + idle.after);
        }
    }
    return level;
}

void Connection::recovery_done() {
    const std::lock_guard guard(mutex_);
    reset_untold_ = false;
}

Result<void> Connection::enter(const LockBounds& bounds, CancelPoint& point, bool may_recover) {
    std::shared_ptr<Transaction> transaction;
    {
        const std::lock_guard guard(mutex_);
        transaction = std::exchange(left_behind_, nullptr);
    }
    const bool joins = [&] {
        if (!transaction) {
            return false;
        }
        const std::lock_guard guard(transaction->mutex);
        transaction->listener = transaction->done ? nullptr : &point;
        return !transaction->done;
    }();
    if (transaction && !joins && !may_recover) {
        const std::lock_guard guard(mutex_);
        if (reset_untold_) { // it met the reset while it ended
            return untold_reset();
        }
    }
    if (!joins) {
        if (!bounds.none() || Clock::now() < ask_first_until_.load()) {
            BOOST_OUTCOME_TRY(wait_for_others(bounds, point));
        }
        if (bounds.none()) {
            return enter_now(may_recover);
        }
        transaction = std::make_shared<Transaction>();
        transaction->listener = &point;
        std::thread([self = shared_from_this(), transaction, may_recover] {
            auto result = self->enter_now(may_recover);
            const std::lock_guard guard(transaction->mutex);
            if (transaction->listener == nullptr && result) {
                self->undo();
            }
            transaction->result = std::move(result);
            transaction->done = true;
            if (transaction->listener != nullptr) {
                transaction->listener->notify();
            }
        }).detach();
    }
    const Clock::duration answer = levels() > 0 ? Clock::duration(k_answer_to_holder) : LockBounds::k_answer;
    const auto until = bounds.none() ? bounds.deadline : std::max(bounds.deadline, Clock::now() + answer);
    (void)point.wait_until(until, [&] { return transaction->done.load(); });
    const std::lock_guard guard(transaction->mutex);
    transaction->listener = nullptr;
    if (transaction->done) {
        return std::move(transaction->result);
    }
    const std::lock_guard own(mutex_);
    left_behind_ = transaction;
    return not_entered(bounds);
}

Result<void> Connection::enter_now(bool may_recover) {
    const auto start = Clock::now();
    auto begun = scard("SCardBeginTransaction", SCardBeginTransaction, handle);
    for (int i = 0; i < k_recoveries && !begun && may_recover && begun.error().code == Errc::reset_card;
         ++i) {
        BOOST_OUTCOME_TRY(renew());
        keep_reset_for_next_lock();
        unsettled_ = true;
        begun = scard("SCardBeginTransaction", SCardBeginTransaction, handle);
    }
    const auto end = Clock::now();
    if (end - start >= k_daemon_pause) {
        ask_first_until_ = end + k_ask_first;
    }
    if (begun && (unsettled_ || reset_met_)) {
        // pcsc-lite gives the notice of a reset before it resets, also when the one who resets has no lock
        // any more: the one that was acknowledged may still be going on. Negotiating waits for it to end.
        // Nothing was sent since, so a further notice that this takes back tells nothing new.
        if (auto renewed = renew(); !renewed) {
            undo();
            return renewed;
        }
        unsettled_ = false;
        reset_met_ = false;
        overtaken_ = false;
    }
    return begun;
}

Result<void> Connection::renew() {
    BOOST_OUTCOME_TRY(const auto protocol, scard_reconnect(handle, share, preferred, Disposition::leave));
    active = protocol;
    return ok();
}

void Connection::undo() {
    const auto ended = end_transaction(Disposition::leave);
    if (!ended.result && ended.result.error().code == Errc::reset_card && ended.released) {
        const std::lock_guard guard(mutex_);
        reset_untold_ = true;
    }
}

Result<void> Connection::wait_for_others(const LockBounds& bounds, CancelPoint& point) {
    const auto start = Clock::now();
    while (held_by_others()) {
        const auto now = Clock::now();
        ask_first_until_ = now + k_ask_first;
        const auto pause = std::clamp<Clock::duration>((now - start) / 8, k_shortest_pause, k_longest_pause);
        (void)point.wait_until(std::min(bounds.deadline, now + pause), [] { return false; });
        if (point.cancelled() || Clock::now() >= bounds.deadline) {
            return not_entered(bounds);
        }
    }
    return ok();
}

bool Connection::held_by_others() const {
    return native_held_by_others(handle);
}

Result<Turn> Turnstile::take_within(std::chrono::milliseconds patience, Clock::time_point deadline,
                                    CancelPoint& point, const std::string& what) {
    if (patience <= std::chrono::milliseconds::zero()) {
        return Turn();
    }
    const auto worn_out = Clock::now() + patience;
    auto turn = take(std::min(deadline, worn_out), point);
    if (turn || turn.error().code != Errc::timeout || worn_out > deadline) {
        return turn;
    }
    give_up_on_holder();
    log(what + ": no turn for " + std::to_string(patience.count()) + " ms, going on without");
    return Turn();
}

} // namespace cardlatch::pcsc::detail
