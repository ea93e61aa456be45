#pragma once

#include "../application.hpp"
#include "file_system.hpp"
#include "pin.hpp"

#include <memory>
#include <vector>

namespace cardlatch::card::filecard {

/// The table [filecard] of a profile: the files as they are on a new card, and the PINs.
class FileCardProfile final : public ApplicationProfile,
                              public std::enable_shared_from_this<FileCardProfile> {
  public:
    FileCardProfile(FileSystem file_system, std::vector<PinProfile> pin_list)
        : files(std::move(file_system))
        , pins(std::move(pin_list)) {}

    [[nodiscard]] std::string_view name() const override { return "filecard"; }
    [[nodiscard]] CardCapabilities capabilities() const override;
    [[nodiscard]] std::unique_ptr<Application> instantiate(Services services) const override;

    const FileSystem files;
    const std::vector<PinProfile> pins;
};

/// Reads [filecard]; docs/profiles.md has its keys.
/// Errors: std::errc::invalid_argument with file, line and key.
Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& table);

} // namespace cardlatch::card::filecard
