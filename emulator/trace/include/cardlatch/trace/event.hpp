#pragma once

#include <cardlatch/base/bytes.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace cardlatch::trace {

using Clock = std::chrono::system_clock;

/// What a trace tells of.
enum class What : std::uint8_t {
    inserted,   ///< a card came into the reader; `detail` names its profile
    removed,    ///< it was pulled
    cold_reset, ///< power came; `response` is the ATR, empty from a mute card
    warm_reset, ///< reset without loss of power; `response` is the ATR
    power_off,  ///< power went
    exchange,   ///< `command` and `response`; an empty response is a command that was never answered
    pin_entry,  ///< a PIN pad asked for keys; `detail` tells how that ended, never what was typed
    lock_wait,  ///< a client waited for exclusive access
    lock,       ///< a client had exclusive access (SCardBeginTransaction to SCardEndTransaction)
    note,       ///< `detail`, for people
};

/// Something that happened at a reader: the one event model of all traces, whatever their source.
struct Event {
    Clock::time_point begin;
    Clock::time_point end; ///< the same as `begin` for what takes no time
    What what = What::note;
    std::string reader; ///< the name that PC/SC clients use; the link where no pcscd is ours
    std::string who;    ///< "card", or a client as "NAME (PID)"
    Bytes command;
    Bytes response;
    std::string detail;
};

/// Takes events. Called from several threads, also at the same time. Events hold PINs and keys as they were
/// sent: what keeps them has to mask them (SecretMask).
class Sink {
  public:
    Sink() = default;
    virtual ~Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    /// Takes one event, before the call that it tells of returns: it had better be quick.
    virtual void record(const Event& event) = 0;
};

} // namespace cardlatch::trace
