#include "command.hpp"

#include <cardlatch/harness/slot_control.hpp>

#include <fmt/format.h>

#include <cstdio>

namespace cardlatch::cli {

int complain(const std::string& message, int code) {
    fmt::print(stderr, "cardlatch: {}\n", message);
    return code;
}

int complain(const Error& error, int code) {
    return complain(error.message(), code);
}

Result<std::vector<std::optional<std::filesystem::path>>>
resolve_cards(const std::vector<std::string>& names) {
    std::vector<std::optional<std::filesystem::path>> profiles;
    for (const auto& name : names) {
        if (name == "none") {
            profiles.emplace_back(std::nullopt);
            continue;
        }
        BOOST_OUTCOME_TRY(auto profile, harness::find_profile(name));
        profiles.emplace_back(std::move(profile));
    }
    return profiles;
}

} // namespace cardlatch::cli
