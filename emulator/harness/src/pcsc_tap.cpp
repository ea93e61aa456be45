#include "process.hpp"
#include "tapped_client.hpp"

#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/harness/pcsc_tap.hpp>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <list>
#include <poll.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace cardlatch::harness {

namespace {

constexpr int k_backlog = 64;
constexpr int k_pause_ms = 100;

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto& text = path.native();
    if (text.size() >= sizeof address.sun_path) {
        return fail(std::errc::filename_too_long,
                    fmt::format("socket path {} has {} bytes; the system allows {}: choose a shorter folder "
                                "with TMPDIR",
                                text, text.size(), sizeof address.sun_path - 1));
    }
    std::copy(text.begin(), text.end(), std::begin(address.sun_path));
    return address;
}

Result<UniqueFd> connect_to(const sockaddr_un& address) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return last_system_error(fmt::format("pcscd at {}", &address.sun_path[0]));
    }
    return fd;
}

bool send_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const auto count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        bytes = bytes.subspan(count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return true;
}

struct Peer {
    pid_t pid = 0;
    std::string name; ///< "opensc-tool (4711)"
};

Peer peer_of(int fd) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return {0, "client"};
    }
    std::string name;
    std::ifstream comm(fmt::format("/proc/{}/comm", credentials.pid));
    std::getline(comm, name);
    // Whoever names a process may name it anything; traces hold UTF-8.
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return {credentials.pid, fmt::format("{} ({})", name.empty() ? "client" : name, credentials.pid)};
}

} // namespace

class PcscTap::Impl {
  public:
    Impl(TapOptions options, sockaddr_un pcscd, UniqueFd listener, UniqueFd stop)
        : options_(std::move(options))
        , pcscd_(pcscd)
        , listener_(std::move(listener))
        , stop_(std::move(stop))
        , acceptor_([this] { accept_clients(); }) {}

    ~Impl() {
        ::eventfd_write(stop_.get(), 1); // stays readable: every thread sees it
        acceptor_.join();
        for (auto& connection : connections_) {
            connection.thread.join();
        }
        ::unlink(options_.socket.c_str());
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    std::atomic<pid_t> hidden = 0;

  private:
    struct Connection {
        std::atomic<bool> done = false;
        std::thread thread;
    };

    void accept_clients() {
        for (;;) {
            std::array<pollfd, 2> waiting{{{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                           {.fd = listener_.get(), .events = POLLIN, .revents = 0}}};
            poll_uninterrupted(waiting.data(), waiting.size(), -1);
            if (waiting[0].revents != 0) {
                return;
            }
            UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!client) {
                poll_uninterrupted(waiting.data(), 1, k_pause_ms); // out of descriptors, for one
                continue;
            }
            connections_.remove_if([](Connection& connection) {
                const bool done = connection.done;
                if (done) {
                    connection.thread.join();
                }
                return done;
            });
            auto& connection = connections_.emplace_back();
            try {
                connection.thread = std::thread([this, &connection, fd = std::move(client)] {
                    pass(fd);
                    connection.done = true;
                });
            } catch (const std::system_error&) { // no thread to be had: the client sees its connection end
                connections_.pop_back();
            }
        }
    }

    /// Passes bytes in both directions until one end has gone.
    void pass(const UniqueFd& client) {
        const auto pcscd = connect_to(pcscd_);
        if (!pcscd) {
            return; // the client sees what it would see of a pcscd that has ended
        }
        const auto peer = peer_of(client.get());
        TappedClient tapped(peer.name, options_.exchanges, [&](trace::Event event) {
            if (peer.pid != hidden && (options_.reader.empty() || event.reader == options_.reader)) {
                options_.trace->record(event);
            }
            wipe(event.command);
            wipe(event.response);
        });
        std::array<std::uint8_t, 8192> room{};
        for (bool open = true; open;) {
            std::array<pollfd, 3> waiting{
                {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                 {.fd = client.get(), .events = POLLIN, .revents = 0},
                 {.fd = pcscd.assume_value().get(), .events = POLLIN, .revents = 0}}};
            poll_uninterrupted(waiting.data(), waiting.size(), -1);
            open = waiting[0].revents == 0;
            if (open && waiting[2].revents != 0) {
                open = forward(waiting[2].fd, waiting[1].fd, room, [&](auto b) { tapped.from_pcscd(b); });
            }
            if (open && waiting[1].revents != 0) {
                open = forward(waiting[1].fd, waiting[2].fd, room, [&](auto b) { tapped.from_client(b); });
            }
        }
        wipe(room);
        tapped.ended();
    }

    /// Told before it is passed on, so that who acts on it comes later in the trace as well.
    template <class Look>
    static bool forward(int from, int to, std::array<std::uint8_t, 8192>& room, Look look) {
        const auto count = ::recv(from, room.data(), room.size(), 0);
        if (count <= 0) {
            return count < 0 && errno == EINTR;
        }
        const ByteView bytes(room.data(), static_cast<std::size_t>(count));
        look(bytes);
        return send_all(to, bytes);
    }

    TapOptions options_;
    sockaddr_un pcscd_;
    UniqueFd listener_;
    UniqueFd stop_;
    std::list<Connection> connections_; ///< the acceptor's, until it has ended
    std::thread acceptor_;
};

PcscTap::PcscTap(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

PcscTap::~PcscTap() = default;

Result<std::unique_ptr<PcscTap>> PcscTap::start(TapOptions options) {
    BOOST_OUTCOME_TRY(const auto pcscd, address_of(options.pcscd));
    BOOST_OUTCOME_TRY(const auto address, address_of(options.socket));
    if (const auto served = connect_to(pcscd); !served) {
        return served.assume_error();
    }
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
    if (!listener || !stop ||
        ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(options.socket.c_str(), 0600) != 0 || ::listen(listener.get(), k_backlog) != 0) {
        return last_system_error(fmt::format("socket {}", options.socket.native()));
    }
    return std::unique_ptr<PcscTap>(
        new PcscTap(std::make_unique<Impl>(std::move(options), pcscd, std::move(listener), std::move(stop))));
}

void PcscTap::hide(pid_t process) {
    impl_->hidden = process;
}

} // namespace cardlatch::harness
