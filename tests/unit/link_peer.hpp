#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <boost/test/unit_test.hpp>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <future>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace cardlatch::test {

/// The one deadline of every wait in these tests: far beyond what a loaded machine needs.
inline constexpr std::chrono::seconds k_patience{30};

/// A directory that goes away with everything in it.
class TempDir {
  public:
    TempDir() {
        std::string name = std::filesystem::temp_directory_path() / "cardlatch-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string path(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

inline Bytes hex(const std::string& text) {
    return from_hex(text).value();
}

/// One end of a stream that says exactly what the test tells it to.
class Peer {
  public:
    explicit Peer(UniqueFd fd)
        : fd_(std::move(fd)) {}

    static Peer to_unix(const std::string& path) { return to(vpcd::SocketAddress::of_path(path).value()); }
    static Peer to_tcp(const vpcd::HostPort& where) {
        return to(vpcd::SocketAddress::of_host(where).value());
    }

    void say(ByteView bytes) const {
        BOOST_REQUIRE_EQUAL(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                            static_cast<ssize_t>(bytes.size()));
    }
    void say(const std::string& digits) const { say(hex(digits)); }

    /// Speaks even if nobody listens any more.
    void try_say(ByteView bytes) const { (void)::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }

    /// The next `size` bytes in hexadecimal; fewer when the other end closes.
    [[nodiscard]] std::string hear(std::size_t size) const {
        Bytes bytes;
        while (bytes.size() < size && readable()) {
            std::array<std::uint8_t, 512> piece{};
            const ssize_t got =
                ::recv(fd_.get(), piece.data(), std::min(piece.size(), size - bytes.size()), 0);
            if (got <= 0) {
                break;
            }
            bytes.insert(bytes.end(), piece.begin(), piece.begin() + got);
        }
        return to_hex(bytes);
    }

    void expect(const std::string& digits) const { BOOST_REQUIRE_EQUAL(hear(digits.size() / 2), digits); }

    /// Waits until the other end closes, without having said anything more.
    void expect_close() const {
        BOOST_REQUIRE(readable());
        std::uint8_t byte = 0;
        BOOST_REQUIRE_LE(::recv(fd_.get(), &byte, 1, 0), 0);
    }

    void close() { fd_.reset(); }
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] UniqueFd take() { return std::move(fd_); }

  private:
    static Peer to(const vpcd::SocketAddress& address) {
        auto fd = vpcd::connect_socket(address, k_patience, "the test's peer");
        BOOST_REQUIRE_MESSAGE(fd, (fd ? "" : fd.error().message()));
        return Peer(std::move(fd).value());
    }
    [[nodiscard]] bool readable() const {
        pollfd item{fd_.get(), POLLIN, 0};
        return ::poll(&item, 1, static_cast<int>(std::chrono::milliseconds(k_patience).count())) == 1;
    }
    UniqueFd fd_;
};

/// Two connected ends.
inline std::pair<UniqueFd, UniqueFd> socket_pair() {
    std::array<int, 2> fds{};
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

} // namespace cardlatch::test
