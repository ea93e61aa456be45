#include "message.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace cardlatch::lockcheck {

namespace {

struct Header {
    std::uint32_t id;
    std::uint32_t lane;
    std::uint64_t code;
    std::int64_t began_ns;
    std::int64_t ended_ns;
};

constexpr std::size_t k_longest_text = 4096;

} // namespace

std::int64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

bool send_message(int fd, const Message& message) {
    std::string datagram(sizeof(Header), '\0');
    const Header header{message.id, message.lane, message.code, message.began_ns, message.ended_ns};
    std::memcpy(datagram.data(), &header, sizeof header);
    datagram += message.text.substr(0, k_longest_text);
    ssize_t sent = 0;
    do {
        sent = ::send(fd, datagram.data(), datagram.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(datagram.size());
}

std::optional<Message> receive_message(int fd) {
    std::array<char, sizeof(Header) + k_longest_text> datagram{};
    ssize_t size = 0;
    do {
        size = ::recv(fd, datagram.data(), datagram.size(), 0);
    } while (size < 0 && errno == EINTR);
    Header header{};
    if (size < static_cast<ssize_t>(sizeof header)) {
        return std::nullopt;
    }
    std::memcpy(&header, datagram.data(), sizeof header);
    return Message{
        .id = header.id,
        .lane = header.lane,
        .code = static_cast<Code>(header.code),
        .began_ns = header.began_ns,
        .ended_ns = header.ended_ns,
        .text = std::string(datagram.data() + sizeof header, static_cast<std::size_t>(size) - sizeof header)};
}

} // namespace cardlatch::lockcheck
