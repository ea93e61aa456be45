#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>

namespace cardlatch::vpcd {

namespace {

void set_option(int fd, int level, int name, int value) noexcept {
    (void)::setsockopt(fd, level, name, &value, sizeof value);
}

void set_send_timeout(int fd, Milliseconds timeout) noexcept {
    const timeval value{timeout.count() / 1000, (timeout.count() % 1000) * 1000};
    (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

int domain_of(int fd) noexcept {
    int domain = AF_UNSPEC;
    socklen_t size = sizeof domain;
    return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : AF_UNSPEC;
}

/// Room for the control data of one descriptor.
struct ControlRoom {
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> bytes{};
};

/// A message of `bytes` with room for control data.
msghdr message_of(iovec& bytes, ControlRoom& control) noexcept {
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_LEN(sizeof(int)); // the padding behind it would hold a second one
    return message;
}

/// The present errno with what, where and what to do about it.
Error explained(const std::string& what) {
    Error error = last_system_error(what);
    switch (error.code.value()) {
    case ECONNREFUSED:
    case ENOENT:
        error.detail += ": nobody listens there; start the reader first or correct the address";
        break;
    case EADDRINUSE:
        error.detail += ": choose another port, or 0 for any free one";
        break;
    case EACCES:
    case EPERM:
        error.detail += ": this user may not; choose another place or change its owner or mode";
        break;
    case EINPROGRESS:
    case EAGAIN:
        error.code = LinkErrc::timed_out;
        error.detail = what + ": no answer in time";
        break;
    default:
        break;
    }
    return error;
}

} // namespace

std::uint16_t SocketAddress::port() const noexcept {
    if (family() == AF_INET) {
        return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
    }
    return family() == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port) : 0;
}

bool SocketAddress::is_local() const noexcept {
    constexpr std::uint32_t k_loopback_net = 127;
    if (family() == AF_INET) {
        return ntohl(reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr) >> 24U ==
               k_loopback_net;
    }
    if (family() == AF_INET6) {
        const auto& address = reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(&address);
    }
    return true;
}

void SocketAddress::set_port(std::uint16_t port) noexcept {
    if (family() == AF_INET) {
        reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
    } else if (family() == AF_INET6) {
        reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
    }
}

Result<SocketAddress> SocketAddress::of_path(const std::string& path) {
    BOOST_OUTCOME_TRY(check_socket_path(path));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    SocketAddress address;
    std::memcpy(&address.storage, &name, sizeof name);
    address.size = sizeof name;
    return address;
}

Result<SocketAddress> SocketAddress::of_host(const HostPort& where) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &list);
    if (code != 0) {
        return fail(std::errc::address_not_available,
                    "the host \"" + where.host + "\" cannot be resolved: " + ::gai_strerror(code));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    SocketAddress address;
    std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
    address.size = list->ai_addrlen;
    return address;
}

Result<SocketAddress> SocketAddress::of_socket(int fd) {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
        return last_system_error("getsockname");
    }
    return address;
}

Result<UniqueFd> open_socket(int family) {
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) {
        return last_system_error("socket");
    }
    return fd;
}

Result<UniqueFd> connect_socket(const SocketAddress& address, Milliseconds timeout,
                                const std::string& where) {
    BOOST_OUTCOME_TRY(auto fd, open_socket(address.family()));
    set_send_timeout(fd.get(), timeout); // bounds connect(2) as well, see socket(7)
    if (::connect(fd.get(), address.get(), address.size) != 0) {
        return explained("cannot connect to " + where);
    }
    set_send_timeout(fd.get(), Milliseconds(0));
    tune_tcp(fd.get());
    return fd;
}

Result<UniqueFd> listen_tcp(const SocketAddress& address, const std::string& where) {
    BOOST_OUTCOME_TRY(auto fd, open_socket(address.family()));
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
        return explained("cannot listen on " + where);
    }
    return fd;
}

bool is_tcp(int fd) noexcept {
    const int domain = domain_of(fd);
    return domain == AF_INET || domain == AF_INET6;
}

bool is_unix(int fd) noexcept {
    return domain_of(fd) == AF_UNIX;
}

void tune_tcp(int fd) noexcept {
    if (!is_tcp(fd)) {
        return;
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15); // seconds; a vanished host is noticed after 15 + 3 * 5
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

int poll_timeout(Clock::time_point deadline, Clock::time_point now) noexcept {
    if (deadline <= now) {
        return 0;
    }
    return static_cast<int>(
        std::min<Milliseconds::rep>(std::chrono::ceil<Milliseconds>(deadline - now).count(), INT_MAX));
}

Error transfer_error(const char* what) {
    switch (errno) {
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
    case ETIMEDOUT:
        return fail(LinkErrc::closed, std::string(what) + ": the peer closed the link");
    default:
        return last_system_error(what);
    }
}

Result<void> send_with_descriptor(int fd, ByteView bytes, int descriptor) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): sendmsg() takes no const and writes nothing
    iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    ControlRoom control;
    const msghdr message = message_of(piece, control);
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return transfer_error("sendmsg");
    }
    if (static_cast<std::size_t>(sent) < bytes.size()) {
        return fail(LinkErrc::timed_out, "the peer does not read what is sent to it");
    }
    return ok();
}

ssize_t receive_with_descriptor(int fd, std::span<std::uint8_t> bytes, UniqueFd& descriptor) noexcept {
    iovec piece{bytes.data(), bytes.size()};
    ControlRoom control;
    msghdr message = message_of(piece, control);
    const ssize_t got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) {
        return got;
    }
    // The kernel drops what does not fit.
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len >= CMSG_LEN(sizeof(int))) {
        int passed = -1;
        std::memcpy(&passed, CMSG_DATA(header), sizeof passed);
        descriptor.reset(passed);
    }
    return got;
}

Result<void> send_all(int fd, ByteView bytes, Clock::time_point deadline) {
    while (true) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
            if (bytes.empty()) {
                return ok();
            }
        } else if (errno != EAGAIN && errno != EINTR) {
            return transfer_error("send");
        }
        const auto now = Clock::now();
        if (now >= deadline) {
            return fail(LinkErrc::timed_out, "the peer does not read what is sent to it");
        }
        pollfd item{fd, POLLOUT, 0};
        (void)::poll(&item, 1, poll_timeout(deadline, now));
    }
}

} // namespace cardlatch::vpcd
