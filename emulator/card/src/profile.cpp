#include "application.hpp"
#include "plugin/plugin_application.hpp"
#include "state_store.hpp"
#include "table_reader.hpp"

#include <cardlatch/card/profile.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <iterator>

namespace cardlatch::card {

namespace {

constexpr std::size_t k_max_profile_file = std::size_t{1024} * 1024;
constexpr std::size_t k_max_historical_bytes = 15;
constexpr std::size_t k_max_label = 7;

CardCapabilities combined_capabilities(const Profile& profile) {
    CardCapabilities all;
    for (const auto& application : profile.applications) {
        const auto one = application->capabilities();
        if (one.master_file) {
            all = one; // the others have nothing to add to what the MF's owner says
        }
    }
    return all;
}

Result<std::pair<bool, bool>> read_protocols(TableReader& atr) {
    BOOST_OUTCOME_TRY(const auto names, atr.texts("protocols"));
    if (!names) {
        return std::pair{false, true};
    }
    std::pair<bool, bool> offered{false, false};
    for (const auto& protocol : *names) {
        if (protocol != "T=0" && protocol != "T=1") {
            return atr.error("protocols",
                             fmt::format(R"("{}" is not a protocol; allowed are "T=0" and "T=1")", protocol));
        }
        (protocol == "T=0" ? offered.first : offered.second) = true;
    }
    if (names->empty()) {
        return atr.error("protocols", R"(is empty; allowed are "T=0" and "T=1")");
    }
    return offered;
}

Result<iso7816::Atr> read_atr(TableReader& atr, const CardCapabilities& capabilities) {
    BOOST_OUTCOME_TRY(const auto bytes, atr.hex("bytes", 2, iso7816::Atr::k_max_size));
    BOOST_OUTCOME_TRY(const auto protocols, read_protocols(atr));
    BOOST_OUTCOME_TRY(const auto historical, atr.hex("historical", 0, k_max_historical_bytes));
    BOOST_OUTCOME_TRY(const auto label, atr.text("label", 1, k_max_label));
    BOOST_OUTCOME_TRY(atr.finish());
    if (bytes) {
        if (atr.has("protocols") || historical || label) {
            return atr.error("bytes",
                             "is the whole ATR; protocols, historical and label are not allowed beside it");
        }
        auto parsed = iso7816::Atr::parse(*bytes);
        if (!parsed) {
            return atr.error("bytes", parsed.error().message());
        }
        return parsed;
    }
    if (historical && label) {
        return atr.error("label", "is part of generated historical bytes; not allowed beside historical");
    }
    const auto text =
        historical ? *historical : describe_in_historical_bytes(capabilities, as_bytes(label.value_or("")));
    return iso7816::Atr::build(protocols.first, protocols.second, text);
}

/// The tables [fault.NAME], as text.
Result<T0Behaviour> read_t0(const TableReader& root, const std::optional<std::string>& word,
                            const iso7816::Atr& atr) {
    if (!word || *word == "transparent") {
        return T0Behaviour::transparent;
    }
    if (*word != "get-response") {
        return root.error(
            "t0",
            fmt::format(R"("{}" is no behaviour; allowed are "transparent" and "get-response")", *word));
    }
    if (!atr.offers(0)) {
        return root.error("t0", R"(is for a card that offers T=0: atr.protocols = ["T=0"])");
    }
    return T0Behaviour::get_response;
}

Result<void> read_faults(TableReader& root, Profile& profile) {
    BOOST_OUTCOME_TRY(auto faults, root.table("fault"));
    if (!faults) {
        return ok();
    }
    for (const auto& name : faults->keys()) {
        BOOST_OUTCOME_TRY(auto table, faults->table(name));
        ProfileFault fault{name, table->where(), {}};
        for (const auto& key : table->keys()) {
            BOOST_OUTCOME_TRY(auto value, table->scalar(key));
            fault.settings.emplace_back(key, std::move(value).value_or(""));
        }
        profile.faults.push_back(std::move(fault));
    }
    return ok();
}

Result<void> read_applications(TableReader& root, Profile& profile) {
    std::string names;
    for (const auto& kind : application_kinds()) {
        names += (names.empty() ? "" : ", ") + std::string(kind.name);
        BOOST_OUTCOME_TRY(auto table, root.table(kind.name));
        if (table) {
            BOOST_OUTCOME_TRY(auto application, kind.parse(*table));
            profile.applications.push_back(std::move(application));
        }
    }
    BOOST_OUTCOME_TRY(auto plugins, plugin::read_plugins(root));
    std::move(plugins.begin(), plugins.end(), std::back_inserter(profile.applications));
    BOOST_OUTCOME_TRY(const auto selected, root.text("selected_at_reset", 1, 64));
    BOOST_OUTCOME_TRY(root.finish());
    if (profile.applications.empty()) {
        return root.error("", "the card has no application; give it at least one table of " + names);
    }
    if (selected) {
        const auto found =
            std::find_if(profile.applications.begin(), profile.applications.end(),
                         [&](const auto& application) { return application->name() == *selected; });
        if (found == profile.applications.end()) {
            return root.error(
                "selected_at_reset",
                fmt::format("\"{}\" is no application of this card; the kinds are {}", *selected, names));
        }
        profile.selected_at_reset =
            static_cast<std::size_t>(std::distance(profile.applications.begin(), found));
    }
    return ok();
}

/// The card that plays a recorded dialogue. Without a recorded ATR, one that offers T=1 and says nothing.
Result<Profile> load_replay(const std::filesystem::path& file) {
    BOOST_OUTCOME_TRY(auto dialogue, load_dialogue(file));
    Profile profile;
    profile.file = file;
    profile.name = file.stem().string();
    profile.description = "replay of a dialogue with " + dialogue.card;
    if (dialogue.atr.empty()) {
        BOOST_OUTCOME_TRY(profile.atr, iso7816::Atr::build(false, true, {}));
    } else {
        auto atr = iso7816::Atr::parse(dialogue.atr);
        if (!atr) {
            return fail(std::errc::invalid_argument,
                        fmt::format("{}: atr: {}", file.string(), atr.assume_error().message()));
        }
        profile.atr = std::move(atr).assume_value();
    }
    profile.replay = std::make_shared<const Dialogue>(std::move(dialogue));
    return profile;
}

/// Every table of [state] is one that a card of `profile` can begin with.
Result<void> check_state(TableReader& state, const Profile& profile) {
    NoPersistence nothing;
    std::vector<std::unique_ptr<Application>> applications;
    for (const auto& application : profile.applications) {
        applications.push_back(application->instantiate({nothing, system_random()}));
    }
    return restore_applications(state, applications);
}

} // namespace

Result<Profile> load_profile(const std::filesystem::path& file) {
    if (file.extension() == ".apdu") {
        return load_replay(file);
    }
    BOOST_OUTCOME_TRY(const auto text, read_text_file(AT_FDCWD, file, k_max_profile_file));
    if (!text) {
        return fail(std::errc::no_such_file_or_directory,
                    fmt::format("{}: there is no such card profile", file.string()));
    }
    BOOST_OUTCOME_TRY(auto parsed, parse_toml(*text, file.string()));
    const auto stored = std::make_shared<const StoredState>(StoredState{std::move(parsed), file.string()});
    TableReader root(stored->document, "", file.string());
    Profile profile;
    profile.file = file;
    profile.name = file.stem().string();
    BOOST_OUTCOME_TRY(auto description, root.text("description", 1, 200));
    profile.description = description.value_or("");
    BOOST_OUTCOME_TRY(auto atr, root.table("atr"));
    BOOST_OUTCOME_TRY(auto state, root.table("state"));
    BOOST_OUTCOME_TRY(const auto t0, root.text("t0", 1, 64));
    BOOST_OUTCOME_TRY(read_faults(root, profile));
    BOOST_OUTCOME_TRY(read_applications(root, profile));
    const toml::table none;
    auto atr_table = atr.value_or(TableReader(none, "atr", file.string()));
    BOOST_OUTCOME_TRY(profile.atr, read_atr(atr_table, combined_capabilities(profile)));
    BOOST_OUTCOME_TRY(profile.t0, read_t0(root, t0, profile.atr));
    if (state) {
        BOOST_OUTCOME_TRY(check_state(*state, profile));
        profile.stored = stored;
    }
    return profile;
}

Result<std::vector<std::filesystem::path>> list_profiles(const std::filesystem::path& folder) {
    std::error_code code;
    std::vector<std::filesystem::path> files;
    for (std::filesystem::directory_iterator entry(folder, code), end; !code && entry != end;
         entry.increment(code)) {
        if (entry->path().extension() == ".toml" && entry->is_regular_file(code)) {
            files.push_back(entry->path());
        }
    }
    if (code) {
        return fail(code, fmt::format("folder of card profiles {}: {}", folder.string(), code.message()));
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace cardlatch::card
