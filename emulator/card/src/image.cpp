#include "crypto/certificate.hpp"
#include "crypto/private_key.hpp"
#include "image_keys.hpp"
#include "piv/piv_profile.hpp"
#include "state_store.hpp"

#include <cardlatch/card/image.hpp>
#include <cardlatch/card/random.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace cardlatch::card {

namespace {

using crypto::KeyType;
using image::random_bytes;

/// A text as a TOML string on one line or, for PEM, on several.
std::string toml_text(std::string_view text) {
    std::ostringstream out;
    out << toml::value<std::string>(std::string(text));
    return out.str();
}

std::string pem_block(std::string_view pem) {
    return fmt::format("\"\"\"\n{}\"\"\"", pem);
}

Error wrong(const std::string& what) {
    return fail(std::errc::invalid_argument, what);
}

struct PlannedKey {
    piv::KeyReference slot;
    KeyType type;
};

/// The slots and types of the keys, checked, in the order of the slots.
Result<std::vector<PlannedKey>> plan(const NewPivCard& card) {
    std::vector<PlannedKey> keys;
    for (const auto& key : card.keys) {
        unsigned slot = 0;
        const auto* const end = key.slot.data() + key.slot.size();
        const auto read = std::from_chars(key.slot.data(), end, slot, 16);
        if (read.ec != std::errc() || read.ptr != end || slot > 0xFF ||
            !piv::is_key_slot(static_cast<piv::KeyReference>(slot))) {
            return wrong(
                fmt::format("\"{}\" is no key slot; allowed are 9A, 9C, 9D, 9E, 82 to 95 and F9", key.slot));
        }
        const auto type = crypto::key_type_named(key.algorithm);
        if (!type) {
            return wrong(fmt::format("\"{}\" is no algorithm for a key; allowed are {}", key.algorithm,
                                     crypto::key_type_words()));
        }
        keys.push_back({static_cast<piv::KeyReference>(slot), *type});
    }
    const auto in_order = [](const PlannedKey& left, const PlannedKey& right) {
        return left.slot < right.slot;
    };
    std::sort(keys.begin(), keys.end(), in_order);
    for (std::size_t i = 1; i < keys.size(); ++i) {
        if (keys[i].slot == keys[i - 1].slot) {
            return wrong(fmt::format("slot {:02X} is named twice", keys[i].slot));
        }
    }
    if (keys.empty() || keys.back().slot != piv::k_attestation_key) {
        keys.push_back({piv::k_attestation_key, KeyType::ec_p256});
    }
    if (keys.back().type == KeyType::x25519) {
        return wrong("F9 signs certificates, which an X25519 key cannot");
    }
    return keys;
}

/// What is checked before any key is made, as that may take long.
Result<void> check(const NewPivCard& card) {
    if (card.pin.size() > piv::k_pin_size || !piv::is_well_formed_pin(piv::pad_pin(card.pin))) {
        return wrong("the PIN has to be 6 to 8 decimal digits");
    }
    if (card.puk.empty() || card.puk.size() > piv::k_pin_size) {
        return wrong("the PUK has to be 1 to 8 characters");
    }
    const auto cipher = piv::cipher_named(card.management_algorithm);
    if (!cipher) {
        return wrong(
            fmt::format("\"{}\" is no management algorithm; allowed are 3des, aes128, aes192 and aes256",
                        card.management_algorithm));
    }
    if (card.management_key && card.management_key->size() != crypto::key_size(*cipher)) {
        return wrong(fmt::format("the management key has {} bytes; {} wants {}", card.management_key->size(),
                                 card.management_algorithm, crypto::key_size(*cipher)));
    }
    if (card.pin_tries < 1 || card.pin_tries > 255 || card.puk_tries < 1 || card.puk_tries > 255) {
        return wrong("a try counter begins with 1 to 255");
    }
    return ok();
}

/// One [[piv.key]] of an image.
std::string key_table(piv::KeyReference slot, const std::string& private_key,
                      const std::string& certificate) {
    auto text =
        fmt::format("\n[[piv.key]]\nslot = \"{:02X}\"\nprivate_key = {}\n", slot, pem_block(private_key));
    if (!certificate.empty()) {
        text += fmt::format("certificate = {}\n", pem_block(certificate));
    }
    return text;
}

std::string object_table(std::string_view comment, piv::ObjectTag tag, ByteView content) {
    std::string lines;
    constexpr std::size_t k_line = 48; // bytes
    for (auto rest = content; !rest.empty(); rest = rest.subspan(std::min(k_line, rest.size()))) {
        lines += fmt::format("    \"{}\",\n", to_hex(rest.first(std::min(k_line, rest.size()))));
    }
    return fmt::format("\n[[piv.object]] # {}\ntag = \"{:X}\"\ncontent = [\n{}]\n", comment, tag, lines);
}

} // namespace

Result<std::string> random_digits(std::size_t size) {
    std::string digits;
    while (digits.size() < size) {
        BOOST_OUTCOME_TRY(const auto bytes, random_bytes(size));
        for (const auto byte : bytes) {
            if (byte < 250 && digits.size() < size) { // 250 is a multiple of 10: every digit is as likely
                digits += static_cast<char>('0' + byte % 10);
            }
        }
    }
    return digits;
}

Result<Bytes> random_management_key(std::string_view algorithm) {
    const auto cipher = piv::cipher_named(algorithm);
    if (!cipher) {
        return wrong(fmt::format(
            "\"{}\" is no management algorithm; allowed are 3des, aes128, aes192 and aes256", algorithm));
    }
    return random_bytes(crypto::key_size(*cipher));
}

Result<std::string> make_piv_image(const NewPivCard& card, const ImageProgress& progress) {
    BOOST_OUTCOME_TRY(check(card));
    BOOST_OUTCOME_TRY(const auto keys, plan(card));
    BOOST_OUTCOME_TRY(const auto issuer, image::Issuer::from(card.certificates));
    BOOST_OUTCOME_TRY(const auto number, random_bytes(4));
    const auto serial =
        card.serial.value_or((std::uint32_t{number[0]} << 24U) | (std::uint32_t{number[1]} << 16U) |
                             (std::uint32_t{number[2]} << 8U) | number[3]);
    auto text =
        fmt::format("# A card image: a profile that holds private keys and PINs itself. For tests only.\n"
                    "description = {}\n\n[atr]\nprotocols = [\"T=1\"]\n"
                    "historical = \"80 FB A000000308 000010000100\" # selected at reset: PIV\n\n"
                    "[piv]\nserial = {}\npin = \"{}\"\npuk = {}\npin_tries = {}\npuk_tries = {}\n"
                    "management_algorithm = \"{}\"\n",
                    toml_text(card.description), serial, card.pin, toml_text(card.puk), card.pin_tries,
                    card.puk_tries, card.management_algorithm);
    if (card.management_key) {
        text += fmt::format("management_key = \"{}\"\n", to_hex(*card.management_key));
    }
    for (const auto& planned : keys) {
        BOOST_OUTCOME_TRY(const auto key,
                          image::generate(fmt::format("{:02X}", planned.slot), planned.type, progress));
        BOOST_OUTCOME_TRY(const auto certificate,
                          issuer.certify(key, card.certificates.subject, image::purpose_of(planned.slot)));
        BOOST_OUTCOME_TRY(auto pem, key.to_pem());
        text += key_table(planned.slot, pem, certificate);
        wipe({reinterpret_cast<std::uint8_t*>(pem.data()), pem.size()});
    }
    BOOST_OUTCOME_TRY(const auto signer, image::ContentSigner::make(issuer));
    BOOST_OUTCOME_TRY(const auto objects, signer.objects(card.certificates.days));
    for (const auto& object : objects) {
        text += object_table(object.comment, object.tag, object.content);
    }
    return text;
}

Result<void> write_image(const std::filesystem::path& file, std::string_view text, bool replace) {
    return write_private_file(file, text, replace);
}

} // namespace cardlatch::card
