#pragma once

#include <cardlatch/base/result.hpp>

#include <filesystem>

namespace cardlatch::harness {

/// Where the parts of Cardlatch lie: in the build tree, or where `cmake --install` put them.
struct Installation {
    std::filesystem::path driver;   ///< libifdcardlatch.so
    std::filesystem::path shim;     ///< libcardlatch-pcscd-shim.so
    std::filesystem::path observer; ///< cardlatch-observer
    std::filesystem::path hosted;   ///< libcardlatch-hosted.so
    std::filesystem::path profiles; ///< folder of the shipped card profiles

    /// Looks beside the running program or library first (build tree), then at the installed places.
    /// CARDLATCH_ROOT, when set, names a build tree or an installation prefix to use instead.
    /// Errors: ENOENT naming the part that is missing and where it was looked for.
    static Result<Installation> locate();
};

} // namespace cardlatch::harness
