#pragma once

#include <cardlatch/base/result.hpp>

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace cardlatch::pcsc {

class Lock;

/// What Card::lock() does when the card was reset since this connection last used it.
class Recovery {
  public:
    /// Called inside the new lock to bring the card back to where the program needs it: select, verify. An
    /// error ends the lock and becomes Card::lock()'s.
    using Reselect = std::function<Result<void>(Lock& lock)>;

    /// Errc::reset_card, once more with each lock() until Card::reconnect(). The default.
    static Recovery fail() { return {}; }

    /// Acknowledges the reset, locks, and calls `reselect` in the new lock. Nothing is ever resent. Applies
    /// to the outermost lock only: a reset inside a lock breaks the sequence, and the sequence must know.
    static Recovery reattach(Reselect reselect) {
        Recovery recovery;
        recovery.reselect_ = std::move(reselect);
        return recovery;
    }

    [[nodiscard]] const Reselect& reselect() const { return reselect_; }

  private:
    Reselect reselect_;
};

/// What happens to a lock under which nothing is sent. Windows resets the card after 5 s, pcsc-lite never.
struct IdleWatch {
    /// What is done about it.
    enum class Action {
        none,
        warn,   ///< one line to the log callback, once per idle time
        unlock, ///< every level is ended, and the Lock says Errc::timeout from then on
    };
    std::chrono::milliseconds after{5000};
    Action action = Action::warn;
};

/// How a Card locks. Source: docs/locking.md.
struct LockPolicy {
    /// How long to wait in the queue of this library's users before going on without it; 0 does not queue.
    /// Reached only when the card is held this long, or when somebody holds the queue alone.
    std::chrono::milliseconds queue_patience{10000};
    Recovery after_reset;
    IdleWatch idle;
};

/// A user of this library who has the card, or is about to take it.
struct LockHolder {
    pid_t pid = 0;    ///< 0 when the process is in a PID namespace that this one cannot see, and on Windows
    std::string name; ///< the kernel's short name of the process; empty when it cannot be read
    /// In whole seconds, right for 9 hours; the epoch on Windows.
    std::chrono::system_clock::time_point since;
};

/// The queue of this library's users before one reader. Programs that call winscard.h do not appear in it.
struct LockQueue {
    std::optional<LockHolder> holder;
    unsigned waiting = 0; ///< how many wait behind the holder; 0 on Windows, which does not tell
};

} // namespace cardlatch::pcsc
