// MANAGE SECURITY ENVIRONMENT (ISO/IEC 7816-4 §11.6.11), PERFORM SECURITY OPERATION and GENERATE ASYMMETRIC
// KEY PAIR (ISO/IEC 7816-8 §6, §5.1).

#include "file_session.hpp"
#include "filecard.hpp"
#include "signature.hpp"

#include <cardlatch/iso7816/tlv.hpp>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;

namespace {

/// 7F49: the public key. Source: ISO/IEC 7816-8 §5.1, table of public key data objects.
ResponseApdu public_key_template(const crypto::PrivateKey& key) {
    const auto numbers = key.public_key();
    if (!numbers) {
        return sw::k_execution_error;
    }
    Bytes content;
    if (crypto::is_rsa(numbers.value().type)) {
        iso7816::append_tlv(content, 0x81, numbers.value().modulus);
        iso7816::append_tlv(content, 0x82, numbers.value().exponent);
    } else {
        iso7816::append_tlv(content, 0x86, numbers.value().point);
    }
    Bytes out;
    iso7816::append_tlv(out, 0x7F49, content);
    return {std::move(out), sw::k_ok};
}

} // namespace

// SET replaces one template of the present environment; STORE, RESTORE and ERASE work on numbered ones. The
// environments that access rules refer to are the profile's and cannot be had here.
ResponseApdu FileSession::manage_security_environment(const Command& command) {
    constexpr std::uint8_t k_store = 0xF2;
    constexpr std::uint8_t k_restore = 0xF3;
    constexpr std::uint8_t k_erase = 0xF4;
    constexpr unsigned k_set = 0x01;
    if (command.p1 == k_store || command.p1 == k_restore || command.p1 == k_erase) {
        if (!command.data.empty()) {
            return sw::k_wrong_length;
        }
        if (command.p2 == 0 || command.p2 > RuleEnvironments::k_max) {
            return sw::k_incorrect_p1_p2;
        }
        auto stored = card_.environments();
        if (command.p1 == k_store) {
            stored[command.p2] = environment_;
            return card_.change_environments(std::move(stored));
        }
        const auto found = stored.find(command.p2);
        if (found == stored.end()) {
            return sw::k_referenced_data_not_found;
        }
        if (command.p1 == k_restore) {
            environment_ = found->second;
            return sw::k_ok;
        }
        stored.erase(found);
        return card_.change_environments(std::move(stored));
    }
    const auto which = environment_member(command.p2);
    if ((command.p1 & 0x0FU) != k_set || (command.p1 & 0xF0U) == 0 || which == nullptr) {
        return sw::k_incorrect_p1_p2;
    }
    const auto reference = read_control_reference(command.data);
    if (!reference) {
        return sw::k_incorrect_data;
    }
    if (reference->key && card_.find_key(*reference->key) == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    environment_.*which = *reference;
    if (which == &SecurityEnvironment::hash) {
        hash_.clear();
    }
    return sw::k_ok;
}

// P1 says what comes back, P2 what is sent.
ResponseApdu FileSession::perform_security_operation(const Command& command) {
    switch (command.p1p2()) {
    case 0x9E9A:
        return compute_signature(command);
    case 0x9080:
    case 0x90A0:
        return hash(command);
    case 0x8086:
        return decipher(command);
    default:
        return sw::k_incorrect_p1_p2;
    }
}

// COMPUTE DIGITAL SIGNATURE over the data, or over what HASH left. Source: ISO/IEC 7816-8 §6.3.
ResponseApdu FileSession::compute_signature(const Command& command) {
    if (!command.ne) {
        return sw::k_wrong_length;
    }
    const auto& reference = environment_.signature;
    auto* const key = reference.key ? card_.find_key(*reference.key) : nullptr;
    if (key == nullptr || !key->private_key()) {
        return sw::k_conditions_not_satisfied;
    }
    if (!allows(key->profile().use)) {
        return sw::k_security_status_not_satisfied;
    }
    const auto given = reference.algorithm.value_or(0);
    const auto algorithm = hash_algorithm(given);
    if (given != 0 && !algorithm) {
        return sw::k_conditions_not_satisfied;
    }
    const auto& data = command.data.empty() ? hash_ : command.data;
    if (data.empty()) {
        return sw::k_conditions_not_satisfied;
    }
    auto response = sign(*key->private_key(), data, algorithm);
    if (command.data.empty()) {
        hash_.clear();
    }
    return response;
}

// HASH of the plain data (P2 80), or taking over a finished hash in data object 90 (P2 A0). Source: ISO/IEC
// 7816-8 §6.5. Hashing in steps, with an intermediate value, is not there.
ResponseApdu FileSession::hash(const Command& command) {
    constexpr std::uint8_t k_data_objects = 0xA0;
    constexpr std::uint32_t k_hash_code = 0x90;
    const auto algorithm = hash_algorithm(environment_.hash.algorithm.value_or(0));
    if (!algorithm) {
        return sw::k_conditions_not_satisfied;
    }
    if (command.p2 == k_data_objects) {
        const auto finished = iso7816::find_tlv(command.data, k_hash_code);
        if (!finished || finished->size() != hash_size(*algorithm)) {
            return sw::k_incorrect_data;
        }
        hash_.assign(finished->begin(), finished->end());
    } else {
        auto computed = compute_hash(*algorithm, command.data);
        if (!computed) {
            return sw::k_execution_error;
        }
        hash_ = std::move(*computed);
    }
    return command.ne ? ResponseApdu(hash_, sw::k_ok) : ResponseApdu(sw::k_ok);
}

// DECIPHER: the padding indicator 00 and an RSA cryptogram. Source: ISO/IEC 7816-8 §6.9.
ResponseApdu FileSession::decipher(const Command& command) {
    if (command.data.size() < 2 || !command.ne) {
        return sw::k_wrong_length;
    }
    const auto& reference = environment_.confidentiality;
    auto* const key = reference.key ? card_.find_key(*reference.key) : nullptr;
    if (key == nullptr || !key->private_key()) {
        return sw::k_conditions_not_satisfied;
    }
    if (!allows(key->profile().use)) {
        return sw::k_security_status_not_satisfied;
    }
    if (command.data[0] != 0x00) {
        return sw::k_incorrect_data;
    }
    return decipher_rsa(*key->private_key(), ByteView(command.data).subspan(1));
}

// P1 80 makes a key pair and returns the public key, 84 makes it without, 81 returns the present one. The key
// is named in the data (B6, B8 or A4 with 83 or 84), or by the template for signatures. Source: ISO/IEC
// 7816-8 §5.1.
ResponseApdu FileSession::generate_asymmetric_key_pair(const Command& command) {
    constexpr std::uint8_t k_generate = 0x80;
    constexpr std::uint8_t k_read = 0x81;
    constexpr std::uint8_t k_generate_silently = 0x84;
    if (command.p2 != 0 ||
        (command.p1 != k_generate && command.p1 != k_read && command.p1 != k_generate_silently)) {
        return sw::k_incorrect_p1_p2;
    }
    auto reference = environment_.signature.key;
    if (!command.data.empty()) {
        const auto object = iso7816::TlvCursor(command.data).next();
        if (!object || !object.value() || environment_member(object.value()->tag) == nullptr) {
            return sw::k_incorrect_data;
        }
        const auto read = read_control_reference(object.value()->value);
        if (!read) {
            return sw::k_incorrect_data;
        }
        reference = read->key;
    }
    auto* const key = reference ? card_.find_key(*reference) : nullptr;
    if (key == nullptr || key->profile().secret) {
        return sw::k_referenced_data_not_found;
    }
    const bool wants_key = command.p1 != k_generate_silently;
    if (wants_key && !command.ne) {
        return sw::k_wrong_length;
    }
    if (command.p1 != k_read) {
        if (!allows(key->profile().generate)) {
            return sw::k_security_status_not_satisfied;
        }
        auto made = crypto::PrivateKey::generate(key->profile().type);
        if (!made) {
            return sw::k_execution_error;
        }
        if (const auto stored = key->replace(std::move(made.value()), card_.persistence());
            stored != sw::k_ok) {
            return stored;
        }
    }
    if (!wants_key) {
        return sw::k_ok;
    }
    return key->private_key() ? public_key_template(*key->private_key())
                              : ResponseApdu(sw::k_referenced_data_not_found);
}

} // namespace cardlatch::card::filecard
