#include <cardlatch/vpcd/address.hpp>
#include <cardlatch/vpcd/error.hpp>

#include <array>
#include <charconv>

namespace cardlatch::vpcd {

namespace {

struct Scheme {
    std::string_view prefix;
    LinkAddress::Kind kind;
    bool offers_extension;
};

constexpr std::array k_schemes{
    Scheme{"unix:", LinkAddress::Kind::connect_unix, true},
    Scheme{"vpcd+unix:", LinkAddress::Kind::connect_unix, false},
    Scheme{"cardlatch://", LinkAddress::Kind::connect_tcp, true},
    Scheme{"vpcd://", LinkAddress::Kind::connect_tcp, false},
    Scheme{"vpcd-listen://", LinkAddress::Kind::listen_tcp, false},
};

Error bad(std::string_view text, const std::string& what) {
    return fail(LinkErrc::bad_address, "\"" + std::string(text) + "\": " + what);
}

} // namespace

std::string HostPort::text() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<HostPort> parse_host_port(std::string_view text) {
    std::string_view host = text;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos || (end + 1 < text.size() && text[end + 1] != ':')) {
            return bad(text, "an IPv6 address is written [ADDRESS]:PORT");
        }
        host = text.substr(1, end - 1);
        has_port = end + 1 < text.size();
        port = has_port ? text.substr(end + 2) : std::string_view{};
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        has_port = true;
    }
    HostPort result{std::string(host.empty() ? k_loopback : host), k_vpcd_port};
    if (has_port) {
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
        if (error != std::errc{} || end != port.data() + port.size()) {
            return bad(text, "the port is a number from 0 to 65535");
        }
    }
    return result;
}

Result<void> check_socket_path(std::string_view path) {
    if (path.empty()) {
        return fail(LinkErrc::bad_address, "the path of the unix socket is empty");
    }
    if (path.find('\0') != std::string_view::npos) {
        return fail(LinkErrc::bad_address, "the path of the unix socket holds a zero byte");
    }
    if (path.size() > k_max_socket_path) {
        return bad(path, "the path has " + std::to_string(path.size()) +
                             " bytes, a unix socket can have 107: use a shorter directory");
    }
    return ok();
}

Result<LinkAddress> LinkAddress::parse(std::string_view text) {
    for (const auto& scheme : k_schemes) {
        if (!text.starts_with(scheme.prefix)) {
            continue;
        }
        const auto rest = text.substr(scheme.prefix.size());
        LinkAddress address{scheme.kind, scheme.offers_extension, {}, {}};
        if (scheme.kind == Kind::connect_unix) {
            BOOST_OUTCOME_TRY(check_socket_path(rest));
            address.path = rest;
            return address;
        }
        BOOST_OUTCOME_TRY(address.tcp, parse_host_port(rest));
        if (address.tcp.port == 0 && scheme.kind == Kind::connect_tcp) {
            return bad(text, "port 0 cannot be connected to");
        }
        return address;
    }
    return bad(text, "an address is unix:PATH, cardlatch://HOST:PORT, vpcd://HOST:PORT, vpcd+unix:PATH or "
                     "vpcd-listen://HOST:PORT");
}

std::string LinkAddress::text() const {
    for (const auto& scheme : k_schemes) {
        if (scheme.kind == kind && scheme.offers_extension == offers_extension) {
            return std::string(scheme.prefix) + (kind == Kind::connect_unix ? path : tcp.text());
        }
    }
    return {};
}

} // namespace cardlatch::vpcd
