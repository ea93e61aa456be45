#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/address.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

// Thin steps over the socket calls that both ends of the link need. Every descriptor is close-on-exec.

namespace cardlatch::vpcd {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// An address as the kernel takes it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] int family() const noexcept { return storage.ss_family; }
    /// The TCP port, in host order; 0 for a unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept;
    void set_port(std::uint16_t port) noexcept; ///< nothing for a unix socket
    /// Nobody from another machine can come: a unix socket, 127.0.0.0/8 or ::1.
    [[nodiscard]] bool is_local() const noexcept;

    /// Errors: as check_socket_path().
    static Result<SocketAddress> of_path(const std::string& path);
    /// The first address of a host. Blocks as long as name resolution does; numbers and localhost need none.
    /// Errors: std::errc::address_not_available with the resolver's text.
    static Result<SocketAddress> of_host(const HostPort& where);
    /// The local address of a bound socket.
    static Result<SocketAddress> of_socket(int fd);
};

/// A stream socket of the family. Errors: the system's.
Result<UniqueFd> open_socket(int family);

/// Connects within `timeout` ms; blocking. `where` is for the error text.
/// Errors: the system's, with a detail that names `where` and the way out.
Result<UniqueFd> connect_socket(const SocketAddress& address, Milliseconds timeout, const std::string& where);

/// Binds and listens on TCP. Errors: the system's (address_in_use, permission_denied), naming `where`.
Result<UniqueFd> listen_tcp(const SocketAddress& address, const std::string& where);

/// True for TCP over IPv4 or IPv6.
bool is_tcp(int fd) noexcept;
/// True for a unix socket.
bool is_unix(int fd) noexcept;

/// Sends each message at once (TCP_NODELAY) and notices a host that vanished (keep-alive). No effect on unix
/// sockets.
void tune_tcp(int fd) noexcept;

/// Milliseconds until `deadline` for poll(2), rounded up; 0 when it has passed.
int poll_timeout(Clock::time_point deadline, Clock::time_point now) noexcept;

/// Sends all of `bytes`, normally by one send(2); never raises SIGPIPE.
/// Errors: LinkErrc::timed_out when the peer does not take them before `deadline`; LinkErrc::closed.
Result<void> send_all(int fd, ByteView bytes, Clock::time_point deadline);

/// Sends all of `bytes` over a unix socket, without waiting, and `descriptor` with them.
/// Errors: LinkErrc::timed_out when the socket does not take them at once; LinkErrc::closed; the system's,
/// when it passes no descriptor.
Result<void> send_with_descriptor(int fd, ByteView bytes, int descriptor);

/// As recv(2) without flags; a descriptor that comes along goes to `descriptor`, close-on-exec, and further
/// ones are closed. Returns what recv(2) does.
ssize_t receive_with_descriptor(int fd, std::span<std::uint8_t> bytes, UniqueFd& descriptor) noexcept;

/// The error of a failed receive or send with the current errno: LinkErrc::closed for a broken connection.
Error transfer_error(const char* what);

} // namespace cardlatch::vpcd
