// VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. Source: SP 800-73-5 part 2 §3.2.1 to §3.2.3.

#include "piv_application.hpp"

namespace cardlatch::card::piv {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::ResponseApdu;

// 6A80 leaves the try counter as it was before the comparison, which did match.
ResponseApdu PivApplication::unchanged(ReferenceData& reference, std::uint8_t tries_before) {
    const auto stored = services_.persistence.change(reference.tries_left, tries_before);
    return stored == sw::k_ok ? sw::k_incorrect_data : stored;
}

ReferenceData* PivApplication::pin_with(KeyReference reference) {
    if (reference == k_pin) {
        return &state_.pin;
    }
    return reference == k_global_pin && state_.global_pin ? &*state_.global_pin : nullptr;
}

void PivApplication::set_verified(KeyReference reference, bool verified) {
    (reference == k_pin ? application_pin_verified_ : global_pin_verified_) = verified;
    pin_just_verified_ = verified;
}

// Authentication data of the wrong form is compared like any other: it matches nothing and costs a try, as
// management tools rely on when they block a PIN before RESET. The standard leaves the choice.
ResponseApdu PivApplication::verify(const CommandApdu& command) {
    constexpr std::uint8_t k_forget = 0xFF;
    if (command.p1 != 0 && command.p1 != k_forget) {
        return sw::k_incorrect_p1_p2;
    }
    auto* pin = pin_with(command.p2);
    if (pin == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (command.p1 == k_forget) {
        if (!command.data.empty()) {
            return sw::k_incorrect_data;
        }
        set_verified(command.p2, false);
        return sw::k_ok;
    }
    if (command.data.empty()) {
        pin_just_verified_ = false;
        const bool verified = command.p2 == k_pin ? application_pin_verified_ : global_pin_verified_;
        return verified ? sw::k_ok : tries_left(*pin);
    }
    if (command.data.size() != k_pin_size) {
        return sw::k_wrong_length;
    }
    if (pin->tries_left == 0) {
        pin_just_verified_ = false;
        return sw::k_authentication_method_blocked;
    }
    set_verified(command.p2, false);
    const auto result = compare(*pin, command.data, services_.persistence);
    set_verified(command.p2, result == sw::k_ok);
    return result;
}

ResponseApdu PivApplication::change_reference_data(const CommandApdu& command) {
    if (command.p1 != 0) {
        return sw::k_incorrect_p1_p2;
    }
    const bool is_puk = command.p2 == k_puk;
    auto* reference = is_puk ? &state_.puk : pin_with(command.p2);
    if (reference == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (command.data.size() != 2 * k_pin_size) {
        return sw::k_wrong_length;
    }
    const auto presented = ByteView(command.data).first(k_pin_size);
    const auto wanted = ByteView(command.data).subspan(k_pin_size);
    const auto tries_before = reference->tries_left;
    if (tries_before == 0) {
        return sw::k_authentication_method_blocked;
    }
    if (const auto result = compare(*reference, presented, services_.persistence); result != sw::k_ok) {
        if (!is_puk) {
            set_verified(command.p2, false);
        }
        return result;
    }
    if (!is_puk && !is_well_formed_pin(wanted)) {
        return unchanged(*reference, tries_before);
    }
    auto changed = *reference;
    changed.value = crypto::to_secret(wanted);
    const auto stored = services_.persistence.change(*reference, std::move(changed));
    if (!is_puk && stored == sw::k_ok) {
        set_verified(command.p2, true);
        pin_just_verified_ = false; // only VERIFY satisfies "PIN always"
    }
    return stored;
}

ResponseApdu PivApplication::reset_retry_counter(const CommandApdu& command) {
    if (command.p1 != 0) {
        return sw::k_incorrect_p1_p2;
    }
    if (command.p2 != k_pin) {
        return sw::k_referenced_data_not_found;
    }
    if (command.data.size() != 2 * k_pin_size) {
        return sw::k_wrong_length;
    }
    const auto puk = ByteView(command.data).first(k_pin_size);
    const auto new_pin = ByteView(command.data).subspan(k_pin_size);
    const auto tries_before = state_.puk.tries_left;
    if (tries_before == 0) {
        return sw::k_authentication_method_blocked;
    }
    if (const auto result = compare(state_.puk, puk, services_.persistence); result != sw::k_ok) {
        application_pin_verified_ = false;
        return result;
    }
    if (!is_well_formed_pin(new_pin)) {
        return unchanged(state_.puk, tries_before);
    }
    auto changed = state_.pin;
    changed.value = crypto::to_secret(new_pin);
    changed.tries_left = changed.tries;
    return services_.persistence.change(state_.pin, std::move(changed));
}

} // namespace cardlatch::card::piv
