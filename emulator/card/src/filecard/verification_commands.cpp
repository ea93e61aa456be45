// VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, ENABLE and DISABLE VERIFICATION REQUIREMENT.
// Source: ISO/IEC 7816-4 §11.6.6 to §11.6.10.

#include "file_session.hpp"
#include "filecard.hpp"

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {
constexpr unsigned k_reserved_reference_bits = 0x60; // bits 7 and 6 of P2
}

// A wrong value ends an earlier verification; a value of illegal length was not compared.
StatusWord FileSession::note_verification(std::uint8_t reference, StatusWord verified) {
    if (verified != sw::k_wrong_length) {
        verified_pins_.erase(reference);
    }
    if (verified == sw::k_ok) {
        verified_pins_.insert(reference);
    }
    return verified;
}

ResponseApdu FileSession::verify(const Command& command) {
    constexpr std::uint8_t k_forget = 0xFF; // P1 without command data: back to "not verified"
    const bool forget = command.p1 == k_forget && command.data.empty();
    if ((command.p1 != 0 && !forget) || (command.p2 & k_reserved_reference_bits) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto* const pin = card_.find_pin(command.p2);
    if (pin == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (forget) {
        verified_pins_.erase(pin->reference());
        return sw::k_ok;
    }
    if (command.data.empty()) {
        return pin->disabled() || verified_pins_.contains(pin->reference()) ? sw::k_ok : pin->tries();
    }
    return note_verification(pin->reference(), pin->verify(command.data, card_.persistence()));
}

// P1 00: old value and new one; P1 01: the new one alone, for those who may reset.
ResponseApdu FileSession::change_reference_data(const Command& command) {
    constexpr std::uint8_t k_new_value_alone = 0x01;
    if (command.p1 > k_new_value_alone || (command.p2 & k_reserved_reference_bits) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto* const pin = card_.find_pin(command.p2);
    if (pin == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    if (command.p1 == k_new_value_alone) {
        return allows(pin->profile().reset) ? pin->reset(command.data, card_.persistence())
                                            : sw::k_security_status_not_satisfied;
    }
    return note_verification(pin->reference(), pin->change(command.data, card_.persistence()));
}

// P1 00: resetting code and new value; 01: resetting code; 02: new value; 03: nothing. The last two are for
// those who may reset.
ResponseApdu FileSession::reset_retry_counter(const Command& command) {
    constexpr std::uint8_t k_code_alone = 0x01;
    constexpr std::uint8_t k_nothing = 0x03;
    if (command.p1 > k_nothing || (command.p2 & k_reserved_reference_bits) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto* const pin = card_.find_pin(command.p2);
    if (pin == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (command.data.empty() != (command.p1 == k_nothing)) {
        return sw::k_wrong_length;
    }
    if (command.p1 <= k_code_alone) {
        return pin->reset_with_code(command.data, command.p1 != k_code_alone, card_.persistence());
    }
    return allows(pin->profile().reset) ? pin->reset(command.data, card_.persistence())
                                        : sw::k_security_status_not_satisfied;
}

ResponseApdu FileSession::enable_verification_requirement(const Command& command) {
    return require_verification(command, true);
}

ResponseApdu FileSession::disable_verification_requirement(const Command& command) {
    return require_verification(command, false);
}

// P1 00: with the PIN; P1 01: without, if it is verified.
ResponseApdu FileSession::require_verification(const Command& command, bool required) {
    constexpr std::uint8_t k_without_value = 0x01;
    if (command.p1 > k_without_value || (command.p2 & k_reserved_reference_bits) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto* const pin = card_.find_pin(command.p2);
    if (pin == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (command.data.empty() != (command.p1 == k_without_value)) {
        return sw::k_wrong_length;
    }
    if (!pin->profile().may_disable) {
        return sw::k_conditions_not_satisfied;
    }
    if (command.p1 == k_without_value) {
        if (!verified_pins_.contains(pin->reference())) {
            return sw::k_security_status_not_satisfied;
        }
    } else if (const auto verified =
                   note_verification(pin->reference(), pin->verify(command.data, card_.persistence()));
               verified != sw::k_ok) {
        return verified;
    }
    return pin->disable(!required, card_.persistence());
}

} // namespace cardlatch::card::filecard
