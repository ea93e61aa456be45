#include "connection.hpp"
#include "service_socket.hpp"

#include <cardlatch/pcsc/context.hpp>

#include <algorithm>
#include <cstring>
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
    return std::min(static_cast<DWORD>(left), k_longest);
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

Result<std::shared_ptr<detail::ContextHandle>> establish_handle() {
    SCARDCONTEXT handle = 0;
    const auto made = scard("SCardEstablishContext", SCardEstablishContext, DWORD{SCARD_SCOPE_SYSTEM},
                            nullptr, nullptr, &handle);
    if (!made) {
        return explain_refusal(made.error());
    }
    return std::make_shared<detail::ContextHandle>(handle);
}

} // namespace

Result<Context> Context::establish() {
    BOOST_OUTCOME_TRY(auto handle, establish_handle());
    return Context(std::move(handle));
}

Result<std::vector<Reader>> Context::readers() const {
    std::vector<char> names;
    for (;;) {
        DWORD size = 0;
        auto listed = scard("SCardListReaders", SCardListReaders, handle_->value, nullptr, nullptr, &size);
        if (listed) {
            names.assign(size, '\0');
            listed =
                scard("SCardListReaders", SCardListReaders, handle_->value, nullptr, names.data(), &size);
        }
        if (listed) {
            break;
        }
        if (listed.error().code == Errc::no_readers_available) {
            return std::vector<Reader>{};
        }
        if (listed.error().code != Errc::insufficient_buffer) { // else a reader came between the two calls
            return listed.error();
        }
    }
    names.push_back('\0');
    std::vector<Reader> readers;
    for (const char* name = names.data(); *name != '\0'; name += std::strlen(name) + 1) {
        readers.push_back(Reader(handle_, name));
    }
    return readers;
}

Reader Context::reader(std::string name) const {
    return {handle_, std::move(name)};
}

Result<void> Context::wait_for_change(std::span<ReaderState> states,
                                      std::chrono::steady_clock::time_point deadline) const {
    std::vector<SCARD_READERSTATE> natives(states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
        natives[i].szReader = states[i].name.c_str();
        natives[i].dwCurrentState = states[i].flags & ~DWORD{SCARD_STATE_CHANGED};
    }
    for (;;) {
        const auto timeout = milliseconds_until(deadline);
        auto waited = scard("SCardGetStatusChange", SCardGetStatusChange, handle_->value, timeout,
                            natives.data(), natives.size());
        const bool timed_out = !waited && waited.error().code == Errc::timeout;
        if (!waited && !timed_out) {
            return waited.error();
        }
        if (timed_out && timeout != 0 && std::chrono::steady_clock::now() < deadline) {
            continue; // the deadline is further away than one call can wait
        }
        for (std::size_t i = 0; i < states.size(); ++i) {
            const auto* const atr = &natives[i].rgbAtr[0];
            states[i].flags = static_cast<std::uint32_t>(natives[i].dwEventState);
            states[i].atr.assign(atr, atr + natives[i].cbAtr);
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

Result<Card> Reader::connect(ShareMode mode, Protocol preferred) const {
    // A context of its own. pcsc-lite carries out one call of a context at a time, so on a shared one a
    // connect beside our own lock waits for ever, and takes the reader along; and when a disconnection meets
    // another thread's begin, pcscd drops the whole context. Source: pcsc-lite SCardConnect and
    // SCardBeginTransaction in winscard_clnt.c, MSGCheckHandleAssociation in winscard_svc.c.
    BOOST_OUTCOME_TRY(const auto own, establish_handle());
    SCARDHANDLE handle = 0;
    DWORD active = 0;
    BOOST_OUTCOME_TRY(scard("SCardConnect", SCardConnect, own->value, name_.c_str(), static_cast<DWORD>(mode),
                            static_cast<DWORD>(preferred), &handle, &active));
    auto connection = std::make_shared<detail::Connection>(own, handle, name_, true);
    connection->preferred = preferred;
    connection->active = static_cast<Protocol>(active);
    connection->share = mode;
    return Card(std::move(connection));
}

} // namespace cardlatch::pcsc
