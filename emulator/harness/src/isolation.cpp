#include "isolation.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace cardlatch::harness {

namespace {

int write_file(const char* path, const char* text, std::size_t size) noexcept {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    const auto written = ::write(fd, text, size);
    const int error = written == static_cast<ssize_t>(size) ? 0 : errno;
    ::close(fd);
    return error;
}

/// "ID ID 1\n" into `buffer` without any library call that may lock.
std::size_t format_identity_map(unsigned id, char* buffer) noexcept {
    char digits[16];
    std::size_t count = 0;
    do {
        digits[count++] = static_cast<char>('0' + id % 10);
        id /= 10;
    } while (id != 0);
    std::size_t at = 0;
    for (int copy = 0; copy < 2; ++copy) {
        for (std::size_t i = count; i > 0; --i) {
            buffer[at++] = digits[i - 1];
        }
        buffer[at++] = ' ';
    }
    buffer[at++] = '1';
    buffer[at++] = '\n';
    return at;
}

} // namespace

int enter_private_run(bool user_namespace, uid_t uid, gid_t gid) noexcept {
    if (::unshare(CLONE_NEWNS | (user_namespace ? CLONE_NEWUSER : 0)) != 0) {
        return errno;
    }
    if (user_namespace) {
        char map[40];
        // The own ids stay as they are, so that file permissions mean what they meant outside.
        if (const int error = write_file("/proc/self/setgroups", "deny", 4); error != 0 && error != ENOENT) {
            return error;
        }
        if (const int error = write_file("/proc/self/uid_map", map, format_identity_map(uid, map));
            error != 0) {
            return error;
        }
        if (const int error = write_file("/proc/self/gid_map", map, format_identity_map(gid, map));
            error != 0) {
            return error;
        }
    }
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k") != 0 ||
        ::mkdir("/run/pcscd", 0755) != 0) {
        return errno;
    }
    return 0;
}

} // namespace cardlatch::harness
