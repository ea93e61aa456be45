// PINs, keys, data objects and access rules of [filecard].

#include "filecard_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace cardlatch::card::filecard {

namespace {

constexpr std::int64_t k_max_reference = 31;
constexpr std::int64_t k_max_tries = 15;

bool knows(const std::vector<std::uint8_t>& references, std::uint8_t reference) {
    return std::find(references.begin(), references.end(), reference) != references.end();
}

Result<std::uint8_t> read_reference(TableReader& table) {
    BOOST_OUTCOME_TRY(
        const auto reference,
        table.required("reference", table.integer("reference", 1, k_max_reference), "allowed are 1 to 31"));
    return static_cast<std::uint8_t>(reference);
}

/// The references of all [[filecard.LIST]].
Result<std::vector<std::uint8_t>> read_all_references(TableReader& filecard, std::string_view list,
                                                      std::string_view what) {
    std::vector<std::uint8_t> references;
    BOOST_OUTCOME_TRY(auto tables, filecard.tables(list));
    for (auto& table : tables) {
        BOOST_OUTCOME_TRY(const auto reference, read_reference(table));
        if (knows(references, reference)) {
            return table.error("reference", fmt::format("another {} has reference {}", what, reference));
        }
        references.push_back(reference);
    }
    return references;
}

/// A reference in an access rule; 0 if the key is not there.
Result<std::uint8_t> read_rule_reference(TableReader& rule, std::string_view key,
                                         const std::vector<std::uint8_t>& known, std::string_view what) {
    BOOST_OUTCOME_TRY(const auto given, rule.integer(key, 1, k_max_reference));
    const auto reference = static_cast<std::uint8_t>(given.value_or(0));
    if (reference != 0 && !knows(known, reference)) {
        return rule.error(key, fmt::format("there is no {} with reference {}; describe it in [[filecard.{}]]",
                                           what, reference, key));
    }
    return reference;
}

Result<std::optional<Secret>> read_secret(TableReader& table, const std::string& key) {
    const auto key_hex = key + "_hex";
    BOOST_OUTCOME_TRY(auto text, table.text(key, 1, Secret::k_max_size));
    BOOST_OUTCOME_TRY(auto bytes, table.hex(key_hex, 1, Secret::k_max_size));
    if (text && bytes) {
        return table.error(key_hex,
                           fmt::format("give exactly one of {} (text) and {} (bytes)", key, key_hex));
    }
    if (!text && !bytes) {
        return std::optional<Secret>{};
    }
    return std::optional<Secret>(Secret(text ? Bytes(text->begin(), text->end()) : std::move(*bytes)));
}

Result<PinProfile> read_pin(TableReader& table, const KnownReferences& known) {
    constexpr std::int64_t k_max_size = Secret::k_max_size;
    PinProfile pin;
    BOOST_OUTCOME_TRY(pin.reference, read_reference(table));
    BOOST_OUTCOME_TRY(auto value, read_secret(table, "value"));
    BOOST_OUTCOME_TRY(const auto tries, table.integer("tries", 1, k_max_tries));
    BOOST_OUTCOME_TRY(const auto shortest, table.integer("min_length", 1, k_max_size));
    BOOST_OUTCOME_TRY(const auto longest, table.integer("max_length", 1, k_max_size));
    BOOST_OUTCOME_TRY(pin.resetting_code, read_secret(table, "puk"));
    BOOST_OUTCOME_TRY(const auto puk_tries, table.integer("puk_tries", 1, k_max_tries));
    BOOST_OUTCOME_TRY(pin.reset, read_access(table, "reset", pin.reset, known));
    BOOST_OUTCOME_TRY(const auto may_disable, table.boolean("may_disable"));
    BOOST_OUTCOME_TRY(table.finish());
    if (!value) {
        return table.error("value", "give exactly one of value (text) and value_hex (bytes)");
    }
    pin.value = std::move(*value);
    pin.tries = static_cast<std::uint8_t>(tries.value_or(pin.tries));
    pin.resetting_tries = static_cast<std::uint8_t>(puk_tries.value_or(pin.resetting_tries));
    pin.min_length = static_cast<std::size_t>(shortest.value_or(static_cast<std::int64_t>(pin.min_length)));
    pin.max_length = static_cast<std::size_t>(longest.value_or(static_cast<std::int64_t>(pin.max_length)));
    pin.may_disable = may_disable.value_or(false);
    if (pin.value.size() < pin.min_length || pin.value.size() > pin.max_length) {
        return table.error(table.has("value") ? "value" : "value_hex",
                           fmt::format("has {} bytes; allowed are {} to {} (min_length, max_length)",
                                       pin.value.size(), pin.min_length, pin.max_length));
    }
    return pin;
}

struct SymmetricType {
    std::string_view name;
    crypto::Cipher cipher;
};
constexpr std::array k_symmetric_types{
    SymmetricType{"3des", crypto::Cipher::tdes},
    SymmetricType{"aes-128", crypto::Cipher::aes_128},
    SymmetricType{"aes-192", crypto::Cipher::aes_192},
    SymmetricType{"aes-256", crypto::Cipher::aes_256},
};

struct KeyPairType {
    std::string_view name;
    crypto::KeyType type;
};
constexpr std::array k_key_pair_types{
    KeyPairType{"rsa-1024", crypto::KeyType::rsa_1024}, KeyPairType{"rsa-2048", crypto::KeyType::rsa_2048},
    KeyPairType{"rsa-3072", crypto::KeyType::rsa_3072}, KeyPairType{"rsa-4096", crypto::KeyType::rsa_4096},
    KeyPairType{"p-256", crypto::KeyType::ec_p256},     KeyPairType{"p-384", crypto::KeyType::ec_p384},
    KeyPairType{"ed25519", crypto::KeyType::ed25519},
};

/// The entry of `list` with `name`, or its end.
template <class List>
auto find_type(const List& list, std::string_view name) {
    return std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.name == name; });
}

template <class List>
std::string names_of(const List& list) {
    std::string names;
    for (const auto& entry : list) {
        names += (names.empty() ? "" : ", ") + std::string(entry.name);
    }
    return names;
}

Result<void> read_symmetric_key(TableReader& table, crypto::Cipher cipher, KeyProfile& key) {
    const auto size = crypto::key_size(cipher);
    BOOST_OUTCOME_TRY(auto value, table.required("value_hex", table.hex("value_hex", size, size),
                                                 fmt::format("a key of this type has {} bytes", size)));
    auto secret = crypto::SymmetricKey::from(cipher, value);
    wipe(value);
    if (!secret) {
        return table.error("value_hex", secret.error().message());
    }
    key.secret = std::move(secret.value());
    BOOST_OUTCOME_TRY(const auto tries, table.integer("tries", 1, k_max_tries));
    key.tries = static_cast<std::uint8_t>(tries.value_or(key.tries));
    return ok();
}

Result<void> read_key_pair(TableReader& table, KeyProfile& key, const KnownReferences& known) {
    constexpr std::size_t k_max_pem = 8192;
    BOOST_OUTCOME_TRY(auto pem, table.text("pem", 1, k_max_pem));
    if (pem) {
        auto private_key = crypto::PrivateKey::from_pem(*pem);
        if (!private_key) {
            return table.error("pem", private_key.error().message());
        }
        if (private_key.value().type() != key.type) {
            return table.error("pem", fmt::format("is a key of type {}, not {}",
                                                  crypto::name_of(private_key.value().type()),
                                                  crypto::name_of(key.type)));
        }
        key.private_key = std::move(private_key.value());
    }
    BOOST_OUTCOME_TRY(key.generate, read_access(table, "generate", key.generate, known));
    return ok();
}

Result<KeyProfile> read_key(TableReader& table, const KnownReferences& known) {
    KeyProfile key;
    BOOST_OUTCOME_TRY(key.reference, read_reference(table));
    const auto meaning =
        fmt::format("allowed are {}, {}", names_of(k_symmetric_types), names_of(k_key_pair_types));
    BOOST_OUTCOME_TRY(const auto type, table.required("type", table.text("type", 1, 16), meaning));
    const auto* const symmetric = find_type(k_symmetric_types, type);
    const auto* const pair = find_type(k_key_pair_types, type);
    if (symmetric != k_symmetric_types.end()) {
        BOOST_OUTCOME_TRY(read_symmetric_key(table, symmetric->cipher, key));
    } else if (pair != k_key_pair_types.end()) {
        key.type = pair->type;
        BOOST_OUTCOME_TRY(read_key_pair(table, key, known));
    } else {
        return table.error("type", fmt::format("\"{}\" is no type of key; {}", type, meaning));
    }
    BOOST_OUTCOME_TRY(key.use, read_access(table, "use", key.use, known));
    BOOST_OUTCOME_TRY(table.finish());
    return key;
}

} // namespace

Result<AccessRule> read_access(TableReader& table, std::string_view key, AccessRule otherwise,
                               const KnownReferences& known) {
    constexpr auto k_meaning = R"(has to be "always", "never", { pin = REFERENCE } or { key = REFERENCE })";
    if (!table.has(key)) {
        return otherwise;
    }
    if (!table.holds_table(key)) {
        const auto word = table.text(key, 1, 16);
        if (word && *word.value() == "always") {
            return AccessRule{};
        }
        if (word && *word.value() == "never") {
            return AccessRule::never();
        }
        return table.error(key, k_meaning);
    }
    AccessRule rule{AccessRule::Kind::conditions};
    BOOST_OUTCOME_TRY(auto conditions, table.table(key));
    BOOST_OUTCOME_TRY(rule.pin, read_rule_reference(*conditions, "pin", known.pins, "PIN"));
    BOOST_OUTCOME_TRY(rule.key, read_rule_reference(*conditions, "key", known.keys, "key"));
    BOOST_OUTCOME_TRY(const auto either, conditions->boolean("either"));
    BOOST_OUTCOME_TRY(conditions->finish());
    rule.either = either.value_or(false);
    if (rule.pin == 0 && rule.key == 0) {
        return table.error(key, k_meaning);
    }
    if (rule.either && (rule.pin == 0 || rule.key == 0)) {
        return conditions->error("either", "is for a rule with both pin and key");
    }
    return rule;
}

Result<KnownReferences> read_references(TableReader& filecard) {
    KnownReferences known;
    BOOST_OUTCOME_TRY(known.pins, read_all_references(filecard, "pin", "PIN"));
    BOOST_OUTCOME_TRY(known.keys, read_all_references(filecard, "key", "key"));
    return known;
}

Result<std::vector<PinProfile>> read_pins(TableReader& filecard, const KnownReferences& known) {
    std::vector<PinProfile> pins;
    BOOST_OUTCOME_TRY(auto tables, filecard.tables("pin"));
    for (auto& table : tables) {
        BOOST_OUTCOME_TRY(auto pin, read_pin(table, known));
        pins.push_back(std::move(pin));
    }
    return pins;
}

Result<std::vector<KeyProfile>> read_keys(TableReader& filecard, const KnownReferences& known) {
    std::vector<KeyProfile> keys;
    BOOST_OUTCOME_TRY(auto tables, filecard.tables("key"));
    for (auto& table : tables) {
        BOOST_OUTCOME_TRY(auto key, read_key(table, known));
        keys.push_back(std::move(key));
    }
    return keys;
}

Result<std::map<std::uint32_t, DataObject>> read_data_objects(TableReader& filecard,
                                                              const KnownReferences& known) {
    constexpr std::size_t k_max_object = 65535;
    constexpr std::uint32_t k_environments = 0x7B;
    std::map<std::uint32_t, DataObject> objects;
    BOOST_OUTCOME_TRY(auto tables, filecard.tables("data"));
    for (auto& table : tables) {
        DataObject object;
        BOOST_OUTCOME_TRY(const auto bytes,
                          table.required("tag", table.hex("tag", 1, 2), "allowed are one or two bytes"));
        BOOST_OUTCOME_TRY(auto value, table.hex("value", 0, k_max_object));
        BOOST_OUTCOME_TRY(object.read, read_access(table, "read", object.read, known));
        BOOST_OUTCOME_TRY(object.update, read_access(table, "update", object.update, known));
        BOOST_OUTCOME_TRY(table.finish());
        const std::uint32_t tag = bytes.size() == 1 ? bytes[0] : (std::uint32_t{bytes[0]} << 8U) | bytes[1];
        const bool two = (bytes[0] & 0x1FU) == 0x1F;
        if (tag < 0x40 || tag == k_environments || two != (bytes.size() == 2) ||
            (two && (bytes[1] & 0x80U) != 0)) {
            return table.error(
                "tag",
                fmt::format("{} is no tag of one or two bytes from 40 on; 7B is reserved", to_hex(bytes)));
        }
        object.value = value.value_or(Bytes{});
        if (!objects.emplace(tag, std::move(object)).second) {
            return table.error("tag", fmt::format("another data object has tag {}", to_hex(bytes)));
        }
    }
    return objects;
}

} // namespace cardlatch::card::filecard
