#pragma once

#include "../application.hpp"

#include <cardlatch/card/witness.hpp>

#include <array>
#include <memory>
#include <vector>

namespace cardlatch::card::witness {

/// What the witness has seen: everything that survives a reset.
struct Record {
    Report counters;           ///< `kept` is filled in when reported
    std::vector<LogEntry> log; ///< oldest first, bounded by the profile
    bool operator==(const Record&) const = default;
};

/// Records who sent what between ENTER and LEAVE. It never prevents anything: an offender gets 6985 and is
/// counted.
class Witness final : public Application {
  public:
    Witness(std::size_t log_entries, Services services);

    [[nodiscard]] std::string_view name() const override { return "witness"; }
    [[nodiscard]] std::span<const iso7816::Aid> df_names() const override { return df_names_; }
    iso7816::ResponseApdu select_df_name(std::size_t index, ControlTemplate wanted) override;
    iso7816::ResponseApdu process(const iso7816::CommandApdu& command) override;
    void deselect() override;
    void reset() override;
    void save(toml::table& out) const override;
    Result<void> restore(TableReader& in) override;

  private:
    iso7816::ResponseApdu client_command(const iso7816::CommandApdu& command, Event event);
    [[nodiscard]] iso7816::ResponseApdu report(const iso7816::CommandApdu& command) const;
    [[nodiscard]] iso7816::ResponseApdu read_log(const iso7816::CommandApdu& command) const;
    iso7816::ResponseApdu clear(const iso7816::CommandApdu& command);
    void append(Record& record, Event event, Verdict verdict, std::uint32_t client,
                std::uint32_t value) const;

    std::size_t log_entries_;
    Services services_;
    std::vector<iso7816::Aid> df_names_;
    Record record_;
};

/// Reads [witness]; docs/profiles.md has its keys.
/// Errors: std::errc::invalid_argument with file, line and key.
Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& table);

} // namespace cardlatch::card::witness
