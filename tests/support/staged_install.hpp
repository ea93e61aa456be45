#pragma once

#include <string>

namespace cardlatch::test {

/// This build, installed into a folder of its own that every user can read; removed at the end.
class StagedInstall {
  public:
    StagedInstall();
    ~StagedInstall();
    StagedInstall(const StagedInstall&) = delete;
    StagedInstall& operator=(const StagedInstall&) = delete;

    [[nodiscard]] std::string command() const { return prefix_ + "/bin/cardlatch"; }

  private:
    std::string prefix_;
};

} // namespace cardlatch::test
