#pragma once

#include <cardlatch/fault/fault_plan.hpp>
#include <cardlatch/vpcd/icc_endpoint.hpp>

#include <mutex>
#include <string>

namespace cardlatch::fault {

/// Who has the card and its reader, and does what a decorator of the card cannot. Called by the thread that
/// serves the link, within a call of the card: nothing here may wait for that thread.
class Actions {
  public:
    Actions() = default;
    virtual ~Actions() = default;
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;

    /// A fault strikes. Called first, for every one; what reaches beyond the slot is done here: client_reset
    /// (soon, since the command under way has to be answered), unplug and kill_pcscd (at once).
    virtual void struck(const Fault& fault) = 0;

    /// The card is out of its slot when the link ends, which is next.
    virtual void pull_card() = 0;

    /// The card is back in its slot as soon as the link has ended.
    virtual void put_back_at_once() = 0;

    /// The card has lost its power, and with it all that it did not store.
    virtual void card_lost_power() = 0;
};

/// A card that misbehaves as a plan says: a decorator over the card behind a link.
///
/// Used by the thread that serves, except cut_link(). What it does not model: electrical faults below the
/// APDU, such as parity errors, and what a reader does about them before it gives up.
class FaultyIcc final : public vpcd::IccHandler {
  public:
    /// `card`, `plan` and `actions` outlive this object. `slot` is the slot's number in the plan.
    FaultyIcc(vpcd::IccHandler& card, FaultPlan& plan, std::size_t slot, Actions& actions) noexcept
        : card_(card)
        , plan_(plan)
        , slot_(slot)
        , actions_(actions) {}

    void attach(vpcd::IccPort* port) override;
    Bytes power_on() override { return activate(&vpcd::IccHandler::power_on); }
    void power_off() override { card_.power_off(); }
    Bytes reset() override { return activate(&vpcd::IccHandler::reset); }
    Bytes atr() override { return bad_atr_.empty() ? card_.atr() : bad_atr_; }
    void set_protocol(unsigned protocol) override { card_.set_protocol(protocol); }
    Bytes transmit(ByteView command) override;
    vpcd::PinEntry enter_pin(const vpcd::PinRequest& request) override { return card_.enter_pin(request); }
    std::string hosting_request() override { return card_.hosting_request(); }

    /// The card is about to write its state: what becomes of that. After anything but `done` the card has no
    /// power, and its answer is not sent.
    WriteFate state_write();

    /// Ends the link, from any thread.
    void cut_link();

  private:
    Bytes activate(Bytes (vpcd::IccHandler::*how)());
    /// What strikes before the card sees the command. False: nothing is left to answer.
    bool before(const Strike& strike, ByteView command, Bytes& answer);
    void after(const Strike& strike, Bytes& answer);
    Bytes stay_silent(vpcd::NoAnswer why);
    void shorten(const Strike& strike, Bytes& answer);

    vpcd::IccHandler& card_;
    FaultPlan& plan_;
    std::size_t slot_;
    Actions& actions_;
    std::mutex port_mutex_; ///< cut_link() against the end of the link
    vpcd::IccPort* port_ = nullptr;
    ByteView command_;        ///< under way
    bool power_lost_ = false; ///< until the next activation
    Bytes bad_atr_;           ///< what the last activation was answered with, if that was a lie
};

} // namespace cardlatch::fault
