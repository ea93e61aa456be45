#include "connection.hpp"

#include "native_calls.hpp"

#include <memory>
#include <utility>

namespace cardlatch::pcsc::detail {

namespace {

using Clock = std::chrono::steady_clock;

/// Whether `error` of a call on the card means that no level of lock is left: removal, the reader's or the
/// resource manager's end, somebody else's ownership. Not: a pending reset, a driver's failure.
bool takes_the_lock_along(const Error& error) {
    return error.code == Errc::removed_card || error.code == Errc::invalid_handle ||
           error.code == Errc::invalid_value || error.code == Errc::no_service ||
           error.code == Errc::sharing_violation;
}

} // namespace

Connection::Connection(std::shared_ptr<ContextHandle> context_handle, SCARDHANDLE card,
                       std::string reader_name, std::unique_ptr<Turnstile> queue, bool own)
    : context(std::move(context_handle))
    , handle(card)
    , reader(std::move(reader_name))
    , owned(own)
    , turnstile_(std::move(queue)) {}

namespace {
std::atomic<int> context_count{0}; // a forked child counts its parent's too
} // namespace

ContextHandle::ContextHandle(SCARDCONTEXT handle)
    : value(handle)
    , pid_(::getpid()) {
    ++context_count;
}

ContextHandle::~ContextHandle() {
    --context_count;
    if (inherited()) {
        return;
    }
    const auto released = scard("SCardReleaseContext", SCardReleaseContext, value);
    if (!released) {
        log("context not released: " + released.error().message());
    }
}

bool ContextHandle::any() {
    return context_count > 0;
}

Result<ReaderState> query_reader(const ContextHandle& context, const std::string& name) {
    ReaderState state{name, 0, {}};
    if (auto asked = native_wait_for_change(context.value, {&state, 1}, 0);
        !asked && asked.error().code != Errc::timeout) {
        return asked.error();
    }
    return state;
}

Result<void> Connection::check_connected(const char* what) const {
    if (context->inherited()) {
        return pcsc_error(Errc::invalid_handle,
                          std::string(what) + ": the connection is the parent process's");
    }
    if (!connected) {
        return pcsc_error(Errc::invalid_handle, std::string(what) + ": the card is disconnected");
    }
    return ok();
}

void Connection::set_policy(LockPolicy policy) {
    const std::lock_guard guard(mutex_);
    policy_ = std::move(policy);
}

LockPolicy Connection::policy() {
    const std::lock_guard guard(mutex_);
    return policy_;
}

Connection::Ended Connection::end_transaction(Disposition disposition) {
    const bool known = reset_met_; // here alone; the resource manager would end the lock without a word
    auto first = known ? Result<void>(pcsc_error(Errc::reset_card, "unlock"))
                       : Result<void>(scard_end(handle, disposition));
    // pcsc-lite checks the handle, the reader and a pending event before anything else; once it has come to
    // the disposition it also ends the transaction, and it reports SCARD_E_SHARING_VIOLATION only if another
    // handle owns the lock. So a failure other than the pending reset means that this handle has no lock any
    // more. Source: pcsc-lite SCardEndTransaction in winscard.c.
    if (first || first.error().code != Errc::reset_card) {
        return {true, std::move(first)};
    }
    // A command that went through after a reset that was told late has left something on the card, a verified
    // PIN perhaps, and nobody is to find that in a card that was said to have been reset.
    const auto clean = overtaken_ ? Disposition::reset : Disposition::leave;
    const auto acknowledged = scard_reconnect(handle, share, preferred, clean);
    overtaken_ = overtaken_ && !acknowledged;
    if (!acknowledged && !known) {
        auto error = first.error();
        error.detail += "; the lock is still held, since " + acknowledged.error().message();
        return {false, std::move(error)};
    }
    const auto second = scard_end(handle, disposition);
    auto error = first.error();
    if (!second && second.error().code == Errc::reset_card) {
        error.detail += "; the lock is still held, the card was reset once more";
        return {false, std::move(error)};
    }
    // SCARD_E_NOT_TRANSACTED: a resource manager that had ended the transaction the first time, as Windows
    // does.
    error.detail += "; the reset is acknowledged and the lock released";
    if (!second && second.error().code != Errc::not_transacted) {
        error.detail += ", but " + second.error().message();
    }
    return {true, std::move(error)};
}

Connection::Ended Connection::end_level(std::uint64_t of_epoch, Disposition disposition) {
    if (context->inherited()) {
        return {true, check_connected("unlock")};
    }
    {
        const std::lock_guard guard(mutex_);
        if (of_epoch != epoch_) {
            return {true, why_lost_unguarded(of_epoch, "unlock")};
        }
        ++in_use_;
    }
    auto ended = end_transaction(disposition);
    Dropped dropped; // its turn is given on last
    const std::lock_guard guard(mutex_);
    --in_use_;
    last_use_ = Clock::now();
    if (!ended.released || of_epoch != epoch_) {
        return ended;
    }
    const bool reset = !ended.result && ended.result.error().code == Errc::reset_card;
    if (!ended.result && takes_the_lock_along(ended.result.error())) {
        dropped = forget_all(ended.result.error());
    } else if (--depth_ == 0) {
        dropped.turn = std::move(turn_);
        if (reset) { // told now; a Recovery has to bring the card back all the same
            reset_met_ = false;
            reset_untold_ = static_cast<bool>(policy_.after_reset.reselect());
            unsettled_ = true;
        }
    } else if (reset) {
        reset_met_ = true; // acknowledged, and the outer levels have to be told too
        reset_untold_ = true;
    }
    return ended;
}

void Connection::keep_reset_for_next_lock() {
    const std::lock_guard guard(mutex_);
    reset_untold_ = true;
}

Connection::Dropped Connection::forget_all(const std::optional<Error>& why) {
    ++epoch_;
    lost_ = why;
    return {std::exchange(depth_, 0U), std::move(turn_)};
}

Result<void> Connection::drop_locks() {
    if (context->inherited()) {
        return check_connected("drop_locks");
    }
    Dropped dropped;
    {
        const std::lock_guard guard(mutex_);
        dropped = forget_all({});
    }
    return end_all(dropped.levels);
}

Result<void> Connection::end_all(unsigned levels) {
    Result<void> first = ok();
    for (; levels > 0; --levels) {
        auto ended = end_transaction(Disposition::leave);
        if (first && !ended.result) {
            first = std::move(ended.result);
        }
    }
    return first;
}

Result<void> Connection::disconnect(Disposition disposition) {
    if (context->inherited()) {
        return check_connected("disconnect");
    }
    if (!connected.exchange(false)) {
        return pcsc_error(Errc::invalid_handle, "disconnect: the card is disconnected");
    }
    closing_.request_stop();
    Dropped dropped;
    {
        const std::lock_guard guard(mutex_);
        dropped = forget_all({});
    }
    return scard("SCardDisconnect", SCardDisconnect, handle, static_cast<DWORD>(disposition));
}

bool Connection::holds(std::uint64_t of_epoch) {
    if (context->inherited()) { // first: another thread of the parent may have had the mutex
        return false;
    }
    const std::lock_guard guard(mutex_);
    return of_epoch == epoch_;
}

unsigned Connection::levels() {
    const std::lock_guard guard(mutex_);
    return depth_;
}

Error Connection::why_lost(std::uint64_t of_epoch, const char* what) {
    if (context->inherited()) {
        return check_connected(what).error();
    }
    const std::lock_guard guard(mutex_);
    return why_lost_unguarded(of_epoch, what);
}

Error Connection::why_lost_unguarded(std::uint64_t of_epoch, const char* what) const {
    if (lost_ && of_epoch + 1 == epoch_) {
        return fail(lost_->code, std::string(what) + ": the lock was lost, " + lost_->message());
    }
    return pcsc_error(Errc::not_transacted, std::string(what) + ": this lock holds nothing any more");
}

Result<Bytes> Connection::exchange_locked(std::uint64_t of_epoch, ByteView command) {
    if (context->inherited()) {
        return check_connected("transmit").error();
    }
    {
        const std::lock_guard guard(mutex_);
        if (of_epoch != epoch_) {
            return why_lost_unguarded(of_epoch, "transmit");
        }
        ++in_use_; // the watchdog lets it finish
    }
    auto reply = exchange(command);
    Dropped dropped;
    const std::lock_guard guard(mutex_);
    --in_use_;
    last_use_ = Clock::now();
    warned_ = false;
    if (!reply && of_epoch == epoch_ && takes_the_lock_along(reply.error())) {
        dropped = forget_all(reply.error());
    }
    return reply;
}

Result<Bytes> Connection::exchange(ByteView command) {
    BOOST_OUTCOME_TRY(check_connected("transmit"));
    if (reset_met_) {
        return pcsc_error(Errc::reset_card, "transmit: not sent, the card was reset before");
    }
    unsettled_ = false;
    const auto protocol = active.load();
    const SCARD_IO_REQUEST pci{native_protocol(protocol), sizeof(SCARD_IO_REQUEST)};
    // The resource manager reports a short buffer only after the card has executed the command, and the reply
    // is lost: always offer room for the longest one. Source: pcsc-lite ContextThread, case SCARD_TRANSMIT.
    const auto buffer = std::make_unique_for_overwrite<BYTE[]>(iso7816::k_max_response_apdu);
    DWORD size = iso7816::k_max_response_apdu;
    const auto sent = scard("SCardTransmit", SCardTransmit, handle, &pci, command.data(), command.size(),
                            nullptr, buffer.get(), &size);
    if (!sent && sent.error().code == Errc::proto_mismatch && protocol != Protocol::none) {
        // The protocol is the one that this connection negotiated, and only a reset makes pcsc-lite forget
        // it: a reset by a disconnection, a reconnection or a client's death sets the notice first and
        // forgets the protocol later, so a notice may be acknowledged too early. Source: pcsc-lite
        // SCardDisconnect and SCardReconnect in winscard.c.
        const std::lock_guard guard(mutex_);
        reset_met_ = true;
        overtaken_ = true;
        reset_untold_ = true;
        return pcsc_error(Errc::reset_card, "not sent, the card was reset: " + sent.error().message());
    }
    if (!sent) {
        return sent.error();
    }
    return Bytes(buffer.get(), buffer.get() + size);
}

Result<void> Connection::reconnect(ShareMode mode, Protocol preferred_set, Disposition initialization) {
    BOOST_OUTCOME_TRY(check_connected("reconnect"));
    const bool was_exclusive = share == ShareMode::exclusive;
    if (mode == ShareMode::exclusive && !was_exclusive && initialization != Disposition::leave) {
        // In one call, pcsc-lite would reset first, then meet the other connections, and its client library
        // would repeat both until they are gone. In two, the card is reset once.
        BOOST_OUTCOME_TRY(scard_reconnect(handle, share, preferred_set, initialization));
        initialization = Disposition::leave;
    }
    BOOST_OUTCOME_TRY(const auto protocol, scard_reconnect(handle, mode, preferred_set, initialization));
    active = protocol;
    preferred = preferred_set;
    share = mode;
    {
        const std::lock_guard guard(mutex_);
        reset_untold_ = false;
        reset_met_ = false;
        overtaken_ = false;
        unsettled_ = true;
    }
    if (was_exclusive && mode != ShareMode::exclusive) {
        if (levels() == 0) {
            // pcsc-lite keeps the lock that an exclusive connection had, by an oversight: RFUnlockSharing
            // runs before the connection counts as shared. One end more frees the card; elsewhere it fails
            // and changes nothing.
            (void)scard_end(handle, Disposition::leave);
        }
    }
    return ok();
}

} // namespace cardlatch::pcsc::detail
