#include "table_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace cardlatch::card {

namespace {

std::string describe_range(std::size_t low, std::size_t high) {
    return low == high ? fmt::format("{}", low) : fmt::format("{} to {}", low, high);
}

} // namespace

std::string TableReader::full_key(std::string_view key) const {
    if (key.empty()) {
        return key_;
    }
    return key_.empty() ? std::string(key) : fmt::format("{}.{}", key_, key);
}

Error TableReader::error(std::string_view key, const std::string& what) const {
    const auto* node = key.empty() ? nullptr : table_->get(key);
    const auto line =
        std::max<std::uint32_t>(1, (node != nullptr ? node->source() : table_->source()).begin.line);
    return fail(std::errc::invalid_argument, fmt::format("{}:{}: {}: {}", file_, line, full_key(key), what));
}

const toml::node* TableReader::find(std::string_view key) {
    known_.emplace(key);
    return table_->get(key);
}

bool TableReader::has(std::string_view key) {
    return find(key) != nullptr;
}

bool TableReader::holds_table(std::string_view key) const {
    const auto* node = table_->get(key);
    return node != nullptr && node->is_table();
}

std::vector<std::string> TableReader::keys() const {
    std::vector<std::string> names;
    for (const auto& item : *table_) {
        names.emplace_back(item.first.str());
    }
    return names;
}

Result<std::optional<std::int64_t>> TableReader::integer(std::string_view key, std::int64_t low,
                                                         std::int64_t high) {
    const auto* node = find(key);
    if (node == nullptr) {
        return std::optional<std::int64_t>{};
    }
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < low || value->get() > high) {
        return error(key, fmt::format("has to be a whole number from {} to {}", low, high));
    }
    return std::optional<std::int64_t>{value->get()};
}

Result<std::optional<bool>> TableReader::boolean(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) {
        return std::optional<bool>{};
    }
    const auto* value = node->as_boolean();
    if (value == nullptr) {
        return error(key, "has to be true or false");
    }
    return std::optional<bool>{value->get()};
}

Result<std::optional<std::string>> TableReader::text(std::string_view key, std::size_t low,
                                                     std::size_t high) {
    const auto* node = find(key);
    if (node == nullptr) {
        return std::optional<std::string>{};
    }
    const auto* value = node->as_string();
    if (value == nullptr || value->get().size() < low || value->get().size() > high) {
        return error(key, fmt::format("has to be a text of {} bytes", describe_range(low, high)));
    }
    return std::optional<std::string>{value->get()};
}

Result<std::optional<std::string>> TableReader::scalar(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) {
        return std::optional<std::string>{};
    }
    if (const auto* text = node->as_string(); text != nullptr) {
        return std::optional<std::string>{text->get()};
    }
    if (const auto* whole = node->as_integer(); whole != nullptr) {
        return std::optional<std::string>{std::to_string(whole->get())};
    }
    if (const auto* real = node->as_floating_point(); real != nullptr) {
        return std::optional<std::string>{fmt::format("{}", real->get())};
    }
    if (const auto* truth = node->as_boolean(); truth != nullptr) {
        return std::optional<std::string>{truth->get() ? "true" : "false"};
    }
    return error(key, "has to be a text, a number, true or false");
}

std::string TableReader::where() const {
    return fmt::format("{}:{}", file_, std::max<std::uint32_t>(1, table_->source().begin.line));
}

Result<std::optional<std::vector<std::string>>> TableReader::texts(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) {
        return std::optional<std::vector<std::string>>{};
    }
    const auto* list = node->as_array();
    if (list == nullptr) {
        return error(key, "has to be a list of texts");
    }
    std::vector<std::string> values;
    for (const auto& item : *list) {
        const auto* value = item.as_string();
        if (value == nullptr) {
            return error(key, "has to be a list of texts");
        }
        values.push_back(value->get());
    }
    return std::optional<std::vector<std::string>>{std::move(values)};
}

Result<std::optional<std::vector<Bytes>>> TableReader::hex_list(std::string_view key) {
    BOOST_OUTCOME_TRY(const auto lines, texts(key));
    if (!lines) {
        return std::optional<std::vector<Bytes>>{};
    }
    std::vector<Bytes> values;
    for (const auto& line : *lines) {
        auto bytes = from_hex(line);
        if (!bytes) {
            return error(
                key, fmt::format("\"{}\" is not hexadecimal; allowed are pairs of 0-9 A-F, with blanks or "
                                 "colons between them",
                                 line));
        }
        values.push_back(std::move(*bytes));
    }
    return std::optional<std::vector<Bytes>>{std::move(values)};
}

Result<std::optional<Bytes>> TableReader::hex(std::string_view key, std::size_t low, std::size_t high) {
    const auto* node = find(key);
    if (node == nullptr) {
        return std::optional<Bytes>{};
    }
    Bytes bytes;
    if (const auto* value = node->as_string(); value != nullptr) {
        auto parsed = from_hex(value->get());
        if (!parsed) {
            return error(
                key, "is not hexadecimal; allowed are pairs of 0-9 A-F, with blanks or colons between them");
        }
        bytes = std::move(*parsed);
    } else if (node->is_array()) {
        BOOST_OUTCOME_TRY(const auto lines, hex_list(key));
        for (const auto& line : *lines) {
            bytes.insert(bytes.end(), line.begin(), line.end());
        }
    } else {
        return error(key, "has to be a text of hexadecimal bytes or a list of such texts");
    }
    if (bytes.size() < low || bytes.size() > high) {
        return error(key,
                     fmt::format("has {} bytes; allowed are {}", bytes.size(), describe_range(low, high)));
    }
    return std::optional<Bytes>{std::move(bytes)};
}

Result<std::optional<TableReader>> TableReader::table(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) {
        return std::optional<TableReader>{};
    }
    if (!node->is_table()) {
        return error(key, "has to be a table");
    }
    return std::optional<TableReader>{TableReader(*node->as_table(), full_key(key), file_)};
}

Result<std::vector<TableReader>> TableReader::tables(std::string_view key) {
    std::vector<TableReader> readers;
    const auto* node = find(key);
    if (node == nullptr) {
        return readers;
    }
    const auto* list = node->as_array();
    if (list == nullptr) {
        return error(key, fmt::format("has to be a list of tables, written [[{}]]", full_key(key)));
    }
    for (const auto& item : *list) {
        if (!item.is_table()) {
            return error(key, fmt::format("has to be a list of tables, written [[{}]]", full_key(key)));
        }
        readers.emplace_back(*item.as_table(), fmt::format("{}[{}]", full_key(key), readers.size()), file_);
    }
    return readers;
}

Result<void> TableReader::finish() const {
    const toml::node* first = nullptr;
    std::string first_key;
    for (const auto& [key, node] : *table_) {
        const bool unknown = !known_.contains(key.str());
        if (unknown && (first == nullptr || node.source().begin < first->source().begin)) {
            first = &node;
            first_key = key.str();
        }
    }
    if (first != nullptr) {
        std::string allowed;
        for (const auto& key : known_) {
            allowed += (allowed.empty() ? "" : ", ") + key;
        }
        return error(first_key, "is not known here; allowed are " + allowed);
    }
    return ok();
}

Result<toml::table> parse_toml(std::string_view text, const std::string& file) {
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& error) {
        return fail(std::errc::invalid_argument,
                    fmt::format("{}:{}: {}", file, error.source().begin.line, error.description()));
    }
}

} // namespace cardlatch::card
