#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/address.hpp>
#include <cardlatch/vpcd/icc_endpoint.hpp>
#include <cardlatch/vpcd/reserved_port.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <optional>
#include <stop_token>

namespace cardlatch::vpcd {

/// A card's way into a reader: insert, serve, remove, as often as wanted. Used by one thread, the slot's;
/// another thread ends serve() by its stop token.
///
///     state      insert()                serve()                       remove()
///     removed    connects or listens     error not_connected           nothing
///     inserted   nothing                 serves until stop or closed   closes; listening: refuses from now
///     on
class IccLink {
  public:
    /// Nothing is connected yet; a listening port is reserved, the real number is in address().
    /// Errors: those of ReservedPort::reserve.
    static Result<IccLink> open(LinkAddress address);

    /// A card that listens on a port which is reserved already.
    explicit IccLink(ReservedPort port);

    /// Where it connects to or listens, with the real port.
    [[nodiscard]] const LinkAddress& address() const noexcept { return address_; }

    /// Connects to the reader within `timeout` ms, or begins to listen for it. Blocks while connecting.
    /// Errors: std::errc::connection_refused, no_such_file_or_directory, permission_denied,
    /// address_not_available, LinkErrc::timed_out, each with the address and the way out.
    Result<void> insert(Milliseconds timeout = std::chrono::seconds(5));

    /// Serves `handler`. Blocks until `stop` is requested or, when connecting, the reader closes the link
    /// (both success), or the link breaks. When listening, a reader that goes away may come back: only `stop`
    /// ends it, and a broken link is dropped as a reader would drop it. Errors: those of IccEndpoint::serve;
    /// std::errc::not_connected before insert().
    Result<void> serve(IccHandler& handler, const std::stop_token& stop);

    /// Takes the card out of the reader.
    void remove() noexcept;

  private:
    explicit IccLink(LinkAddress address)
        : address_(std::move(address)) {}
    Result<void> serve_listening(IccHandler& handler, const std::stop_token& stop) const;

    LinkAddress address_;
    std::optional<ReservedPort> port_; ///< listen_tcp
    UniqueFd socket_;                  ///< the connection, or the listening socket
};

} // namespace cardlatch::vpcd
