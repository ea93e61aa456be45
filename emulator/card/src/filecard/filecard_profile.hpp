#pragma once

#include "../application.hpp"
#include "file_system.hpp"
#include "key.hpp"
#include "pin.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace cardlatch::card::filecard {

/// A data object for GET DATA and PUT DATA.
struct DataObject {
    Bytes value; ///< on a new card; empty means that it is not there
    AccessRule read;
    AccessRule update = AccessRule::never();
};

/// What the table [filecard] of a profile says: a new card.
struct FileCardDescription {
    FileSystem files;
    std::vector<PinProfile> pins;
    std::vector<KeyProfile> keys;
    std::map<std::uint32_t, DataObject> data; ///< by tag, of one or two bytes
    RuleEnvironments environments;            ///< those that access rules refer to
};

/// The table [filecard] of a profile.
class FileCardProfile final : public ApplicationProfile,
                              public std::enable_shared_from_this<FileCardProfile>,
                              public FileCardDescription {
  public:
    explicit FileCardProfile(FileCardDescription description)
        : FileCardDescription(std::move(description)) {}

    [[nodiscard]] std::string_view name() const override { return "filecard"; }
    [[nodiscard]] CardCapabilities capabilities() const override;
    [[nodiscard]] std::unique_ptr<Application> instantiate(Services services) const override;
};

/// Reads [filecard]; docs/profiles.md has its keys.
/// Errors: std::errc::invalid_argument with file, line and key.
Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& table);

// The parts of parse_profile(), with the same errors.

/// The references that an access rule may name.
struct KnownReferences {
    std::vector<std::uint8_t> pins;
    std::vector<std::uint8_t> keys;
};

Result<AccessRule> read_access(TableReader& table, std::string_view key, AccessRule otherwise,
                               const KnownReferences& known);
Result<FileSystem> read_files(TableReader& filecard, const KnownReferences& known);
Result<KnownReferences> read_references(TableReader& filecard);
Result<std::vector<PinProfile>> read_pins(TableReader& filecard, const KnownReferences& known);
Result<std::vector<KeyProfile>> read_keys(TableReader& filecard, const KnownReferences& known);
Result<std::map<std::uint32_t, DataObject>> read_data_objects(TableReader& filecard,
                                                              const KnownReferences& known);

} // namespace cardlatch::card::filecard
