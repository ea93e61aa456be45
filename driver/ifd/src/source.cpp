#include "source.hpp"

#include "log.hpp"

#include <cardlatch/vpcd/unix_listener.hpp>

#include <cerrno>
#include <fcntl.h>

namespace cardlatch::ifd {

namespace {

using vpcd::Milliseconds;
using vpcd::SocketAddress;

constexpr Milliseconds k_retry{200};
/// More who wait are turned away at the next event: a flood of peers holds nobody up.
constexpr int k_refused_at_once = 16;

bool set_blocking(int fd, bool blocking) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && ::fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0;
}

/// Accepts on any listening descriptor.
class Listening : public Source {
  public:
    UniqueFd take(TimePoint /*now*/) override {
        return UniqueFd(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    [[nodiscard]] pollfd interest() const override { return {fd(), POLLIN, 0}; }

    void refuse(TimePoint now) override {
        for (int i = 0; i < k_refused_at_once && take(now); ++i) {
        }
    }

    void close() noexcept override {
        (void)::shutdown(fd(), SHUT_RDWR);
        remove_file();
    }

  protected:
    [[nodiscard]] virtual int fd() const = 0;
};

class ListeningUnix final : public Listening {
  public:
    explicit ListeningUnix(vpcd::UnixListener listener)
        : listener_(std::move(listener)) {}
    void remove_file() const noexcept override { listener_.remove_file(); }

  private:
    [[nodiscard]] int fd() const override { return listener_.fd(); }
    vpcd::UnixListener listener_;
};

class ListeningTcp final : public Listening {
  public:
    explicit ListeningTcp(UniqueFd fd)
        : fd_(std::move(fd)) {}

  private:
    [[nodiscard]] int fd() const override { return fd_.get(); }
    UniqueFd fd_;
};

/// Connects to a card that listens, again and again until it is there.
class Connecting final : public Source {
  public:
    Connecting(const SocketAddress& address, Milliseconds timeout)
        : address_(address)
        , timeout_(timeout) {}

    UniqueFd take(TimePoint now) override {
        if (attempt_) {
            return conclude(now);
        }
        if (now < next_) {
            return {};
        }
        begin(now);
        return attempt_ ? conclude(now) : UniqueFd{};
    }

    [[nodiscard]] pollfd interest() const override { return {attempt_.get(), POLLOUT, 0}; }
    [[nodiscard]] std::optional<TimePoint> timer() const override { return next_; }

    void refuse(TimePoint now) override { next_ = now + k_retry; } // after the present card, not at once

    void close() noexcept override { attempt_.reset(); }

  private:
    void begin(TimePoint now) {
        next_ = now + k_retry;
        auto fd = vpcd::open_socket(address_.family());
        if (!fd || !set_blocking(fd.value().get(), false)) {
            return;
        }
        const int rv = ::connect(fd.value().get(), address_.get(), address_.size);
        if (rv == 0 || errno == EINPROGRESS) {
            attempt_ = std::move(fd).value();
            next_ = now + timeout_;
        }
    }

    UniqueFd conclude(TimePoint now) {
        pollfd item = interest();
        if (::poll(&item, 1, 0) == 0) {
            if (now >= next_) {
                give_up(now);
            }
            return {};
        }
        int error = 0;
        socklen_t size = sizeof error;
        if (::getsockopt(attempt_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0 ||
            !set_blocking(attempt_.get(), true)) {
            give_up(now);
            return {};
        }
        next_ = now + k_retry;
        return std::move(attempt_);
    }

    void give_up(TimePoint now) {
        attempt_.reset();
        next_ = now + k_retry;
    }

    SocketAddress address_;
    Milliseconds timeout_;
    UniqueFd attempt_;
    TimePoint next_{}; ///< the next attempt, or the end of the present one
};

} // namespace

Result<std::unique_ptr<Source>> Source::open(const DeviceName& device, unsigned slot) {
    if (device.kind == DeviceName::Kind::unix_socket) {
        BOOST_OUTCOME_TRY(auto listener, vpcd::UnixListener::open(device.slot_path(slot)));
        (void)set_blocking(listener.fd(), false);
        return std::make_unique<ListeningUnix>(std::move(listener));
    }
    const auto where = device.slot_port(slot);
    BOOST_OUTCOME_TRY(const auto address, SocketAddress::of_host(where));
    if (device.kind == DeviceName::Kind::vpcd_connect) {
        return std::make_unique<Connecting>(address, device.greeting_timeout);
    }
    if (!address.is_local()) {
        log(LogLevel::critical, where.text() +
                                    " is open to other machines, without any protection: whoever reaches it "
                                    "may put a card into this reader and sees what is sent to it");
    }
    BOOST_OUTCOME_TRY(auto fd, vpcd::listen_tcp(address, where.text()));
    (void)set_blocking(fd.get(), false);
    return std::make_unique<ListeningTcp>(std::move(fd));
}

} // namespace cardlatch::ifd
