// What of a file card is stored: everything that differs from its profile. docs/profiles.md has the format.

#include "filecard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace cardlatch::card::filecard {

namespace {

constexpr std::size_t k_state_line = 32; // bytes per line of the state file
constexpr std::int64_t k_max_tries = 15;

struct StructureName {
    std::string_view name;
    Structure structure;
};
constexpr std::array k_structures{
    StructureName{"df", Structure::df},
    StructureName{"transparent", Structure::transparent},
    StructureName{"linear_fixed", Structure::linear_fixed},
    StructureName{"linear_variable", Structure::linear_variable},
    StructureName{"cyclic", Structure::cyclic},
};

toml::array lines_of(ByteView bytes) {
    toml::array lines;
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(k_state_line, bytes.size()))) {
        lines.push_back(to_hex(bytes.first(std::min(k_state_line, bytes.size()))));
    }
    return lines;
}

std::string key_of(std::uint8_t reference) {
    return fmt::format("{}", reference);
}

void insert_unless_empty(toml::table& out, std::string_view key, toml::table table) {
    if (!table.empty()) {
        out.insert(key, std::move(table));
    }
}

/// The number that a key of a table is; nothing for another text or a number beyond 255.
std::optional<std::uint8_t> number_in(const std::string& key) {
    std::uint8_t number = 0;
    const auto read = std::from_chars(key.data(), key.data() + key.size(), number);
    return read.ec == std::errc() && read.ptr == key.data() + key.size() ? std::optional(number)
                                                                         : std::nullopt;
}

/// What the file was like when it was new.
File new_file(const File& file, const FileSystem& profile) {
    if (!file.created) {
        return profile[*profile.find_path(file.path)];
    }
    auto fresh = file;
    fresh.life_cycle = LifeCycle::activated;
    std::fill(fresh.content.begin(), fresh.content.end(), std::uint8_t{0});
    fresh.records.clear();
    return fresh;
}

toml::table created_table(const File& file, const RuleEnvironments& environments) {
    const auto* const named = std::find_if(k_structures.begin(), k_structures.end(), [&](const auto& entry) {
        return entry.structure == file.structure;
    });
    toml::table table{
        {"path", file.path}, {"type", named->name}, {"security", to_hex(environments.compact(file.rules))}};
    if (file.aid) {
        table.insert("aid", to_hex(file.aid->bytes()));
    }
    if (file.sfi) {
        table.insert("sfi", std::int64_t{*file.sfi});
    }
    if (file.structure == Structure::transparent) {
        table.insert("size", static_cast<std::int64_t>(file.content.size()));
    } else if (file.has_records()) {
        table.insert("record_size", static_cast<std::int64_t>(file.record_size));
        table.insert("max_records", static_cast<std::int64_t>(file.max_records));
    }
    return table;
}

Result<File> read_created(TableReader& table, const RuleEnvironments& environments) {
    constexpr auto k_required = "every created file has it";
    File file;
    file.created = true;
    BOOST_OUTCOME_TRY(file.path, table.required("path", table.text("path", 9, 39), k_required));
    BOOST_OUTCOME_TRY(const auto type, table.required("type", table.text("type", 1, 32), k_required));
    BOOST_OUTCOME_TRY(const auto security,
                      table.required("security", table.hex("security", 1, 8), k_required));
    BOOST_OUTCOME_TRY(const auto aid, table.hex("aid", 1, 16));
    BOOST_OUTCOME_TRY(const auto sfi, table.integer("sfi", 1, std::int64_t{k_max_sfi}));
    BOOST_OUTCOME_TRY(const auto size, table.integer("size", 1, std::int64_t{k_max_transparent}));
    BOOST_OUTCOME_TRY(const auto record_size,
                      table.integer("record_size", 1, std::int64_t{k_max_record_size}));
    BOOST_OUTCOME_TRY(const auto max_records, table.integer("max_records", 1, std::int64_t{k_max_records}));
    BOOST_OUTCOME_TRY(table.finish());
    const auto* const named = std::find_if(k_structures.begin(), k_structures.end(),
                                           [&](const auto& entry) { return entry.name == type; });
    const auto rules = environments.from_compact(security);
    const auto fid = from_hex(std::string_view(file.path).substr(file.path.size() - 4));
    if (named == k_structures.end() || !rules || !fid || fid->size() != 2) {
        return table.error("", "is no file as CREATE FILE makes them");
    }
    file.structure = named->structure;
    file.rules = *rules;
    file.fid = static_cast<std::uint16_t>(((*fid)[0] << 8U) | (*fid)[1]);
    if (aid) {
        BOOST_OUTCOME_TRY(file.aid, iso7816::Aid::from(*aid));
    }
    if (sfi) {
        file.sfi = static_cast<std::uint8_t>(*sfi);
    }
    file.content.resize(static_cast<std::size_t>(size.value_or(0)));
    file.record_size = static_cast<std::size_t>(record_size.value_or(0));
    file.max_records = static_cast<std::size_t>(max_records.value_or(0));
    if ((file.structure == Structure::transparent) != size.has_value() ||
        file.has_records() != (record_size && max_records)) {
        return table.error("",
                           "has a size, or a record_size and max_records, that does not go with its type");
    }
    return file;
}

} // namespace

void FileCard::save(toml::table& out) const {
    save_files(out);
    save_security(out);
}

void FileCard::save_files(toml::table& out) const {
    toml::array deleted;
    for (const auto& [number, file] : profile_->files.all()) {
        const auto found = files_.find_path(file.path);
        if (!found || files_[*found].created) {
            deleted.push_back(file.path);
        }
    }
    toml::array created;
    toml::table life_cycles;
    toml::table contents;
    for (const auto& [number, file] : files_.all()) {
        if (file.created) {
            created.push_back(created_table(file, profile_->environments));
        }
        const auto fresh = new_file(file, profile_->files);
        if (file.life_cycle != fresh.life_cycle) {
            life_cycles.insert(file.path, static_cast<std::int64_t>(file.life_cycle));
        }
        if (file.content != fresh.content) {
            contents.insert(file.path, lines_of(file.content));
        } else if (file.records != fresh.records) {
            toml::array records;
            for (const auto& record : file.records) {
                records.push_back(to_hex(record));
            }
            contents.insert(file.path, std::move(records));
        }
    }
    if (!deleted.empty()) {
        out.insert("deleted", std::move(deleted));
    }
    if (!created.empty()) {
        out.insert("created", std::move(created));
    }
    insert_unless_empty(out, "life_cycle", std::move(life_cycles));
    insert_unless_empty(out, "content", std::move(contents));
}

void FileCard::save_security(toml::table& out) const {
    toml::table tries;
    toml::table puk_tries;
    toml::table values;
    toml::table disabled;
    for (const auto& pin : pins_) {
        const auto key = key_of(pin.reference());
        const auto& state = pin.state();
        const auto fresh = pin.initial_state();
        if (state.tries_left != fresh.tries_left) {
            tries.insert(key, std::int64_t{state.tries_left});
        }
        if (state.resetting_tries_left != fresh.resetting_tries_left) {
            puk_tries.insert(key, std::int64_t{state.resetting_tries_left});
        }
        if (state.value != fresh.value) {
            values.insert(key, to_hex(state.value.bytes()));
        }
        if (state.disabled) {
            disabled.insert(key, true);
        }
    }
    toml::table key_tries;
    toml::table key_pairs;
    for (const auto& key : keys_) {
        const auto name = key_of(key.profile().reference);
        if (key.tries_left() != key.profile().tries) {
            key_tries.insert(name, std::int64_t{key.tries_left()});
        }
        if (key.private_key() && key.private_key() != key.profile().private_key) {
            key_pairs.insert(name, lines_of(key.private_key()->to_der().value()));
        }
    }
    toml::table data;
    for (const auto& [tag, value] : data_) {
        if (value != profile_->data.at(tag).value) {
            data.insert(fmt::format("{:02X}", tag), lines_of(value));
        }
    }
    toml::table environments;
    for (const auto& [number, environment] : environments_) {
        environments.insert(key_of(number), to_hex(encode(environment)));
    }
    insert_unless_empty(out, "tries_left", std::move(tries));
    insert_unless_empty(out, "puk_tries_left", std::move(puk_tries));
    insert_unless_empty(out, "pin_value", std::move(values));
    insert_unless_empty(out, "pin_disabled", std::move(disabled));
    insert_unless_empty(out, "key_tries_left", std::move(key_tries));
    insert_unless_empty(out, "key_pair", std::move(key_pairs));
    insert_unless_empty(out, "data", std::move(data));
    insert_unless_empty(out, "environment", std::move(environments));
}

Result<void> FileCard::restore(TableReader& in) {
    BOOST_OUTCOME_TRY(restore_files(in));
    BOOST_OUTCOME_TRY(restore_pins(in));
    BOOST_OUTCOME_TRY(restore_keys(in));
    BOOST_OUTCOME_TRY(restore_environments(in));
    name_dfs();
    return ok();
}

Result<void> FileCard::restore_files(TableReader& in) {
    BOOST_OUTCOME_TRY(const auto deleted, in.texts("deleted"));
    for (const auto& path : deleted.value_or(std::vector<std::string>{})) {
        if (!profile_->files.find_path(path)) {
            return in.error("deleted", fmt::format("the profile has no file {}", path));
        }
        if (const auto found = files_.find_path(path)) { // else it went with its DF
            files_.remove(*found);
        }
    }
    BOOST_OUTCOME_TRY(restore_created(in));
    BOOST_OUTCOME_TRY(auto states, in.table("life_cycle"));
    for (const auto& path : states ? states->keys() : std::vector<std::string>{}) {
        const auto file = files_.find_path(path);
        if (!file) {
            return states->error(path, "the card has no file with this path");
        }
        BOOST_OUTCOME_TRY(const auto state, states->integer(path, 0, 0xFF));
        const auto byte = static_cast<LifeCycle>(state.value_or(0));
        if (byte != LifeCycle::creation && byte != LifeCycle::initialisation &&
            byte != LifeCycle::deactivated && byte != LifeCycle::activated && byte != LifeCycle::terminated) {
            return states->error(path, "is no life cycle status; allowed are 1, 3, 4, 5 and 12");
        }
        files_[*file].life_cycle = byte;
    }
    return restore_contents(in);
}

Result<void> FileCard::restore_created(TableReader& in) {
    BOOST_OUTCOME_TRY(auto tables, in.tables("created"));
    for (auto& table : tables) {
        BOOST_OUTCOME_TRY(auto file, read_created(table, profile_->environments));
        const auto parent = files_.find_path(file.path.substr(0, file.path.size() - 5));
        if (!parent || !files_[*parent].is_df() || files_.find_path(file.path)) {
            return table.error("path", fmt::format("{} lies in no DF of this card or is taken", file.path));
        }
        files_.add(*parent, std::move(file));
    }
    return ok();
}

Result<void> FileCard::restore_contents(TableReader& in) {
    BOOST_OUTCOME_TRY(auto contents, in.table("content"));
    for (const auto& path : contents ? contents->keys() : std::vector<std::string>{}) {
        const auto number = files_.find_path(path);
        if (!number || files_[*number].is_df()) {
            return contents->error(path, "the profile has no EF with this path");
        }
        auto& file = files_[*number];
        if (!file.has_records()) {
            BOOST_OUTCOME_TRY(auto content, contents->hex(path, file.content.size(), file.content.size()));
            file.content = std::move(*content);
            continue;
        }
        BOOST_OUTCOME_TRY(auto records, contents->hex_list(path));
        const bool fit = std::all_of(records->begin(), records->end(), [&](const Bytes& record) {
            return file.fixed_records() ? record.size() == file.record_size
                                        : !record.empty() && record.size() <= file.record_size;
        });
        if (!fit || records->size() > file.max_records) {
            return contents->error(path, fmt::format("has {} records; allowed are {} of {} bytes{}",
                                                     records->size(), file.max_records, file.record_size,
                                                     file.fixed_records() ? "" : " at most"));
        }
        file.records = std::move(*records);
    }
    return ok();
}

Result<void> FileCard::restore_pins(TableReader& in) {
    const auto each = [&](std::string_view name, auto take) -> Result<void> {
        BOOST_OUTCOME_TRY(auto table, in.table(name));
        for (const auto& key : table ? table->keys() : std::vector<std::string>{}) {
            auto* const pin = find_pin(number_in(key).value_or(0));
            if (pin == nullptr) {
                return table->error(key, "the profile has no PIN with this reference");
            }
            auto state = pin->state();
            BOOST_OUTCOME_TRY(take(*table, key, pin->profile(), state));
            pin->restore(std::move(state));
        }
        return ok();
    };
    using Outcome = Result<void>;
    BOOST_OUTCOME_TRY(each("tries_left", [](auto& table, auto& key, auto& profile, auto& state) -> Outcome {
        BOOST_OUTCOME_TRY(const auto left, table.integer(key, 0, profile.tries));
        state.tries_left = static_cast<std::uint8_t>(left.value_or(0));
        return ok();
    }));
    BOOST_OUTCOME_TRY(
        each("puk_tries_left", [](auto& table, auto& key, auto& profile, auto& state) -> Outcome {
            BOOST_OUTCOME_TRY(const auto left, table.integer(key, 0, profile.resetting_tries));
            state.resetting_tries_left = static_cast<std::uint8_t>(left.value_or(0));
            return ok();
        }));
    BOOST_OUTCOME_TRY(each("pin_value", [](auto& table, auto& key, auto& profile, auto& state) -> Outcome {
        BOOST_OUTCOME_TRY(auto value, table.hex(key, profile.min_length, profile.max_length));
        state.value = Secret(std::move(*value));
        return ok();
    }));
    return each("pin_disabled", [](auto& table, auto& key, auto&, auto& state) -> Outcome {
        BOOST_OUTCOME_TRY(const auto disabled, table.boolean(key));
        state.disabled = disabled.value_or(false);
        return ok();
    });
}

Result<void> FileCard::restore_keys(TableReader& in) {
    constexpr std::size_t k_max_key = 8192;
    BOOST_OUTCOME_TRY(auto tries, in.table("key_tries_left"));
    for (const auto& name : tries ? tries->keys() : std::vector<std::string>{}) {
        auto* const key = find_key(number_in(name).value_or(0));
        if (key == nullptr) {
            return tries->error(name, "the profile has no key with this reference");
        }
        BOOST_OUTCOME_TRY(const auto left, tries->integer(name, 0, k_max_tries));
        key->restore({key->private_key(), static_cast<std::uint8_t>(left.value_or(0))});
    }
    BOOST_OUTCOME_TRY(auto pairs, in.table("key_pair"));
    for (const auto& name : pairs ? pairs->keys() : std::vector<std::string>{}) {
        auto* const key = find_key(number_in(name).value_or(0));
        if (key == nullptr || key->profile().secret) {
            return pairs->error(name, "the profile has no key pair with this reference");
        }
        BOOST_OUTCOME_TRY(auto der, pairs->hex(name, 1, k_max_key));
        auto private_key = crypto::PrivateKey::from_der(*der);
        wipe(*der);
        if (!private_key) {
            return pairs->error(name, private_key.error().message());
        }
        key->restore({std::move(private_key.value()), key->tries_left()});
    }
    return ok();
}

Result<void> FileCard::restore_environments(TableReader& in) {
    constexpr std::size_t k_max_object = 65535;
    BOOST_OUTCOME_TRY(auto data, in.table("data"));
    for (const auto& name : data ? data->keys() : std::vector<std::string>{}) {
        const auto found = std::find_if(data_.begin(), data_.end(), [&](const auto& entry) {
            return fmt::format("{:02X}", entry.first) == name;
        });
        if (found == data_.end()) {
            return data->error(name, "the profile has no data object with this tag");
        }
        BOOST_OUTCOME_TRY(auto value, data->hex(name, 0, k_max_object));
        found->second = std::move(*value);
    }
    BOOST_OUTCOME_TRY(auto environments, in.table("environment"));
    for (const auto& name : environments ? environments->keys() : std::vector<std::string>{}) {
        const auto number = number_in(name);
        BOOST_OUTCOME_TRY(const auto bytes, environments->hex(name, 0, 64));
        const auto environment = decode_environment(*bytes);
        if (!number || *number == 0 || *number > RuleEnvironments::k_max || !environment) {
            return environments->error(name,
                                       "is no security environment; allowed are 1 to 14, each a sequence "
                                       "of control reference templates");
        }
        environments_[*number] = *environment;
    }
    return ok();
}

} // namespace cardlatch::card::filecard
