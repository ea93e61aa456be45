#include "traced_icc.hpp"

#include <utility>

namespace cardlatch::harness {

using trace::Clock;
using trace::What;

void TracedIcc::record(What what, Clock::time_point begin, Bytes response, std::string detail) {
    sink_.record({begin, Clock::now(), what, reader_, "card", {}, std::move(response), std::move(detail)});
}

Bytes TracedIcc::power_on() {
    const auto begin = Clock::now();
    auto atr = card_.power_on();
    powered_ = true;
    record(What::cold_reset, begin, atr);
    return atr;
}

void TracedIcc::power_off() {
    card_.power_off();
    if (std::exchange(powered_, false)) {
        record(What::power_off, Clock::now(), {});
    }
}

Bytes TracedIcc::reset() {
    const auto begin = Clock::now();
    auto atr = card_.reset();
    powered_ = true;
    record(What::warm_reset, begin, atr);
    return atr;
}

Bytes TracedIcc::transmit(ByteView command) {
    trace::Event event{.begin = Clock::now(),
                       .end = {},
                       .what = What::exchange,
                       .reader = reader_,
                       .who = "card",
                       .command = {command.begin(), command.end()},
                       .response = {},
                       .detail = {}};
    event.response = card_.transmit(command);
    event.end = Clock::now();
    sink_.record(event);
    wipe(event.command);
    return std::move(event.response);
}

vpcd::PinEntry TracedIcc::enter_pin(const vpcd::PinRequest& request) {
    const auto begin = Clock::now();
    auto entry = card_.enter_pin(request);
    const char* const outcome = entry.outcome == vpcd::PinEntry::Outcome::entered     ? "entered"
                                : entry.outcome == vpcd::PinEntry::Outcome::cancelled ? "cancelled"
                                                                                      : "timed out";
    record(What::pin_entry, begin, {}, outcome);
    return entry;
}

std::string TracedIcc::hosting_request() {
    return card_.hosting_request();
}

} // namespace cardlatch::harness
