#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cardlatch::card {

/// Reads one TOML table with checked types and limits. Every key that is asked for counts as known; finish()
/// refuses the others. All errors are std::errc::invalid_argument with "FILE:LINE: KEY: what is wrong and
/// what is allowed". Borrows the parsed document.
class TableReader {
  public:
    /// `key` is this table's full name, empty for the document itself.
    TableReader(const toml::table& table, std::string key, std::string file)
        : table_(&table)
        , key_(std::move(key))
        , file_(std::move(file)) {}

    /// A whole number from `low` to `high`.
    Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t low, std::int64_t high);
    /// true or false.
    Result<std::optional<bool>> boolean(std::string_view key);
    /// A text of `low` to `high` bytes.
    Result<std::optional<std::string>> text(std::string_view key, std::size_t low, std::size_t high);
    /// A text, a number or a truth value, as text.
    Result<std::optional<std::string>> scalar(std::string_view key);
    /// A list of texts.
    Result<std::optional<std::vector<std::string>>> texts(std::string_view key);
    /// Hexadecimal bytes, `low` to `high` of them, as one text or as a list of texts that are joined.
    Result<std::optional<Bytes>> hex(std::string_view key, std::size_t low, std::size_t high);
    /// A list of texts with hexadecimal bytes.
    Result<std::optional<std::vector<Bytes>>> hex_list(std::string_view key);
    /// A table inside this one.
    Result<std::optional<TableReader>> table(std::string_view key);
    /// A list of tables ([[key]]); empty when absent.
    Result<std::vector<TableReader>> tables(std::string_view key);

    /// Turns an absent value into an error.
    template <class T>
    Result<T> required(std::string_view key, Result<std::optional<T>> value, std::string_view meaning) const {
        BOOST_OUTCOME_TRY(auto present, std::move(value));
        if (!present) {
            return error(key, "is missing; " + std::string(meaning));
        }
        return std::move(*present);
    }

    /// True when the key is there, whatever its type. The key counts as known from now on.
    bool has(std::string_view key);
    /// True when the key is there and holds a table.
    [[nodiscard]] bool holds_table(std::string_view key) const;
    /// Every key in the table, known or not.
    [[nodiscard]] std::vector<std::string> keys() const;

    /// "FILE:LINE" of this table.
    [[nodiscard]] std::string where() const;
    /// The file that the document came from, as it was named.
    [[nodiscard]] const std::string& file() const { return file_; }

    /// An error about `key` (this table itself when empty), at the key's line or else the table's.
    [[nodiscard]] Error error(std::string_view key, const std::string& what) const;

    /// Errors: the first key that nobody asked for.
    [[nodiscard]] Result<void> finish() const;

  private:
    const toml::node* find(std::string_view key);
    [[nodiscard]] std::string full_key(std::string_view key) const;

    const toml::table* table_;
    std::string key_;
    std::string file_;
    std::set<std::string, std::less<>> known_;
};

/// Parses a TOML text that came from `file`.
/// Errors: std::errc::invalid_argument with "FILE:LINE: what is wrong".
Result<toml::table> parse_toml(std::string_view text, const std::string& file);

} // namespace cardlatch::card
