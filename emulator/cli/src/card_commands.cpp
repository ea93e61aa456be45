// cardlatch card show, export: what is on a card image, and its public parts.

#include "card_commands.hpp"

#include <cardlatch/card/card.hpp>
#include <cardlatch/card/image.hpp>
#include <cardlatch/harness/slot_control.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace cardlatch::cli {

namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

/// The member `key` of `value`, null when there is none.
const json::value& member(const json::value& value, std::string_view key) {
    static const json::value none;
    const auto* const object = value.if_object();
    const auto* const found = object == nullptr ? nullptr : object->if_contains(key);
    return found == nullptr ? none : *found;
}

/// A member as people read it; empty when there is none.
std::string text(const json::value& value, std::string_view key) {
    const auto& found = member(value, key);
    if (found.is_null()) {
        return {};
    }
    return found.is_string() ? std::string(found.as_string()) : json::serialize(found);
}

const json::array& list(const json::value& value, std::string_view key) {
    static const json::array none;
    const auto* const found = member(value, key).if_array();
    return found == nullptr ? none : *found;
}

/// Rows with columns as wide as their widest cell; the last is not padded.
std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line = " ";
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += fmt::format(" {:<{}} ", row[i], i + 1 == row.size() ? 0 : widths[i]);
        }
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
}

std::string certificate_text(const json::value& key) {
    const auto& certificate = member(key, "certificate");
    if (certificate.is_null()) {
        return "no certificate";
    }
    if (!member(certificate, "readable").as_bool()) {
        return "a certificate that cannot be read";
    }
    const auto subject = text(certificate, "subject");
    const auto by =
        subject == text(certificate, "issuer") ? std::string("itself") : text(certificate, "issuer");
    return fmt::format("{}, until {}, by {}", subject, text(certificate, "not_after").substr(0, 10), by);
}

/// "PIN 3 of 3 tries left", with the value when it is there.
std::string reference_text(std::string_view name, const json::value& reference) {
    const auto value = text(reference, "value");
    return fmt::format("{} {} of {} tries left{}", name, text(reference, "tries_left"),
                       text(reference, "tries"), value.empty() ? "" : fmt::format(" ({})", value));
}

/// Secrets that were asked for, whole, below the tables.
std::string private_keys(const json::array& keys, std::string_view name) {
    std::string out;
    for (const auto& key : keys) {
        if (const auto pem = text(key, "private_key"); !pem.empty()) {
            out += fmt::format("  private key of {}:\n{}", text(key, name), pem);
        }
    }
    return out;
}

std::string piv_text(const json::value& piv) {
    auto out = fmt::format("PIV, serial number {}\n", text(piv, "serial"));
    out += fmt::format("  {}; {}", reference_text("PIN", member(piv, "pin")),
                       reference_text("PUK", member(piv, "puk")));
    if (const auto& global = member(piv, "global_pin"); !global.is_null()) {
        out += "; " + reference_text("global PIN", global);
    }
    const auto& management = member(piv, "management_key");
    const auto value = text(management, "value");
    out += fmt::format("\n  management key {}, {}{}\n", text(management, "algorithm"),
                       member(management, "well_known").as_bool() ? "the well-known value" : "its own value",
                       value.empty() ? "" : fmt::format(" ({})", value));
    std::vector<std::vector<std::string>> rows{{"SLOT", "KEY", "PIN", "TOUCH", "ORIGIN", "CERTIFICATE"}};
    for (const auto& key : list(piv, "keys")) {
        rows.push_back({text(key, "slot"), text(key, "algorithm"), text(key, "pin_policy"),
                        text(key, "touch_policy"), text(key, "origin"), certificate_text(key)});
    }
    out += table(rows);
    rows = {{"OBJECT", "BYTES", "WHAT"}};
    for (const auto& object : list(piv, "objects")) {
        rows.push_back({text(object, "tag"), text(object, "size"), text(object, "name")});
    }
    out += rows.size() > 1 ? table(rows) : "";
    return out + private_keys(list(piv, "keys"), "slot");
}

std::string filecard_text(const json::value& filecard) {
    std::string out = "File system\n";
    std::vector<std::vector<std::string>> rows{{"PATH", "STRUCTURE", "BYTES", "READ", "UPDATE", "STATE"}};
    for (const auto& file : list(filecard, "files")) {
        rows.push_back({text(file, "path"), text(file, "structure"), text(file, "size"),
                        text(member(file, "rules"), "read"), text(member(file, "rules"), "update"),
                        text(file, "life_cycle")});
    }
    out += table(rows);
    rows = {{"PIN", "TRIES", "PUK TRIES", "STATE", ""}};
    for (const auto& pin : list(filecard, "pins")) {
        rows.push_back({text(pin, "reference"), text(pin, "tries_left") + " of " + text(pin, "tries"),
                        text(pin, "puk_tries_left"),
                        member(pin, "disabled").as_bool() ? "disabled" : "enabled", text(pin, "value_hex")});
    }
    out += rows.size() > 1 ? table(rows) : "";
    rows = {{"KEY", "TYPE", "USE", "STATE", ""}};
    for (const auto& key : list(filecard, "keys")) {
        const bool pair = member(key, "tries").is_null();
        const bool made = !pair || !member(key, "public_key").is_null();
        rows.push_back({text(key, "reference"), text(key, "type"), text(key, "use"),
                        made ? "present" : "not generated", text(key, "value_hex")});
    }
    out += rows.size() > 1 ? table(rows) : "";
    return out + private_keys(list(filecard, "keys"), "reference");
}

/// The state file that `given` means for a card `name`: itself, or the only one for that card in a folder.
Result<fs::path> find_state(const std::string& given, const std::string& name) {
    std::error_code code;
    if (!fs::is_directory(given, code)) {
        return fs::path(given);
    }
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(given, code), end; !code && entry != end; entry.increment(code)) {
        const auto file = entry->path().filename().string();
        if (file.ends_with("-" + name + ".toml")) {
            found.push_back(entry->path());
        }
    }
    if (found.size() != 1) {
        return fail(std::errc::no_such_file_or_directory,
                    fmt::format("{}: {} for a card \"{}\" is in this folder; name the file", given,
                                found.empty() ? "no state file" : "more than one state file", name));
    }
    return found.front();
}

/// What show and export share: a card and its state.
class ImageCommand : public Command {
  protected:
    void add_card() {
        app_->add_option("CARD", card_, "A shipped profile's name, or a TOML file such as `card new` writes")
            ->required();
        app_->add_option("--state", state_,
                         "The card as it has become: a state file, or the folder given to `run --state`")
            ->type_name("PATH");
    }

    struct Loaded {
        card::Profile profile;
        std::optional<fs::path> state;
        std::unique_ptr<card::Card> card;
    };
    [[nodiscard]] Result<Loaded> load() const {
        BOOST_OUTCOME_TRY(const auto file, harness::find_profile(card_));
        Loaded loaded;
        BOOST_OUTCOME_TRY(loaded.profile, card::load_profile(file));
        if (!state_.empty()) {
            BOOST_OUTCOME_TRY(loaded.state, find_state(state_, loaded.profile.name));
        }
        card::CardOptions options;
        options.look_at = loaded.state;
        BOOST_OUTCOME_TRY(loaded.card, card::Card::create(loaded.profile, options));
        return loaded;
    }

  private:
    std::string card_;
    std::string state_;
};

class CardShowCommand : public ImageCommand {
  public:
    explicit CardShowCommand(CLI::App& card) {
        app_ = card.add_subcommand("show", "Show what is on a card: keys, certificates, files, tries left");
        add_card();
        app_->add_flag("--json", json_, "Print JSON, certificates and public keys included");
        app_->add_flag("--secrets", secrets_, "Print private keys, PINs and symmetric keys as well");
    }

    int run(const std::vector<std::string>&) override {
        const auto loaded = load();
        if (!loaded) {
            return complain(loaded.assume_error(), k_check_failed);
        }
        const auto& [profile, state, card] = loaded.assume_value();
        auto description = card->describe(secrets_);
        auto shown =
            json_ ? description_as_json(profile, description) : description_as_text(profile, description);
        fmt::print("{}", shown);
        for (auto* const secret : {&description, &shown}) {
            wipe({reinterpret_cast<std::uint8_t*>(secret->data()), secret->size()});
        }
        return k_ok;
    }

  private:
    bool json_ = false;
    bool secrets_ = false;
};

/// A key on a card, as export names it.
struct PublicPart {
    std::string name; ///< "9A" on PIV, "key-3" in a file system
    std::string public_key;
    std::string certificate;
};

std::vector<PublicPart> public_parts(const json::value& description) {
    std::vector<PublicPart> parts;
    const auto& piv = member(description, "piv");
    for (const auto& key : list(piv, "keys")) {
        parts.push_back(
            {text(key, "slot"), text(key, "public_key"), text(member(key, "certificate"), "pem")});
    }
    for (const auto& key : list(member(description, "filecard"), "keys")) {
        if (const auto pem = text(key, "public_key"); !pem.empty()) {
            parts.push_back({"key-" + text(key, "reference"), pem, {}});
        }
    }
    return parts;
}

class CardExportCommand : public ImageCommand {
  public:
    explicit CardExportCommand(CLI::App& card) {
        app_ = card.add_subcommand("export",
                                   "Write certificates, public keys, or an image that reproduces a card");
        add_card();
        auto* const what = app_->add_option_group("what", "What to export; exactly one");
        what->add_option("--certificate", certificate_, "Print the certificate of this slot, in PEM")
            ->type_name("SLOT");
        what->add_option("--public-key", public_key_,
                         "Print the public key of this slot (9A ..., key-1 ... of a file system), in PEM")
            ->type_name("SLOT");
        what->add_option("--public", folder_, "Write all certificates and public keys into this folder")
            ->type_name("DIR");
        what->add_option("--image", image_,
                         "Write one profile that needs no other file, private keys and PINs included")
            ->type_name("FILE");
        what->require_option(1);
        app_->add_flag("--force", force_, "Replace files that are there");
    }

    int run(const std::vector<std::string>&) override {
        const auto loaded = load();
        if (!loaded) {
            return complain(loaded.assume_error(), k_check_failed);
        }
        const auto& [profile, state, card] = loaded.assume_value();
        const auto exported = image_.empty() ? export_public(public_parts(json::parse(card->describe(false))))
                                             : export_image(profile, state);
        return exported ? k_ok : complain(exported.assume_error(), k_check_failed);
    }

  private:
    Result<void> export_image(const card::Profile& profile, const std::optional<fs::path>& state) const {
        if (fs::path(image_).extension() != ".toml") {
            return fail(std::errc::invalid_argument,
                        fmt::format("{}: an image is a profile, so its name has to end in .toml", image_));
        }
        BOOST_OUTCOME_TRY(auto text, card::export_image(profile.file, state));
        auto written = card::write_image(image_, text, force_);
        wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
        return written;
    }

    [[nodiscard]] Result<void> export_public(const std::vector<PublicPart>& parts) const {
        if (!folder_.empty()) {
            return write_all(parts);
        }
        const bool certificate = !certificate_.empty();
        const auto& wanted = certificate ? certificate_ : public_key_;
        std::string known;
        for (const auto& part : parts) {
            const auto& pem = certificate ? part.certificate : part.public_key;
            if (!pem.empty() && CLI::detail::to_lower(part.name) == CLI::detail::to_lower(wanted)) {
                fmt::print("{}", pem);
                return ok();
            }
            known += pem.empty() ? "" : (known.empty() ? "" : ", ") + part.name;
        }
        return fail(std::errc::invalid_argument,
                    fmt::format("{}: the card has no {} there; it has {}", wanted,
                                certificate ? "certificate" : "public key", known.empty() ? "none" : known));
    }

    [[nodiscard]] Result<void> write_all(const std::vector<PublicPart>& parts) const {
        std::error_code code;
        fs::create_directories(folder_, code);
        if (code) {
            return fail(code, fmt::format("{}: {}", folder_, code.message()));
        }
        for (const auto& part : parts) {
            BOOST_OUTCOME_TRY(
                card::write_image(fs::path(folder_) / (part.name + ".pub.pem"), part.public_key, force_));
            if (!part.certificate.empty()) {
                BOOST_OUTCOME_TRY(card::write_image(fs::path(folder_) / (part.name + ".crt.pem"),
                                                    part.certificate, force_));
            }
        }
        return ok();
    }

    std::string certificate_;
    std::string public_key_;
    std::string folder_;
    std::string image_;
    bool force_ = false;
};

} // namespace

std::string description_as_json(const card::Profile& profile, const std::string& description) {
    auto document = json::parse(description);
    document.as_object()["description"] = profile.description;
    return json::serialize(document) + "\n";
}

std::string description_as_text(const card::Profile& profile, const std::string& description) {
    const auto document = json::parse(description);
    auto out = fmt::format("{}{}{}\nATR {}\n", profile.name, profile.description.empty() ? "" : ": ",
                           profile.description, text(document, "atr"));
    for (const auto& [name, application] : document.as_object()) {
        if (!application.is_object()) {
            continue;
        }
        out += "\n";
        if (name == "piv") {
            out += piv_text(application);
        } else if (name == "filecard") {
            out += filecard_text(application);
        } else {
            out += fmt::format("{}\n", name);
        }
    }
    return out;
}

std::vector<std::unique_ptr<Command>> make_card_commands(CLI::App& root) {
    auto* const card = root.add_subcommand("card", "Make, show and export card images");
    card->require_subcommand(1);
    std::vector<std::unique_ptr<Command>> commands;
    commands.push_back(make_card_new_command(*card));
    commands.push_back(std::make_unique<CardShowCommand>(*card));
    commands.push_back(std::make_unique<CardExportCommand>(*card));
    return commands;
}

} // namespace cardlatch::cli
