#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>
#include <cardlatch/vpcd/ring.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace cardlatch::vpcd {

/// The reader's end of one connection. After any error of a call but LinkErrc::too_long, mute and garbled the
/// stream is lost: shut it down.
///
/// The greeting and the exchanges are for one thread at a time; shut_down(), fd() and dialect() for any.
class IfdLink {
  public:
    /// Takes a connected stream socket. The deadlines are for one exchange, by dialect, in ms. `features` are
    /// the ReaderFeature bits that a card is told of; with ReaderFeature::ring a card on a unix socket is
    /// offered shared memory for commands and responses. Where that cannot be had, everything goes through
    /// the socket.
    IfdLink(UniqueFd fd, Milliseconds plain_timeout, Milliseconds extended_timeout,
            std::uint8_t features = 0);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] Dialect dialect() const noexcept { return dialect_.load(std::memory_order_relaxed); }

    /// Asks for the ATR. Does not wait. Errors: LinkErrc::closed; the system's.
    Result<void> greet();

    /// Reads what has come of the greeting's answer, without waiting. True: the card is there, in dialect().
    /// Errors: LinkErrc::malformed for anything but an ATR or the offer of the extension; LinkErrc::closed.
    Result<bool> continue_greeting();

    /// What a greeted card asks to be run as inside the reader; empty when it serves the link itself. Only
    /// with ReaderFeature::hosts_cards.
    [[nodiscard]] const std::string& hosting_request() const noexcept { return hosting_request_; }

    /// Whether a ring was offered, or why not, in words for a log; empty while the greeting goes on, and for
    /// cards that know no ring.
    [[nodiscard]] const std::string& ring_report() const noexcept { return ring_report_; }

    /// Cold or warm reset. Returns the ATR, valid until the next call; empty when the card stays mute.
    /// Errors: as exchange().
    Result<ByteView> power_on();
    Result<ByteView> reset(); ///< warm, as power_on()

    /// Errors: as exchange().
    Result<void> power_off();

    /// Sends a command APDU and waits for its response APDU, valid until the next call: through the ring
    /// while both ends use it, otherwise by one send and one receive. The time for all of it is limited,
    /// however the bytes trickle; only a time extension moves the limit. Errors: LinkErrc::too_long and
    /// LinkErrc::malformed with nothing sent when the dialect cannot carry the command (see carries());
    /// LinkErrc::timed_out, LinkErrc::closed, LinkErrc::malformed; LinkErrc::mute and garbled when the card's
    /// end says so; the system's.
    Result<ByteView> transmit(ByteView command);

    /// The card's end can be asked for PINs: it speaks version 2 of the extension.
    [[nodiscard]] bool has_keypad() const noexcept { return has_keypad_; }

    /// Asks for PINs and waits until they are typed, as long as the other end says by time extensions that it
    /// still waits. Errors: LinkErrc::malformed with nothing sent when there is no keypad; as transmit().
    Result<PinEntry> enter_pin(const PinRequest& request);

    /// Tells the card that T=`protocol` is used from now on, 0 or 1, if its end wants to know: it speaks
    /// version 5 of the extension. Errors: as exchange().
    Result<void> set_protocol(unsigned protocol);

    /// The dialect can carry a command of `size` bytes.
    [[nodiscard]] bool carries(std::size_t size) const noexcept;

    /// Ends the link for both sides and wakes whoever waits on it. The descriptor stays valid until
    /// destruction.
    void shut_down() const noexcept;

  private:
    Result<ByteView> exchange(FrameType request, FrameType answer, ByteView payload);
    Result<ByteView> exchange_by_ring(Ring& ring, ByteView command);
    Result<ByteView> activate(FrameType request);
    Result<ByteView> receive(FrameType answer, Clock::time_point deadline, bool first);
    Result<void> receive_some(bool first, Clock::time_point deadline);
    Result<bool> judge_greeting(ByteView answer);
    Result<void> say_hello(std::uint8_t version);
    std::unique_ptr<Ring> offered_ring(std::uint8_t version);
    Result<bool> judge_card_frame(const Frame& frame);
    [[nodiscard]] Milliseconds timeout() const noexcept;
    void set_receive_timeout() const noexcept;

    UniqueFd fd_;
    Milliseconds plain_timeout_;
    Milliseconds extended_timeout_;
    std::uint8_t features_;
    bool has_keypad_ = false;
    bool wants_protocol_ = false;
    std::string hosting_request_;
    std::string ring_report_;
    std::unique_ptr<Ring> ring_;
    std::atomic<Ring*> shared_ring_{nullptr}; ///< ring_, for shut_down()
    std::atomic<Dialect> dialect_{Dialect::plain};
    Encoder encoder_;
    Decoder decoder_{Dialect::plain, Side::icc};
};

} // namespace cardlatch::vpcd
