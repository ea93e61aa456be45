#pragma once

#include <cardlatch/trace/event.hpp>
#include <cardlatch/vpcd/icc_endpoint.hpp>

#include <string>

namespace cardlatch::harness {

/// A card with somebody who writes down what is said to it.
class TracedIcc : public vpcd::IccHandler {
  public:
    /// Borrows both; `reader` is the name in the trace.
    TracedIcc(vpcd::IccHandler& card, trace::Sink& sink, std::string reader)
        : card_(card)
        , sink_(sink)
        , reader_(std::move(reader)) {}

    void attach(vpcd::IccPort* port) override { card_.attach(port); }
    Bytes power_on() override;
    void power_off() override;
    Bytes reset() override;
    Bytes atr() override { return card_.atr(); }
    void set_protocol(unsigned protocol) override { card_.set_protocol(protocol); }
    Bytes transmit(ByteView command) override;
    vpcd::PinEntry enter_pin(const vpcd::PinRequest& request) override;
    std::string hosting_request() override;

  private:
    void record(trace::What what, trace::Clock::time_point begin, Bytes response, std::string detail = {});

    vpcd::IccHandler& card_;
    trace::Sink& sink_;
    std::string reader_;
    bool powered_ = false;
};

} // namespace cardlatch::harness
