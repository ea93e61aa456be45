#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/apdu.hpp>
#include <cardlatch/lockcheck/code.hpp>

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <winscard.h>

namespace cardlatch::lockcheck {

/// A connection of a participant.
struct Connection {
    SCARDHANDLE handle = 0;
    DWORD protocol = 0;
};

/// Calls to winscard, by the names of contexts and connections in scripts. Codes as 32 bits.
///
/// `name` is a connection's. Thread-safe: the table is guarded, the calls are not serialised, since that is
/// what is tested.
class Calls {
  public:
    void use_reader(std::string name);

    Code connect(const std::string& context, const std::string& connection, DWORD share);
    Code reconnect(const std::string& name, DWORD share, DWORD initialization);
    Code disconnect(const std::string& name, DWORD disposition);
    Code begin(const std::string& name);
    Code end(const std::string& name, DWORD disposition);
    /// Success of the exchange, whatever the card answers; the answer with its status word goes to `answer`.
    Code exchange(const std::string& name, const iso7816::CommandApdu& command, Bytes& answer);
    /// As exchange(), but a status word other than 9000 is the code.
    Code command(const std::string& name, const iso7816::CommandApdu& command, Bytes& answer);
    Code status(const std::string& name);
    Code control(const std::string& name);
    Code attribute(const std::string& name);
    /// The reader's state without waiting: SCardGetStatusChange with `timeout_ms`; the state goes to `state`.
    Code look(const std::string& context, DWORD timeout_ms, DWORD& state);
    Code cancel(const std::string& context);
    Code release(const std::string& context);
    /// The first reader with a card; its name goes to `name`, the ATR to `atr`.
    Code find_card(const std::string& context, std::string& name, Bytes& atr);
    /// Disconnects everything and leaves the card as it is, then releases every context.
    void close();

  private:
    Code establish(const std::string& context, SCARDCONTEXT& handle);
    Connection connection(const std::string& name) const;

    mutable std::mutex mutex_;
    std::string reader_;
    std::map<std::string, SCARDCONTEXT> contexts_;
    std::map<std::string, Connection> connections_;
};

/// A command that no card minds: GET CHALLENGE for 8 bytes. It selects nothing, changes nothing and presents
/// no PIN. Source: ISO/IEC 7816-4, GET CHALLENGE.
iso7816::CommandApdu harmless_command();

} // namespace cardlatch::lockcheck
