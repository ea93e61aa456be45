#include "command.hpp"

#include <cardlatch/card/profile.hpp>
#include <cardlatch/harness/installation.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::cli {

namespace {

namespace json = boost::json;

class ProfilesCommand : public Command {
  public:
    explicit ProfilesCommand(CLI::App& root) {
        app_ = root.add_subcommand("profiles", "List the shipped card profiles");
        app_->add_flag("--json", json_, "Print JSON");
    }

    int run(const std::vector<std::string>&) override {
        const auto profiles = load();
        if (!profiles) {
            return complain(profiles.assume_error(), k_check_failed);
        }
        std::size_t width = 0;
        json::array list;
        for (const auto& profile : profiles.assume_value()) {
            width = std::max(width, profile.name.size());
            list.push_back(json::object{{"name", profile.name},
                                        {"description", profile.description},
                                        {"file", profile.file.native()},
                                        {"atr", to_hex(profile.atr.bytes())}});
        }
        if (json_) {
            fmt::print("{}\n", json::serialize(json::object{{"profiles", list}}));
            return k_ok;
        }
        for (const auto& profile : profiles.assume_value()) {
            fmt::print("{:<{}}  {}\n", profile.name, width, profile.description);
        }
        return k_ok;
    }

  private:
    static Result<std::vector<card::Profile>> load() {
        BOOST_OUTCOME_TRY(const auto installation, harness::Installation::locate());
        BOOST_OUTCOME_TRY(const auto files, card::list_profiles(installation.profiles));
        std::vector<card::Profile> profiles;
        for (const auto& file : files) {
            BOOST_OUTCOME_TRY(auto profile, card::load_profile(file));
            profiles.push_back(std::move(profile));
        }
        return profiles;
    }

    bool json_ = false;
};

/// What this version can do, as words with the version that brought them; callers ask and never compare
/// versions.
constexpr struct {
    const char* word;
    const char* since;
} k_capabilities[] = {
    {"run", "0.1"},
    {"run-driver-vpcd", "0.1"},
    {"run-isolation", "0.1"},
    {"run-state", "0.1"},
    {"serve", "0.1"},
    {"serve-connect", "0.1"},
    {"serve-listen-vpcd", "0.1"},
    {"control", "0.1"},
    {"card-filecard", "0.1"},
    {"card-images", "0.1"},
    {"card-piv", "0.1"},
    {"card-witness", "0.1"},
    {"lockcheck", "0.1"},
    {"control-acquire", "0.1"},
    {"trace", "0.1"},
    {"record", "0.1"},
    {"card-replay", "0.1"},
    {"fault", "0.1"},
    {"run-seed", "0.1"},
};

class CapabilitiesCommand : public Command {
  public:
    explicit CapabilitiesCommand(CLI::App& root) {
        app_ = root.add_subcommand("capabilities", "Say what this version can do, as words with \"since\"");
        app_->add_flag("--json", json_, "Print JSON");
    }

    int run(const std::vector<std::string>&) override {
        json::object words;
        for (const auto& [word, since] : k_capabilities) {
            words[word] = json::object{{"since", since}};
            if (!json_) {
                fmt::print("{} (since {})\n", word, since);
            }
        }
        if (json_) {
            fmt::print("{}\n", json::serialize(
                                   json::object{{"version", CARDLATCH_VERSION}, {"capabilities", words}}));
        }
        return k_ok;
    }

  private:
    bool json_ = false;
};

} // namespace

std::unique_ptr<Command> make_profiles_command(CLI::App& root) {
    return std::make_unique<ProfilesCommand>(root);
}

std::unique_ptr<Command> make_capabilities_command(CLI::App& root) {
    return std::make_unique<CapabilitiesCommand>(root);
}

} // namespace cardlatch::cli
