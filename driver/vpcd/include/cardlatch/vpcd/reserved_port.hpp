#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/address.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <cstdint>
#include <vector>

namespace cardlatch::vpcd {

/// A TCP port that is ours while nothing listens on it: connecting is refused until listen() and again when
/// the listening socket is closed. So a card can come and go at one port, and a port can be kept empty: stock
/// vpcd's second slot connects to the port after the first one's.
class ReservedPort {
  public:
    /// Reserves `count` ports in a row from `where.port`; with port 0 any free row. Blocks for name
    /// resolution. Errors: std::errc::address_in_use, std::errc::permission_denied,
    /// std::errc::address_not_available.
    static Result<std::vector<ReservedPort>> reserve(const HostPort& where, unsigned count);

    /// Host and real port.
    [[nodiscard]] const HostPort& where() const noexcept { return where_; }

    /// A socket that listens on the port; close it to have connections refused again.
    /// Errors: std::errc::address_in_use while an earlier one is open.
    [[nodiscard]] Result<UniqueFd> listen() const;

  private:
    ReservedPort(UniqueFd holder, const SocketAddress& address, HostPort where)
        : holder_(std::move(holder))
        , address_(address)
        , where_(std::move(where)) {}
    static Result<ReservedPort> hold(SocketAddress address, std::string host, bool exclusive);

    UniqueFd holder_; ///< bound, never listening
    SocketAddress address_;
    HostPort where_;
};

} // namespace cardlatch::vpcd
