#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cardlatch::card {

/// Reads a regular text file of at most `limit` bytes; nothing if it does not exist.
/// Errors: a system error; std::errc::file_too_large beyond `limit`.
Result<std::optional<std::string>> read_text_file(int folder, const std::filesystem::path& file,
                                                  std::size_t limit);

/// Writes a file that only its owner may read, all or nothing: a temporary file beside it is written, synced
/// and renamed, and the folder is synced. Errors: std::errc::file_exists when there is one already and it is
/// not to be replaced; a system error.
Result<void> write_private_file(const std::filesystem::path& file, std::string_view text, bool replace);

/// One card's state file, owned alone and replaced as a whole.
///
/// The owner holds flock() on FILE.lock, which stays behind empty: the state file itself cannot carry the
/// lock since every write replaces it. A write goes to FILE.tmp, is synced, renamed over FILE, and the folder
/// is synced; so FILE holds either the old or the new text at any moment. A FILE.tmp left by a crash is never
/// read.
class StateStore {
  public:
    /// Takes ownership. Errors: std::errc::device_or_resource_busy when somebody else has it; a system error.
    static Result<StateStore> open(const std::filesystem::path& file);

    /// The stored text, nothing if there is none yet. Errors: a system error.
    [[nodiscard]] Result<std::optional<std::string>> read() const;

    /// Replaces the text; returns when it is on disk.
    /// With `torn`, power fails in the middle: a part of the text is in FILE.tmp, and the answer is
    /// std::errc::io_error.
    /// Errors: a system error. Then the old text stands; only if the folder's sync failed may the new one.
    [[nodiscard]] Result<void> write(std::string_view text, bool torn = false) const;

    [[nodiscard]] const std::filesystem::path& file() const { return file_; }

  private:
    StateStore(std::filesystem::path file, UniqueFd folder, UniqueFd lock)
        : file_(std::move(file))
        , name_(file_.filename())
        , folder_(std::move(folder))
        , lock_(std::move(lock)) {}

    std::filesystem::path file_;
    std::string name_;
    UniqueFd folder_;
    UniqueFd lock_;
};

} // namespace cardlatch::card
