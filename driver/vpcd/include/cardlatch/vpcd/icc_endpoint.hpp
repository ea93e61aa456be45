#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>
#include <cardlatch/vpcd/socket.hpp>

#include <stop_token>
#include <string>

namespace cardlatch::vpcd {

/// What a card's end can do to its link besides answering, for those that misbehave on purpose. Used by the
/// handler inside its calls, on the thread that serves.
class IccPort {
  public:
    IccPort() = default;
    virtual ~IccPort() = default;
    IccPort(const IccPort&) = delete;
    IccPort& operator=(const IccPort&) = delete;

    /// Asks for `more` ms from now, at most 65535. False where the link has no time extension.
    virtual bool extend_time(Milliseconds more) = 0;

    /// The command under way gets no answer, and the reader learns it at once; transmit() returns nothing
    /// then. False where the link cannot say it.
    virtual bool give_up(NoAnswer why) = 0;

    /// Sends the first `size` bytes of the message that `response` would be, and ends the link.
    virtual void cut(ByteView response = {}, std::size_t size = 0) = 0;

    /// The link ends when the call under way has been answered.
    virtual void cut_after_answer() = 0;

    /// Waits `time` ms. False when the link ended meanwhile.
    [[nodiscard]] virtual bool wait(Milliseconds time) const = 0;
};

/// The card behind a link. All calls of one link come from the thread that serves it, one at a time.
class IccHandler {
  public:
    virtual ~IccHandler() = default;

    /// The link that the calls from now on come from, until the call with null.
    virtual void attach(IccPort* /*port*/) {}

    /// Cold reset. Returns the ATR; empty when the card stays mute.
    virtual Bytes power_on() = 0;

    /// Power is gone: volatile state is lost.
    virtual void power_off() = 0;

    /// Warm reset. Returns the ATR; empty when the card stays mute.
    virtual Bytes reset() = 0;

    /// The ATR the card would answer with now, without resetting it: plain vpcd asks for it at any time,
    /// powered or not.
    virtual Bytes atr() = 0;

    /// The reader uses transmission protocol T=`protocol` from now on, 0 or 1, until the next activation.
    /// Told on extended links alone; without it the ATR's first protocol is used.
    virtual void set_protocol(unsigned /*protocol*/) {}

    /// Answers a command APDU with a response APDU of 2 bytes or more. An empty result leaves the command
    /// unanswered for good: the reader then runs into its deadline. `command` has 1 byte or more and is not
    /// checked.
    virtual Bytes transmit(ByteView command) = 0;

    /// Types PINs for a reader with a PIN pad. Blocks while a person may type; the caller reports that to the
    /// reader every second. Without a keypad: Outcome::cancelled.
    virtual PinEntry enter_pin(const PinRequest& /*request*/) {
        return PinEntry(PinEntry::Outcome::cancelled);
    }

    /// Asked once by a reader that hosts cards: what the card is to be run as there, in the words of the
    /// card's plug-in; empty to serve the link. Afterwards a hosted card gets no call but enter_pin().
    virtual std::string hosting_request() { return {}; }
};

/// The card's end of one connection: greets, then serves requests one after the other.
class IccEndpoint {
  public:
    /// `handler` outlives the endpoint. With `offers_extension` the first request for the ATR is answered by
    /// the offer.
    IccEndpoint(IccHandler& handler, bool offers_extension) noexcept
        : handler_(handler)
        , offers_extension_(offers_extension) {}

    /// Serves `connection`, a connected stream socket. Blocks until the peer closes it or `stop` is
    /// requested, both of which are success, or the link breaks; the socket is closed then, and the handler
    /// gets no power_off(). On plain TCP each receive is preceded by TCP_QUICKACK: stock vpcd writes length
    /// and body apart, and the second waits for our acknowledgement. A handler call that lasts longer than 1
    /// s on an extended link is reported every second. Errors: LinkErrc::malformed, LinkErrc::closed inside a
    /// message, LinkErrc::too_long for a response that the dialect cannot carry; the system's.
    Result<void> serve(UniqueFd connection, const std::stop_token& stop);

  private:
    IccHandler& handler_;
    bool offers_extension_;
};

} // namespace cardlatch::vpcd
