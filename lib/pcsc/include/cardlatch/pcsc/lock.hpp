#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/iso7816/apdu.hpp>
#include <cardlatch/pcsc/types.hpp>

#include <cstdint>
#include <memory>

namespace cardlatch::pcsc {

namespace detail {
class Connection;
}

/// Exclusive access to a card, from Card::lock() until unlock() or the end of the scope; only here can
/// commands be sent in safety. Commands are sent once: nothing is ever resent, and a reset or removal is
/// reported as such.
///
/// A lock can be lost: to the removal of the card or its reader, the end of the resource manager, or the idle
/// watch. Then held() is false, and transmit() and unlock() return the reason.
///
/// Threads: one thread at a time per Lock; it may move to another thread. It keeps the connection's data
/// alive, and when the Card is disconnected it holds nothing.
class [[nodiscard]] Lock {
  public:
    Lock(Lock&& other) noexcept;
    Lock& operator=(Lock&& other) noexcept;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    /// Ends the lock and leaves the card as it is. A failure goes to the log callback.
    ~Lock();

    /// Sends one command and returns what the card answers; any status word is a success.
    /// Blocks as long as the card takes.
    /// Errors: Errc::not_transacted when nothing is held or the driver failed; what the lock was lost to;
    /// Errc::reset_card, once more with each command of this lock, and nothing was sent; removed_card,
    /// comm_error, no_smartcard; std::errc::bad_message when fewer than two bytes came back. A reset that
    /// pcsc-lite tells of as SCARD_E_PROTO_MISMATCH is a reset_card: docs/locking.md, "Resets that come
    /// late". Source: pcsc-lite SCardTransmit.
    [[nodiscard]] Result<iso7816::ResponseApdu> transmit(const iso7816::CommandApdu& command) const;

    /// As transmit(), for bytes that need not be an APDU. The reply, up to 65,538 bytes, includes SW1-SW2.
    [[nodiscard]] Result<Bytes> transmit_bytes(ByteView command) const;

    /// Ends this level of lock after applying `disposition`. held() tells afterwards whether the lock is
    /// gone:
    ///
    /// - success: gone.
    /// - Errc::reset_card, held() false: the card was reset while locked (for instance by an inner level's
    ///   unlock(Disposition::reset)). pcsc-lite refuses to end the lock then, Windows ends it; here the reset
    ///   is acknowledged and the lock ended in both cases. This return is the only notice of the reset.
    /// - Errc::reset_card, held() true: acknowledging failed too, `detail` says why. Card::disconnect() frees
    /// the card.
    /// - Errc::not_transacted, held() false: there was no lock, or the disposition failed, which ends the
    /// lock all
    ///   the same. With nothing held, the disposition is not tried.
    /// - Errc::removed_card, sharing_violation, invalid_value, invalid_handle, no_service and all others,
    /// held() false: card,
    ///   reader, connection or resource manager went away and took the lock along, or the disposition failed
    ///   after the lock had been ended.
    ///
    /// Source: pcsc-lite SCardEndTransaction.
    Result<void> unlock(Disposition disposition = Disposition::leave);

    /// Success while held. Otherwise why not, as transmit() and unlock() would say.
    [[nodiscard]] Result<void> check() const;

    /// False after unlock(), after being moved from, and after the Card was disconnected or dropped its
    /// locks.
    [[nodiscard]] bool held() const;

  private:
    friend class Card;
    Lock(std::shared_ptr<detail::Connection> connection, std::uint64_t epoch);
    void finish() noexcept;
    std::shared_ptr<detail::Connection> connection_;
    std::uint64_t epoch_ = 0;
};

} // namespace cardlatch::pcsc
