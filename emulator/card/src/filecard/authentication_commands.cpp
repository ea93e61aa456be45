// GET CHALLENGE, INTERNAL, EXTERNAL and MUTUAL AUTHENTICATE. Source: ISO/IEC 7816-4 §11.6.2 to §11.6.4.

#include "../crypto/secret_bytes.hpp"
#include "../response.hpp"
#include "file_session.hpp"
#include "filecard.hpp"
#include "signature.hpp"

#include <algorithm>
#include <utility>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;

ResponseApdu FileSession::get_challenge(const Command& command) {
    if (!command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    Bytes challenge(*command.ne);
    if (!card_.random().fill(challenge)) {
        return sw::k_execution_error;
    }
    challenge_ = challenge;
    return {std::move(challenge), sw::k_ok};
}

/// P2 is a key's reference; 00 means the one that MANAGE SECURITY ENVIRONMENT set for authentication.
Key* FileSession::key_for_authentication(const Command& command) {
    const unsigned reference = command.p2 & 0x1FU;
    return card_.find_key(reference != 0 ? reference : environment_.authentication.key.value_or(0));
}

// The card proves that it has the key: a symmetric one enciphers the one block that was sent, a private one
// signs what was sent.
ResponseApdu FileSession::internal_authenticate(const Command& command) {
    if (command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    if (command.p1 != 0 || (command.p2 & 0x60U) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto* const key = key_for_authentication(command);
    if (key == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (!allows(key->profile().use)) {
        return sw::k_security_status_not_satisfied;
    }
    if (!key->profile().secret) {
        return key->private_key() ? sign(*key->private_key(), command.data, std::nullopt)
                                  : ResponseApdu(sw::k_referenced_data_not_found);
    }
    const auto& secret = *key->profile().secret;
    if (command.data.size() != crypto::block_size(secret.cipher())) {
        return sw::k_wrong_length;
    }
    auto block = secret.encrypt_ecb(command.data);
    return block ? ResponseApdu(std::move(block.value()), sw::k_ok) : ResponseApdu(sw::k_execution_error);
}

// The outside proves that it has the key: it enciphers the challenge, which serves once. Without data: the
// tries left. With Le, both sides prove it.
ResponseApdu FileSession::external_authenticate(const Command& command) {
    if (command.p1 != 0 || (command.p2 & 0x60U) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto* const key = key_for_authentication(command);
    if (key == nullptr || !key->profile().secret) {
        return sw::k_referenced_data_not_found;
    }
    const auto reference = key->profile().reference;
    if (command.data.empty()) {
        if (proved_keys_.contains(reference)) {
            return sw::k_ok;
        }
        return key->tries_left() == 0 ? sw::k_authentication_method_blocked
                                      : sw::tries_left(key->tries_left());
    }
    if (command.ne) {
        return mutual_authenticate(command, *key);
    }
    const auto block = crypto::block_size(key->profile().secret->cipher());
    if (command.data.size() != block) {
        return sw::k_wrong_length;
    }
    const auto challenge = std::exchange(challenge_, {});
    if (challenge.size() != block) {
        return sw::k_conditions_not_satisfied;
    }
    proved_keys_.erase(reference);
    if (const auto counted = key->count_try(card_.persistence()); counted != sw::k_ok) {
        return counted;
    }
    const auto expected = key->profile().secret->encrypt_ecb(challenge);
    if (!expected) {
        return sw::k_execution_error;
    }
    if (!crypto::equal_in_constant_time(expected.value(), command.data)) {
        return sw::tries_left(key->tries_left());
    }
    const auto restored = key->restore_tries(card_.persistence());
    if (restored == sw::k_ok) {
        proved_keys_.insert(reference);
    }
    return restored;
}

// Data: RND.IFD and RND.ICC, one block each, enciphered in CBC mode with a zero IV; the answer: RND.ICC and
// RND.IFD in the same way.
ResponseApdu FileSession::mutual_authenticate(const Command& command, Key& key) {
    const auto& secret = *key.profile().secret;
    const auto block = crypto::block_size(secret.cipher());
    if (command.data.size() != 2 * block) {
        return sw::k_wrong_length;
    }
    const auto challenge = std::exchange(challenge_, {});
    if (challenge.size() != block) {
        return sw::k_conditions_not_satisfied;
    }
    proved_keys_.erase(key.profile().reference);
    if (const auto counted = key.count_try(card_.persistence()); counted != sw::k_ok) {
        return counted;
    }
    const Bytes zero_iv(block);
    auto plain = secret.decrypt_cbc(zero_iv, command.data);
    if (!plain) {
        return sw::k_execution_error;
    }
    auto& both = plain.value();
    const auto middle = both.begin() + static_cast<std::ptrdiff_t>(block);
    if (!crypto::equal_in_constant_time(ByteView(both).subspan(block), challenge)) {
        return sw::tries_left(key.tries_left());
    }
    std::rotate(both.begin(), middle, both.end());
    auto answer = secret.encrypt_cbc(zero_iv, both);
    if (!answer) {
        return sw::k_execution_error;
    }
    if (const auto restored = key.restore_tries(card_.persistence()); restored != sw::k_ok) {
        return restored;
    }
    proved_keys_.insert(key.profile().reference);
    return exactly(std::move(answer.value()), command);
}

} // namespace cardlatch::card::filecard
