#include <cardlatch/fault/faulty_icc.hpp>

#include <algorithm>
#include <random>

namespace cardlatch::fault {

using vpcd::NoAnswer;

namespace {

constexpr std::size_t k_sw = 2;

/// Between a card's requests for more time, what it asks for each time.
constexpr Milliseconds k_requested{1000};

Bytes encode(iso7816::StatusWord sw) {
    return {sw.sw1(), sw.sw2()};
}

Milliseconds duration(const Strike& strike) {
    const auto& fault = strike.fault;
    const auto extra = strike.random % (static_cast<std::uint64_t>(fault.jitter.count()) + 1);
    return fault.time + Milliseconds(static_cast<Milliseconds::rep>(extra));
}

/// The reader's buffer ends in the middle of the historical bytes that T0 promises.
Bytes cut_off(Bytes atr) {
    constexpr std::size_t k_ts_and_t0 = 2;
    atr.resize(std::min(atr.size(), k_ts_and_t0));
    return atr;
}

} // namespace

void FaultyIcc::attach(vpcd::IccPort* port) {
    const std::lock_guard lock(port_mutex_);
    port_ = port;
}

void FaultyIcc::cut_link() {
    const std::lock_guard lock(port_mutex_);
    if (port_ != nullptr) {
        port_->cut();
    }
}

Bytes FaultyIcc::activate(Bytes (vpcd::IccHandler::*how)()) {
    power_lost_ = false;
    bad_atr_.clear();
    plan_.activated(slot_);
    Bytes atr = (card_.*how)();
    for (const auto& strike : plan_.draw(slot_, Occasion::activation, {})) {
        actions_.struck(strike.fault);
        if (strike.fault.type == Type::delay) {
            (void)port_->wait(duration(strike));
        } else if (strike.fault.type == Type::mute) {
            card_.power_off();
            atr.clear();
        } else if (!atr.empty()) {
            atr = strike.fault.atr.empty() ? cut_off(std::move(atr)) : strike.fault.atr;
            bad_atr_ = atr;
        }
    }
    return atr;
}

WriteFate FaultyIcc::state_write() {
    auto fate = WriteFate::done;
    for (const auto& strike : plan_.draw(slot_, Occasion::state_write, command_)) {
        actions_.struck(strike.fault);
        fate = strike.fault.fate;
        power_lost_ = true;
    }
    return fate;
}

Bytes FaultyIcc::stay_silent(NoAnswer why) {
    // Where the link has no words for it, the reader has to find out by itself.
    (void)port_->give_up(why);
    return {};
}

Bytes FaultyIcc::transmit(ByteView command) {
    if (power_lost_) {
        return stay_silent(NoAnswer::mute);
    }
    if (plan_.idle()) {
        return card_.transmit(command);
    }
    const auto strikes = plan_.draw(slot_, Occasion::command, command);
    Bytes answer;
    for (const auto& strike : strikes) {
        actions_.struck(strike.fault);
        if (!before(strike, command, answer)) {
            return {};
        }
    }
    if (answer.empty()) {
        command_ = command;
        answer = card_.transmit(command);
        command_ = {};
    }
    if (power_lost_) {
        wipe(answer);
        actions_.card_lost_power();
        if (!port_->give_up(NoAnswer::garbled)) {
            port_->cut(); // a reader would have noticed
        }
        return {};
    }
    for (const auto& strike : strikes) {
        after(strike, answer);
    }
    return answer;
}

bool FaultyIcc::before(const Strike& strike, ByteView command, Bytes& answer) {
    const auto& fault = strike.fault;
    switch (fault.type) {
    case Type::mute:
        if (port_->wait(fault.time)) {
            (void)stay_silent(NoAnswer::mute);
        }
        return false;
    case Type::delay:
        return port_->wait(duration(strike));
    case Type::time_extensions:
        for (unsigned i = 0; i < fault.count; ++i) {
            (void)port_->extend_time(k_requested);
            if (!port_->wait(fault.time)) {
                return false;
            }
        }
        return true;
    case Type::wrong_sw:
        if (!fault.executed) {
            answer = encode(fault.sw);
        }
        return true;
    case Type::silent_reset:
        (void)card_.reset();
        return true;
    case Type::remove:
        actions_.pull_card();
        port_->cut();
        return false;
    case Type::cut:
        port_->cut(fault.size > 0 ? card_.transmit(command) : Bytes{}, fault.size);
        return false;
    case Type::unplug:
    case Type::kill_pcscd:
        port_->cut();
        return false;
    default:
        return true;
    }
}

void FaultyIcc::shorten(const Strike& strike, Bytes& answer) {
    answer.resize(std::min(answer.size(), std::max<std::size_t>(strike.fault.size, 1)));
    if (answer.size() < k_sw && port_->give_up(NoAnswer::garbled)) {
        answer.clear(); // the reader has seen that this is no response
    }
}

void FaultyIcc::after(const Strike& strike, Bytes& answer) {
    const auto& fault = strike.fault;
    if (answer.size() < k_sw) {
        return;
    }
    const auto sw = answer.end() - static_cast<std::ptrdiff_t>(k_sw);
    if (fault.type == Type::wrong_sw) {
        const auto wrong = encode(fault.sw);
        std::copy(wrong.begin(), wrong.end(), sw);
    } else if (fault.type == Type::truncate) {
        shorten(strike, answer);
    } else if (fault.type == Type::overlong) {
        const auto room = vpcd::k_max_plain_body - std::min(vpcd::k_max_plain_body, answer.size());
        Bytes extra(std::min(fault.size, room));
        std::mt19937_64 generator(strike.random);
        for (auto& byte : extra) {
            byte = static_cast<std::uint8_t>(generator());
        }
        answer.insert(sw, extra.begin(), extra.end());
    } else if (fault.type == Type::reinsert) {
        actions_.put_back_at_once();
        port_->cut_after_answer();
    }
}

} // namespace cardlatch::fault
