#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cardlatch::harness {

/// What PC/SC clients see of a reader.
struct ReaderView {
    std::string name;
    std::string state;        ///< "empty", "present", "mute" or "unavailable"
    std::string atr;          ///< hexadecimal; empty without a card
    std::uint32_t events = 0; ///< pcscd's count of insertions and removals

    bool operator==(const ReaderView&) const = default;
};

/// A PC/SC client in a process of its own that watches the readers of one private pcscd.
///
/// libpcsclite reads PCSCLITE_CSOCK_NAME once per process, so a program that owns several stacks cannot be a
/// client of each. This also keeps the promise literal: a change is reported done when a real client has seen
/// it. Thread-safe. The process ends with this object and with the thread that called start().
class Observer {
  public:
    /// Called from the observer's own thread whenever a view changed; must not call back into this object.
    using ChangeHandler = std::function<void(const ReaderView& before, const ReaderView& now)>;

    /// Starts `program` against the pcscd at `pcsc_socket`; its diagnostics go to `log_file`.
    /// Errors: the errno of the step that failed.
    static Result<std::unique_ptr<Observer>> start(const std::filesystem::path& program,
                                                   const std::filesystem::path& pcsc_socket,
                                                   const std::filesystem::path& log_file,
                                                   ChangeHandler on_change);
    ~Observer();
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Lets the process end: who waits here gets std::errc::connection_reset.
    void leave() noexcept;

    /// Every reader that clients can list now, in pcscd's order.
    std::vector<ReaderView> readers() const;

    /// Waits until `predicate` holds for the readers listed.
    /// Errors: std::errc::timed_out after `deadline`, std::errc::connection_reset when pcscd or the observer
    /// has ended.
    Result<void> wait_until(std::chrono::steady_clock::time_point deadline,
                            const std::function<bool(const std::vector<ReaderView>&)>& predicate) const;

    /// Resets the card in `reader` as another PC/SC client would: connect shared, disconnect with
    /// SCARD_RESET_CARD. Waits while a client holds a transaction. Errors: std::errc::timed_out,
    /// std::errc::connection_reset, or the PC/SC error's own text.
    Result<void> reset_card(const std::string& reader, std::chrono::steady_clock::time_point deadline);

    /// Takes the card in `reader` as another PC/SC client would (connects shared, begins and ends a
    /// transaction) and leaves it as it was. Errors: std::errc::timed_out while a client holds the card; it
    /// is taken and given back later then, when it becomes free; device_or_resource_busy when one has it
    /// exclusively; std::errc::connection_reset; io_error with the PC/SC error's own text.
    Result<void> acquire_card(const std::string& reader, std::chrono::steady_clock::time_point deadline);

  private:
    struct Reply {
        std::string error; ///< empty for success
        bool busy = false; ///< it failed because another client has the card exclusively
    };

    Result<void> request(const char* action, const std::string& reader,
                         std::chrono::steady_clock::time_point deadline, const std::string& too_late);
    Observer(pid_t pid, UniqueFd channel, ChangeHandler on_change);
    void read_messages();
    void handle(const std::string& line);

    pid_t pid_;
    UniqueFd channel_;
    ChangeHandler on_change_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    bool listed_ = false; ///< the first list of readers has come
    bool ended_ = false;
    std::vector<ReaderView> readers_;
    int next_request_ = 0;
    std::map<int, Reply> replies_; ///< by request number
    std::thread reader_;
};

} // namespace cardlatch::harness
