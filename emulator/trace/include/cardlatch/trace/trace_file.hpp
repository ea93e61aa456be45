#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/trace/event.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace cardlatch::trace {

/// How a trace is written down.
enum class Format {
    pcapng, ///< for Wireshark: APDUs and ATRs dissected, one interface for each reader
    chrome, ///< trace events in JSON, for Perfetto and chrome://tracing: one row for each reader
    apdu,   ///< the dialogue with the first card that is talked to, as in fixtures/apdu; `replay:` plays it
};

/// The format that a file's extension stands for: .pcapng, .json, .apdu.
/// Errors: std::errc::invalid_argument that names them.
Result<Format> format_of(const std::filesystem::path& file);

/// What becomes of PINs and keys (SecretMask).
enum class Secrets { masked, shown };

/// A trace on disk, mode 0600. Thread-safe; events are written as they come and are in the file after
/// close(), or when the process ends in an orderly way.
class TraceFile : public Sink {
  public:
    /// Replaces `file`. Errors: the system's, with the file's name.
    static Result<std::shared_ptr<TraceFile>> create(const std::filesystem::path& file, Format format,
                                                     Secrets secrets);
    /// Writes to a descriptor; `name` is for errors.
    static std::shared_ptr<TraceFile> on(UniqueFd fd, const std::string& name, Format format,
                                         Secrets secrets);
    ~TraceFile() override;

    /// Errors are kept for close().
    void record(const Event& event) override;

    /// Writes the end. Idempotent. Errors: the first that happened, std::errc::no_space_on_device and such.
    Result<void> close();

  private:
    class Impl;
    explicit TraceFile(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace cardlatch::trace
