#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/pcsc/lock.hpp>
#include <cardlatch/pcsc/lock_policy.hpp>
#include <cardlatch/pcsc/types.hpp>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace cardlatch::pcsc {

class Context;

namespace detail {
struct LockBounds;
}

/// State of the card in its reader, from least to most ready. The values are Windows' SCardStatus
/// enumeration; pcsc-lite's bits are translated. Source: pcsc-lite SCardStatus.
enum class CardState : std::uint32_t {
    unknown = 0,
    absent = 1,
    present = 2,    ///< in the reader, not in position
    swallowed = 3,  ///< in position, without power or mute
    powered = 4,    ///< powered, mode unknown
    negotiable = 5, ///< reset, awaits protocol selection
    specific = 6,   ///< protocol selected
};

/// Answer of Card::status().
struct CardStatus {
    std::string reader;
    CardState state = CardState::unknown;
    Protocol protocol = Protocol::none;
    Bytes atr;
};

/// A connection to a card.
///
/// Commands that belong together go through lock(). The lock belongs to the connection, not to a thread: two
/// threads that lock the same Card both succeed and interleave. Threads that must exclude each other use a
/// Card each.
///
/// Threads: all functions may be called from several threads. disconnect() from another thread ends a wait
/// for a lock with Errc::invalid_handle. A Card that goes out of scope disconnects and leaves the card as it
/// is.
///
/// Fork: in a forked child, a Card of the parent, its Locks and its Context answer Errc::invalid_handle, and
/// end without a trace; the child establishes a Context of its own.
class Card {
  public:
    Card(Card&&) noexcept;
    Card& operator=(Card&&) noexcept;
    Card(const Card&) = delete;
    Card& operator=(const Card&) = delete;
    ~Card();

    /// Uses a handle that somebody else connected in this process, without owning it: the destructor ends the
    /// locks taken here but not the connection; disconnect() does end it. `context` is used for questions
    /// about the reader. Blocks while another connection holds the lock. Errors: Errc::invalid_handle when no
    /// context of this process knows `handle`. A pending reset or removal is no error here: the handle is
    /// valid, and the next call reports it. Source: pcsc-lite SCardStatus.
    static Result<Card> adopt(const Context& context, NativeHandle handle);

    /// Claims the card until the Lock is ended; nests, each Lock ends one level. This library's users are
    /// served in the order in which they came, on the whole machine; see lock_policy.hpp and docs/locking.md.
    /// Waits without limit while somebody else holds the card; disconnect() from another thread ends the
    /// wait. Errors: Errc::reset_card when that happened since the last call and the policy is
    /// Recovery::fail(); removed_card (reconnect() acknowledges it); reader_unavailable; invalid_value when
    /// the reader was unplugged; invalid_handle after disconnect(); those of the Recovery's hook. Source:
    /// pcsc-lite SCardBeginTransaction.
    [[nodiscard]] Result<Lock> lock() const;

    /// As lock(), until `deadline`: then Errc::timeout, even if the holder does not use this library. Late by
    /// at most 50 ms, for a resource manager that owes an answer.
    [[nodiscard]] Result<Lock> lock(std::chrono::steady_clock::time_point deadline) const;

    /// As lock(), until another thread requests a stop: then Errc::cancelled, at once. What happens to the
    /// Card: nothing.
    [[nodiscard]] Result<Lock>
    lock(std::stop_token stop,
         std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max()) const;

    /// As lock(), without waiting: Errc::sharing_violation when somebody has the card or a place in the
    /// queue.
    [[nodiscard]] Result<Lock> try_lock() const;

    /// For all locks taken from now on.
    void set_lock_policy(LockPolicy policy);
    [[nodiscard]] LockPolicy lock_policy() const;

    /// Sends one command outside any lock and returns the reply, SW1-SW2 included.
    /// Lock::transmit() is the normal way: without a lock another program can come in between two commands,
    /// change the selected file or reset the card. This is for layers such as ISCard whose contract leaves
    /// locking to their caller, and for single commands that carry no state. Takes part in a lock that this
    /// connection holds; blocks while another connection holds the card. Errors: as lock(), also
    /// comm_error, not_transacted (the driver failed), no_smartcard; proto_mismatch on a direct connection.
    /// Source: pcsc-lite SCardTransmit.
    [[nodiscard]] Result<Bytes> transmit_unlocked(ByteView command) const;

    /// State, protocol and ATR, asked now. Blocks while another connection holds the card; Reader::state()
    /// does not. Errors: Errc::reset_card, removed_card, reader_unavailable. Source: pcsc-lite SCardStatus.
    [[nodiscard]] Result<CardStatus> status() const;

    /// Acknowledges a reset or removal, resets on request, changes the share mode. Locks held here stay held
    /// (as in pcsc-lite; Windows drops them, see drop_locks()). After a removal the connection is to whatever
    /// card is in the reader now: compare ATRs. Blocks without limit while another connection holds the card,
    /// and, when it changes to exclusive, while anybody else is connected at all. Errors: also
    /// Errc::no_smartcard, unresponsive_card, proto_mismatch, invalid_value for Disposition::eject. Source:
    /// pcsc-lite SCardReconnect.
    Result<void> reconnect(ShareMode mode, Protocol preferred,
                           Disposition initialization = Disposition::leave);

    /// Ends every level of lock that is held here; their Lock objects no longer hold anything.
    /// Errors: as Lock::unlock(), of the first level that failed.
    Result<void> drop_locks();

    /// Ends the connection, with every lock that it holds. `leave` never waits, the others wait without limit
    /// while another connection holds the card. The Card is disconnected afterwards, whatever the result.
    /// Errors: Errc::invalid_handle when it already was. pcsc-lite reports success even if the disposition
    /// failed. Source: pcsc-lite SCardDisconnect.
    Result<void> disconnect(Disposition disposition = Disposition::leave);

    /// 0 after disconnect().
    [[nodiscard]] NativeHandle native_handle() const;
    /// Name of the reader; empty for an adopted handle that could not be asked.
    [[nodiscard]] const std::string& reader_name() const;
    /// As of the last connect or reconnect, not asked anew; a reset by others makes it stale.
    [[nodiscard]] Protocol active_protocol() const;
    /// The set that the last connect or reconnect asked for.
    [[nodiscard]] Protocol preferred_protocol() const;
    [[nodiscard]] ShareMode share_mode() const;
    /// Levels of lock held here.
    [[nodiscard]] unsigned lock_depth() const;
    /// False for an adopted handle.
    [[nodiscard]] bool owned() const;

  private:
    friend class Reader;
    explicit Card(std::shared_ptr<detail::Connection> connection);
    void leave() noexcept;
    [[nodiscard]] Result<Lock> lock_within(const detail::LockBounds& bounds) const;
    std::shared_ptr<detail::Connection> connection_;
};

} // namespace cardlatch::pcsc
