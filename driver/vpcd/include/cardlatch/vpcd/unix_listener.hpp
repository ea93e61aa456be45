#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <sys/types.h>

#include <string>

namespace cardlatch::vpcd {

/// A listening unix socket that only its owner may connect to, and the file that belongs to it.
class UnixListener {
  public:
    /// Listens at `path`, mode 0600. The socket file of a dead owner is replaced.
    /// Errors: LinkErrc::bad_address (empty, longer than 107 bytes); std::errc::address_in_use when somebody
    /// listens there or another kind of file is in the way; the system's (permission_denied,
    /// no_such_file_or_directory).
    static Result<UnixListener> open(const std::string& path);

    UnixListener(UnixListener&&) = default;
    UnixListener& operator=(UnixListener&&) = delete;
    ~UnixListener() { remove_file(); }

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// Removes the file if it is still this listener's and this process made it. Only system calls: fit for
    /// exit.
    void remove_file() const noexcept;

  private:
    UnixListener(UniqueFd fd, std::string path) noexcept
        : fd_(std::move(fd))
        , path_(std::move(path)) {}

    UniqueFd fd_;
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    pid_t owner_ = 0;
};

} // namespace cardlatch::vpcd
