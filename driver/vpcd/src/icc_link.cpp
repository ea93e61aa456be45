#include <cardlatch/vpcd/icc_link.hpp>

#include <sys/socket.h>

#include <cerrno>

namespace cardlatch::vpcd {

IccLink::IccLink(ReservedPort port)
    : address_{LinkAddress::Kind::listen_tcp, false, {}, port.where()}
    , port_(std::move(port)) {}

Result<IccLink> IccLink::open(LinkAddress address) {
    if (address.kind != LinkAddress::Kind::listen_tcp) {
        return IccLink(std::move(address));
    }
    BOOST_OUTCOME_TRY(auto row, ReservedPort::reserve(address.tcp, 1));
    return IccLink(std::move(row.front()));
}

Result<void> IccLink::insert(Milliseconds timeout) {
    if (socket_) {
        return ok();
    }
    if (port_) {
        BOOST_OUTCOME_TRY(socket_, port_->listen());
        return ok();
    }
    SocketAddress address;
    if (address_.kind == LinkAddress::Kind::connect_unix) {
        BOOST_OUTCOME_TRY(address, SocketAddress::of_path(address_.path));
    } else {
        BOOST_OUTCOME_TRY(address, SocketAddress::of_host(address_.tcp));
    }
    BOOST_OUTCOME_TRY(socket_, connect_socket(address, timeout, address_.text()));
    return ok();
}

Result<void> IccLink::serve(IccHandler& handler, const std::stop_token& stop) {
    if (!socket_) {
        return fail(std::errc::not_connected, address_.text() + ": the card is not inserted");
    }
    if (port_) {
        return serve_listening(handler, stop);
    }
    return IccEndpoint(handler, address_.offers_extension).serve(std::move(socket_), stop);
}

Result<void> IccLink::serve_listening(IccHandler& handler, const std::stop_token& stop) const {
    const std::stop_callback wake(stop, [fd = socket_.get()] { (void)::shutdown(fd, SHUT_RDWR); });
    while (!stop.stop_requested()) {
        UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) {
            (void)IccEndpoint(handler, false).serve(std::move(connection), stop);
        } else if (!stop.stop_requested() && errno != EINTR && errno != ECONNABORTED) {
            return last_system_error("cannot accept the reader on " + address_.text());
        }
    }
    return ok();
}

void IccLink::remove() noexcept {
    socket_.reset();
}

} // namespace cardlatch::vpcd
