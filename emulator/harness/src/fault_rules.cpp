#include "fault_rules.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <random>

namespace cardlatch::harness {

namespace json = boost::json;
using fault::Occasion;
using fault::Type;

Result<void> check_reach(const fault::Fault& fault, const FaultReach& reach) {
    const auto refuse = [&](const char* why) {
        return fail(std::errc::not_supported, fmt::format("fault {}: {}", fault::info(fault.type).name, why));
    };
    if (!reach.commands && fault.on != Occasion::now) {
        return refuse("the cards run inside pcscd (--host driver), where no command passes the place of a "
                      "fault; only on=now works there");
    }
    if (!reach.extension && fault.type == Type::time_extensions) {
        return refuse("stock vpcd's link has no time extension");
    }
    if (!reach.extension && fault.type == Type::mute && fault.on == Occasion::activation) {
        return refuse("stock vpcd waits for an ATR for ever");
    }
    if (!reach.own_pcscd &&
        (fault.type == Type::client_reset || fault.type == Type::unplug || fault.type == Type::kill_pcscd)) {
        return refuse("the reader belongs to another pcscd");
    }
    if (!reach.unpluggable && fault.type == Type::unplug) {
        return refuse("stock vpcd cannot say that its reader is gone");
    }
    return ok();
}

Result<std::vector<fault::Fault>> faults_of(const card::Profile& profile) {
    std::vector<fault::Fault> faults;
    for (const auto& table : profile.faults) {
        const auto wrong = [&table](const std::string& what) {
            return fail(std::errc::invalid_argument,
                        fmt::format("{}: fault.{}: {}", table.where, table.name, what));
        };
        std::string type;
        std::vector<fault::Setting> settings{{"name", table.name}};
        for (const auto& setting : table.settings) {
            if (setting.first == "type") {
                type = setting.second;
            } else if (setting.first == "name" || setting.first == "slot" ||
                       setting == fault::Setting("on", "now")) {
                return wrong("a card's fault has no name but its table's, no slot, and no on=\"now\"");
            } else {
                settings.push_back(setting);
            }
        }
        auto fault = fault::parse(type, settings);
        if (!fault) {
            return wrong(fault.assume_error().message());
        }
        faults.push_back(std::move(fault).assume_value());
    }
    return faults;
}

std::uint64_t any_seed() {
    return std::random_device()();
}

json::value describe_fault(const fault::FaultStatus& status) {
    const auto& fault = status.fault;
    json::object settings;
    for (const auto& [key, value] : fault::settings_of(fault)) {
        settings[key] = value;
    }
    return json::object{{"name", fault.name},
                        {"type", fault::info(fault.type).name},
                        {"slot", fault.slot ? json::value(*fault.slot) : json::value(nullptr)},
                        {"settings", settings},
                        {"seen", status.seen},
                        {"struck", status.struck},
                        {"over", status.over}};
}

} // namespace cardlatch::harness
