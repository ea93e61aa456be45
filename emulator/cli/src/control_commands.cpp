#include "command.hpp"

#include <cardlatch/harness/control.hpp>
#include <cardlatch/harness/slot_control.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <tuple>

namespace cardlatch::cli {

namespace {

namespace json = boost::json;

/// What insert, remove, reset, acquire and status share: finding the control socket and asking it.
class ControlCommand : public Command {
  protected:
    void add_common_options() {
        app_->add_option("--control", control_,
                         "Control socket of a running stack; inside `cardlatch run` it is known")
            ->envname("CARDLATCH_CONTROL")
            ->type_name("PATH");
    }
    void add_slot() { app_->add_option("SLOT", slot_, "Slot number from 0, or reader name")->required(); }

    Result<json::value> call(const std::string& method, const json::object& params) const {
        if (control_.empty()) {
            return fail(std::errc::invalid_argument,
                        "no control socket: run this inside `cardlatch run`, or give --control PATH");
        }
        return harness::control_call(control_, method, params);
    }

    int call_and_report(const std::string& method, const json::object& params) const {
        const auto result = call(method, params);
        if (!result) {
            return complain(result.assume_error(), result.assume_error().code == std::errc::invalid_argument
                                                       ? k_usage
                                                       : k_check_failed);
        }
        return k_ok;
    }

    std::string control_;
    std::string slot_;
};

class InsertCommand : public ControlCommand {
  public:
    explicit InsertCommand(CLI::App& root) {
        app_ = root.add_subcommand("insert", "Put a card into a reader; returns when PC/SC clients see it");
        add_slot();
        app_->add_option("PROFILE", profile_,
                         "Card: a shipped profile's name or a TOML file; default: the last one");
        add_common_options();
    }
    int run(const std::vector<std::string>&) override {
        json::object params{{"slot", slot_}};
        if (!profile_.empty()) {
            // Resolved here, because a relative path means this process's folder.
            const auto profile = harness::find_profile(profile_);
            if (!profile) {
                return complain(profile.assume_error(), k_check_failed);
            }
            params["profile"] = std::filesystem::absolute(profile.assume_value()).native();
        }
        return call_and_report("insert", params);
    }

  private:
    std::string profile_;
};

/// remove and reset: one method, one slot.
class SlotCommand : public ControlCommand {
  public:
    SlotCommand(CLI::App& root, std::string method, const std::string& description)
        : method_(std::move(method)) {
        app_ = root.add_subcommand(method_, description);
        add_slot();
        add_common_options();
    }
    int run(const std::vector<std::string>&) override { return call_and_report(method_, {{"slot", slot_}}); }

  private:
    std::string method_;
};

class AcquireCommand : public ControlCommand {
  public:
    explicit AcquireCommand(CLI::App& root) {
        app_ =
            root.add_subcommand("acquire", "Take the card as one more PC/SC client and give it back: exit 0 "
                                           "when that works, 1 while somebody holds it");
        add_slot();
        app_->add_option("--within", patience_, "How long to try")
            ->type_name("MS")
            ->check(CLI::Range(0, k_longest_patience_ms))
            ->capture_default_str();
        add_common_options();
    }
    int run(const std::vector<std::string>&) override {
        const auto result = call("acquire", {{"slot", slot_}, {"within_ms", patience_}});
        if (!result) {
            return complain(result.assume_error(), result.assume_error().code == std::errc::invalid_argument
                                                       ? k_usage
                                                       : k_check_failed);
        }
        const auto* acquired = result.assume_value().as_object().if_contains("acquired");
        if (acquired != nullptr && *acquired == true) {
            return k_ok;
        }
        return complain(fmt::format("the card in {} is held by a PC/SC client", slot_), k_check_failed);
    }

  private:
    static constexpr int k_longest_patience_ms = 60000;
    int patience_ = 1000;
};

class TypeCommand : public ControlCommand {
  public:
    explicit TypeCommand(CLI::App& root) {
        app_ = root.add_subcommand(
            "type", "Press keys on a reader's PIN pad: for the request under way, or for the next one");
        add_slot();
        auto* pin = app_->add_option("PIN", pin_, "The PIN");
        auto* fresh =
            app_->add_option("--new", new_, "The new PIN, when the reader asks for one")->type_name("PIN");
        app_->add_option("--confirm", confirm_, "The new PIN typed again; default: as --new")
            ->type_name("PIN")
            ->needs(fresh);
        app_->add_flag("--cancel", cancel_, "Press the cancel key instead")->excludes(pin)->excludes(fresh);
        add_common_options();
    }
    int run(const std::vector<std::string>&) override {
        json::object params{{"slot", slot_}};
        if (cancel_) {
            params["cancel"] = true;
        }
        for (const auto& [option, key, value] :
             {std::tuple{"PIN", "pin", &pin_}, std::tuple{"--new", "new", &new_},
              std::tuple{"--confirm", "confirm", &confirm_}}) {
            if (!app_->get_option(option)->empty()) {
                params[key] = *value;
            }
        }
        return call_and_report("type", params);
    }

  private:
    std::string pin_;
    std::string new_;
    std::string confirm_;
    bool cancel_ = false;
};

class StatusCommand : public ControlCommand {
  public:
    explicit StatusCommand(CLI::App& root) {
        app_ = root.add_subcommand("status", "Show readers and cards of a running stack");
        app_->add_flag("--json", json_, "Print JSON");
        add_common_options();
    }
    int run(const std::vector<std::string>&) override {
        const auto result = call("status", {});
        if (!result) {
            return complain(result.assume_error(), result.assume_error().code == std::errc::invalid_argument
                                                       ? k_usage
                                                       : k_check_failed);
        }
        if (json_) {
            fmt::print("{}\n", json::serialize(result.assume_value()));
            return k_ok;
        }
        return print_table(result.assume_value());
    }

  private:
    static int print_table(const json::value& status) {
        static constexpr std::array k_columns = {"slot", "reader", "state", "profile", "atr"};
        std::vector<std::vector<std::string>> rows{{"SLOT", "READER", "STATE", "CARD", "ATR"}};
        for (const auto& item : status.at("slots").as_array()) {
            std::vector<std::string> row;
            for (const auto* column : k_columns) {
                const auto& cell = item.at(column);
                row.push_back(cell.is_string() ? std::string(cell.as_string()) : json::serialize(cell));
            }
            rows.push_back(std::move(row));
        }
        std::array<std::size_t, k_columns.size()> widths{};
        for (const auto& row : rows) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                widths.at(i) = std::max(widths.at(i), row[i].size());
            }
        }
        for (const auto& row : rows) {
            std::string line;
            for (std::size_t i = 0; i < row.size(); ++i) {
                line += fmt::format("{:<{}}  ", row[i], widths.at(i));
            }
            line.erase(line.find_last_not_of(' ') + 1);
            fmt::print("{}\n", line);
        }
        return k_ok;
    }

    bool json_ = false;
};

class ReaderCommand : public ControlCommand {
  public:
    explicit ReaderCommand(CLI::App& root) {
        app_ = root.add_subcommand("reader", "Plug readers in and out while pcscd runs");
        app_->require_subcommand(1);
        app_->fallthrough();
        add_common_options();
        add_ = app_->add_subcommand(
            "add", "Plug in a reader; prints the names of its slots, once PC/SC clients see them");
        add_->add_option("--name", name_, "Its name; default: as the readers at start")->type_name("NAME");
        add_->add_option("--card", cards_,
                         "Card in it, as for run; repeat it for a reader of several slots. Default: none")
            ->type_name("PROFILE");
        remove_ = app_->add_subcommand("remove", "Unplug a reader; returns when PC/SC clients see it gone");
        remove_->add_option("SLOT", slot_, "Slot number from 0, or reader name")->required();
    }
    int run(const std::vector<std::string>&) override {
        if (remove_->parsed()) {
            return call_and_report("reader_remove", {{"slot", slot_}});
        }
        json::object params;
        if (!add_->get_option("--name")->empty()) {
            params["name"] = name_;
        }
        json::array cards;
        for (const auto& card : cards_) {
            if (card == "none") {
                cards.emplace_back(card);
                continue;
            }
            // Resolved here, because a relative path means this process's folder.
            const auto profile = harness::find_profile(card);
            if (!profile) {
                return complain(profile.assume_error(), k_check_failed);
            }
            cards.emplace_back(std::filesystem::absolute(profile.assume_value()).native());
        }
        params["cards"] = cards;
        const auto result = call("reader_add", params);
        if (!result) {
            return complain(result.assume_error(), result.assume_error().code == std::errc::invalid_argument
                                                       ? k_usage
                                                       : k_check_failed);
        }
        for (const auto& slot : result.assume_value().at("slots").as_array()) {
            fmt::print("{}\n", std::string(slot.at("reader").as_string()));
        }
        return k_ok;
    }

  private:
    CLI::App* add_ = nullptr;
    CLI::App* remove_ = nullptr;
    std::string name_;
    std::vector<std::string> cards_;
};

} // namespace

std::vector<std::unique_ptr<Command>> make_control_commands(CLI::App& root) {
    std::vector<std::unique_ptr<Command>> commands;
    commands.push_back(std::make_unique<InsertCommand>(root));
    commands.push_back(std::make_unique<SlotCommand>(
        root, "remove", "Pull the card from a reader; returns when PC/SC clients see it"));
    commands.push_back(
        std::make_unique<SlotCommand>(root, "reset", "Reset the card as another PC/SC client would"));
    commands.push_back(std::make_unique<AcquireCommand>(root));
    commands.push_back(std::make_unique<TypeCommand>(root));
    commands.push_back(std::make_unique<ReaderCommand>(root));
    commands.push_back(std::make_unique<StatusCommand>(root));
    return commands;
}

} // namespace cardlatch::cli
