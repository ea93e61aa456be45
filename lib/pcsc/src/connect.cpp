// Reader::connect(): first its turn among this library's users, then SCardConnect, which pcsc-lite keeps for
// as long as anybody has a transaction.

#include "connection.hpp"
#include "native_calls.hpp"

#include <cardlatch/pcsc/context.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace cardlatch::pcsc {

namespace {

using detail::CancelPoint;
using detail::LockBounds;
using detail::NativeConnection;
using detail::Turn;
using Clock = std::chrono::steady_clock;

/// An SCardConnect on a thread of its own, which can be left behind.
struct Attempt {
    std::shared_ptr<detail::ContextHandle> context; ///< released by the thread only if it is left behind
    std::mutex mutex;
    std::atomic<bool> done{false};
    CancelPoint* listener = nullptr; ///< who waits; without one the connection ends as soon as it is made
    Result<NativeConnection> made = NativeConnection{};
};

Error too_late(const LockBounds& bounds) {
    return detail::pcsc_error(bounds.stop.stop_requested() ? Errc::cancelled : bounds.too_late, "connect");
}

// Longer means that somebody outside the queue has the card, and pcscd looks every 100 ms: those in the queue
// get it sooner, so they are not kept waiting.
constexpr std::chrono::milliseconds k_keep_turn{20};

/// native_connect() within `bounds`, with `turn`. Who gives up leaves the call to the resource manager, which
/// carries it out when the card is free; the connection is ended then, and its context with it.
Result<NativeConnection> connect_within(const std::shared_ptr<detail::ContextHandle>& context,
                                        const std::string& name, ShareMode mode, Protocol preferred,
                                        const LockBounds& bounds, CancelPoint& point, Turn turn) {
    const auto attempt = std::make_shared<Attempt>();
    attempt->context = context;
    attempt->listener = &point;
    std::thread([attempt, name, mode, preferred] {
        auto made = detail::native_connect(attempt->context->value, name, mode, preferred);
        const std::lock_guard guard(attempt->mutex);
        if (attempt->listener == nullptr) {
            if (made) {
                (void)detail::scard("SCardDisconnect", SCardDisconnect, made.value().handle,
                                    static_cast<DWORD>(Disposition::leave));
            }
            return;
        }
        attempt->made = std::move(made);
        attempt->done = true;
        attempt->listener->notify();
    }).detach();
    const auto done = [&] { return attempt->done.load(); };
    const auto until = std::max(bounds.deadline, Clock::now() + LockBounds::k_answer);
    if (!point.wait_until(std::min(until, Clock::now() + k_keep_turn), done)) {
        turn.give();
        (void)point.wait_until(until, done);
    }
    const std::lock_guard guard(attempt->mutex);
    attempt->listener = nullptr;
    if (!attempt->done) {
        return too_late(bounds);
    }
    attempt->context.reset();
    return std::move(attempt->made);
}

} // namespace

Result<Card> Reader::connect(ShareMode mode, Protocol preferred) const {
    return connect_within({}, mode, preferred);
}

Result<Card> Reader::connect(Clock::time_point deadline, ShareMode mode, Protocol preferred) const {
    return connect_within({deadline, {}, Errc::timeout}, mode, preferred);
}

Result<Card> Reader::connect(std::stop_token stop, Clock::time_point deadline, ShareMode mode,
                             Protocol preferred) const {
    return connect_within({deadline, std::move(stop), Errc::timeout}, mode, preferred);
}

Result<Card> Reader::connect_within(const LockBounds& bounds, ShareMode mode, Protocol preferred) const {
    // A context of its own. pcsc-lite carries out one call of a context at a time, so on a shared one a
    // connect beside our own lock waits for ever, and takes the reader along; and when a disconnection meets
    // another thread's begin, pcscd drops the whole context. Source: pcsc-lite SCardConnect and
    // SCardBeginTransaction in winscard_clnt.c, MSGCheckHandleAssociation in winscard_svc.c.
    BOOST_OUTCOME_TRY(const auto own, detail::establish_handle());
    CancelPoint point;
    const std::stop_callback on_stop(bounds.stop, [&] { point.cancel(); });
    auto queue = std::make_unique<detail::Turnstile>(name_);
    // In the queue, because pcscd looks every 100 ms whether the card is free: among users who pass it on to
    // each other it hardly ever is. Source: pcsc-lite SCardConnect in winscard.c.
    auto turn = queue->take_within(LockPolicy{}.queue_patience, bounds.deadline, point,
                                   "connection to the card in reader '" + name_ + "'");
    if (!turn) {
        return too_late(bounds);
    }
    BOOST_OUTCOME_TRY(const auto made, pcsc::connect_within(own, name_, mode, preferred, bounds, point,
                                                            std::move(turn).value()));
    auto connection = std::make_shared<detail::Connection>(own, made.handle, name_, std::move(queue), true);
    connection->preferred = preferred;
    connection->active = made.active;
    connection->share = mode;
    return Card(std::move(connection));
}

} // namespace cardlatch::pcsc
