#include "fake_winscard.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

using cardlatch::Bytes;

namespace fake {

namespace {

/// One call: counts itself, takes an injected failure, holds the world's mutex.
class Call {
  public:
    explicit Call(const char* name)
        : name_(name)
        , lock_(world.mutex) {
        ++world.counts[name];
        auto& queue = world.failures[name];
        if (!queue.empty()) {
            failure_ = queue.front();
            queue.erase(queue.begin());
        }
    }
    [[nodiscard]] bool failed() const { return failure_ != SCARD_S_SUCCESS; }
    [[nodiscard]] LONG failure() const { return failure_; }

    /// The handle's entry and its reader, or the failure of a call that needs both.
    LONG find(SCARDHANDLE number, bool check_event) {
        const auto at = world.handles.find(number);
        if (at == world.handles.end()) {
            return SCARD_E_INVALID_HANDLE;
        }
        handle = &at->second;
        const auto found = world.readers.find(handle->reader);
        if (found == world.readers.end()) {
            return SCARD_E_INVALID_VALUE;
        }
        reader = &found->second;
        return check_event ? handle->event : SCARD_S_SUCCESS;
    }

    template <class Free>
    void block_until(Free&& is_free) {
        ++world.blocked[name_];
        world.changed.notify_all();
        world.changed.wait(lock_, is_free);
        --world.blocked[name_];
        world.changed.notify_all();
    }

    template <class Condition>
    bool block_for(DWORD milliseconds, Condition&& condition) {
        ++world.blocked[name_];
        world.changed.notify_all();
        const bool met = world.changed.wait_for(lock_, std::chrono::milliseconds(milliseconds), condition);
        --world.blocked[name_];
        world.changed.notify_all();
        return met;
    }

    /// Repeats find() until no other handle owns the lock.
    LONG find_free(SCARDHANDLE number) {
        LONG rv = find(number, true);
        while (rv == SCARD_S_SUCCESS && reader->owner != 0 && reader->owner != number) {
            block_until([&] {
                rv = find(number, true);
                return rv != SCARD_S_SUCCESS || reader->owner == 0 || reader->owner == number;
            });
        }
        return rv;
    }

    World& world = World::get();
    Handle* handle = nullptr;
    Reader* reader = nullptr;

  private:
    const char* name_;
    std::unique_lock<std::mutex> lock_;
    LONG failure_ = SCARD_S_SUCCESS;
};

LONG choose_protocol(Reader& reader, DWORD preferred) {
    if ((preferred & (SCARD_PROTOCOL_ANY | SCARD_PROTOCOL_RAW)) == 0) {
        return SCARD_E_PROTO_MISMATCH;
    }
    if (reader.active == 0) {
        const DWORD common = preferred == SCARD_PROTOCOL_RAW ? preferred : (preferred & reader.protocols);
        if (common == 0) {
            return SCARD_E_PROTO_MISMATCH;
        }
        reader.active = (common & SCARD_PROTOCOL_T0) != 0 ? DWORD{SCARD_PROTOCOL_T0} : common;
    }
    return (preferred & reader.active) != 0 ? SCARD_S_SUCCESS : SCARD_E_PROTO_MISMATCH;
}

void apply(Call& call, DWORD disposition) {
    call.reader->dispositions.push_back(disposition);
    if (disposition == SCARD_RESET_CARD || disposition == SCARD_UNPOWER_CARD) {
        set_reset_event(call.world, call.handle->reader);
    }
}

LONG unlock_once(Reader& reader, SCARDHANDLE number) {
    if (reader.owner != 0 && reader.owner != number) {
        return SCARD_E_SHARING_VIOLATION;
    }
    const int base = reader.connections < 0 ? 1 : 0;
    if (reader.count <= base) {
        return SCARD_E_NOT_TRANSACTED;
    }
    if (--reader.count == 0) {
        reader.owner = 0;
    }
    return SCARD_S_SUCCESS;
}

/// SCardStatus' word for the card: pcsc-lite's bits with an event counter, Windows' enumeration.
DWORD state_of(const Reader& reader) {
#ifdef _WIN32
    return reader.atr.empty() ? DWORD{SCARD_ABSENT}
           : reader.mute      ? DWORD{SCARD_SWALLOWED}
                              : DWORD{SCARD_SPECIFIC};
#else
    return (static_cast<DWORD>(reader.events) << 16U) |
           (reader.atr.empty() ? DWORD{SCARD_ABSENT}
            : reader.mute      ? DWORD{SCARD_PRESENT | SCARD_SWALLOWED}
                               : DWORD{SCARD_PRESENT | SCARD_POWERED | SCARD_NEGOTIABLE});
#endif
}

} // namespace

} // namespace fake

using fake::Call;

extern "C" {

LONG SCardEstablishContext(DWORD /*scope*/, LPCVOID /*reserved1*/, LPCVOID /*reserved2*/,
                           LPSCARDCONTEXT context) {
    Call call("SCardEstablishContext");
    if (call.failed()) {
        return call.failure();
    }
    if (!call.world.service) {
        return SCARD_E_NO_SERVICE;
    }
    *context = static_cast<SCARDCONTEXT>(call.world.next_number++);
    call.world.contexts.insert(*context);
    return SCARD_S_SUCCESS;
}

LONG SCardReleaseContext(SCARDCONTEXT context) {
    Call call("SCardReleaseContext");
    const bool known = call.world.contexts.erase(context) == 1;
    call.world.changed.notify_all();
    return known ? SCARD_S_SUCCESS : SCARD_E_INVALID_HANDLE;
}

LONG SCardListReaders(SCARDCONTEXT context, LPCSTR /*groups*/, LPSTR names, LPDWORD size) {
    Call call("SCardListReaders");
    if (call.failed()) {
        return call.failure();
    }
    if (call.world.contexts.count(context) == 0) {
        return SCARD_E_INVALID_HANDLE;
    }
    if (call.world.readers.empty()) {
        return SCARD_E_NO_READERS_AVAILABLE;
    }
    std::string all;
    for (const auto& [name, reader] : call.world.readers) {
        all += name + '\0';
    }
    all += '\0';
    const DWORD room = *size;
    *size = static_cast<DWORD>(all.size());
    if (names == nullptr) {
        return SCARD_S_SUCCESS;
    }
    if (room < all.size()) {
        return SCARD_E_INSUFFICIENT_BUFFER;
    }
    std::memcpy(names, all.data(), all.size());
    return SCARD_S_SUCCESS;
}

LONG SCardConnect(SCARDCONTEXT context, LPCSTR name, DWORD share, DWORD preferred, LPSCARDHANDLE handle,
                  LPDWORD active) {
    Call call("SCardConnect");
    if (call.failed()) {
        return call.failure();
    }
    auto& world = call.world;
    if (world.contexts.count(context) == 0) {
        return SCARD_E_INVALID_HANDLE;
    }
    const auto at = world.readers.find(name);
    if (at == world.readers.end()) {
        return SCARD_E_UNKNOWN_READER;
    }
    auto& reader = at->second;
    if (reader.connections < 0 || (share == SCARD_SHARE_EXCLUSIVE && reader.connections > 0)) {
        return SCARD_E_SHARING_VIOLATION;
    }
    if (reader.owner != 0) {
        call.block_until([&] { return reader.owner == 0; });
    }
    if (share != SCARD_SHARE_DIRECT) {
        if (reader.atr.empty()) {
            return SCARD_E_NO_SMARTCARD;
        }
        if (reader.mute) {
            return SCARD_W_UNRESPONSIVE_CARD;
        }
        const LONG rv = fake::choose_protocol(reader, preferred);
        if (rv != SCARD_S_SUCCESS) {
            return rv;
        }
    }
    *handle = static_cast<SCARDHANDLE>(world.next_number++);
    *active = share == SCARD_SHARE_DIRECT ? 0 : reader.active;
    world.handles[*handle] = {context, name};
    ++reader.connections;
    if (share == SCARD_SHARE_EXCLUSIVE) {
        reader.connections = -1;
        reader.owner = *handle;
        reader.count = 1;
    }
    return SCARD_S_SUCCESS;
}

LONG SCardReconnect(SCARDHANDLE number, DWORD share, DWORD preferred, DWORD initialization, LPDWORD active) {
    Call call("SCardReconnect");
    if (call.failed()) {
        return call.failure();
    }
    LONG rv = call.find(number, false);
    if (rv != SCARD_S_SUCCESS) {
        return rv;
    }
    if (initialization > SCARD_UNPOWER_CARD) {
        return SCARD_E_INVALID_VALUE;
    }
    auto& reader = *call.reader;
    const auto others = [&] { return reader.owner != 0 && reader.owner != number; };
    if (others()) {
        call.block_until([&] { return !others(); });
    }
    if (reader.atr.empty()) {
        return SCARD_E_NO_SMARTCARD;
    }
    if (initialization != SCARD_LEAVE_CARD) {
        fake::apply(call, initialization);
    }
    if (reader.mute) {
        return SCARD_W_UNRESPONSIVE_CARD;
    }
    rv = fake::choose_protocol(reader, preferred);
    if (rv != SCARD_S_SUCCESS) {
        return rv;
    }
    if (share == SCARD_SHARE_EXCLUSIVE && reader.connections > 1) {
        call.block_until([&] { return reader.connections <= 1; });
    }
    if (share == SCARD_SHARE_EXCLUSIVE && reader.connections >= 0) {
        reader.connections = -1;
        reader.owner = number;
        ++reader.count;
    } else if (share != SCARD_SHARE_EXCLUSIVE && reader.connections < 0) {
        (void)fake::unlock_once(reader, number); // still exclusive at this point, so the base level stays
        reader.connections = 1;
    }
    call.handle->event = SCARD_S_SUCCESS;
    *active = reader.active;
    call.world.changed.notify_all();
    return SCARD_S_SUCCESS;
}

LONG SCardDisconnect(SCARDHANDLE number, DWORD disposition) {
    Call call("SCardDisconnect");
    if (call.failed()) {
        return call.failure();
    }
    const LONG rv = call.find(number, false);
    if (rv == SCARD_E_INVALID_HANDLE) {
        return rv;
    }
    if (rv == SCARD_S_SUCCESS) {
        auto& reader = *call.reader;
        if (disposition != SCARD_LEAVE_CARD && reader.owner != 0 && reader.owner != number) {
            call.block_until([&] { return reader.owner == 0; });
        }
        if (reader.owner == number) {
            reader.owner = 0;
            reader.count = 0;
        }
        reader.connections = reader.connections < 0 ? 0 : reader.connections - 1;
        fake::apply(call, disposition);
    }
    call.world.handles.erase(number);
    call.world.changed.notify_all();
    return SCARD_S_SUCCESS;
}

LONG SCardBeginTransaction(SCARDHANDLE number) {
    Call call("SCardBeginTransaction");
    if (call.failed()) {
        return call.failure();
    }
    const LONG rv = call.find_free(number);
    if (rv == SCARD_S_SUCCESS) {
        call.reader->owner = number;
        ++call.reader->count;
    }
    return rv;
}

LONG SCardEndTransaction(SCARDHANDLE number, DWORD disposition) {
    Call call("SCardEndTransaction");
    if (call.failed()) {
        return call.failure();
    }
    LONG rv = call.find(number, false);
    if (rv != SCARD_S_SUCCESS) {
        return rv;
    }
    if (disposition > SCARD_EJECT_CARD) {
        return SCARD_E_INVALID_VALUE;
    }
    auto& reader = *call.reader;
    if (call.handle->event != SCARD_S_SUCCESS) {
        if (call.world.end_after_reset_releases) {
            (void)fake::unlock_once(reader, number);
            call.world.changed.notify_all();
        }
        return call.handle->event;
    }
    if (disposition != SCARD_LEAVE_CARD && reader.owner != 0 && reader.owner != number) {
        return SCARD_E_SHARING_VIOLATION;
    }
    fake::apply(call, disposition);
    const LONG unlocked = fake::unlock_once(reader, number);
    call.world.changed.notify_all();
    return disposition == SCARD_EJECT_CARD ? SCARD_E_UNSUPPORTED_FEATURE : unlocked;
}

LONG SCardStatus(SCARDHANDLE number, LPSTR name, LPDWORD name_size, LPDWORD state, LPDWORD protocol,
                 LPBYTE atr, LPDWORD atr_size) {
    Call call("SCardStatus");
    if (call.failed()) {
        return call.failure();
    }
    LONG rv = call.find_free(number);
    if (rv == SCARD_E_INVALID_VALUE) {
        rv = SCARD_E_READER_UNAVAILABLE;
    }
    if (rv != SCARD_S_SUCCESS) {
        return rv;
    }
    const auto& reader = *call.reader;
    const auto& text = call.handle->reader;
    std::memcpy(name, text.c_str(), text.size() + 1);
    *name_size = static_cast<DWORD>(text.size() + 1);
    *state = fake::state_of(reader);
    *protocol = reader.active;
    std::memcpy(atr, reader.atr.data(), reader.atr.size());
    *atr_size = static_cast<DWORD>(reader.atr.size());
    return SCARD_S_SUCCESS;
}

LONG SCardGetAttrib(SCARDHANDLE number, DWORD /*attribute*/, LPBYTE value, LPDWORD size) {
    Call call("SCardGetAttrib");
    if (call.failed()) {
        return call.failure();
    }
    const LONG rv = call.find(number, false);
    if (rv != SCARD_S_SUCCESS) {
        return rv;
    }
    if (call.reader->owner != 0 && call.reader->owner != number) {
        return SCARD_E_SHARING_VIOLATION; // at once: the client library does not repeat this one
    }
    const auto& name = call.handle->reader;
    if (*size <= name.size()) {
        return SCARD_E_INSUFFICIENT_BUFFER;
    }
    std::memcpy(value, name.c_str(), name.size() + 1);
    *size = static_cast<DWORD>(name.size() + 1);
    return call.handle->event;
}

LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE* states, DWORD count) {
    Call call("SCardGetStatusChange");
    if (call.failed()) {
        return call.failure();
    }
    auto& world = call.world;
    if (world.contexts.count(context) == 0) {
        return SCARD_E_INVALID_HANDLE;
    }
    const auto known_readers = world.readers.size();
    bool unknown = false;
    const auto look = [&] {
        bool any = world.cancelled.count(context) != 0;
        for (DWORD i = 0; i < count; ++i) {
            auto& state = states[i];
            if (std::strcmp(state.szReader, "\\\\?PnP?\\Notification") == 0) {
                state.dwEventState = world.readers.size() != known_readers ? DWORD{SCARD_STATE_CHANGED} : 0;
            } else if (const auto at = world.readers.find(state.szReader); at == world.readers.end()) {
                unknown = true;
                return true;
            } else {
                const auto& reader = at->second;
                DWORD now = reader.atr.empty() ? DWORD{SCARD_STATE_EMPTY} : DWORD{SCARD_STATE_PRESENT};
                now |= reader.mute ? DWORD{SCARD_STATE_MUTE} : 0;
                now |= reader.connections < 0   ? DWORD{SCARD_STATE_EXCLUSIVE}
                       : reader.connections > 0 ? DWORD{SCARD_STATE_INUSE}
                                                : 0;
                now |= static_cast<DWORD>(reader.events) << 16U;
                state.dwEventState = now | (now != state.dwCurrentState ? DWORD{SCARD_STATE_CHANGED} : 0);
                state.cbAtr = static_cast<DWORD>(reader.atr.size());
                std::memcpy(&state.rgbAtr[0], reader.atr.data(), reader.atr.size());
            }
            any = any || (state.dwEventState & SCARD_STATE_CHANGED) != 0;
        }
        return any;
    };
    bool found = look();
    if (!found && timeout != 0) {
        found = call.block_for(timeout, look);
    }
    if (world.cancelled.erase(context) != 0) {
        return SCARD_E_CANCELLED;
    }
    return unknown ? SCARD_E_UNKNOWN_READER : found ? SCARD_S_SUCCESS : SCARD_E_TIMEOUT;
}

LONG SCardCancel(SCARDCONTEXT context) {
    Call call("SCardCancel");
    if (call.world.contexts.count(context) == 0) {
        return SCARD_E_INVALID_HANDLE;
    }
    call.world.cancelled.insert(context);
    call.world.changed.notify_all();
    return SCARD_S_SUCCESS;
}

LONG SCardTransmit(SCARDHANDLE number, const SCARD_IO_REQUEST* pci, LPCBYTE command, DWORD command_size,
                   SCARD_IO_REQUEST* /*receive_pci*/, LPBYTE reply, LPDWORD reply_size) {
    Call call("SCardTransmit");
    if (call.failed()) {
        return call.failure();
    }
    const LONG rv = call.find_free(number);
    if (rv != SCARD_S_SUCCESS) {
        return rv;
    }
    if (call.reader->atr.empty()) {
        return SCARD_E_NO_SMARTCARD;
    }
    if (pci->dwProtocol != call.reader->active) {
        return SCARD_E_PROTO_MISMATCH;
    }
    call.reader->commands.emplace_back(command, command + command_size);
    const auto answer = call.world.card(call.reader->commands.back());
    const DWORD room = *reply_size;
    *reply_size = static_cast<DWORD>(answer.size());
    if (room < answer.size()) {
        return SCARD_E_INSUFFICIENT_BUFFER;
    }
    std::copy(answer.begin(), answer.end(), reply);
    return SCARD_S_SUCCESS;
}
}
