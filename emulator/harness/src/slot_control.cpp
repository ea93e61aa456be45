#include "fault_rules.hpp"

#include <cardlatch/card/profile.hpp>
#include <cardlatch/harness/installation.hpp>
#include <cardlatch/harness/slot_control.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace cardlatch::harness {

namespace json = boost::json;

namespace {

json::value describe(const std::vector<SlotStatus>& slots) {
    json::array list;
    for (const auto& slot : slots) {
        list.push_back(json::object{{"slot", slot.slot},
                                    {"reader", slot.reader},
                                    {"state", slot.state},
                                    {"profile", slot.profile},
                                    {"atr", slot.atr},
                                    {"link", slot.link}});
    }
    return json::object{{"slots", list}};
}

constexpr std::int64_t k_default_patience_ms = 1000;
constexpr std::int64_t k_longest_patience_ms = 60000;

Result<json::value> acquire(SlotControl& slots, std::size_t slot, const json::object& params) {
    auto patience = k_default_patience_ms;
    if (const auto* value = params.if_contains("within_ms"); value != nullptr) {
        if (!value->is_int64() || value->as_int64() < 0 || value->as_int64() > k_longest_patience_ms) {
            return fail(std::errc::invalid_argument,
                        fmt::format("\"within_ms\" has to be a number from 0 to {}", k_longest_patience_ms));
        }
        patience = value->as_int64();
    }
    BOOST_OUTCOME_TRY(const bool acquired, slots.acquire(slot, std::chrono::milliseconds(patience)));
    auto answer = describe({slots.status().at(slot)});
    answer.as_object()["acquired"] = acquired;
    return answer;
}

/// The slot that a request names by number or by reader name.
Result<std::size_t> slot_parameter(const SlotControl& slots, const json::object& params) {
    const auto* value = params.if_contains("slot");
    if (value != nullptr && value->is_int64()) {
        return slots.find_slot(std::to_string(value->as_int64()));
    }
    if (value != nullptr && value->is_string()) {
        return slots.find_slot(std::string(value->as_string()));
    }
    return fail(std::errc::invalid_argument, "\"slot\" is missing: a number from 0 or a reader name");
}

/// A PIN of a request, if it is there.
Result<std::optional<Bytes>> pin_parameter(const json::object& params, std::string_view key) {
    constexpr std::size_t k_longest = 255;
    const auto* value = params.if_contains(key);
    if (value == nullptr || value->is_null()) {
        return std::nullopt;
    }
    if (!value->is_string() || value->as_string().size() > k_longest) {
        return fail(std::errc::invalid_argument,
                    fmt::format("\"{}\" has to be a text of at most 255 bytes", key));
    }
    const auto& text = value->as_string();
    return Bytes(text.begin(), text.end());
}

/// What a request types: a PIN, a new one, and the new one again; or the cancel key.
Result<vpcd::PinEntry> entry_parameter(const json::object& params) {
    BOOST_OUTCOME_TRY(auto pin, pin_parameter(params, "pin"));
    BOOST_OUTCOME_TRY(auto fresh, pin_parameter(params, "new"));
    BOOST_OUTCOME_TRY(auto repeated, pin_parameter(params, "confirm"));
    const auto* cancel = params.if_contains("cancel");
    const bool cancelled = cancel != nullptr && cancel->is_bool() && cancel->as_bool();
    if (cancelled == (pin || fresh)) {
        return fail(std::errc::invalid_argument, R"(give "pin" or "new", or "cancel": true alone)");
    }
    if (cancelled) {
        return vpcd::PinEntry(vpcd::PinEntry::Outcome::cancelled);
    }
    vpcd::PinEntry entry(vpcd::PinEntry::Outcome::entered);
    entry.current = std::move(pin).value_or(Bytes{});
    entry.repeated = repeated ? std::move(*repeated) : fresh.value_or(Bytes{});
    entry.fresh = std::move(fresh).value_or(Bytes{});
    return entry;
}

Result<void> act(SlotControl& slots, const std::string& method, std::size_t slot,
                 const json::object& params) {
    if (method == "remove") {
        return slots.remove(slot);
    }
    if (method == "reset") {
        return slots.reset(slot);
    }
    if (method == "type") {
        BOOST_OUTCOME_TRY(auto entry, entry_parameter(params));
        return slots.type(slot, std::move(entry));
    }
    const auto* value = params.if_contains("profile");
    if (value == nullptr || value->is_null()) {
        return slots.insert(slot, {});
    }
    if (!value->is_string()) {
        return fail(std::errc::invalid_argument,
                    "\"profile\" has to be a text: a shipped profile's name or a TOML file");
    }
    BOOST_OUTCOME_TRY(const auto profile, find_profile(std::string(value->as_string())));
    return slots.insert(slot, profile);
}

json::value list_faults(const SlotControl& slots) {
    json::array list;
    for (const auto& status : slots.faults().list()) {
        list.push_back(describe_fault(status));
    }
    return json::object{{"seed", slots.faults().seed()}, {"faults", list}};
}

/// A setting's value as text: a script may give numbers and truth values as such.
Result<std::string> setting_text(std::string_view key, const json::value& value) {
    if (value.is_string()) {
        return std::string(value.as_string());
    }
    if (value.is_number() || value.is_bool()) {
        return json::serialize(value);
    }
    return fail(std::errc::invalid_argument, fmt::format("\"{}\" has to be a text or a number", key));
}

Result<json::value> add_fault(SlotControl& slots, const json::object& params) {
    std::vector<fault::Setting> settings;
    for (const auto& [key, value] : params) {
        BOOST_OUTCOME_TRY(auto text, setting_text(key, value));
        if (key == "spec") {
            BOOST_OUTCOME_TRY(const auto parts, fault::split(text));
            settings.insert(settings.end(), parts.begin(), parts.end());
        } else {
            settings.emplace_back(key, std::move(text));
        }
    }
    BOOST_OUTCOME_TRY(auto fault, slots.read_fault(settings));
    BOOST_OUTCOME_TRY(const auto name, slots.add_fault(std::move(fault)));
    auto answer = list_faults(slots);
    auto& faults = answer.as_object()["faults"].as_array();
    faults.erase(std::remove_if(faults.begin(), faults.end(),
                                [&](const json::value& one) { return one.at("name").as_string() != name; }),
                 faults.end());
    return answer;
}

Result<json::value> act_on_faults(SlotControl& slots, const std::string& method, const json::object& params) {
    if (method == "fault_add") {
        return add_fault(slots, params);
    }
    if (method == "fault_remove") {
        const auto* name = params.if_contains("name");
        if (name == nullptr || !name->is_string()) {
            return fail(std::errc::invalid_argument, "\"name\" is missing: a fault's name");
        }
        BOOST_OUTCOME_TRY(slots.remove_fault(std::string(name->as_string())));
    } else if (method == "fault_clear") {
        BOOST_OUTCOME_TRY(slots.clear_faults());
    }
    return list_faults(slots);
}

/// Names a card for a slot: a profile, or "none".
Result<std::vector<std::optional<std::filesystem::path>>> cards_parameter(const json::object& params) {
    std::vector<std::optional<std::filesystem::path>> cards;
    const auto* value = params.if_contains("cards");
    if (value == nullptr || value->is_null()) {
        return cards;
    }
    const auto* list = value->if_array();
    if (list == nullptr) {
        return fail(std::errc::invalid_argument, "\"cards\" has to be a list of profiles, one for each slot");
    }
    for (const auto& card : *list) {
        if (!card.is_string()) {
            return fail(std::errc::invalid_argument,
                        "a card is a shipped profile's name, a TOML file or \"none\"");
        }
        if (card.as_string() == "none") {
            cards.emplace_back();
        } else {
            BOOST_OUTCOME_TRY(auto profile, find_profile(std::string(card.as_string())));
            cards.emplace_back(std::move(profile));
        }
    }
    return cards;
}

Result<json::value> act_on_readers(SlotControl& slots, const std::string& method,
                                   const json::object& params) {
    std::vector<std::size_t> numbers;
    if (method == "reader_add") {
        ReaderOptions reader;
        if (const auto* name = params.if_contains("name"); name != nullptr && !name->is_null()) {
            if (!name->is_string()) {
                return fail(std::errc::invalid_argument, "\"name\" has to be a text");
            }
            reader.name = std::string(name->as_string());
        }
        BOOST_OUTCOME_TRY(reader.cards, cards_parameter(params));
        BOOST_OUTCOME_TRY(numbers, slots.add_reader(reader));
    } else {
        BOOST_OUTCOME_TRY(const auto slot, slot_parameter(slots, params));
        BOOST_OUTCOME_TRY(slots.remove_reader(slot));
        numbers.push_back(slot);
    }
    const auto all = slots.status();
    std::vector<SlotStatus> chosen;
    chosen.reserve(numbers.size());
    for (const auto number : numbers) {
        chosen.push_back(all.at(number));
    }
    return describe(chosen);
}

constexpr std::array k_methods{"capabilities", "status",     "insert",       "remove",     "reset",
                               "acquire",      "type",       "fault_add",    "fault_list", "fault_remove",
                               "fault_clear",  "reader_add", "reader_remove"};

} // namespace

Result<fault::Fault> SlotControl::read_fault(std::span<const fault::Setting> settings) const {
    std::string type;
    std::optional<std::size_t> slot;
    std::vector<fault::Setting> others;
    for (const auto& setting : settings) {
        if (setting.first == "type") {
            type = setting.second;
        } else if (setting.first == "slot") {
            BOOST_OUTCOME_TRY(slot, find_slot(setting.second));
        } else {
            others.push_back(setting);
        }
    }
    BOOST_OUTCOME_TRY(auto fault, fault::parse(type, others));
    fault.slot = slot;
    return fault;
}

Result<fault::Fault> SlotControl::read_fault(std::string_view spec) const {
    BOOST_OUTCOME_TRY(const auto settings, fault::split(spec));
    return read_fault(settings);
}

Result<std::size_t> SlotControl::find_slot(const std::string& number_or_name) const {
    const auto slots = status();
    std::size_t number = 0;
    const auto* end = number_or_name.data() + number_or_name.size();
    const auto [stop, error] = std::from_chars(number_or_name.data(), end, number);
    if (error == std::errc() && stop == end && number < slots.size()) {
        return number;
    }
    std::string known;
    for (const auto& slot : slots) {
        if (slot.reader == number_or_name) {
            return static_cast<std::size_t>(slot.slot);
        }
        known += fmt::format("{}{} \"{}\"", known.empty() ? "" : ", ", slot.slot, slot.reader);
    }
    return fail(std::errc::invalid_argument,
                fmt::format("no slot \"{}\"; there is {}", number_or_name, known));
}

Result<bool> SlotControl::acquire(std::size_t, std::chrono::milliseconds) {
    return fail(std::errc::not_supported,
                "to acquire a card is what a PC/SC client does, and the reader belongs to "
                "another pcscd: use a client there");
}

Result<std::vector<std::size_t>> SlotControl::add_reader(const ReaderOptions& /*reader*/) {
    return fail(std::errc::not_supported, "the readers belong to another pcscd");
}

Result<void> SlotControl::remove_reader(std::size_t /*slot*/) {
    return fail(std::errc::not_supported, "the readers belong to another pcscd");
}

ControlServer::Handler make_control_handler(SlotControl& slots) {
    return [&slots](const std::string& method, const json::object& params) -> Result<json::value> {
        if (method == "status") {
            return describe(slots.status());
        }
        if (method == "capabilities") {
            return json::value(json::object{{"methods", json::array(k_methods.begin(), k_methods.end())},
                                            {"reader_changes", slots.readers_change()}});
        }
        if (method == "insert" || method == "remove" || method == "reset" || method == "type") {
            BOOST_OUTCOME_TRY(const auto slot, slot_parameter(slots, params));
            BOOST_OUTCOME_TRY(act(slots, method, slot, params));
            return describe({slots.status().at(slot)});
        }
        if (method == "reader_add" || method == "reader_remove") {
            return act_on_readers(slots, method, params);
        }
        if (method == "acquire") {
            BOOST_OUTCOME_TRY(const auto slot, slot_parameter(slots, params));
            return acquire(slots, slot, params);
        }
        if (method.starts_with("fault_") &&
            std::find(k_methods.begin(), k_methods.end(), method) != k_methods.end()) {
            return act_on_faults(slots, method, params);
        }
        return fail(std::errc::function_not_supported,
                    fmt::format("no method \"{}\"; there are {}", method, fmt::join(k_methods, ", ")));
    };
}

Result<std::filesystem::path> find_profile(const std::string& name) {
    std::error_code ignored;
    static constexpr std::string_view k_replay = "replay:";
    const bool replay = name.starts_with(k_replay);
    if (replay || name.ends_with(".apdu")) {
        const std::filesystem::path file = replay ? name.substr(k_replay.size()) : name;
        if (file.extension() != ".apdu") {
            return fail(std::errc::invalid_argument,
                        fmt::format("card {}: a dialogue's file name ends in .apdu", name));
        }
        if (!std::filesystem::exists(file, ignored)) {
            return fail(std::errc::no_such_file_or_directory,
                        fmt::format("recorded dialogue {}: no such file", file.native()));
        }
        return file;
    }
    if (name.find('/') != std::string::npos || name.ends_with(".toml")) {
        if (std::filesystem::exists(name, ignored)) {
            return std::filesystem::path(name);
        }
        return fail(std::errc::no_such_file_or_directory, fmt::format("card profile {}: no such file", name));
    }
    BOOST_OUTCOME_TRY(const auto installation, Installation::locate());
    BOOST_OUTCOME_TRY(const auto files, card::list_profiles(installation.profiles));
    std::string known;
    for (const auto& file : files) {
        if (file.stem() == name) {
            return file;
        }
        known += (known.empty() ? "" : ", ") + file.stem().native();
    }
    return fail(std::errc::no_such_file_or_directory,
                fmt::format("no card \"{}\"; shipped are {}; or give a TOML file, or 'none'", name, known));
}

} // namespace cardlatch::harness
