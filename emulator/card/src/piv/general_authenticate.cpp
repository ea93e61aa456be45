// GENERAL AUTHENTICATE. Source: SP 800-73-5 part 2 §3.2.4 and appendix A.

#include "piv_application.hpp"

#include <cardlatch/iso7816/tlv.hpp>

namespace cardlatch::card::piv {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::ResponseApdu;

namespace {

constexpr std::uint32_t k_template = 0x7C;
constexpr std::uint32_t k_witness = 0x80;
constexpr std::uint32_t k_challenge = 0x81;
constexpr std::uint32_t k_response = 0x82;
constexpr std::uint32_t k_exponentiation = 0x85;

/// The template with the one object `tag`, and 9000.
ResponseApdu answer(std::uint32_t tag, ByteView value) {
    Bytes object;
    iso7816::append_tlv(object, tag, value);
    Bytes out;
    iso7816::append_tlv(out, k_template, object);
    wipe(object);
    return {std::move(out), sw::k_ok};
}

bool is_request(const std::optional<ByteView>& object) {
    return object && object->empty();
}

bool has_data(const std::optional<ByteView>& object) {
    return object && !object->empty();
}

/// An operation's result as response, or what its failure means to the client.
template <class T>
ResponseApdu answer_result(const Result<T>& result) {
    if (result) {
        return answer(k_response, result.assume_value());
    }
    return result.assume_error().code == std::errc::io_error ? sw::k_execution_error : sw::k_incorrect_data;
}

} // namespace

Result<PivApplication::Template> PivApplication::parse_template(ByteView data) {
    const auto malformed = [] { return fail(std::errc::bad_message, "dynamic authentication template"); };
    iso7816::TlvCursor outer(data);
    BOOST_OUTCOME_TRY(const auto whole, outer.next());
    if (!whole || whole->tag != k_template ||
        whole->value.data() + whole->value.size() != data.data() + data.size()) {
        return malformed();
    }
    Template objects;
    iso7816::TlvCursor cursor(whole->value);
    for (;;) {
        BOOST_OUTCOME_TRY(const auto item, cursor.next());
        if (!item) {
            return objects;
        }
        auto* const slot = item->tag == k_witness          ? &objects.witness
                           : item->tag == k_challenge      ? &objects.challenge
                           : item->tag == k_response       ? &objects.response
                           : item->tag == k_exponentiation ? &objects.exponentiation
                                                           : nullptr;
        if (slot == nullptr || slot->has_value()) {
            return malformed();
        }
        *slot = item->value;
    }
}

ResponseApdu PivApplication::general_authenticate(const CommandApdu& command) {
    // Whatever comes, an authentication under way is not continued by anything but the next command.
    auto pending = std::exchange(pending_, std::nullopt);
    const KeyReference reference = command.p2;
    const auto key = state_.keys.find(reference);
    if (reference == k_management_key) {
        if (cipher_of(command.p1) != state_.management.key.cipher()) {
            return sw::k_incorrect_p1_p2;
        }
    } else if (reference == k_attestation_key || key == state_.keys.end() ||
               key_type_of(command.p1) != key->second.key.type()) {
        return sw::k_incorrect_p1_p2;
    }
    const auto request = parse_template(command.data);
    if (!request) {
        return sw::k_incorrect_data;
    }
    return reference == k_management_key ? authenticate_administrator(request.value(), std::move(pending))
                                         : use_key(key->second, reference, request.value());
}

// --- 9B: external, mutual and internal authentication ---

ResponseApdu PivApplication::authenticate_administrator(const Template& request,
                                                        std::optional<PendingAuthentication> pending) {
    const auto& key = state_.management.key;
    const auto block = crypto::block_size(key.cipher());
    if (request.exponentiation) {
        return sw::k_incorrect_data;
    }
    if (!is_touched(state_.management.touch_policy)) {
        return sw::k_security_status_not_satisfied;
    }
    // The first command asks for a witness (mutual) or a challenge (external).
    const bool wants_witness = is_request(request.witness) && !request.challenge && !request.response;
    const bool wants_challenge = is_request(request.challenge) && !request.witness && !request.response;
    if (wants_witness || wants_challenge) {
        Bytes random(block);
        if (!services_.random.fill(random)) {
            return sw::k_execution_error;
        }
        auto encrypted = key.encrypt_ecb(random);
        if (!encrypted) {
            return sw::k_execution_error;
        }
        if (wants_witness) {
            pending_ = {PendingAuthentication::Kind::witness, std::move(random)};
            return answer(k_witness, encrypted.value());
        }
        pending_ = {PendingAuthentication::Kind::challenge, std::move(encrypted.value())};
        return answer(k_challenge, random);
    }
    // The second one proves the key: the decrypted witness, perhaps with a challenge to the card ...
    const bool proves_witness = has_data(request.witness) && !has_data(request.response);
    // ... or the encrypted challenge.
    const bool proves_challenge = has_data(request.response) && !request.witness && !request.challenge;
    if (proves_witness || proves_challenge) {
        const auto kind =
            proves_witness ? PendingAuthentication::Kind::witness : PendingAuthentication::Kind::challenge;
        if (request.challenge && request.challenge->size() != block) {
            return sw::k_incorrect_data;
        }
        const auto proof = proves_witness ? *request.witness : *request.response;
        administrator_authenticated_ =
            pending && pending->kind == kind && crypto::equal_in_constant_time(pending->expected, proof);
        if (!administrator_authenticated_) {
            return sw::k_security_status_not_satisfied;
        }
        return request.challenge ? answer_result(key.encrypt_ecb(*request.challenge))
                                 : ResponseApdu(sw::k_ok);
    }
    // Internal: the card proves that it has the key. A challenge of its own that was pending is void by now,
    // so this is no way to answer it.
    if (has_data(request.challenge) && !request.witness && is_request(request.response) &&
        request.challenge->size() == block) {
        return answer_result(key.encrypt_ecb(*request.challenge));
    }
    return sw::k_incorrect_data;
}

// --- asymmetric keys ---

bool PivApplication::is_touched(TouchPolicy policy) const {
    return policy == TouchPolicy::never || profile_->touched;
}

bool PivApplication::may_use(const Key& key) const {
    const bool pin_done = key.pin_policy == PinPolicy::never ||
                          (key.pin_policy == PinPolicy::once && pin_verified()) ||
                          (key.pin_policy == PinPolicy::always && pin_just_verified_);
    return pin_done && is_touched(key.touch_policy);
}

ResponseApdu PivApplication::use_key(const Key& key, KeyReference slot, const Template& request) {
    const bool agreement = has_data(request.exponentiation) && !request.challenge;
    const bool signature = has_data(request.challenge) && !request.exponentiation;
    if (request.witness || has_data(request.response) || (!agreement && !signature)) {
        return sw::k_incorrect_data;
    }
    // "Exponentiation shall not be allowed on keys 9A, 9C, and 9E."
    if (agreement && slot != k_key_management_key && !is_retired(slot)) {
        return sw::k_incorrect_data;
    }
    if (!may_use(key)) {
        return sw::k_security_status_not_satisfied;
    }
    const auto type = key.key.type();
    if (agreement) {
        return answer_result(key.key.agree(*request.exponentiation));
    }
    if (crypto::is_rsa(type)) { // to sign and to decrypt is the same to the card; padding is the client's
        return answer_result(key.key.rsa_private_operation(*request.challenge));
    }
    if (crypto::is_ec(type)) {
        return request.challenge->size() <= crypto::size_in_bytes(type)
                   ? answer_result(key.key.ecdsa_sign(*request.challenge))
                   : ResponseApdu(sw::k_incorrect_data);
    }
    return answer_result(key.key.eddsa_sign(*request.challenge));
}

} // namespace cardlatch::card::piv
