#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <filesystem>

namespace cardlatch::harness {

/// The folder of one private stack: mode 0700, locked while its owner lives, removed with this object.
///
/// It lies below TMPDIR, or /tmp when that is unset, is below /run (which pcscd does not see), holds
/// characters that pcscd's configuration cannot carry, or is too long for socket paths (AF_UNIX allows 107
/// bytes). Folders whose owners died without cleaning up are removed on the way.
class StackDirectory {
  public:
    /// Errors: the errno of the step that failed, with the folder in the detail.
    static Result<StackDirectory> create();

    StackDirectory(StackDirectory&& other) noexcept;
    StackDirectory& operator=(StackDirectory&&) = delete;
    ~StackDirectory();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    StackDirectory(std::filesystem::path path, UniqueFd lock);
    std::filesystem::path path_;
    UniqueFd lock_;
};

} // namespace cardlatch::harness
