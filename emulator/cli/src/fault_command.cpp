#include "command.hpp"

#include <cardlatch/fault/fault.hpp>
#include <cardlatch/harness/control.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::cli {

namespace {

namespace json = boost::json;

/// `cardlatch fault ACTION`: the fault methods of the control protocol.
class FaultCommand : public Command {
  public:
    explicit FaultCommand(CLI::App& root) {
        app_ = root.add_subcommand("fault", "Let cards and readers of a running stack misbehave");
        app_->require_subcommand(1);
        app_->fallthrough();
        app_->add_option("--control", control_,
                         "Control socket of a running stack; inside `cardlatch run` it is known")
            ->envname("CARDLATCH_CONTROL")
            ->type_name("PATH");
        add_ = app_->add_subcommand("add", "Add a fault; prints its name");
        add_->add_option("TYPE", type_, "What goes wrong; `cardlatch fault types` lists it")->required();
        add_->add_option("SETTING", settings_, "KEY=VALUE: when, how often, on which commands, how");
        list_ = app_->add_subcommand("list", "Show the faults and how often each has struck");
        remove_ = app_->add_subcommand("remove", "Remove a fault, and mend what it did if that lasts");
        remove_->add_option("NAME", name_, "The fault's name")->required();
        clear_ = app_->add_subcommand("clear", "Remove all faults, and mend what they did");
        types_ = app_->add_subcommand("types", "List the types of faults and their settings");
        app_->add_flag("--json", json_, "Print JSON, for list and types");
    }

    int run(const std::vector<std::string>&) override {
        if (types_->parsed()) {
            return print_types();
        }
        if (list_->parsed()) {
            return report("fault_list", {});
        }
        if (remove_->parsed()) {
            return report("fault_remove", {{"name", name_}});
        }
        if (clear_->parsed()) {
            return report("fault_clear", {});
        }
        auto spec = type_;
        for (const auto& setting : settings_) {
            spec += "," + setting;
        }
        return report("fault_add", {{"spec", spec}});
    }

  private:
    int report(const std::string& method, const json::object& params) const {
        if (control_.empty()) {
            return complain("no control socket: run this inside `cardlatch run`, or give --control PATH",
                            k_usage);
        }
        const auto result = harness::control_call(control_, method, params);
        if (!result) {
            return complain(result.assume_error(), k_check_failed);
        }
        const auto& answer = result.assume_value();
        if (list_->parsed()) {
            if (json_) {
                fmt::print("{}\n", json::serialize(answer));
            } else {
                print_faults(answer);
            }
        } else if (add_->parsed()) {
            fmt::print("{}\n", std::string(answer.at("faults").at(0).at("name").as_string()));
        }
        return k_ok;
    }

    static void print_faults(const json::value& answer) {
        fmt::print("seed {}\n", json::serialize(answer.at("seed")));
        for (const auto& fault : answer.at("faults").as_array()) {
            std::string settings;
            for (const auto& [key, value] : fault.at("settings").as_object()) {
                settings += fmt::format(",{}={}", std::string(key), std::string(value.as_string()));
            }
            fmt::print("{}: {}{}{}; struck {} of {}{}\n", std::string(fault.at("name").as_string()),
                       std::string(fault.at("type").as_string()), settings,
                       fault.at("slot").is_null() ? std::string()
                                                  : ",slot=" + json::serialize(fault.at("slot")),
                       json::serialize(fault.at("struck")), json::serialize(fault.at("seen")),
                       fault.at("over").as_bool() ? "; over" : "");
        }
    }

    int print_types() const {
        json::array list;
        std::size_t width = 0;
        for (const auto& type : fault::types()) {
            width = std::max(width, type.name.size());
        }
        for (const auto& type : fault::types()) {
            // Name, type and slot are not the type's; the rest shows defaults as well as names.
            const auto fault = fault::parse(type.name, {});
            json::object settings;
            std::string text;
            for (const auto& [key, value] : fault::settings_of(fault.value())) {
                settings[key] = value;
                text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
            }
            list.push_back(
                json::object{{"type", type.name}, {"summary", type.summary}, {"defaults", settings}});
            if (!json_) {
                fmt::print("{:<{}}  {}\n{:<{}}  {}\n", type.name, width, type.summary, "", width, text);
            }
        }
        if (json_) {
            fmt::print("{}\n", json::serialize(json::object{{"types", list}}));
        }
        return k_ok;
    }

    std::string control_;
    std::string type_;
    std::vector<std::string> settings_;
    std::string name_;
    bool json_ = false;
    CLI::App* add_ = nullptr;
    CLI::App* list_ = nullptr;
    CLI::App* remove_ = nullptr;
    CLI::App* clear_ = nullptr;
    CLI::App* types_ = nullptr;
};

} // namespace

std::unique_ptr<Command> make_fault_command(CLI::App& root) {
    return std::make_unique<FaultCommand>(root);
}

} // namespace cardlatch::cli
