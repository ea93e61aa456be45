#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

extern "C" {
#include <ifdhandler.h>
}
#include "device_name.hpp"
#include "hosted_card.hpp"
#include "source.hpp"
#include "status_thread.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/ifd_link.hpp>

#include <poll.h>

namespace cardlatch::ifd {

/// One slot: where its card comes from, the link to the card that is there, and what pcscd has been told.
///
/// Any thread may call anything. An exchange with the card holds one mutex for its whole length, the slot's
/// state another that is never held while waiting; so presence, waiting, stopping and closing go on while a
/// card is slow.
class Slot {
  public:
    /// Opens the slot for cards. Errors: those of Source::open; the system's.
    static Result<std::shared_ptr<Slot>> open(const DeviceName& device, unsigned index);

    ~Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    /// IFD_ICC_PRESENT or IFD_ICC_NOT_PRESENT. Takes care of the sockets first, without waiting.
    /// A card that was taken out is reported absent until the thread that waits for events has been told,
    /// even when the next card is there already: pcscd would never know that it is another one.
    /// IFD_NO_SUCH_DEVICE while the reader is unplugged, as with every exchange.
    RESPONSECODE presence();

    /// Waits until what presence() would say to this thread changes, stop_waiting(), close(), or `timeout`
    /// passes.
    void wait_for_event(vpcd::Milliseconds timeout);

    /// Makes wait_for_event() return, the present call or the next one.
    void stop_waiting();

    /// IFD_POWER_UP, IFD_RESET or IFD_POWER_DOWN. `atr` receives the ATR, empty if there is none.
    /// IFD_ICC_NOT_PRESENT, IFD_ERROR_POWER_ACTION (mute), IFD_RESPONSE_TIMEOUT, IFD_COMMUNICATION_ERROR,
    /// IFD_NOT_SUPPORTED.
    RESPONSECODE power(DWORD action, Bytes& atr);

    /// One command APDU. `*response_size` is the room at `response`, then the length of the answer, 0 with
    /// any error: IFD_ICC_NOT_PRESENT, IFD_RESPONSE_TIMEOUT, IFD_COMMUNICATION_ERROR;
    /// IFD_ERROR_INSUFFICIENT_BUFFER when the link cannot carry the command or `response` cannot hold the
    /// answer, in both of which the card stays.
    RESPONSECODE transmit(ByteView command, UCHAR* response, DWORD* response_size);

    /// Asks the card's end for PINs and waits until they are typed.
    /// IFD_ICC_NOT_PRESENT, IFD_RESPONSE_TIMEOUT, IFD_COMMUNICATION_ERROR; IFD_NOT_SUPPORTED when the card's
    /// end has no keypad.
    RESPONSECODE enter_pin(const vpcd::PinRequest& request, vpcd::PinEntry& entry);

    /// What IFDHSetProtocolParameters negotiates beside the protocol.
    struct Pps {
        std::uint8_t flags; ///< IFD_NEGOTIATE_PTS1 and so on: which of the following count
        std::uint8_t pps1;  ///< Fi and Di
        std::uint8_t pps2;
        std::uint8_t pps3;
    };

    /// Chooses SCARD_PROTOCOL_T0 or _T1 for the powered card, as a PPS exchange would, and tells the card;
    /// the link has no baud rate. IFD_PROTOCOL_NOT_SUPPORTED when the ATR does not offer it,
    /// IFD_ERROR_PTS_FAILURE for parameters that the ATR does not offer, IFD_COMMUNICATION_ERROR without a
    /// card, and what telling the card may end in, as transmit(). Source: ISO/IEC 7816-3 §9.
    RESPONSECODE set_protocol(DWORD protocol, const Pps& pps);

    /// SCARD_PROTOCOL_T0 or _T1: the one chosen, or the first that the ATR offers.
    [[nodiscard]] std::uint32_t protocol() const;

    [[nodiscard]] bool has_pin_pad() const noexcept { return device_.pin_pad; }
    [[nodiscard]] std::string serial_number() const { return device_.serial_number(); }

    /// The ATR of the powered card; empty without one.
    [[nodiscard]] Bytes atr() const;

    /// What a command APDU's data may be at most with the present card, in bytes.
    [[nodiscard]] std::uint32_t max_apdu_data() const;

    [[nodiscard]] unsigned slots() const noexcept { return device_.slots; }

    /// The reader has been unplugged for good: what is under way ends with IFD_NO_SUCH_DEVICE, as does
    /// everything until close().
    void unplug();

    /// Lets go of the card and of the socket. Exchanges and waits under way end.
    void close();

    /// Removes the socket file; only system calls.
    void remove_file() const noexcept { source_->remove_file(); }

  private:
    using TimePoint = vpcd::Clock::time_point;
    class PowerVisit;
    using LinkPtr = std::shared_ptr<vpcd::IfdLink>;

    Slot(DeviceName device, std::unique_ptr<Source> source, UniqueFd wake)
        : device_(std::move(device))
        , source_(std::move(source))
        , wake_(std::move(wake)) {}

    /// What poll(2) waits for. Owns the link, so that its descriptor cannot become another's meanwhile.
    struct Watch {
        std::vector<pollfd> items;
        LinkPtr link;
        TimePoint until;
    };

    // The following need state_ locked.
    void service(TimePoint now);
    void begin_greeting(UniqueFd fd, TimePoint now);
    void continue_greeting(TimePoint now);
    void drop(const std::string& why);
    void fill(Watch& watch, TimePoint until) const;
    [[nodiscard]] bool unplugged() const noexcept;
    [[nodiscard]] bool visible() const noexcept { return present_ && !absence_owed_; }

    [[nodiscard]] Seen seen() const noexcept;
    [[nodiscard]] Seen due() const noexcept; ///< what the status thread has to hear next
    void pay_what_was_noted();

    /// The present card, kept alive for one exchange.
    struct Access {
        LinkPtr link; ///< null: refused
        std::shared_ptr<HostedCard> hosted;
    };

    [[nodiscard]] RESPONSECODE check_protocol(DWORD protocol, const Pps& pps) const;
    RESPONSECODE lose(const LinkPtr& link, const Error& error);
    Access access(bool powered, RESPONSECODE& refused) const;
    RESPONSECODE power_down(const Access& card);
    RESPONSECODE transmit_hosted(const Access& card, ByteView command, std::span<UCHAR> response,
                                 DWORD* size);
    [[nodiscard]] bool still_there(const LinkPtr& link) const;
    void wake() const noexcept;

    const DeviceName device_;
    const std::unique_ptr<Source> source_; ///< used with state_ locked, but for remove_file()
    const UniqueFd wake_;                  ///< eventfd: the waiting thread has to look again

    std::mutex exchange_; ///< one exchange with the card at a time; taken before state_
    mutable std::mutex state_;
    LinkPtr link_;                       ///< being greeted, or the present card's
    std::shared_ptr<HostedCard> hosted_; ///< the present card, when it runs in this process
    bool present_ = false;               ///< link_ has been greeted
    bool powered_ = false;               ///< the present card has answered to reset
    bool absence_owed_ = false; ///< a card that pcscd may know is gone, and pcscd cannot have noticed yet
    /// A client's thread was told of a card before the status thread, and may note that it is there, or
    /// mute, when it has gone again: the status thread hears of it all the same.
    bool presence_owed_ = false;
    StatusThread status_;
    bool stop_ = false;          ///< stop_waiting() was called and not yet obeyed
    bool closed_ = false;        ///< close() was called
    bool unplugged_ = false;     ///< unplug() was called
    TimePoint greeting_until_{}; ///< link_ && !present_
    Bytes atr_;                  ///< powered_
    std::uint32_t protocol_ = 0; ///< powered_: chosen by set_protocol()
};

} // namespace cardlatch::ifd
