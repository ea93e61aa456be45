#include "logical_channels.hpp"

#include "response.hpp"

#include <algorithm>

namespace cardlatch::card {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::ResponseApdu;

ClassByte read_class(std::uint8_t cla) {
    ClassByte read;
    read.family = cla & 0x80U;
    const bool further = (cla & 0x40U) != 0; // logical channels 4 to 19, one bit for secure messaging
    if (cla == 0xFF || (!further && (cla & 0x20U) != 0)) {
        read.sw = sw::k_class_not_supported;
        return read;
    }
    read.chained = (cla & 0x10U) != 0;
    read.channel = further ? 4U + (cla & 0x0FU) : cla & 0x03U;
    if ((cla & (further ? 0x20U : 0x0CU)) != 0) {
        read.sw = sw::k_secure_messaging_not_supported;
    }
    return read;
}

void LogicalChannels::reset(std::size_t selected) {
    selected_at_reset_ = selected;
    channels_ = {};
    homes_.assign(applications_->size(), std::nullopt);
    homes_[selected] = 0;
    channels_[0].open = true;
    channels_[0].application = selected;
    channels_[0].session = (*applications_)[selected].get();
}

LogicalChannels::Candidate LogicalChannels::candidate(unsigned channel, std::size_t application) {
    const auto& at = channels_.at(channel);
    if (at.session != nullptr && at.application == application) {
        return {application, at.session, nullptr};
    }
    Session* const first = (*applications_)[application].get();
    auto& home = homes_[application];
    const bool taken = std::any_of(channels_.begin(), channels_.end(),
                                   [&](const Channel& other) { return other.session == first; });
    if (!home || (home == channel && !taken)) {
        home = channel;
        return {application, first, nullptr};
    }
    if (auto own = (*applications_)[application]->open_session()) {
        auto* const session = own.get();
        return {application, session, std::move(own)};
    }
    if (taken) {
        return {application, nullptr, nullptr};
    }
    first->close();
    home = channel;
    return {application, first, nullptr};
}

void LogicalChannels::enter(unsigned channel, Candidate candidate) {
    auto& at = channels_.at(channel);
    if (at.session == candidate.session) {
        return;
    }
    if (at.session != nullptr) {
        at.session->deselect();
    }
    at.application = candidate.application;
    at.session = candidate.session;
    at.own = std::move(candidate.own);
}

ResponseApdu LogicalChannels::manage(const CommandApdu& command, unsigned channel) {
    constexpr std::uint8_t k_open = 0x00;
    constexpr std::uint8_t k_close = 0x80;
    if (command.p1 != k_open && command.p1 != k_close) {
        return sw::k_incorrect_p1_p2;
    }
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    return command.p1 == k_open ? open(command, channel) : close(command, channel);
}

// From the basic channel, the new one begins as after a reset; from another one, with the application that is
// selected there. If that application works in one channel at a time, nothing is selected.
ResponseApdu LogicalChannels::open(const CommandApdu& command, unsigned from) {
    std::size_t number = command.p2;
    if (number >= k_count) {
        return sw::k_incorrect_p1_p2;
    }
    if (number == 0) { // the card assigns the number and tells it
        const auto* const free =
            std::find_if(channels_.begin(), channels_.end(), [](const Channel& at) { return !at.open; });
        if (free == channels_.end()) {
            return sw::k_function_not_supported;
        }
        number = static_cast<std::size_t>(free - channels_.begin());
        if (auto fits = exactly({static_cast<std::uint8_t>(number)}, command); fits.sw != sw::k_ok) {
            return fits;
        }
    } else if (channels_.at(number).open) {
        return sw::k_conditions_not_satisfied;
    }
    auto& at = channels_.at(number);
    at.open = true;
    const auto& origin = channels_.at(from);
    if (from == 0 || origin.session != nullptr) {
        enter(static_cast<unsigned>(number),
              candidate(static_cast<unsigned>(number), from == 0 ? selected_at_reset_ : origin.application));
    }
    if (command.p2 != 0) {
        return sw::k_ok;
    }
    return {{static_cast<std::uint8_t>(number)}, sw::k_ok};
}

ResponseApdu LogicalChannels::close(const CommandApdu& command, unsigned from) {
    const std::size_t number = command.p2 != 0 ? command.p2 : from;
    if (number == 0 || number >= k_count) { // the basic channel stays open
        return sw::k_incorrect_p1_p2;
    }
    auto& at = channels_.at(number);
    if (!at.open) {
        return sw::k_warning_unchanged;
    }
    if (at.session != nullptr) {
        at.session->close();
    }
    at = {};
    for (std::size_t i = 0; i < homes_.size(); ++i) {
        if (homes_[i] == number) { // nobody finds what was left behind there
            (*applications_)[i]->close();
            homes_[i].reset();
        }
    }
    return sw::k_ok;
}

} // namespace cardlatch::card
