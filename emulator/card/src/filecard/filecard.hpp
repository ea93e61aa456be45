#pragma once

#include "../application.hpp"
#include "filecard_profile.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace cardlatch::card::filecard {

/// The file system of a card: SELECT, READ and UPDATE of BINARY and RECORD, VERIFY, GET CHALLENGE.
class FileCard final : public Application {
  public:
    FileCard(std::shared_ptr<const FileCardProfile> profile, Services services);

    [[nodiscard]] std::string_view name() const override { return profile_->name(); }
    [[nodiscard]] std::span<const iso7816::Aid> df_names() const override { return df_names_; }
    [[nodiscard]] bool has_master_file() const override { return true; }
    iso7816::ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) override;
    iso7816::ResponseApdu select_file(const iso7816::CommandApdu& command, ControlTemplate wanted) override;
    iso7816::ResponseApdu process(const iso7816::CommandApdu& command) override;
    void deselect() override;
    void reset() override;
    void save(toml::table& out) const override;
    Result<void> restore(TableReader& in) override;

  private:
    /// An EF that a command may work on, or the status word that says why not.
    struct Target {
        iso7816::StatusWord sw;
        std::size_t file = 0;
        bool by_sfi = false;
    };

    iso7816::ResponseApdu read_binary(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu update_binary(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu read_record(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu update_record(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu verify(const iso7816::CommandApdu& command);
    iso7816::ResponseApdu get_challenge(const iso7816::CommandApdu& command);

    [[nodiscard]] Target target(unsigned sfi, Structure structure, AccessRule File::*rule) const;
    [[nodiscard]] bool allows(const AccessRule& rule) const;
    [[nodiscard]] std::optional<std::size_t> find_record(const Target& ef,
                                                         const iso7816::CommandApdu& command) const;
    void set_current(const Target& ef);
    iso7816::ResponseApdu make_current(std::size_t file, ControlTemplate wanted);
    iso7816::StatusWord overwrite(std::size_t file, std::size_t offset, ByteView data);
    Pin* find_pin(unsigned reference);

    std::shared_ptr<const FileCardProfile> profile_;
    Services services_;
    FileSystem files_;
    std::vector<Pin> pins_;
    std::vector<iso7816::Aid> df_names_;
    std::vector<std::size_t> named_dfs_; ///< file index for each of df_names_

    // volatile
    std::size_t current_df_ = 0;
    std::optional<std::size_t> current_ef_;
    std::optional<std::size_t> current_record_; ///< from 0
};

} // namespace cardlatch::card::filecard
