#include "connection.hpp"
#include "native_calls.hpp"
#include "service_socket.hpp"

#include <cardlatch/pcsc/context.hpp>

#include <algorithm>
#include <vector>

namespace cardlatch::pcsc {

using detail::scard;

namespace {

/// Milliseconds from now to `deadline`, rounded up, so that a wait never ends early. Below INFINITE, which is
/// a number like any other to a caller's deadline.
DWORD milliseconds_until(std::chrono::steady_clock::time_point deadline) {
    constexpr DWORD k_longest = 0x7FFFFFFF;
    const auto now = std::chrono::steady_clock::now();
    if (deadline <= now) {
        return 0;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
    return static_cast<DWORD>(std::min<std::int64_t>(left, k_longest));
}

/// What SCardEstablishContext says when pcscd takes the connection and closes it. pcscd does so without a
/// word to whom it has no context left for, and to whom polkit does not let in; the client library makes
/// SCARD_W_SECURITY_VIOLATION of both, or whatever the end of a connection looks like in the moment. Who has
/// a context already was let in. Source: pcsc-lite CreateContextThread and ContextThread in winscard_svc.c,
/// MessageReceive in winscard_msg.c.
Error explain_refusal(const Error& error) {
    const bool ended = error.code == Errc::no_service || error.code == Errc::comm_error ||
                       error.code == Errc::security_violation;
    if (!ended || !detail::service_listens()) {
        return error;
    }
    const std::string limit = "it has as many contexts as it serves (pcscd: 200 of all clients, option "
                              "--max-thread; every Card and every Context is one)";
    if (detail::ContextHandle::any()) {
        return fail(make_error_code(Errc::server_too_busy),
                    "the resource manager takes no more connections, " + limit + "; " + error.message());
    }
    return fail(error.code, "the resource manager closed the connection at once: " + limit +
                                ", or this user may not talk to it; " + error.message());
}

} // namespace

Result<std::shared_ptr<detail::ContextHandle>> detail::establish_handle() {
    SCARDCONTEXT handle = 0;
    const auto made = scard("SCardEstablishContext", SCardEstablishContext, DWORD{SCARD_SCOPE_SYSTEM},
                            nullptr, nullptr, &handle);
    if (!made) {
        return explain_refusal(made.error());
    }
    return std::make_shared<ContextHandle>(handle);
}

Result<Context> Context::establish() {
    BOOST_OUTCOME_TRY(auto handle, detail::establish_handle());
    return Context(std::move(handle));
}

Result<std::vector<Reader>> Context::readers() const {
    BOOST_OUTCOME_TRY(auto names, detail::native_readers(handle_->value));
    std::vector<Reader> readers;
    for (auto& name : names) {
        readers.push_back(Reader(handle_, std::move(name)));
    }
    return readers;
}

Reader Context::reader(std::string name) const {
    return {handle_, std::move(name)};
}

Result<void> Context::wait_for_change(std::span<ReaderState> states,
                                      std::chrono::steady_clock::time_point deadline) const {
    for (;;) {
        const auto timeout = milliseconds_until(deadline);
        auto waited = detail::native_wait_for_change(handle_->value, states, timeout);
        const bool timed_out = !waited && waited.error().code == Errc::timeout;
        if (timed_out && timeout != 0 && std::chrono::steady_clock::now() < deadline) {
            continue; // the deadline is further away than one call can wait
        }
        return waited;
    }
}

Result<void> Context::cancel() const {
    return scard("SCardCancel", SCardCancel, handle_->value);
}

NativeHandle Context::native_handle() const {
    return static_cast<NativeHandle>(handle_->value);
}

Result<ReaderState> Reader::state() const {
    return detail::query_reader(*context_, name_);
}

LockQueue Reader::lock_queue() const {
    return detail::Turnstile::look(name_);
}

void Reader::remove_lock_queue() const {
    detail::Turnstile::remove(name_);
}

} // namespace cardlatch::pcsc
