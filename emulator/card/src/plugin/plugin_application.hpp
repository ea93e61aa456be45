#pragma once

#include "../application.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace cardlatch::card::plugin {

/// Reads [plugin.NAME] of a profile, for every NAME, and loads the libraries; docs/applications.md has the
/// keys. Errors: std::errc::invalid_argument with file, line and key, also when a library is not there, is
/// none of ours, or speaks another version of the interface.
Result<std::vector<std::shared_ptr<const ApplicationProfile>>> read_plugins(TableReader& root);

} // namespace cardlatch::card::plugin
