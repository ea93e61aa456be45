#include "actor_calls.hpp"

#include <array>
#include <reader.h>
#include <vector>

namespace cardlatch::lockcheck {

namespace {

/// winscard's LONG has 64 bits on Linux and its codes are positive there.
Code narrow(LONG value) {
    return static_cast<Code>(static_cast<unsigned long>(value));
}

/// Longest response APDU: 65,536 bytes and the status word.
constexpr std::size_t k_longest_response = 65538;

} // namespace

void Calls::use_reader(std::string name) {
    const std::lock_guard lock(mutex_);
    reader_ = std::move(name);
}

Code Calls::establish(const std::string& context, SCARDCONTEXT& handle) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = contexts_.find(context); found != contexts_.end()) {
            handle = found->second;
            return k_success;
        }
    }
    const auto code = narrow(SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &handle));
    if (code == k_success) {
        const std::lock_guard lock(mutex_);
        contexts_[context] = handle;
    }
    return code;
}

Connection Calls::connection(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(name);
    return found == connections_.end() ? Connection{} : found->second;
}

Code Calls::connect(const std::string& context, const std::string& connection, DWORD share) {
    SCARDCONTEXT handle = 0;
    if (const auto code = establish(context, handle); code != k_success) {
        return code;
    }
    std::string reader;
    {
        const std::lock_guard lock(mutex_);
        reader = reader_;
    }
    Connection made;
    const DWORD protocols = share == SCARD_SHARE_DIRECT ? 0 : SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
    const auto code =
        narrow(SCardConnect(handle, reader.c_str(), share, protocols, &made.handle, &made.protocol));
    if (code == k_success) {
        const std::lock_guard lock(mutex_);
        connections_[connection] = made;
    }
    return code;
}

Code Calls::reconnect(const std::string& name, DWORD share, DWORD initialization) {
    auto known = connection(name);
    const auto code = narrow(SCardReconnect(known.handle, share, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                                            initialization, &known.protocol));
    if (code == k_success) {
        const std::lock_guard lock(mutex_);
        connections_[name] = known;
    }
    return code;
}

// The connection stays in the table: what the library says of a stale handle is tested too.
Code Calls::disconnect(const std::string& name, DWORD disposition) {
    return narrow(SCardDisconnect(connection(name).handle, disposition));
}

Code Calls::begin(const std::string& name) {
    return narrow(SCardBeginTransaction(connection(name).handle));
}

Code Calls::end(const std::string& name, DWORD disposition) {
    return narrow(SCardEndTransaction(connection(name).handle, disposition));
}

Code Calls::exchange(const std::string& name, const iso7816::CommandApdu& command, Bytes& answer) {
    const auto known = connection(name);
    const SCARD_IO_REQUEST send{known.protocol, sizeof(SCARD_IO_REQUEST)};
    const auto bytes = command.encode();
    answer.resize(k_longest_response);
    DWORD length = answer.size();
    const auto code = narrow(
        SCardTransmit(known.handle, &send, bytes.data(), bytes.size(), nullptr, answer.data(), &length));
    answer.resize(code == k_success ? length : 0);
    return code;
}

Code Calls::command(const std::string& name, const iso7816::CommandApdu& command, Bytes& answer) {
    const auto code = exchange(name, command, answer);
    if (code != k_success || answer.size() < 2) {
        return code;
    }
    const auto status_word =
        static_cast<Code>(answer[answer.size() - 2] << 8U) | static_cast<Code>(answer[answer.size() - 1]);
    return status_word == 0x9000 ? k_success : k_status_word_flag | status_word;
}

Code Calls::status(const std::string& name) {
    std::array<BYTE, MAX_ATR_SIZE> atr{};
    std::array<char, 256> reader{};
    DWORD atr_length = atr.size();
    DWORD reader_length = reader.size();
    DWORD state = 0;
    DWORD protocol = 0;
    return narrow(SCardStatus(connection(name).handle, reader.data(), &reader_length, &state, &protocol,
                              atr.data(), &atr_length));
}

Code Calls::control(const std::string& name) {
    std::array<BYTE, 264> answer{};
    DWORD length = 0;
    return narrow(SCardControl(connection(name).handle, CM_IOCTL_GET_FEATURE_REQUEST, nullptr, 0,
                               answer.data(), answer.size(), &length));
}

Code Calls::attribute(const std::string& name) {
    std::array<BYTE, 264> value{};
    DWORD length = value.size();
    return narrow(SCardGetAttrib(connection(name).handle, SCARD_ATTR_ATR_STRING, value.data(), &length));
}

Code Calls::look(const std::string& context, DWORD timeout_ms, DWORD& state) {
    SCARDCONTEXT handle = 0;
    if (const auto code = establish(context, handle); code != k_success) {
        return code;
    }
    std::string reader;
    {
        const std::lock_guard lock(mutex_);
        reader = reader_;
    }
    SCARD_READERSTATE watched{};
    watched.szReader = reader.c_str();
    watched.dwCurrentState = state;
    const auto code = narrow(SCardGetStatusChange(handle, timeout_ms, &watched, 1));
    state = watched.dwEventState & ~static_cast<DWORD>(SCARD_STATE_CHANGED);
    return code;
}

Code Calls::cancel(const std::string& context) {
    SCARDCONTEXT handle = 0;
    const auto code = establish(context, handle);
    return code == k_success ? narrow(SCardCancel(handle)) : code;
}

Code Calls::release(const std::string& context) {
    SCARDCONTEXT handle = 0;
    if (const auto code = establish(context, handle); code != k_success) {
        return code;
    }
    {
        const std::lock_guard lock(mutex_);
        contexts_.erase(context);
    }
    return narrow(SCardReleaseContext(handle));
}

Code Calls::find_card(const std::string& context, std::string& name, Bytes& atr) {
    SCARDCONTEXT handle = 0;
    if (const auto code = establish(context, handle); code != k_success) {
        return code;
    }
    DWORD length = 0;
    auto code = narrow(SCardListReaders(handle, nullptr, nullptr, &length));
    if (code != k_success) {
        return code;
    }
    std::vector<char> names(length + 2);
    code = narrow(SCardListReaders(handle, nullptr, names.data(), &length));
    if (code != k_success) {
        return code;
    }
    bool known = false;
    for (const char* next = names.data(); *next != '\0'; next += std::string_view(next).size() + 1) {
        if (!name.empty() && name != next) {
            continue;
        }
        known = true;
        SCARD_READERSTATE state{};
        state.szReader = next;
        state.dwCurrentState = SCARD_STATE_UNAWARE;
        const bool seen = narrow(SCardGetStatusChange(handle, 0, &state, 1)) == k_success;
        if (seen && (state.dwEventState & SCARD_STATE_PRESENT) != 0) {
            name = next;
            atr.assign(&state.rgbAtr[0], &state.rgbAtr[0] + state.cbAtr);
            return k_success;
        }
    }
    return narrow(known ? SCARD_E_NO_SMARTCARD : SCARD_E_UNKNOWN_READER);
}

void Calls::close() {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, known] : connections_) {
        SCardDisconnect(known.handle, SCARD_LEAVE_CARD);
    }
    for (const auto& [name, handle] : contexts_) {
        SCardReleaseContext(handle);
    }
    connections_.clear();
    contexts_.clear();
}

iso7816::CommandApdu harmless_command() {
    return iso7816::CommandApdu::get_challenge(8);
}

} // namespace cardlatch::lockcheck
