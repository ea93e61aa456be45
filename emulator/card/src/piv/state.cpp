#include "state.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace cardlatch::card::piv {

namespace sw = iso7816::sw;

namespace {

constexpr std::uint8_t k_padding = 0xFF;
constexpr std::size_t k_state_line = 32; // bytes per line of the state file
constexpr std::size_t k_max_stored = 65536;

toml::array lines_of(ByteView bytes) {
    toml::array lines;
    for (auto rest = bytes; !rest.empty(); rest = rest.subspan(std::min(k_state_line, rest.size()))) {
        lines.push_back(to_hex(rest.first(std::min(k_state_line, rest.size()))));
    }
    return lines;
}

/// A hexadecimal number as a table's key; nothing if it is none or does not fit.
template <class T>
std::optional<T> number_of(const std::string& key) {
    T number = 0;
    const auto* const end = key.data() + key.size();
    const auto read = std::from_chars(key.data(), end, number, 16);
    return read.ec == std::errc() && read.ptr == end ? std::optional(number) : std::nullopt;
}

std::string key_of(std::uint32_t number) {
    return fmt::format("{:02X}", number);
}

void save_reference(std::string_view name, const ReferenceData& now, const ReferenceData& initial,
                    toml::table& out) {
    if (now == initial) {
        return;
    }
    toml::table table;
    if (now.value != initial.value) {
        table.insert("value", to_hex(now.value));
    }
    table.insert("tries", std::int64_t{now.tries});
    table.insert("tries_left", std::int64_t{now.tries_left});
    out.insert(name, std::move(table));
}

Result<void> restore_reference(TableReader& in, std::string_view name, ReferenceData& reference) {
    constexpr std::int64_t k_most_tries = 255;
    BOOST_OUTCOME_TRY(auto table, in.table(name));
    if (!table) {
        return ok();
    }
    BOOST_OUTCOME_TRY(auto value, table->hex("value", k_pin_size, k_pin_size));
    BOOST_OUTCOME_TRY(const auto tries, table->required("tries", table->integer("tries", 1, k_most_tries),
                                                        "it goes with tries_left"));
    BOOST_OUTCOME_TRY(const auto left, table->required("tries_left", table->integer("tries_left", 0, tries),
                                                       "it goes with tries"));
    BOOST_OUTCOME_TRY(table->finish());
    if (value) {
        reference.value = crypto::to_secret(*value);
        wipe(*value);
    }
    reference.tries = static_cast<std::uint8_t>(tries);
    reference.tries_left = static_cast<std::uint8_t>(left);
    return ok();
}

template <class Policy>
Result<Policy> read_policy(TableReader& table, std::string_view key,
                           std::optional<Policy> (*named)(std::string_view)) {
    BOOST_OUTCOME_TRY(const auto name,
                      table.required(key, table.text(key, 1, 16), "it goes with every key of a state file"));
    const auto policy = named(name);
    if (!policy) {
        return table.error(key, fmt::format("\"{}\" is no policy", name));
    }
    return *policy;
}

Result<Key> restore_key(TableReader& table) {
    BOOST_OUTCOME_TRY(auto der, table.required("private_key", table.hex("private_key", 1, k_max_stored),
                                               "it goes with every key of a state file"));
    auto key = crypto::PrivateKey::from_der(der);
    wipe(der);
    if (!key) {
        return table.error("private_key", key.error().message());
    }
    BOOST_OUTCOME_TRY(const auto pin, read_policy(table, "pin_policy", &pin_policy_named));
    BOOST_OUTCOME_TRY(const auto touch, read_policy(table, "touch_policy", &touch_policy_named));
    BOOST_OUTCOME_TRY(const auto origin, table.required("origin", table.text("origin", 1, 16),
                                                        R"(it is "generated" or "imported")"));
    if (origin != "generated" && origin != "imported") {
        return table.error("origin", R"(is "generated" or "imported")");
    }
    BOOST_OUTCOME_TRY(table.finish());
    return Key{std::move(key.assume_value()), pin, touch,
               origin == "generated" ? Origin::generated : Origin::imported};
}

toml::table save_key(const Key& key) {
    toml::table table;
    // Fails only for want of memory; then it throws, and the change that is being saved is undone.
    table.insert("private_key", lines_of(key.key.to_der().value()));
    table.insert("pin_policy", name_of(key.pin_policy));
    table.insert("touch_policy", name_of(key.touch_policy));
    table.insert("origin", key.origin == Origin::generated ? "generated" : "imported");
    return table;
}

void save_keys(const Keys& now, const Keys& initial, toml::table& out) {
    toml::table keys;
    for (const auto& [slot, key] : now) {
        const auto before = initial.find(slot);
        if (before == initial.end() || before->second != key) {
            keys.insert(key_of(slot), save_key(key));
        }
    }
    for (const auto& [slot, key] : initial) {
        if (!now.contains(slot)) {
            keys.insert(key_of(slot), toml::table{{"absent", true}});
        }
    }
    if (!keys.empty()) {
        out.insert("keys", std::move(keys));
    }
}

void save_objects(const Objects& now, const Objects& initial, toml::table& out) {
    toml::table objects;
    for (const auto& [tag, content] : now) {
        const auto before = initial.find(tag);
        if (before == initial.end() || before->second != content) {
            objects.insert(key_of(tag), lines_of(content));
        }
    }
    for (const auto& [tag, content] : initial) {
        if (!now.contains(tag)) {
            objects.insert(key_of(tag), toml::array{});
        }
    }
    if (!objects.empty()) {
        out.insert("objects", std::move(objects));
    }
}

Result<void> restore_keys(TableReader& in, Keys& keys) {
    BOOST_OUTCOME_TRY(auto stored, in.table("keys"));
    for (const auto& name : stored ? stored->keys() : std::vector<std::string>{}) {
        const auto slot = number_of<KeyReference>(name);
        if (!slot || !is_key_slot(*slot)) {
            return stored->error(name, "there is no such key reference");
        }
        BOOST_OUTCOME_TRY(auto table, stored->required(name, stored->table(name), "it is a table"));
        if (table.has("absent")) {
            BOOST_OUTCOME_TRY(table.finish());
            keys.erase(*slot);
            continue;
        }
        BOOST_OUTCOME_TRY(auto key, restore_key(table));
        keys.insert_or_assign(*slot, std::move(key));
    }
    return ok();
}

Result<void> restore_objects(TableReader& in, Objects& objects) {
    BOOST_OUTCOME_TRY(auto stored, in.table("objects"));
    for (const auto& name : stored ? stored->keys() : std::vector<std::string>{}) {
        const auto tag = number_of<ObjectTag>(name);
        if (!tag || !is_object(*tag)) {
            return stored->error(name, "there is no such data object");
        }
        BOOST_OUTCOME_TRY(auto content,
                          stored->required(name, stored->hex(name, 0, k_max_stored), "it is hexadecimal"));
        if (content.empty()) {
            objects.erase(*tag);
        } else {
            objects.insert_or_assign(*tag, std::move(content));
        }
    }
    return ok();
}

} // namespace

crypto::SecretBytes pad_pin(std::string_view text) {
    crypto::SecretBytes padded(text.begin(), text.end());
    padded.resize(k_pin_size, k_padding);
    return padded;
}

bool is_well_formed_pin(ByteView padded) {
    constexpr std::ptrdiff_t k_shortest = 6;
    if (padded.size() != k_pin_size) {
        return false;
    }
    const auto digits_end =
        std::find_if(padded.begin(), padded.end(), [](auto byte) { return byte < '0' || byte > '9'; });
    return digits_end - padded.begin() >= k_shortest &&
           std::all_of(digits_end, padded.end(), [](auto byte) { return byte == k_padding; });
}

iso7816::StatusWord tries_left(const ReferenceData& reference) {
    constexpr std::uint8_t k_most_shown = 15;
    return reference.tries_left == 0 ? sw::k_authentication_method_blocked
                                     : sw::tries_left(std::min(reference.tries_left, k_most_shown));
}

iso7816::StatusWord compare(ReferenceData& reference, ByteView candidate, Persistence& persistence) {
    constexpr std::uint8_t k_most_shown = 15;
    if (reference.tries_left == 0) {
        return sw::k_authentication_method_blocked;
    }
    if (const auto stored =
            persistence.change(reference.tries_left, static_cast<std::uint8_t>(reference.tries_left - 1));
        stored != sw::k_ok) {
        return stored;
    }
    if (!crypto::equal_in_constant_time(reference.value, candidate)) {
        return sw::tries_left(std::min(reference.tries_left, k_most_shown));
    }
    return persistence.change(reference.tries_left, reference.tries);
}

crypto::SymmetricKey default_management_key(crypto::Cipher cipher) {
    crypto::SecretBytes value(crypto::key_size(cipher));
    for (std::size_t i = 0; i < value.size(); ++i) {
        value[i] = static_cast<std::uint8_t>(i % 8 + 1);
    }
    return crypto::SymmetricKey::from(cipher, value).value(); // the length is right
}

Bytes discovery_object(const State& state) {
    constexpr std::array<std::uint8_t, 2> k_application_pin_alone{0x40, 0x00};
    constexpr std::array<std::uint8_t, 2> k_application_pin_first{0x60, 0x10};
    Bytes value;
    iso7816::append_tlv(value, 0x4F, k_aid);
    iso7816::append_tlv(value, 0x5F2F, state.global_pin ? k_application_pin_first : k_application_pin_alone);
    return value;
}

void State::save(const State& initial, toml::table& out) const {
    save_reference("pin", pin, initial.pin, out);
    save_reference("puk", puk, initial.puk, out);
    if (global_pin && initial.global_pin) { // the profile decides whether there is one
        save_reference("global_pin", *global_pin, *initial.global_pin, out);
    }
    if (management != initial.management) {
        out.insert("management_key", toml::table{
                                         {"algorithm", name_of(management.key.cipher())},
                                         {"value", to_hex(management.key.value())},
                                         {"touch_policy", name_of(management.touch_policy)},
                                     });
    }
    save_keys(keys, initial.keys, out);
    save_objects(objects, initial.objects, out);
}

Result<void> State::restore(TableReader& in) {
    BOOST_OUTCOME_TRY(restore_reference(in, "pin", pin));
    BOOST_OUTCOME_TRY(restore_reference(in, "puk", puk));
    if (global_pin) {
        BOOST_OUTCOME_TRY(restore_reference(in, "global_pin", *global_pin));
    }
    BOOST_OUTCOME_TRY(auto stored, in.table("management_key"));
    if (stored) {
        BOOST_OUTCOME_TRY(const auto name, stored->required("algorithm", stored->text("algorithm", 1, 16),
                                                            "allowed are 3des, aes128, aes192, aes256"));
        const auto cipher = cipher_named(name);
        if (!cipher) {
            return stored->error("algorithm", "allowed are 3des, aes128, aes192, aes256");
        }
        const auto size = crypto::key_size(*cipher);
        BOOST_OUTCOME_TRY(auto value,
                          stored->required("value", stored->hex("value", size, size), "it is hexadecimal"));
        BOOST_OUTCOME_TRY(auto key, crypto::SymmetricKey::from(*cipher, value));
        wipe(value);
        BOOST_OUTCOME_TRY(const auto touch, read_policy(*stored, "touch_policy", &touch_policy_named));
        BOOST_OUTCOME_TRY(stored->finish());
        management = {std::move(key), touch};
    }
    BOOST_OUTCOME_TRY(restore_keys(in, keys));
    return restore_objects(in, objects);
}

} // namespace cardlatch::card::piv
