#include "liar.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <poll.h>
#include <thread>

namespace cardlatch::test {

using vpcd::Dialect;
using vpcd::FrameType;

namespace {

Bytes plain(const Bytes& body) {
    Bytes message{static_cast<std::uint8_t>(body.size() >> 8U), static_cast<std::uint8_t>(body.size())};
    message.insert(message.end(), body.begin(), body.end());
    return message;
}

Bytes extended(FrameType type, const Bytes& payload) {
    const auto length = payload.size() + 1;
    Bytes message{static_cast<std::uint8_t>(length >> 24U), static_cast<std::uint8_t>(length >> 16U),
                  static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length),
                  static_cast<std::uint8_t>(type)};
    message.insert(message.end(), payload.begin(), payload.end());
    return message;
}

} // namespace

/// The memory that came with a hello (docs/protocol.md, "The ring"), for somebody who does not keep to it.
class Liar::Ring {
  public:
    static constexpr std::size_t k_box = std::size_t{17} * 4096;
    static constexpr std::size_t k_command = 0;      ///< the box that the reader fills
    static constexpr std::size_t k_response = k_box; ///< and the one that the card does
    static constexpr std::size_t k_length = 4;
    static constexpr std::size_t k_data = 16;
    static constexpr std::uint32_t k_looking = 1;
    static constexpr std::uint32_t k_full = 3;

    explicit Ring(UniqueFd memory)
        : start_(::mmap(nullptr, 2 * k_box, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0)) {}
    ~Ring() {
        if (good()) {
            ::munmap(start_, 2 * k_box);
        }
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    [[nodiscard]] bool good() const { return start_ != MAP_FAILED; }
    /// A word of it, `at` bytes from the start.
    [[nodiscard]] std::atomic_ref<std::uint32_t> word(std::size_t at) const {
        return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(static_cast<std::uint8_t*>(start_) + at));
    }

  private:
    void* start_;
};

void Liar::run() {
    while (!counters_.stop) {
        one_link();
    }
}

UniqueFd Liar::connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), std::min(path_.size() + 1, sizeof address.sun_path));
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return {};
    }
    return fd;
}

void Liar::one_link() {
    const auto fd = connect();
    if (!fd) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return;
    }
    ++counters_.links;
    vpcd::Decoder decoder(Dialect::plain, vpcd::Side::ifd);
    const auto version = static_cast<std::uint8_t>(chance(30) ? 0 : 1 + below(vpcd::k_extension_version));
    lies_ = chance(30) ? 0 : 50; // who never lies on the socket comes as far as commands in the ring
    std::unique_ptr<Ring> ring;
    bool greeted = false;
    while (true) {
        auto frame = decoder.next();
        if (!frame) {
            return; // out of step with the reader, after a mutation that changed the dialect
        }
        if (!frame.assume_value()) {
            if (!receive(fd.get(), decoder, ring)) {
                return;
            }
            continue;
        }
        const auto type = frame.assume_value()->type;
        if (!greeted && version > 0) {
            greeted = true;
            const Bytes offer{'C', 'L', 'X', version};
            if (!say(fd.get(), plain(offer))) {
                return;
            }
            decoder.switch_to(Dialect::extended);
        } else if (!answer(fd.get(), decoder.dialect(), type, version)) {
            return;
        }
        for (auto left = ring ? below(10) : 0; left > 0; --left) {
            scribble(*ring);
        }
        if (chance(lies_ == 0 ? 10 : 2)) {
            return;
        }
    }
}

/// Waits a little: the reader may be waiting for the rest of a frame that is not coming.
bool Liar::receive(int fd, vpcd::Decoder& decoder, std::unique_ptr<Ring>& ring) {
    constexpr int k_patience_ms = 20;
    pollfd item{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&item, 1, k_patience_ms) <= 0) {
        return false;
    }
    const auto space = decoder.space();
    iovec data{.iov_base = space.data(), .iov_len = space.size()};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto got = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (const auto* header = CMSG_FIRSTHDR(&message);
        got > 0 && header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        int memory = -1;
        std::memcpy(&memory, CMSG_DATA(header), sizeof memory);
        ring = std::make_unique<Ring>(UniqueFd(memory));
        if (!ring->good()) {
            ring.reset();
        }
    }
    if (got <= 0) {
        return false;
    }
    decoder.commit(static_cast<std::size_t>(got));
    return true;
}

bool Liar::answer(int fd, Dialect dialect, FrameType request, std::uint8_t version) {
    const Bytes atr{0x3B, 0x80, 0x80, 0x01, 0x01};
    if (dialect == Dialect::plain) {
        return request == FrameType::request_atr ? say(fd, plain(atr))
               : request == FrameType::command   ? say(fd, plain(response()))
                                                 : true;
    }
    switch (request) {
    case FrameType::hello:
        return version < vpcd::k_features_version || say(fd, extended(FrameType::card, {}));
    case FrameType::power_on:
    case FrameType::reset:
        return say(fd, extended(FrameType::atr, atr));
    case FrameType::power_off:
        return say(fd, extended(FrameType::off, {}));
    case FrameType::pin_request:
        return say(fd, extended(FrameType::pin_entry, {0x00, 0x04, '1', '2', '3', '4'}));
    default:
        break;
    }
    if (chance(10) && !say(fd, extended(FrameType::time_extension, {0x00, 0x10}))) {
        return false;
    }
    return version >= vpcd::k_no_answer_version && chance(10)
               ? say(fd, extended(FrameType::no_answer, {0x01}))
               : say(fd, extended(FrameType::response, response()));
}

Bytes Liar::response() {
    Bytes bytes(chance(90) ? below(20) : below(65536));
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(bytes.size());
    }
    bytes.insert(bytes.end(), {0x90, 0x00});
    return bytes;
}

/// Sends `message`, or something that resembles it. False when the link has ended.
bool Liar::say(int fd, Bytes message) {
    const Bytes due = message;
    if (chance(lies_)) {
        mutate(message);
    }
    bool alive = true;
    for (std::size_t sent = 0; sent < message.size() && alive;) {
        const auto size = chance(10) ? 1 + below(message.size() - sent) : message.size() - sent;
        const auto done = ::send(fd, message.data() + sent, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        alive = done > 0;
        sent += alive ? static_cast<std::size_t>(done) : 0;
    }
    if (alive) {
        ++(message == due ? counters_.proper : counters_.mutated);
    }
    return alive;
}

/// Bits, bytes and lengths changed; pieces cut, doubled, added; the end cut off.
void Liar::mutate(Bytes& data) {
    constexpr std::array<std::uint8_t, 6> k_edges{0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
    for (auto left = 1 + below(chance(80) ? 1 : 5); left > 0 && !data.empty(); --left) {
        const auto at = below(data.size());
        const auto place = data.begin() + static_cast<std::ptrdiff_t>(at);
        switch (below(7)) {
        case 0:
            data[at] = static_cast<std::uint8_t>(data[at] ^ 1U << below(8));
            break;
        case 1:
            data[at] = k_edges.at(below(k_edges.size()));
            break;
        case 2:
            data[below(std::min<std::size_t>(data.size(), 5))] =
                static_cast<std::uint8_t>(below(256)); // length or type
            break;
        case 3:
            data.erase(place, place + static_cast<std::ptrdiff_t>(
                                          1 + below(std::min<std::size_t>(data.size() - at, 3))));
            break;
        case 4: {
            Bytes added(1 + below(8));
            for (auto& byte : added) {
                byte = static_cast<std::uint8_t>(below(256));
            }
            data.insert(place, added.begin(), added.end());
            break;
        }
        case 5: {
            const Bytes copy(data.begin(), place);
            data.insert(data.end(), copy.begin(), copy.end());
            break;
        }
        default:
            data.resize(at); // a peer that dies there, if the link ends before the next message
            break;
        }
    }
}

/// Waits for a command, mostly, and answers it, mostly wrongly.
void Liar::scribble(Ring& ring) {
    constexpr std::array<std::uint32_t, 11> k_lengths{
        0, 1, 2, 3, 256, 65538, 65539, Ring::k_box, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    constexpr std::array<std::uint32_t, 8> k_states{0, 1, 2, 3, 3, 4, 5, 0xFFFFFFFF};
    constexpr std::uint32_t k_status_word = 0x00000090; // 9000, in a little-endian word
    constexpr int k_looks = 20;
    if (chance(80)) {
        ring.word(Ring::k_command) = Ring::k_looking;
    }
    for (int i = 0; i < k_looks; ++i) {
        if (ring.word(Ring::k_command) == Ring::k_full) {
            ++counters_.ring_commands;
            break;
        }
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    for (auto left = 1 + below(3); left > 0; --left) {
        const auto box = chance(50) ? Ring::k_command : Ring::k_response;
        ring.word(box + Ring::k_length) = chance(67) ? 2 : k_lengths.at(below(k_lengths.size()));
        ring.word(box) = k_states.at(below(k_states.size()));
        ++counters_.scribbles;
    }
    if (chance(50)) {
        ring.word(Ring::k_response + Ring::k_data) = k_status_word;
        ring.word(Ring::k_response + Ring::k_length) = 2;
        ring.word(Ring::k_response) = Ring::k_full;
    }
}

} // namespace cardlatch::test
