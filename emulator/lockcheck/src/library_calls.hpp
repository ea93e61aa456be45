#pragma once

#include "order.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/apdu.hpp>
#include <cardlatch/lockcheck/code.hpp>
#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/error.hpp>
#include <cardlatch/pcsc/lock.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cardlatch::lockcheck {

constexpr Code code_of(pcsc::Errc number) {
    return static_cast<Code>(static_cast<int>(number));
}

/// The resource manager's number of an error; k_not_done for errors of another plane.
Code code_of(const Error& error);

template <class T>
Code code_of(const Result<T>& result) {
    return result ? k_success : code_of(result.assume_error());
}

/// A library's user in a participant: its cards by the names that scripts give them, and the locks on each.
///
/// Codes are the resource manager's, also where the library makes them. Thread-safe as Calls is.
class LibraryCalls {
  public:
    void use_reader(std::string name);
    /// The reader, on a context that is made when it is first asked for.
    Result<pcsc::Reader> reader();

    /// Reader::connect().
    Code attach(const std::string& name, pcsc::ShareMode share);
    Code attach_within(const std::string& name, std::chrono::milliseconds time);
    /// Until stop(), which may come before.
    Code attach_stoppable(const std::string& name);
    /// Card::reconnect() as shared.
    Code reattach(const std::string& name, pcsc::Disposition initialization);
    /// Card::disconnect(); the Card and its Locks stay, since what they say afterwards is tested too.
    Code detach(const std::string& name, pcsc::Disposition disposition);
    /// The end of the Card's life, without a call.
    Code forget(const std::string& name);

    Code lock(const std::string& name);
    Code lock_within(const std::string& name, std::chrono::milliseconds time);
    /// Until stop(), which may come before.
    Code lock_stoppable(const std::string& name);
    Code stop(const std::string& name);
    Code try_lock(const std::string& name);
    /// Lock::unlock() of the innermost lock.
    Code unlock(const std::string& name, pcsc::Disposition disposition);
    /// The end of the innermost Lock's life, without a call.
    Code let_go(const std::string& name);
    /// Lock::transmit() on the innermost lock; the reply with its status word goes to `answer`.
    Code transmit(const std::string& name, const iso7816::CommandApdu& command, Bytes& answer);
    /// Lock::check() of the innermost lock.
    Code check(const std::string& name);
    [[nodiscard]] bool has_lock(const std::string& name) const;

    /// From the next lock on: one that is idle for `time` is ended.
    Code end_idle_locks(const std::string& name, std::chrono::milliseconds time);
    /// From the next lock on: resets are recovered from by sending `command`, whose status word must be 9000.
    Code recover_with(const std::string& name, const iso7816::CommandApdu& command);

    /// Returns when `count` users of the library wait in the queue.
    Code await_queue(unsigned count);
    /// Success when `pid` is the one whom the queue calls the holder.
    Code is_holder(pid_t pid);

    /// Ends every lock and connection.
    void close();

  private:
    struct Held {
        explicit Held(pcsc::Card connected)
            : card(std::move(connected)) {}
        pcsc::Card card;
        std::mutex mutex;
        std::vector<pcsc::Lock> locks; ///< innermost last
        std::stop_source stop;
        bool done_with = false; ///< close() has been here: nothing is to be added
    };

    [[nodiscard]] std::shared_ptr<Held> find(const std::string& name) const;
    Code keep(const std::string& name, Result<pcsc::Card> connected);
    static Code keep(Held& held, Result<pcsc::Lock> lock);

    mutable std::mutex mutex_;
    std::string reader_;
    std::optional<pcsc::Context> context_;
    std::map<std::string, std::shared_ptr<Held>> cards_;
    std::map<std::string, std::stop_source> attaching_; ///< by name, while there is no card yet
};

/// What scripts call them.
using LibraryVerbs = std::map<std::string, std::function<Code(LibraryCalls&, const Order&)>>;
const LibraryVerbs& library_verbs();

} // namespace cardlatch::lockcheck
