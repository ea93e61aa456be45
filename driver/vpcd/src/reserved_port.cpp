#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/reserved_port.hpp>

#include <cerrno>

namespace cardlatch::vpcd {

namespace {

/// A free port whose neighbours are taken is not a row: so many are tried.
constexpr int k_row_attempts = 64;

void share_address(int fd) noexcept {
    const int on = 1;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

} // namespace

Result<ReservedPort> ReservedPort::hold(SocketAddress address, std::string host, bool exclusive) {
    BOOST_OUTCOME_TRY(auto holder, open_socket(address.family()));
    // Sharing lets listen() bind beside the holder. A port of our own choice is bound before it is shared, so
    // that it cannot be another instance's; a port that was asked for is shared first, or connections that
    // just ended would block it.
    if (!exclusive) {
        share_address(holder.get());
    }
    HostPort where{std::move(host), address.port()};
    if (::bind(holder.get(), address.get(), address.size) != 0) {
        Error error = last_system_error("cannot reserve the port " + where.text());
        if (error.code.value() == EADDRINUSE) {
            error.detail += ": choose another port, or 0 for any free one";
        }
        return error;
    }
    if (exclusive) {
        share_address(holder.get());
    }
    BOOST_OUTCOME_TRY(const auto bound, SocketAddress::of_socket(holder.get()));
    where.port = bound.port();
    return ReservedPort(std::move(holder), bound, std::move(where));
}

Result<std::vector<ReservedPort>> ReservedPort::reserve(const HostPort& where, unsigned count) {
    BOOST_OUTCOME_TRY(auto address, SocketAddress::of_host(where));
    const bool any = where.port == 0;
    for (int attempt = 0;; ++attempt) {
        std::vector<ReservedPort> row;
        Error error;
        for (unsigned i = 0; i < count; ++i) {
            const unsigned port = i == 0 ? where.port : row.front().where().port + i;
            if (port > 0xFFFF) {
                error = fail(LinkErrc::bad_address,
                             where.text() + ": no " + std::to_string(count) + " ports in a row there");
                break;
            }
            address.set_port(static_cast<std::uint16_t>(port));
            auto held = hold(address, where.host, any);
            if (!held) {
                error = held.error();
                break;
            }
            row.push_back(std::move(held).value());
        }
        if (row.size() == count) {
            return row;
        }
        const bool again = any && !row.empty() && attempt < k_row_attempts;
        if (!again) {
            return error;
        }
    }
}

Result<UniqueFd> ReservedPort::listen() const {
    return listen_tcp(address_, where_.text());
}

} // namespace cardlatch::vpcd
