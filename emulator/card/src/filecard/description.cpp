// What `cardlatch card show` says of the file system.

#include "filecard.hpp"

#include <fmt/format.h>

#include <array>

namespace cardlatch::card::filecard {

namespace {

std::string_view name_of(Structure structure) {
    constexpr std::array<std::string_view, 5> k_names{"df", "transparent", "linear_fixed", "linear_variable",
                                                      "cyclic"};
    return k_names.at(static_cast<std::size_t>(structure));
}

std::string_view name_of(LifeCycle life_cycle) {
    switch (life_cycle) {
    case LifeCycle::creation:
        return "creation";
    case LifeCycle::initialisation:
        return "initialisation";
    case LifeCycle::deactivated:
        return "deactivated";
    case LifeCycle::activated:
        return "activated";
    case LifeCycle::terminated:
        break;
    }
    return "terminated";
}

std::string_view cipher_word(crypto::Cipher cipher) {
    constexpr std::array<std::string_view, 4> k_words{"3des", "aes-128", "aes-192", "aes-256"};
    return k_words.at(static_cast<std::size_t>(cipher));
}

/// As in profiles, but always a text: "always", "never", "PIN 1", "PIN 1 and key 2", "PIN 1 or key 2".
std::string text_of(const AccessRule& rule) {
    if (rule.kind != AccessRule::Kind::conditions) {
        return rule.kind == AccessRule::Kind::always ? "always" : "never";
    }
    const auto pin = rule.pin != 0 ? fmt::format("PIN {}", rule.pin) : std::string();
    const auto key = rule.key != 0 ? fmt::format("key {}", rule.key) : std::string();
    return pin + (pin.empty() || key.empty() ? "" : rule.either ? " or " : " and ") + key;
}

toml::table describe_rules(const File& file) {
    toml::table out;
    const auto say = [&](std::string_view name, std::size_t index) {
        out.insert(name, text_of(file.rules.at(index)));
    };
    if (file.is_df()) {
        say("delete_child", access::k_delete_child);
        say("create_ef", access::k_create_ef);
        say("create_df", access::k_create_df);
    } else {
        say("read", access::k_read);
        say("update", access::k_update);
        say("write", access::k_write);
    }
    say("deactivate", access::k_deactivate);
    say("activate", access::k_activate);
    say("terminate", access::k_terminate);
    say("delete", access::k_delete);
    return out;
}

toml::table describe_file(const File& file) {
    toml::table out{{"path", file.path},
                    {"structure", name_of(file.structure)},
                    {"life_cycle", name_of(file.life_cycle)},
                    {"created", file.created},
                    {"rules", describe_rules(file)}};
    if (file.aid) {
        out.insert("aid", to_hex(file.aid->bytes()));
    }
    if (!file.label.empty()) {
        out.insert("label", file.label);
    }
    if (file.sfi) {
        out.insert("sfi", std::int64_t{*file.sfi});
    }
    if (!file.is_df()) {
        out.insert("size", static_cast<std::int64_t>(file.size()));
    }
    if (file.has_records()) {
        out.insert("record_size", static_cast<std::int64_t>(file.record_size));
        out.insert("records", static_cast<std::int64_t>(file.records.size()));
        out.insert("max_records", static_cast<std::int64_t>(file.max_records));
    }
    return out;
}

toml::table describe_pin(const Pin& pin, bool with_secrets) {
    const auto& profile = pin.profile();
    toml::table out{{"reference", std::int64_t{pin.reference()}},
                    {"tries", std::int64_t{profile.tries}},
                    {"tries_left", std::int64_t{pin.tries_left()}},
                    {"disabled", pin.disabled()}};
    if (profile.resetting_code) {
        out.insert("puk_tries_left", std::int64_t{pin.state().resetting_tries_left});
    }
    if (with_secrets) {
        out.insert("value_hex", to_hex(pin.state().value.bytes()));
        if (profile.resetting_code) {
            out.insert("puk_hex", to_hex(profile.resetting_code->bytes()));
        }
    }
    return out;
}

toml::table describe_key(const Key& key, bool with_secrets) {
    const auto& profile = key.profile();
    toml::table out{{"reference", std::int64_t{profile.reference}}, {"use", text_of(profile.use)}};
    if (profile.secret) {
        out.insert("type", cipher_word(profile.secret->cipher()));
        out.insert("tries", std::int64_t{profile.tries});
        out.insert("tries_left", std::int64_t{key.tries_left()});
        if (with_secrets) {
            out.insert("value_hex", to_hex(profile.secret->value()));
        }
        return out;
    }
    out.insert("type", crypto::word_for(profile.type));
    out.insert("generate", text_of(profile.generate));
    if (!key.private_key()) {
        return out;
    }
    if (const auto pem = key.private_key()->public_key_pem()) {
        out.insert("public_key", pem.value());
    }
    if (with_secrets) {
        if (const auto pem = key.private_key()->to_pem()) {
            out.insert("private_key", pem.value());
        }
    }
    return out;
}

} // namespace

void FileCard::describe(toml::table& out, bool with_secrets) const {
    toml::array files;
    for (const auto& [number, file] : files_.all()) {
        files.push_back(describe_file(file));
    }
    out.insert("files", std::move(files));
    toml::array pins;
    for (const auto& pin : pins_) {
        pins.push_back(describe_pin(pin, with_secrets));
    }
    out.insert("pins", std::move(pins));
    toml::array keys;
    for (const auto& key : keys_) {
        keys.push_back(describe_key(key, with_secrets));
    }
    out.insert("keys", std::move(keys));
    toml::array data;
    for (const auto& [tag, value] : data_) {
        data.push_back(toml::table{{"tag", fmt::format("{:02X}", tag)},
                                   {"size", static_cast<std::int64_t>(value.size())}});
    }
    out.insert("data", std::move(data));
}

} // namespace cardlatch::card::filecard
