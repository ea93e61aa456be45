#pragma once

#include "device_name.hpp"

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <memory>
#include <optional>
#include <poll.h>

namespace cardlatch::ifd {

/// Where a slot's connections come from: a socket that listens, or an attempt to connect that is repeated.
/// Not thread-safe; no call blocks.
class Source {
  public:
    using TimePoint = vpcd::Clock::time_point;

    virtual ~Source() = default;

    /// The source of slot `slot`. Blocks for name resolution, once.
    /// Errors: those of UnixListener::open, listen_tcp and SocketAddress::of_host.
    static Result<std::unique_ptr<Source>> open(const DeviceName& device, unsigned slot);

    /// A new connection, if there is one.
    virtual UniqueFd take(TimePoint now) = 0;

    /// What to poll for until take() is worth calling; fd -1 for nothing.
    [[nodiscard]] virtual pollfd interest() const = 0;

    /// When take() is worth calling without an event.
    [[nodiscard]] virtual std::optional<TimePoint> timer() const { return std::nullopt; }

    /// The slot holds a card: whoever else comes is turned away.
    virtual void refuse(TimePoint now) = 0;

    /// No further connection comes. May be called once, before destruction.
    virtual void close() noexcept = 0;

    /// Removes what would stay in the file system. Only system calls, from any thread: fit for exit.
    virtual void remove_file() const noexcept {}
};

} // namespace cardlatch::ifd
