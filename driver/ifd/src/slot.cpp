#include "slot.hpp"

#include "atr_protocols.hpp"
#include "log.hpp"

#include <cardlatch/vpcd/error.hpp>

#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>
#include <unistd.h>

namespace cardlatch::ifd {

namespace {

using vpcd::Clock;
using vpcd::LinkErrc;

constexpr auto k_settling_poll = std::chrono::milliseconds(1);

std::uint8_t features(const DeviceName& device) {
    unsigned bits = 0;
    bits |= device.host.empty() ? 0U : static_cast<unsigned>(vpcd::ReaderFeature::hosts_cards);
    bits |= device.ring ? static_cast<unsigned>(vpcd::ReaderFeature::ring) : 0U;
    bits |= device.pin_pad ? static_cast<unsigned>(vpcd::ReaderFeature::pin_pad) : 0U;
    return static_cast<std::uint8_t>(bits);
}

bool is_unplugged(const DeviceName& device) noexcept {
    return !device.unplug_file.empty() && ::access(device.unplug_file.c_str(), F_OK) == 0;
}

bool hung_up(int fd) noexcept {
    pollfd item{fd, POLLRDHUP, 0};
    return ::poll(&item, 1, 0) > 0;
}

} // namespace

Result<std::shared_ptr<Slot>> Slot::open(const DeviceName& device, unsigned index) {
    if (is_unplugged(device)) {
        return fail(std::errc::no_such_device, "the reader is unplugged: " + device.unplug_file);
    }
    BOOST_OUTCOME_TRY(auto source, Source::open(device, index));
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) {
        return last_system_error("eventfd");
    }
    return std::shared_ptr<Slot>(new Slot(device, std::move(source), std::move(wake)));
}

// Presence.

RESPONSECODE Slot::presence() {
    const std::lock_guard lock(state_);
    const auto present_before = present_;
    const auto* const link_before = link_.get();
    const auto now = Clock::now();
    service(now);
    auto answer = seen();
    if (status_.calls()) {
        answer = status_.answer(due(), now);
        pay_what_was_noted();
    } else {
        presence_owed_ = presence_owed_ || (answer == Seen::present && !status_.knows(answer));
        status_.visitor_enters(Visitors::Call::presence, now);
        status_.visitor_leaves(now);
        if (present_ != present_before || link_.get() != link_before) {
            wake(); // the waiting thread polls for what is no more
        }
    }
    switch (answer) {
    case Seen::unplugged:
        return IFD_NO_SUCH_DEVICE;
    case Seen::present:
        return IFD_ICC_PRESENT;
    case Seen::absent:
        break;
    }
    return IFD_ICC_NOT_PRESENT;
}

void Slot::pay_what_was_noted() {
    const bool unplugged_noted = status_.has_noted(Seen::unplugged);
    presence_owed_ = presence_owed_ && !unplugged_noted && !status_.has_noted(Seen::present);
    absence_owed_ = absence_owed_ && !unplugged_noted && !status_.has_noted(Seen::absent);
}

Seen Slot::due() const noexcept {
    const auto truth = seen();
    return truth == Seen::absent && presence_owed_ ? Seen::present : truth;
}

Seen Slot::seen() const noexcept {
    if (unplugged()) {
        return Seen::unplugged;
    }
    return visible() ? Seen::present : Seen::absent;
}

void Slot::service(TimePoint now) {
    if (closed_) {
        return;
    }
    if (link_ && hung_up(link_->fd())) {
        drop("the peer closed the link");
    }
    if (unplugged()) {
        if (link_) {
            drop("the reader is unplugged");
        }
        source_->refuse(now);
        return;
    }
    if (!link_) {
        if (auto fd = source_->take(now)) {
            begin_greeting(std::move(fd), now);
        }
    }
    if (link_ && !present_) {
        continue_greeting(now);
    }
    if (present_) {
        source_->refuse(now);
    }
}

void Slot::begin_greeting(UniqueFd fd, TimePoint now) {
    link_ = std::make_shared<vpcd::IfdLink>(std::move(fd), device_.plain_timeout, device_.extended_timeout,
                                            features(device_));
    greeting_until_ = now + device_.greeting_timeout;
    if (auto sent = link_->greet(); !sent) {
        drop(sent.error().message());
    }
}

void Slot::continue_greeting(TimePoint now) {
    const auto done = link_->continue_greeting();
    if (!done) {
        drop(done.error().message());
    } else if (done.value()) {
        if (const auto& request = link_->hosting_request(); !request.empty()) {
            auto hosted = HostedCard::open(device_.host, request);
            if (!hosted) {
                log(LogLevel::error, hosted.error().message());
                drop("its card cannot run here");
                return;
            }
            hosted_ = std::move(hosted).value();
        }
        present_ = true;
        log(LogLevel::info, link_->dialect() == vpcd::Dialect::plain ? "card inserted (plain vpcd)"
                                                                     : "card inserted (extension)");
        if (const auto& report = link_->ring_report(); !report.empty() && !hosted_) {
            log(LogLevel::debug, report);
        }
    } else if (now >= greeting_until_) {
        drop("a peer connected and sent no ATR in time");
    }
}

void Slot::drop(const std::string& why) {
    // A peer that was never a card is no news; a card that leaves without an error has been taken out.
    log(LogLevel::info, (present_ ? "card removed: " : "connection ended: ") + why);
    link_->shut_down();
    link_.reset();
    hosted_.reset();
    absence_owed_ = absence_owed_ || presence_owed_ || (present_ && status_.may_believe_in_a_card());
    present_ = false;
    powered_ = false;
    atr_.clear();
}

void Slot::fill(Watch& watch, TimePoint until) const {
    watch.link = link_;
    watch.until = until;
    watch.items.assign(1, pollfd{wake_.get(), POLLIN, 0});
    if (link_) {
        // Not POLLIN once the card is there: the answer to a command is not ours to see.
        watch.items.push_back(
            {link_->fd(), static_cast<short>(present_ ? POLLRDHUP : POLLRDHUP | POLLIN), 0});
    }
    if (link_ && !present_) {
        watch.until = std::min(until, greeting_until_); // who else connects waits for the outcome
    } else {
        watch.items.push_back(source_->interest());
    }
    if (!link_) {
        watch.until = std::min(until, source_->timer().value_or(until));
    }
}

void Slot::wait_for_event(vpcd::Milliseconds timeout) {
    Watch watch;
    const auto until = Clock::now() + timeout;
    std::unique_lock lock(state_);
    status_.begins_to_wait();
    pay_what_was_noted();
    while (true) {
        const auto now = Clock::now();
        service(now);
        const auto current = due();
        const bool may_tell = status_.may_hear(current, now);
        if (closed_ || stop_ || now >= until || (may_tell && !status_.knows(current))) {
            stop_ = false;
            return;
        }
        fill(watch, may_tell ? until : std::min(until, now + k_settling_poll));
        lock.unlock();
        (void)::poll(watch.items.data(), watch.items.size(), vpcd::poll_timeout(watch.until, now));
        if ((watch.items.front().revents & POLLIN) != 0) {
            eventfd_t count = 0;
            (void)::eventfd_read(wake_.get(), &count);
        }
        watch.link.reset();
        lock.lock();
    }
}

void Slot::wake() const noexcept {
    (void)::eventfd_write(wake_.get(), 1);
}

void Slot::stop_waiting() {
    const std::lock_guard lock(state_);
    stop_ = true;
    wake();
}

void Slot::unplug() {
    const std::lock_guard lock(state_);
    unplugged_ = true;
    if (link_) {
        drop("the reader is unplugged");
    }
    wake();
}

void Slot::close() {
    const std::lock_guard lock(state_);
    if (closed_) {
        return;
    }
    closed_ = true;
    if (link_) {
        drop("the reader is closed");
    }
    source_->close();
    wake();
}

// The card.

Slot::Access Slot::access(bool powered, RESPONSECODE& refused) const {
    const std::lock_guard lock(state_);
    if (!visible()) {
        refused = IFD_ICC_NOT_PRESENT; // a card that pcscd has not yet met gets nothing that was meant for
                                       // the last one
        if (unplugged()) {
            refused = IFD_NO_SUCH_DEVICE;
        }
        return {};
    }
    if (powered && !powered_) {
        refused = IFD_COMMUNICATION_ERROR;
        return {};
    }
    return {link_, hosted_};
}

bool Slot::still_there(const LinkPtr& link) const {
    const std::lock_guard lock(state_);
    return link_ == link;
}

bool Slot::unplugged() const noexcept {
    return unplugged_ || is_unplugged(device_);
}

RESPONSECODE Slot::lose(const LinkPtr& link, const Error& error) {
    if (error.code == LinkErrc::mute || error.code == LinkErrc::garbled) {
        log(LogLevel::error, error.message()); // the card's end said so, and is there
        return error.code == LinkErrc::mute ? IFD_RESPONSE_TIMEOUT : IFD_COMMUNICATION_ERROR;
    }
    {
        const std::lock_guard lock(state_);
        if (link_ == link) {
            log(LogLevel::error, error.message());
            drop(error.message());
            wake();
        }
        if (unplugged()) {
            return IFD_NO_SUCH_DEVICE;
        }
    }
    if (error.code == LinkErrc::timed_out) {
        return IFD_RESPONSE_TIMEOUT;
    }
    return error.code == LinkErrc::closed ? IFD_ICC_NOT_PRESENT : IFD_COMMUNICATION_ERROR;
}

/// A client's thread while it switches the card's power.
class Slot::PowerVisit {
  public:
    explicit PowerVisit(Slot& slot)
        : slot_(slot) {
        const std::lock_guard lock(slot_.state_);
        slot_.status_.visitor_enters(Visitors::Call::power, Clock::now());
    }
    PowerVisit(const PowerVisit&) = delete;
    PowerVisit& operator=(const PowerVisit&) = delete;
    ~PowerVisit() {
        const std::lock_guard lock(slot_.state_);
        slot_.status_.visitor_leaves(Clock::now());
    }

  private:
    Slot& slot_;
};

RESPONSECODE Slot::power(DWORD action, Bytes& atr) {
    atr.clear();
    if (action != IFD_POWER_UP && action != IFD_RESET && action != IFD_POWER_DOWN) {
        return IFD_NOT_SUPPORTED;
    }
    const PowerVisit visit(*this);
    const std::lock_guard exchange(exchange_);
    RESPONSECODE refused = IFD_SUCCESS;
    const Access card = access(false, refused);
    if (!card.link) {
        return refused;
    }
    if (action == IFD_POWER_DOWN) {
        return power_down(card);
    }
    if (card.hosted) {
        atr = action == IFD_RESET ? card.hosted->reset() : card.hosted->power_on();
    } else {
        const auto answer = action == IFD_RESET ? card.link->reset() : card.link->power_on();
        if (!answer) {
            return lose(card.link, answer.error());
        }
        atr.assign(answer.value().begin(), answer.value().end());
    }
    const std::lock_guard lock(state_);
    if (link_ != card.link) {
        atr.clear();
        return IFD_ICC_NOT_PRESENT;
    }
    atr_ = atr;
    protocol_ = 0;
    powered_ = !atr.empty();
    return powered_ ? IFD_SUCCESS : IFD_ERROR_POWER_ACTION;
}

RESPONSECODE Slot::power_down(const Access& card) {
    if (card.hosted) {
        card.hosted->power_off();
    } else if (const auto done = card.link->power_off(); !done) {
        return lose(card.link, done.error());
    }
    const std::lock_guard lock(state_);
    if (link_ == card.link) {
        powered_ = false;
        atr_.clear();
    }
    return IFD_SUCCESS;
}

RESPONSECODE Slot::transmit(ByteView command, UCHAR* response, DWORD* response_size) {
    const DWORD room = *response_size;
    *response_size = 0;
    const std::lock_guard exchange(exchange_);
    RESPONSECODE refused = IFD_SUCCESS;
    const Access card = access(true, refused);
    if (!card.link) {
        return refused;
    }
    if (!card.link->carries(command.size())) {
        log(LogLevel::error, "a command of " + std::to_string(command.size()) +
                                 " bytes does not fit the link: plain vpcd "
                                 "carries 2 to 65535, the extension 1 to 65544");
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    }
    if (card.hosted) {
        return transmit_hosted(card, command, {response, room}, response_size);
    }
    const auto answer = card.link->transmit(command);
    if (!answer) {
        return lose(card.link, answer.error());
    }
    if (answer.value().size() > room) {
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    }
    std::memcpy(response, answer.value().data(), answer.value().size());
    *response_size = answer.value().size();
    return IFD_SUCCESS;
}

RESPONSECODE Slot::transmit_hosted(const Access& card, ByteView command, std::span<UCHAR> response,
                                   DWORD* size) {
    const std::size_t length = card.hosted->transmit(command, response);
    if (!still_there(card.link)) {
        const std::lock_guard lock(state_);
        return unplugged() ? IFD_NO_SUCH_DEVICE : IFD_ICC_NOT_PRESENT; // taken out meanwhile: nobody gets the
                                                                       // answer of a card that is gone
    }
    if (length < 2) {
        return IFD_COMMUNICATION_ERROR;
    }
    if (length > response.size()) {
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    }
    *size = length;
    return IFD_SUCCESS;
}

RESPONSECODE Slot::enter_pin(const vpcd::PinRequest& request, vpcd::PinEntry& entry) {
    const std::lock_guard exchange(exchange_);
    RESPONSECODE refused = IFD_SUCCESS;
    const Access card = access(true, refused);
    if (!card.link) {
        return refused;
    }
    if (!card.link->has_keypad()) {
        return IFD_NOT_SUPPORTED;
    }
    auto typed = card.link->enter_pin(request);
    if (!typed) {
        return lose(card.link, typed.error());
    }
    entry = std::move(typed).value();
    return IFD_SUCCESS;
}

RESPONSECODE Slot::set_protocol(DWORD protocol, const Pps& pps) {
    const std::lock_guard exchange(exchange_);
    if (const auto refused = check_protocol(protocol, pps); refused != IFD_SUCCESS) {
        return refused;
    }
    RESPONSECODE refused = IFD_SUCCESS;
    const Access card = access(true, refused);
    if (!card.link) {
        return refused;
    }
    const unsigned number = protocol == SCARD_PROTOCOL_T1 ? 1 : 0;
    if (card.hosted) {
        card.hosted->set_protocol(number);
    } else if (const auto told = card.link->set_protocol(number); !told) {
        return lose(card.link, told.error());
    }
    const std::lock_guard lock(state_);
    if (link_ != card.link) {
        return IFD_ICC_NOT_PRESENT;
    }
    protocol_ = static_cast<std::uint32_t>(protocol);
    return IFD_SUCCESS;
}

RESPONSECODE Slot::check_protocol(DWORD protocol, const Pps& pps) const {
    const std::lock_guard lock(state_);
    if (!visible() || atr_.empty()) {
        return unplugged() ? IFD_NO_SUCH_DEVICE : IFD_COMMUNICATION_ERROR;
    }
    constexpr std::uint8_t k_default_speed = 0x11;
    const auto offered = AtrProtocols::of(atr_);
    const bool fits = (protocol == SCARD_PROTOCOL_T0 && (offered.offered & 1U) != 0) ||
                      (protocol == SCARD_PROTOCOL_T1 && (offered.offered & 2U) != 0);
    if (!fits) {
        return IFD_PROTOCOL_NOT_SUPPORTED;
    }
    const bool speed_refused =
        (pps.flags & IFD_NEGOTIATE_PTS1) != 0 && pps.pps1 != k_default_speed && pps.pps1 != offered.speed;
    const bool extras_refused = ((pps.flags & IFD_NEGOTIATE_PTS2) != 0 && pps.pps2 != 0) ||
                                ((pps.flags & IFD_NEGOTIATE_PTS3) != 0 && pps.pps3 != 0);
    return speed_refused || extras_refused ? IFD_ERROR_PTS_FAILURE : IFD_SUCCESS;
}

std::uint32_t Slot::protocol() const {
    const std::lock_guard lock(state_);
    if (protocol_ != 0 || !powered_) {
        return protocol_;
    }
    return (AtrProtocols::of(atr_).offered & 1U) != 0 ? SCARD_PROTOCOL_T0 : SCARD_PROTOCOL_T1;
}

Bytes Slot::atr() const {
    const std::lock_guard lock(state_);
    return visible() ? atr_ : Bytes{};
}

std::uint32_t Slot::max_apdu_data() const {
    constexpr std::uint32_t k_extended = 65535;
    constexpr std::uint32_t k_plain = vpcd::k_max_plain_body - 9; // header 4, extended Lc 3, extended Le 2
    const std::lock_guard lock(state_);
    return visible() && link_->dialect() == vpcd::Dialect::plain ? k_plain : k_extended;
}

} // namespace cardlatch::ifd
