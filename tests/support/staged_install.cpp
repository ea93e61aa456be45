#include "staged_install.hpp"

#include "child.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace cardlatch::test {

StagedInstall::StagedInstall()
    : prefix_("/tmp/cl-stage-XXXXXX") {
    if (::mkdtemp(prefix_.data()) == nullptr || ::chmod(prefix_.c_str(), 0755) != 0) {
        throw std::runtime_error("no folder for a staged installation");
    }
    const auto installed = run({CARDLATCH_CMAKE, "--install", CARDLATCH_BUILD, "--prefix", prefix_});
    if (installed.exit_code != 0) {
        throw std::runtime_error("cmake --install: " + installed.err + installed.out);
    }
}

StagedInstall::~StagedInstall() {
    std::error_code ignored;
    std::filesystem::remove_all(prefix_, ignored);
}

} // namespace cardlatch::test
