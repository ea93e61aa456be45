#pragma once

#include "../application.hpp"
#include "file_session.hpp"
#include "filecard_profile.hpp"

#include <map>
#include <memory>
#include <vector>

namespace cardlatch::card::filecard {

/// The file system of a card: what all its logical channels share. The commands are in FileSession.
class FileCard final : public Application {
  public:
    FileCard(std::shared_ptr<const FileCardProfile> profile, Services services);

    [[nodiscard]] std::string_view name() const override { return profile_->name(); }
    [[nodiscard]] std::span<const iso7816::Aid> df_names() const override { return df_names_; }
    [[nodiscard]] bool has_master_file() const override { return true; }
    [[nodiscard]] std::unique_ptr<Session> open_session() override {
        return std::make_unique<FileSession>(*this);
    }
    iso7816::ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) override {
        return first_.select_df_name(index, wanted);
    }
    iso7816::ResponseApdu select_file(const iso7816::CommandApdu& command, ControlTemplate wanted) override {
        return first_.select_file(command, wanted);
    }
    iso7816::ResponseApdu process(const iso7816::CommandApdu& command) override {
        return first_.process(command);
    }
    void deselect() override { first_.deselect(); }
    void close() override { first_.close(); }
    void reset() override { first_.close(); }
    void save(toml::table& out) const override;
    Result<void> restore(TableReader& in) override;
    void describe(toml::table& out, bool with_secrets) const override;

    // For sessions. Every change is on disk when it returns 9000; otherwise nothing has changed (6581).

    [[nodiscard]] Persistence& persistence() { return services_.persistence; }
    [[nodiscard]] RandomSource& random() { return services_.random; }
    [[nodiscard]] const FileCardProfile& profile() const { return *profile_; }
    [[nodiscard]] const FileSystem& files() const { return files_; }
    [[nodiscard]] iso7816::StatusWord change_files(FileSystem next);
    /// The DF that df_names()[index] names.
    [[nodiscard]] std::size_t named_df(std::size_t index) const { return named_dfs_[index]; }
    [[nodiscard]] Pin* find_pin(unsigned reference);
    [[nodiscard]] Key* find_key(unsigned reference);
    /// Values of data objects by tag; each of them is in the profile.
    [[nodiscard]] const std::map<std::uint32_t, Bytes>& data() const { return data_; }
    [[nodiscard]] iso7816::StatusWord change_data(std::map<std::uint32_t, Bytes> next) {
        return services_.persistence.change(data_, std::move(next));
    }
    /// What MANAGE SECURITY ENVIRONMENT stored, by number.
    using Environments = std::map<std::uint8_t, SecurityEnvironment>;
    [[nodiscard]] const Environments& environments() const { return environments_; }
    [[nodiscard]] iso7816::StatusWord change_environments(Environments next) {
        return services_.persistence.change(environments_, std::move(next));
    }

  private:
    void name_dfs();
    void save_files(toml::table& out) const;
    void save_security(toml::table& out) const;
    Result<void> restore_files(TableReader& in);
    Result<void> restore_created(TableReader& in);
    Result<void> restore_contents(TableReader& in);
    Result<void> restore_pins(TableReader& in);
    Result<void> restore_keys(TableReader& in);
    Result<void> restore_environments(TableReader& in);

    std::shared_ptr<const FileCardProfile> profile_;
    Services services_;
    FileSystem files_;
    std::vector<Pin> pins_;
    std::vector<Key> keys_;
    std::map<std::uint32_t, Bytes> data_;
    Environments environments_;
    std::vector<iso7816::Aid> df_names_;
    std::vector<std::size_t> named_dfs_; ///< number of the DF for each of df_names_
    FileSession first_{*this};
};

} // namespace cardlatch::card::filecard
