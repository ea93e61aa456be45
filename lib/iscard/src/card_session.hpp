#pragma once

#include "com_ptr.hpp"

#include <cardlatch/iscard/scard.h>
#include <cardlatch/iso7816/apdu.hpp>

namespace cardlatch::iscard {

/// The ISCard that the interfaces of one service provider share, and commands through it.
class CardSession {
  public:
    explicit CardSession(ComPtr<ISCard> card)
        : card_(std::move(card)) {}

    [[nodiscard]] ISCard& card() const { return *card_.get(); }

    /// Sends a command and fetches the whole reply: 61xx and 6Cxx are followed whatever the protocol is.
    /// Failures are those of ISCard::Transaction(). Throws std::bad_alloc.
    HRESULT send(const iso7816::CommandApdu& command, iso7816::ResponseApdu& reply) const;

    /// As above, for commands that are done when the card says 9000 or warns (62xx, 63xx but not 63Cx); other
    /// status words become meaning_of() them.
    HRESULT perform(const iso7816::CommandApdu& command, iso7816::ResponseApdu& reply) const;

    /// As perform(), for a command whose data field is secret: `first`, then `second`. No copy of it is left.
    [[nodiscard]] HRESULT present(BYTE ins, BYTE p1, BYTE p2, ByteView first, ByteView second = {}) const;

    /// Runs `body` while nobody else has the card. Its failure comes before one of unlocking.
    template <class Body>
    HRESULT exclusively(Body&& body) const {
        if (const auto hr = card().LockSCard(); FAILED(hr)) {
            return hr;
        }
        const Unlock unlock(card());
        return body();
    }

  private:
    class Unlock {
      public:
        explicit Unlock(ISCard& card)
            : card_(card) {}
        Unlock(const Unlock&) = delete;
        Unlock& operator=(const Unlock&) = delete;
        ~Unlock() { card_.UnlockSCard(LEAVE); }

      private:
        ISCard& card_;
    };
    ComPtr<ISCard> card_;
};

/// The HRESULT for a status word; S_OK for 9000 and warnings. Source: docs/iscard.md, "Status words".
HRESULT meaning_of(iso7816::StatusWord sw) noexcept;

} // namespace cardlatch::iscard
