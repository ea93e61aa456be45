#include "pin.hpp"

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;

iso7816::StatusWord Pin::state() const {
    if (verified_) {
        return sw::k_ok;
    }
    return tries_left_ == 0 ? sw::k_authentication_method_blocked : sw::tries_left(tries_left_);
}

iso7816::StatusWord Pin::verify(ByteView candidate, Persistence& persistence) {
    if (tries_left_ == 0) {
        return sw::k_authentication_method_blocked;
    }
    if (candidate.size() < profile_.min_length || candidate.size() > profile_.max_length) {
        return sw::k_wrong_length;
    }
    verified_ = false;
    if (const auto stored = persistence.change(tries_left_, static_cast<std::uint8_t>(tries_left_ - 1));
        stored != sw::k_ok) {
        return stored;
    }
    if (!profile_.value.matches(candidate)) {
        return sw::tries_left(tries_left_);
    }
    if (const auto stored = persistence.change(tries_left_, profile_.tries); stored != sw::k_ok) {
        return stored;
    }
    verified_ = true;
    return sw::k_ok;
}

} // namespace cardlatch::card::filecard
