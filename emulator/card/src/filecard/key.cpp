#include "key.hpp"

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::StatusWord;

StatusWord Key::count_try(Persistence& persistence) {
    if (state_.tries_left == 0) {
        return sw::k_authentication_method_blocked;
    }
    return persistence.change(state_,
                              KeyState{state_.private_key, static_cast<std::uint8_t>(state_.tries_left - 1)});
}

StatusWord Key::restore_tries(Persistence& persistence) {
    return persistence.change(state_, KeyState{state_.private_key, profile_.tries});
}

StatusWord Key::replace(crypto::PrivateKey key, Persistence& persistence) {
    return persistence.change(state_, KeyState{std::move(key), state_.tries_left});
}

} // namespace cardlatch::card::filecard
