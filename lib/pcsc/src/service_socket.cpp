#include "service_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <unistd.h>

namespace cardlatch::pcsc::detail {

std::string service_socket() {
    static auto& mutex = *new std::mutex;
    static auto& known = *new std::map<std::string, std::string>;
    const char* const configured = std::getenv("PCSCLITE_CSOCK_NAME");
    const std::string path = configured != nullptr ? configured : "/run/pcscd/pcscd.comm";
    const std::lock_guard guard(mutex);
    if (char* const real = ::realpath(path.c_str(), nullptr); real != nullptr) {
        known[path] = real;
        std::free(real); // NOLINT(cppcoreguidelines-no-malloc): realpath's contract
    }
    const auto at = known.find(path);
    return at != known.end() ? at->second : path;
}

bool service_listens() {
    const auto path = service_socket();
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path) {
        return false;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path[0], path.c_str(), path.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return connected;
}

} // namespace cardlatch::pcsc::detail
