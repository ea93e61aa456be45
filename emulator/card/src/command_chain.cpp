#include "command_chain.hpp"

#include <utility>

namespace cardlatch::card {

namespace sw = iso7816::sw;

std::optional<iso7816::StatusWord> CommandChain::take(iso7816::CommandApdu& command, bool more) {
    if (!header_ && !more) {
        return std::nullopt;
    }
    const Header header{command.cla, command.ins, command.p1, command.p2};
    if (header_ && *header_ != header) {
        clear();
        return sw::k_last_command_of_chain_expected;
    }
    if (command.data.size() > k_max_data - data_.size()) {
        clear();
        return sw::k_wrong_length;
    }
    header_ = header;
    data_.reserve(k_max_data); // never grows, hence leaves no copies behind
    data_.insert(data_.end(), command.data.begin(), command.data.end());
    if (more) {
        return sw::k_ok;
    }
    std::swap(command.data, data_);
    clear();
    return std::nullopt;
}

void CommandChain::clear() {
    wipe(data_);
    data_.clear();
    data_.shrink_to_fit();
    header_.reset();
}

} // namespace cardlatch::card
