#include "builtin_cards.hpp"
#include "text.hpp"

#include <cardlatch/iscard/card_database.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cardlatch::iscard {

namespace {

constexpr std::size_t k_max_atr = 33;
constexpr std::uintmax_t k_max_file = 1U << 20U; // bytes; a file beyond is a mistake

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<GUID> guid_of(std::string_view text) {
    std::wstring wide(text.begin(), text.end());
    GUID guid{};
    return SUCCEEDED(CLSIDFromString(wide.c_str(), &guid)) ? std::optional(guid) : std::nullopt;
}

template <class T>
bool has(const std::vector<T>& entries, std::string_view name) {
    return std::any_of(entries.begin(), entries.end(), [&](const T& entry) { return entry.name == name; });
}

/// Reads the lines of one file.
class Reader {
  public:
    Reader(CardDatabase& database, std::string name)
        : database_(database)
        , name_(std::move(name)) {}

    Result<void> line(std::string_view text) {
        ++line_;
        text = trimmed(text);
        if (text.empty() || text[0] == '#') {
            return ok();
        }
        if (text[0] == '[') {
            return section(text);
        }
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) {
            return mistake(R"(a line is [card "NAME"], [group "NAME"] or KEY = VALUE)");
        }
        const auto key = trimmed(text.substr(0, equals));
        const auto value = trimmed(text.substr(equals + 1));
        if (value.empty()) {
            return mistake("\"" + std::string(key) + "\" has no value");
        }
        if (card_) {
            return card_key(key, value);
        }
        if (group_) {
            if (key != "reader") {
                return mistake("a group has the key \"reader\" alone");
            }
            group_->readers.emplace_back(value);
            return ok();
        }
        return mistake("a key before the first section");
    }

    /// Ends the present section.
    Result<void> finish() {
        if (card_) {
            if (card_->atr.empty()) {
                return mistake("card \"" + card_->name + "\" has no atr");
            }
            if (!card_->mask.empty() && card_->mask.size() != card_->atr.size()) {
                return mistake("the mask of card \"" + card_->name + "\" is not as long as its atr",
                               pcsc::Errc::invalid_atr);
            }
            if (!has(database_.cards, card_->name)) {
                database_.cards.push_back(*std::move(card_));
            }
            card_.reset();
        }
        if (group_) {
            if (!has(database_.groups, group_->name)) {
                database_.groups.push_back(*std::move(group_));
            }
            group_.reset();
        }
        return ok();
    }

  private:
    [[nodiscard]] Error mistake(const std::string& why, pcsc::Errc code = pcsc::Errc::invalid_target) const {
        return fail(code, name_ + ":" + std::to_string(line_) + ": " + why);
    }

    Result<void> section(std::string_view text) {
        BOOST_OUTCOME_TRY(finish());
        const auto open = text.find('"');
        const auto close = text.rfind('"');
        if (text.back() != ']' || open == std::string_view::npos || close <= open + 1 ||
            !trimmed(text.substr(close + 1, text.size() - close - 2)).empty()) {
            return mistake(R"(a section is [card "NAME"] or [group "NAME"])");
        }
        const auto kind = trimmed(text.substr(1, open - 1));
        const std::string name(text.substr(open + 1, close - open - 1));
        if (kind == "card") {
            card_.emplace().name = name;
            return ok();
        }
        if (kind == "group") {
            group_.emplace().name = name;
            return ok();
        }
        return mistake("unknown section \"" + std::string(kind) + "\"");
    }

    Result<void> card_key(std::string_view key, std::string_view value) {
        if (key == "atr" || key == "mask") {
            auto bytes = from_hex(value);
            if (!bytes || bytes->size() < 2 || bytes->size() > k_max_atr) {
                return mistake(std::string(key) + " is not 2 to 33 bytes in hexadecimal",
                               pcsc::Errc::invalid_atr);
            }
            (key == "atr" ? card_->atr : card_->mask) = *std::move(bytes);
            return ok();
        }
        if (key == "csp") {
            card_->csp = value;
            return ok();
        }
        if (key != "interface" && key != "provider") {
            return mistake("unknown key \"" + std::string(key) + "\"");
        }
        const auto guid = guid_of(value);
        if (!guid) {
            return mistake(std::string(key) + " is not a GUID in braces");
        }
        if (key == "interface") {
            card_->interfaces.push_back(*guid);
        } else {
            card_->provider = guid;
        }
        return ok();
    }

    CardDatabase& database_;
    std::string name_;
    int line_ = 0;
    std::optional<KnownCard> card_;
    std::optional<ReaderGroup> group_;
};

std::string environment(const char* name) {
    const auto* const value = std::getenv(name);
    return value == nullptr ? std::string() : value;
}

Result<void> read_file(CardDatabase& database, const std::filesystem::path& path, bool must_exist) {
    std::error_code ignored;
    const bool regular = std::filesystem::is_regular_file(path, ignored);
    if (!regular && !must_exist) {
        return ok();
    }
    std::ifstream in(path, std::ios::binary);
    if (!regular || !in || std::filesystem::file_size(path, ignored) > k_max_file) {
        return fail(pcsc::Errc::invalid_target, path.string() + ": cannot be read, or is above 1 MiB");
    }
    std::ostringstream text;
    text << in.rdbuf();
    return database.read(text.str(), path.string());
}

/// Where the user's and the system's files lie, the most important first. Source: XDG Base Directory
/// Specification.
std::vector<std::filesystem::path> config_folders() {
    std::vector<std::filesystem::path> folders;
    const auto add = [&](const std::filesystem::path& folder) {
        if (folder.is_absolute()) { // the specification has relative ones ignored
            folders.push_back(folder);
        }
    };
#ifdef _WIN32
    add(environment("APPDATA"));
    add(environment("PROGRAMDATA"));
#else
    const auto home = environment("XDG_CONFIG_HOME");
    add(home.empty() ? std::filesystem::path(environment("HOME")) / ".config" : std::filesystem::path(home));
    auto rest = environment("XDG_CONFIG_DIRS");
    std::istringstream system(rest.empty() ? "/etc/xdg" : rest);
    for (std::string folder; std::getline(system, folder, ':');) {
        add(folder);
    }
#endif
    return folders;
}

} // namespace

bool KnownCard::matches(ByteView card_atr) const {
    if (card_atr.size() != atr.size()) {
        return false;
    }
    for (std::size_t i = 0; i < atr.size(); ++i) {
        const unsigned counts = mask.empty() ? 0xFFU : mask[i];
        if (((card_atr[i] ^ atr[i]) & counts) != 0) {
            return false;
        }
    }
    return true;
}

bool KnownCard::offers(const std::vector<GUID>& wanted) const {
    return std::all_of(wanted.begin(), wanted.end(), [&](const GUID& guid) {
        return std::find(interfaces.begin(), interfaces.end(), guid) != interfaces.end();
    });
}

bool ReaderGroup::holds(std::string_view reader) const {
    return std::any_of(readers.begin(), readers.end(), [&](const std::string& pattern) {
        return pattern.ends_with('*')
                   ? reader.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))
                   : reader == pattern;
    });
}

Result<void> CardDatabase::read(std::string_view text, const std::string& name) {
    Reader reader(*this, name);
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        BOOST_OUTCOME_TRY(reader.line(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return reader.finish();
}

Result<CardDatabase> CardDatabase::load() {
    CardDatabase database;
    if (const auto chosen = environment("CARDLATCH_CARDS"); !chosen.empty()) {
        BOOST_OUTCOME_TRY(read_file(database, chosen, true));
    } else {
        for (const auto& folder : config_folders()) {
            BOOST_OUTCOME_TRY(read_file(database, folder / "cardlatch" / "cards.conf", false));
        }
    }
    BOOST_OUTCOME_TRY(database.read(k_builtin_cards, "built-in cards"));
    return database;
}

const KnownCard* CardDatabase::find(std::string_view card) const {
    const auto at =
        std::find_if(cards.begin(), cards.end(), [&](const KnownCard& known) { return known.name == card; });
    return at == cards.end() ? nullptr : &*at;
}

} // namespace cardlatch::iscard
