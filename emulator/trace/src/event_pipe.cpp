#include <cardlatch/trace/event_pipe.hpp>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace cardlatch::trace {

namespace {

/// The longest command and response, and names; a message of the socket is one event.
constexpr std::size_t k_longest_event = std::size_t{160} * 1024;

// One machine and one build at both ends, so numbers are in its own form.
void put(Bytes& out, const void* value, std::size_t size) {
    const auto* const first = static_cast<const std::uint8_t*>(value);
    out.insert(out.end(), first, first + size);
}

void put_block(Bytes& out, ByteView block) {
    const auto size = static_cast<std::uint32_t>(block.size());
    put(out, &size, sizeof size);
    put(out, block.data(), block.size());
}

std::int64_t nanoseconds(Clock::time_point when) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

Clock::time_point time_of(std::int64_t ns) {
    return Clock::time_point(std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(ns)));
}

Bytes encode(const Event& event) {
    Bytes out;
    const auto begin = nanoseconds(event.begin);
    const auto end = nanoseconds(event.end);
    put(out, &begin, sizeof begin);
    put(out, &end, sizeof end);
    out.push_back(static_cast<std::uint8_t>(event.what));
    put_block(out, as_bytes(event.reader));
    put_block(out, as_bytes(event.who));
    put_block(out, event.command);
    put_block(out, event.response);
    put_block(out, as_bytes(event.detail));
    return out;
}

/// Reads what encode() wrote; `good` turns false where the bytes end early.
class Decoder {
  public:
    explicit Decoder(ByteView bytes)
        : bytes_(bytes) {}
    bool good = true;

    ByteView take(std::size_t size) {
        if (size > bytes_.size()) {
            good = false;
            return {};
        }
        const auto taken = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return taken;
    }
    template <class Number>
    Number number() {
        Number value{};
        const auto taken = take(sizeof value);
        if (good) {
            std::memcpy(&value, taken.data(), sizeof value);
        }
        return value;
    }
    Bytes block() {
        const auto taken = take(number<std::uint32_t>());
        return {taken.begin(), taken.end()};
    }
    std::string text() {
        const auto taken = take(number<std::uint32_t>());
        return {taken.begin(), taken.end()};
    }

  private:
    ByteView bytes_;
};

bool decode(ByteView bytes, Event& event) {
    Decoder in(bytes);
    event.begin = time_of(in.number<std::int64_t>());
    event.end = time_of(in.number<std::int64_t>());
    const auto what = in.number<std::uint8_t>();
    event.reader = in.text();
    event.who = in.text();
    event.command = in.block();
    event.response = in.block();
    event.detail = in.text();
    event.what = static_cast<What>(what);
    return in.good && what <= static_cast<std::uint8_t>(What::note);
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(std::errc::filename_too_long, "trace socket " + path + ": the path is too long");
    }
    std::copy(path.begin(), path.end(), std::begin(address.sun_path));
    return address;
}

} // namespace

Result<std::shared_ptr<EventSender>> EventSender::connect(const std::string& path) {
    BOOST_OUTCOME_TRY(const auto address, address_of(path));
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return last_system_error("trace socket " + path);
    }
    return std::shared_ptr<EventSender>(new EventSender(std::move(socket)));
}

void EventSender::record(const Event& event) {
    auto message = encode(event);
    {
        const std::lock_guard lock(mutex_);
        while (::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
        }
    }
    wipe(message);
}

class EventReceiver::Impl {
  public:
    Impl(UniqueFd listener, UniqueFd stop, std::filesystem::path path, std::shared_ptr<Sink> sink)
        : listener_(std::move(listener))
        , stop_(std::move(stop))
        , path_(std::move(path))
        , sink_(std::move(sink))
        , thread_([this] { serve(); }) {}

    ~Impl() {
        ::eventfd_write(stop_.get(), 1);
        thread_.join();
        ::unlink(path_.c_str());
    }

  private:
    void serve() {
        std::vector<UniqueFd> senders;
        Bytes room(k_longest_event);
        for (bool ending = false;;) {
            std::vector<pollfd> waiting{{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                        {.fd = listener_.get(), .events = POLLIN, .revents = 0}};
            for (const auto& sender : senders) {
                waiting.push_back({.fd = sender.get(), .events = POLLIN, .revents = 0});
            }
            const int ready = ::poll(waiting.data(), waiting.size(), ending ? 0 : -1);
            if (ready == 0 && ending) {
                break; // nothing more has come
            }
            if (waiting[0].revents != 0) {
                ending = true;
                std::uint64_t count = 0;
                (void)::eventfd_read(stop_.get(), &count);
            }
            for (std::size_t i = senders.size(); i > 0; --i) {
                if (waiting[i + 1].revents != 0 && !take(senders[i - 1], room)) {
                    senders.erase(senders.begin() + static_cast<std::ptrdiff_t>(i - 1));
                }
            }
            if (waiting[1].revents != 0) {
                UniqueFd sender(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                if (sender) {
                    senders.push_back(std::move(sender));
                }
            }
        }
    }

    /// False at the end of the sender.
    bool take(const UniqueFd& sender, Bytes& room) {
        const auto count = ::recv(sender.get(), room.data(), room.size(), 0);
        if (count <= 0) {
            return count < 0 && errno == EINTR;
        }
        const std::span message(room.data(), static_cast<std::size_t>(count));
        Event event;
        if (decode(message, event)) {
            sink_->record(event);
        }
        wipe(event.command);
        wipe(event.response);
        wipe(message);
        return true;
    }

    UniqueFd listener_;
    UniqueFd stop_;
    std::filesystem::path path_;
    std::shared_ptr<Sink> sink_;
    std::thread thread_;
};

EventReceiver::EventReceiver(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

EventReceiver::~EventReceiver() = default;

Result<std::unique_ptr<EventReceiver>> EventReceiver::start(const std::filesystem::path& path,
                                                            std::shared_ptr<Sink> sink) {
    constexpr int k_backlog = 16;
    BOOST_OUTCOME_TRY(const auto address, address_of(path.native()));
    UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
    if (!listener || !stop ||
        ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(listener.get(), k_backlog) != 0) {
        return last_system_error("trace socket " + path.native());
    }
    return std::unique_ptr<EventReceiver>(new EventReceiver(
        std::make_unique<Impl>(std::move(listener), std::move(stop), path, std::move(sink))));
}

} // namespace cardlatch::trace
