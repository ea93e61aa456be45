#include "build_paths.hpp"

#include <cardlatch/harness/installation.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::harness {

namespace {

namespace fs = std::filesystem;

/// The places of one layout, relative to its root.
struct Layout {
    const char* driver;
    const char* shim;
    const char* observer;
    const char* profiles; ///< an absolute path stays absolute
};

constexpr std::array k_layouts = {
    Layout{"lib/libifdcardlatch.so", "lib/libcardlatch-pcscd-shim.so", "bin/cardlatch-observer",
           k_source_profiles},
    Layout{k_installed_driver, k_installed_shim, k_installed_observer, k_installed_profiles},
};

/// The folder that holds bin/ or lib/ of the program or library that this code is linked into.
std::optional<fs::path> own_root() {
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    if (error) {
        return std::nullopt;
    }
    return program.parent_path().parent_path();
}

std::vector<fs::path> missing_parts(const Installation& parts) {
    std::vector<fs::path> missing;
    for (const auto& part : {parts.driver, parts.shim, parts.observer, parts.profiles}) {
        std::error_code ignored;
        if (!fs::exists(part, ignored)) {
            missing.push_back(part);
        }
    }
    return missing;
}

} // namespace

Result<Installation> Installation::locate() {
    std::vector<fs::path> roots;
    if (const char* chosen = std::getenv("CARDLATCH_ROOT"); chosen != nullptr && *chosen != '\0') {
        roots.emplace_back(chosen);
    } else {
        if (const auto root = own_root()) {
            roots.push_back(*root);
        }
        roots.emplace_back(k_build_root);
        roots.emplace_back(k_install_prefix);
    }
    std::string tried;
    for (const auto& root : roots) {
        for (const auto& layout : k_layouts) {
            const Installation parts{root / layout.driver, root / layout.shim, root / layout.observer,
                                     root / layout.profiles};
            const auto missing = missing_parts(parts);
            if (missing.empty()) {
                return parts;
            }
            tried += fmt::format("{}{}", tried.empty() ? "" : ", ", missing.front().native());
        }
    }
    return fail(
        std::errc::no_such_file_or_directory,
        fmt::format("the parts of Cardlatch were not found (missing: {}); build with ./dev build, or set "
                    "CARDLATCH_ROOT to a build tree or an installation prefix",
                    tried));
}

} // namespace cardlatch::harness
