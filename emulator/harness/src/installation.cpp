#include "build_paths.hpp"

#include <cardlatch/harness/installation.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <dlfcn.h>
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
    const char* hosted;
    const char* profiles; ///< an absolute path stays absolute
};

constexpr std::array k_layouts = {
    Layout{"lib/libifdcardlatch.so", "lib/libcardlatch-pcscd-shim.so", "bin/cardlatch-observer",
           "lib/libcardlatch-hosted.so", k_source_profiles},
    Layout{k_installed_driver, k_installed_shim, k_installed_observer, k_installed_hosted,
           k_installed_profiles},
};

/// Where the program or shared library lies that this code is linked into, and the folders above it: an
/// installed library may be in PREFIX/lib/TRIPLET.
std::vector<fs::path> own_roots() {
    constexpr int k_levels = 2;
    std::vector<fs::path> roots;
    std::error_code error;
    Dl_info info{};
    fs::path file;
    if (::dladdr(reinterpret_cast<const void*>(&Installation::locate), &info) != 0 &&
        info.dli_fname != nullptr) {
        file = fs::canonical(info.dli_fname, error);
    }
    for (const auto& start : {fs::path(file), fs::read_symlink("/proc/self/exe", error)}) {
        auto folder = start.parent_path();
        for (int level = 0; level < k_levels && folder.has_relative_path(); ++level) {
            folder = folder.parent_path();
            roots.push_back(folder);
        }
    }
    return roots;
}

std::vector<fs::path> missing_parts(const Installation& parts) {
    std::vector<fs::path> missing;
    for (const auto& part : {parts.driver, parts.shim, parts.observer, parts.hosted, parts.profiles}) {
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
        roots = own_roots();
        roots.emplace_back(k_build_root);
        roots.emplace_back(k_install_prefix);
    }
    std::string tried;
    for (const auto& root : roots) {
        for (const auto& layout : k_layouts) {
            const Installation parts{root / layout.driver, root / layout.shim, root / layout.observer,
                                     root / layout.hosted, root / layout.profiles};
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
