#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/socket.hpp>
#include <cardlatch/vpcd/unix_listener.hpp>

#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <unistd.h>

namespace cardlatch::vpcd {

namespace {

/// Removes a socket file that nobody listens on any more.
Result<void> remove_stale(const SocketAddress& address, const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        return errno == ENOENT ? Result<void>(ok()) : last_system_error("cannot look at " + path);
    }
    if (!S_ISSOCK(info.st_mode)) {
        return fail(std::errc::address_in_use,
                    path + " exists and is no socket: choose another path or remove it");
    }
    BOOST_OUTCOME_TRY(auto probe, open_socket(AF_UNIX));
    if (::connect(probe.get(), address.get(), address.size) == 0 || errno != ECONNREFUSED) {
        return fail(std::errc::address_in_use, path + " is in use by another reader: choose another path");
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return last_system_error("cannot replace the dead socket " + path);
    }
    return ok();
}

} // namespace

Result<UnixListener> UnixListener::open(const std::string& path) {
    BOOST_OUTCOME_TRY(const auto address, SocketAddress::of_path(path));
    BOOST_OUTCOME_TRY(auto fd, open_socket(AF_UNIX));
    // The file takes the socket's mode, less the umask: it never exists with a wider one. See unix(7), fchmod
    // before bind.
    if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) {
        return last_system_error("cannot set the mode of " + path);
    }
    int bound = ::bind(fd.get(), address.get(), address.size);
    if (bound != 0 && errno == EADDRINUSE) {
        BOOST_OUTCOME_TRY(remove_stale(address, path));
        bound = ::bind(fd.get(), address.get(), address.size);
    }
    if (bound != 0) {
        return last_system_error("cannot make the socket " + path +
                                 " (its directory has to exist and be writable for the reader's process)");
    }
    UnixListener listener(std::move(fd), path);
    struct stat info {};
    if (::listen(listener.fd(), SOMAXCONN) != 0 || ::lstat(path.c_str(), &info) != 0) {
        const Error error = last_system_error("cannot listen on " + path);
        (void)::unlink(path.c_str());
        return error;
    }
    listener.device_ = info.st_dev;
    listener.inode_ = info.st_ino;
    listener.owner_ = ::getpid();
    return listener;
}

void UnixListener::remove_file() const noexcept {
    struct stat info {};
    if (owner_ == ::getpid() && fd_ && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
        info.st_ino == inode_) {
        (void)::unlink(path_.c_str());
    }
}

} // namespace cardlatch::vpcd
