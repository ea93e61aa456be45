#include "state_store.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace cardlatch::card {

namespace {

constexpr std::size_t k_max_state_file = std::size_t{16} * 1024 * 1024;

template <class Call>
auto retry_interrupted(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

Result<void> write_all(int fd, std::string_view text, const std::string& what) {
    while (!text.empty()) {
        const auto written = retry_interrupted([&] { return ::write(fd, text.data(), text.size()); });
        if (written < 0) {
            return last_system_error(what);
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ok();
}

} // namespace

Result<std::optional<std::string>> read_text_file(int folder, const std::filesystem::path& file,
                                                  std::size_t limit) {
    const UniqueFd fd(
        retry_interrupted([&] { return ::openat(folder, file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
    if (!fd) {
        if (errno == ENOENT) {
            return std::optional<std::string>{};
        }
        return last_system_error(file.string());
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) {
        return last_system_error(file.string());
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(std::errc::invalid_argument, file.string() + ": is not a regular file");
    }
    std::string text;
    std::array<char, 16384> block{};
    for (;;) {
        const auto got = retry_interrupted([&] { return ::read(fd.get(), block.data(), block.size()); });
        if (got < 0) {
            return last_system_error(file.string());
        }
        if (got == 0) {
            return std::optional<std::string>{std::move(text)};
        }
        text.append(block.data(), static_cast<std::size_t>(got));
        if (text.size() > limit) {
            return fail(std::errc::file_too_large,
                        fmt::format("{}: is longer than {} bytes", file.string(), limit));
        }
    }
}

Result<void> write_private_file(const std::filesystem::path& file, std::string_view text, bool replace) {
    const auto folder_path = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    const UniqueFd folder(::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return last_system_error(fmt::format("folder of {}", file.string()));
    }
    std::string temporary = file.string() + ".XXXXXX"; // nobody else's, whatever the folder
    const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) {
        return last_system_error(fmt::format("temporary file {}", temporary));
    }
    const auto finish = [&]() -> Result<void> {
        BOOST_OUTCOME_TRY(write_all(fd.get(), text, temporary));
        if (retry_interrupted([&] { return ::fsync(fd.get()); }) != 0) {
            return last_system_error(temporary);
        }
        if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, file.c_str(),
                        replace ? 0 : RENAME_NOREPLACE) != 0) {
            return last_system_error(file.string());
        }
        return ok();
    };
    if (auto written = finish(); !written) {
        (void)::unlink(temporary.c_str());
        return written;
    }
    if (retry_interrupted([&] { return ::fsync(folder.get()); }) != 0) {
        return last_system_error(fmt::format("folder of {}", file.string()));
    }
    return ok();
}

Result<StateStore> StateStore::open(const std::filesystem::path& file) {
    if (!file.has_filename()) {
        return fail(std::errc::invalid_argument,
                    fmt::format("state file \"{}\": has to name a file, not a folder", file.string()));
    }
    const auto folder_path = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    UniqueFd folder(::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return last_system_error(fmt::format("folder of the state file {}", file.string()));
    }
    const auto lock_name = file.filename().string() + ".lock";
    UniqueFd lock(::openat(folder.get(), lock_name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) {
        return last_system_error(fmt::format("lock file {}.lock", file.string()));
    }
    if (retry_interrupted([&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB); }) != 0) {
        if (errno == EWOULDBLOCK) {
            return fail(std::errc::device_or_resource_busy,
                        fmt::format("state file {}: another card that is running owns it", file.string()));
        }
        return last_system_error(fmt::format("lock file {}.lock", file.string()));
    }
    return StateStore(file, std::move(folder), std::move(lock));
}

Result<std::optional<std::string>> StateStore::read() const {
    auto text = read_text_file(folder_.get(), name_, k_max_state_file);
    if (!text) {
        return fail(text.error().code, fmt::format("state file in {}: {}", file_.parent_path().string(),
                                                   text.error().message()));
    }
    return text;
}

Result<void> StateStore::write(std::string_view text, bool torn) const {
    const auto temporary = name_ + ".tmp";
    const auto what = fmt::format("state file {}.tmp", file_.string());
    // Not O_EXCL: we own the name, and what a crash left there is worthless.
    const UniqueFd fd(::openat(folder_.get(), temporary.c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
        return last_system_error(what);
    }
    BOOST_OUTCOME_TRY(write_all(fd.get(), torn ? text.substr(0, text.size() / 2) : text, what));
    if (torn) {
        return fail(std::errc::io_error, what + ": power failed");
    }
    if (retry_interrupted([&] { return ::fsync(fd.get()); }) != 0) {
        return last_system_error(what);
    }
    if (::renameat(folder_.get(), temporary.c_str(), folder_.get(), name_.c_str()) != 0) {
        return last_system_error(fmt::format("state file {}", file_.string()));
    }
    if (retry_interrupted([&] { return ::fsync(folder_.get()); }) != 0) {
        return last_system_error(fmt::format("folder of the state file {}", file_.string()));
    }
    return ok();
}

} // namespace cardlatch::card
