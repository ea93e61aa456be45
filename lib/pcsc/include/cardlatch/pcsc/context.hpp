#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/pcsc/reader.hpp>
#include <cardlatch/pcsc/reader_state.hpp>
#include <cardlatch/pcsc/types.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace cardlatch::pcsc {

namespace detail {
struct ContextHandle;
}

/// A connection to the resource manager. Copies share it; it ends when the last copy, Reader and Card made
/// from it is gone.
///
/// Threads: every call is allowed from every thread, but pcsc-lite serialises the calls on one context, and a
/// connect that waits for somebody's lock keeps the context busy for as long. So give each connection its own
/// context; one costs a socket. cancel() is the exception, it is never kept waiting.
class Context {
  public:
    /// Blocks while a resource manager that listens has not started to serve. Errors: Errc::no_service when
    /// no resource manager runs, Errc::no_memory; Errc::server_too_busy when it has as many contexts as it
    /// serves (pcscd: 200 of all clients, option --max-thread; every Card has one too). A process that has no
    /// context yet is told Errc::security_violation then, as one that may not talk to pcscd, which refuses
    /// both alike. Source: pcsc-lite SCardEstablishContext.
    static Result<Context> establish();

    /// The readers that are known now; none is an empty list, not an error. Source: pcsc-lite
    /// SCardListReaders.
    [[nodiscard]] Result<std::vector<Reader>> readers() const;

    /// The reader called `name` (UTF-8), without asking whether it exists.
    [[nodiscard]] Reader reader(std::string name) const;

    /// Waits until a reader differs from what `states` says of it, then brings `states` up to date; changed()
    /// tells which ones differ. A state without flags differs from everything, so the first call returns at
    /// once. Blocks until `deadline` at the longest; a deadline in the past asks once. Errors: Errc::timeout,
    /// with `states` up to date; Errc::cancelled; Errc::unknown_reader; Errc::invalid_parameter for more
    /// readers than the resource manager can watch (16 before pcsc-lite 2.5). Source: pcsc-lite
    /// SCardGetStatusChange.
    Result<void> wait_for_change(std::span<ReaderState> states,
                                 std::chrono::steady_clock::time_point deadline) const;

    /// Ends another thread's wait_for_change() with Errc::cancelled. A wait for a lock cannot be cancelled
    /// this way. Source: pcsc-lite SCardCancel.
    Result<void> cancel() const; // NOLINT(modernize-use-nodiscard)

    /// The handle, for calls of winscard.h beside this library. Stays owned by the Context.
    [[nodiscard]] NativeHandle native_handle() const;

  private:
    friend class Reader;
    friend class Card;
    explicit Context(std::shared_ptr<detail::ContextHandle> handle)
        : handle_(std::move(handle)) {}
    std::shared_ptr<detail::ContextHandle> handle_;
};

} // namespace cardlatch::pcsc
