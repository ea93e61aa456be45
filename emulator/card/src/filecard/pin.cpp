#include "pin.hpp"

#include <algorithm>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::StatusWord;

namespace {
Secret secret(ByteView bytes) {
    return Secret(Bytes(bytes.begin(), bytes.end()));
}
} // namespace

StatusWord Pin::tries() const {
    return state_.tries_left == 0 ? sw::k_authentication_method_blocked : sw::tries_left(state_.tries_left);
}

StatusWord Pin::attempt(std::uint8_t PinState::*tries, const Secret& expected, ByteView candidate,
                        PinState on_success, Persistence& persistence) {
    if (state_.*tries == 0) {
        return sw::k_authentication_method_blocked;
    }
    auto counted = state_;
    --(counted.*tries);
    if (const auto stored = persistence.change(state_, std::move(counted)); stored != sw::k_ok) {
        return stored;
    }
    if (!expected.matches(candidate)) {
        return sw::tries_left(state_.*tries);
    }
    return persistence.change(state_, std::move(on_success));
}

StatusWord Pin::verify(ByteView candidate, Persistence& persistence) {
    if (state_.tries_left == 0) {
        return sw::k_authentication_method_blocked;
    }
    if (!legal_length(candidate.size())) {
        return sw::k_wrong_length;
    }
    auto verified = state_;
    verified.tries_left = profile_.tries;
    return attempt(&PinState::tries_left, state_.value, candidate, std::move(verified), persistence);
}

StatusWord Pin::change(ByteView both, Persistence& persistence) {
    if (state_.tries_left == 0) {
        return sw::k_authentication_method_blocked;
    }
    const auto split = state_.value.size();
    if (both.size() < split || !legal_length(both.size() - split)) {
        return sw::k_wrong_length;
    }
    auto changed = state_;
    changed.value = secret(both.subspan(split));
    changed.tries_left = profile_.tries;
    const auto expected = state_.value; // the state is replaced before the comparison
    return attempt(&PinState::tries_left, expected, both.first(split), std::move(changed), persistence);
}

StatusWord Pin::reset_with_code(ByteView data, bool with_value, Persistence& persistence) {
    if (!profile_.resetting_code) {
        return sw::k_referenced_data_not_found;
    }
    if (state_.resetting_tries_left == 0) {
        return sw::k_authentication_method_blocked;
    }
    const auto& code = *profile_.resetting_code;
    const auto split = with_value ? code.size() : data.size();
    if (data.size() < split || (with_value && !legal_length(data.size() - split))) {
        return sw::k_wrong_length;
    }
    auto unblocked = state_;
    unblocked.tries_left = profile_.tries;
    unblocked.resetting_tries_left = profile_.resetting_tries;
    if (with_value) {
        unblocked.value = secret(data.subspan(split));
    }
    return attempt(&PinState::resetting_tries_left, code, data.first(split), std::move(unblocked),
                   persistence);
}

StatusWord Pin::reset(ByteView value, Persistence& persistence) {
    if (!value.empty() && !legal_length(value.size())) {
        return sw::k_wrong_length;
    }
    auto next = state_;
    next.tries_left = profile_.tries;
    if (!value.empty()) {
        next.value = secret(value);
    }
    return persistence.change(state_, std::move(next));
}

StatusWord Pin::disable(bool disabled, Persistence& persistence) {
    auto next = state_;
    next.disabled = disabled;
    return persistence.change(state_, std::move(next));
}

} // namespace cardlatch::card::filecard
