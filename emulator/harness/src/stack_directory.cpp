#include "reader_config.hpp"

#include <cardlatch/harness/stack_directory.hpp>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>

namespace cardlatch::harness {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_prefix = "cardlatch-";
constexpr std::size_t k_random = 6; // mkdtemp's X
constexpr std::string_view k_lock_name = "lock";
// "/cardlatch-XXXXXX/link.NN.N" is the longest that we append; AF_UNIX allows 107 bytes.
constexpr std::size_t k_longest_base = 107 - 28;

fs::path base_folder() {
    const char* wanted = std::getenv("TMPDIR");
    const fs::path folder = wanted != nullptr && *wanted == '/' ? wanted : "/tmp";
    std::error_code ignored;
    const auto real = fs::canonical(folder, ignored).native();
    const bool hidden_from_pcscd = real == "/run" || real.starts_with("/run/");
    const bool usable =
        !real.empty() && !hidden_from_pcscd && real.size() <= k_longest_base && is_plain_token(real);
    return usable ? fs::path(real) : fs::path("/tmp");
}

/// Takes the lock of a stack folder; none when somebody holds it or it is no stack folder of ours.
UniqueFd try_lock(const fs::path& folder, int extra_flags) {
    UniqueFd lock(
        ::open((folder / k_lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | extra_flags, 0600));
    struct stat info {};
    if (!lock || ::fstat(lock.get(), &info) != 0 || info.st_uid != ::geteuid() ||
        ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return {};
    }
    return lock;
}

/// Removes a stack folder, its lock last: whoever is killed half-way leaves something that can be locked, or
/// nothing in it.
void remove_folder(const fs::path& folder) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        if (entry.path().filename() != k_lock_name) {
            fs::remove_all(entry.path(), ignored);
        }
    }
    fs::remove_all(folder, ignored);
}

void remove_abandoned(const fs::path& base) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(base, ignored)) {
        const auto name = entry.path().filename().native();
        if (!name.starts_with(k_prefix) || name.size() != k_prefix.size() + k_random ||
            !entry.is_directory(ignored)) {
            continue;
        }
        // Our lock on it keeps other sweepers away while we remove.
        if (const auto lock = try_lock(entry.path(), 0)) {
            remove_folder(entry.path());
        } else {
            // Only an empty one goes; if it has just been made, its owner takes another.
            ::rmdir(entry.path().c_str());
        }
    }
}

} // namespace

Result<StackDirectory> StackDirectory::create() {
    const auto base = base_folder();
    remove_abandoned(base);
    for (int attempt = 0; attempt < 16; ++attempt) {
        std::string text = (base / k_prefix).native() + std::string(k_random, 'X');
        if (::mkdtemp(text.data()) == nullptr) {
            return last_system_error("folder " + text);
        }
        const fs::path folder(text);
        auto lock = try_lock(folder, O_CREAT);
        // A sweeper may have locked the new file between our open and flock, and be removing it: then take
        // another.
        struct stat held {};
        struct stat named {};
        if (lock && ::fstat(lock.get(), &held) == 0 && ::stat((folder / k_lock_name).c_str(), &named) == 0 &&
            held.st_ino == named.st_ino) {
            return StackDirectory(folder, std::move(lock));
        }
    }
    return fail(
        std::errc::resource_unavailable_try_again,
        fmt::format("no folder below {} could be locked; set TMPDIR to another folder", base.native()));
}

StackDirectory::StackDirectory(fs::path path, UniqueFd lock)
    : path_(std::move(path))
    , lock_(std::move(lock)) {}

StackDirectory::StackDirectory(StackDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {}))
    , lock_(std::move(other.lock_)) {}

StackDirectory::~StackDirectory() {
    if (!path_.empty()) {
        remove_folder(path_);
    }
}

} // namespace cardlatch::harness
