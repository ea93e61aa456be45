#pragma once

#include <cardlatch/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace cardlatch::vpcd {

/// The port of stock vpcd's first slot (0x8C7B). Source: vpcd.h of vsmartcard.
inline constexpr std::uint16_t k_vpcd_port = 35963;
/// The host where none is given: this machine alone.
inline constexpr std::string_view k_loopback = "127.0.0.1";
/// Longest path of a unix socket, in bytes. Source: unix(7), sun_path less its terminating zero.
inline constexpr std::size_t k_max_socket_path = 107;

/// A TCP host and port. Port 0 in a listening place means any free one.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;

    /// "HOST:PORT", with brackets around an IPv6 address.
    [[nodiscard]] std::string text() const;
};

/// Reads "HOST:PORT", "HOST", ":PORT" or "[IPV6]:PORT"; what is missing is 127.0.0.1 and 35963.
/// Errors: LinkErrc::bad_address.
Result<HostPort> parse_host_port(std::string_view text);

/// Errors: LinkErrc::bad_address when `path` is empty, holds a zero or is longer than 107 bytes.
Result<void> check_socket_path(std::string_view path);

/// Where the card end of a link goes.
struct LinkAddress {
    /// Who connects to whom.
    enum class Kind : std::uint8_t {
        connect_unix, ///< unix:PATH, vpcd+unix:PATH
        connect_tcp,  ///< cardlatch://HOST:PORT, vpcd://HOST:PORT
        listen_tcp,   ///< vpcd-listen://HOST:PORT
    };

    Kind kind = Kind::connect_unix;
    bool offers_extension = false; ///< the driver at the other end is ours: unix:, cardlatch://
    std::string path;              ///< connect_unix
    HostPort tcp;                  ///< connect_tcp, listen_tcp

    /// Errors: LinkErrc::bad_address with a detail that says what is wrong and which forms there are.
    static Result<LinkAddress> parse(std::string_view text);

    /// The text that parse() reads.
    [[nodiscard]] std::string text() const;
};

} // namespace cardlatch::vpcd
