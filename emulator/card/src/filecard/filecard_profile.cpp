#include "filecard_profile.hpp"

#include "filecard.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace cardlatch::card::filecard {

namespace {

constexpr std::size_t k_max_files = 256;
constexpr std::size_t k_max_path = 8;            // identifiers in a path
constexpr std::size_t k_max_transparent = 32768; // bytes; READ BINARY's offset has 15 bits
constexpr std::int64_t k_max_record_size = 255;  // bytes
constexpr std::size_t k_max_records = 254;       // ISO/IEC 7816-4 §7.3
constexpr std::int64_t k_max_reference = 31;
constexpr std::size_t k_max_label = 16;
constexpr std::int64_t k_max_sfi = 30;

std::string join_path(const std::vector<std::uint16_t>& path) {
    std::string text;
    for (const auto fid : path) {
        text += fmt::format("{}{:04X}", text.empty() ? "" : "/", fid);
    }
    return text;
}

/// "3F00/5000/5001" as identifiers; nothing if it is not of this form.
std::optional<std::vector<std::uint16_t>> split_path(std::string_view text) {
    std::vector<std::uint16_t> path;
    for (;;) {
        const auto slash = text.find('/');
        const auto part = text.substr(0, slash);
        const auto bytes = from_hex(part);
        if (part.size() != 4 || !bytes || bytes->size() != 2) {
            return std::nullopt;
        }
        path.push_back(static_cast<std::uint16_t>(((*bytes)[0] << 8U) | (*bytes)[1]));
        if (slash == std::string_view::npos) {
            return path;
        }
        text.remove_prefix(slash + 1);
    }
}

Result<std::vector<std::uint16_t>> read_path(TableReader& table) {
    constexpr std::array<std::uint16_t, 4> k_reserved{0x0000, k_master_file, 0x3FFF, 0xFFFF};
    constexpr auto k_meaning =
        "allowed is the MF and 1 to 7 file identifiers below it, such as \"3F00/5000/5001\"";
    BOOST_OUTCOME_TRY(const auto text, table.required("path", table.text("path", 1, 64), k_meaning));
    auto path = split_path(text);
    if (!path || path->size() < 2 || path->size() > k_max_path || path->front() != k_master_file) {
        return table.error("path", fmt::format("\"{}\" is no path; {}", text, k_meaning));
    }
    const auto reserved =
        std::find_first_of(path->begin() + 1, path->end(), k_reserved.begin(), k_reserved.end());
    if (reserved != path->end()) {
        return table.error("path",
                           fmt::format("file identifier {:04X} is reserved; allowed are all but 0000, 3F00, "
                                       "3FFF and FFFF",
                                       *reserved));
    }
    return std::move(*path);
}

Result<AccessRule> read_access(TableReader& table, std::string_view key, AccessRule otherwise,
                               const std::vector<PinProfile>& pins) {
    constexpr auto k_meaning = R"(has to be "always", "never" or { pin = REFERENCE })";
    if (!table.has(key)) {
        return otherwise;
    }
    if (!table.holds_table(key)) {
        const auto word = table.text(key, 1, 16);
        if (word && *word.value() == "always") {
            return AccessRule{AccessRule::Kind::always, 0};
        }
        if (word && *word.value() == "never") {
            return AccessRule{AccessRule::Kind::never, 0};
        }
        return table.error(key, k_meaning);
    }
    BOOST_OUTCOME_TRY(auto rule, table.table(key));
    BOOST_OUTCOME_TRY(const auto reference, rule->required("pin", rule->integer("pin", 1, k_max_reference),
                                                           "name a PIN's reference"));
    BOOST_OUTCOME_TRY(rule->finish());
    const bool known =
        std::any_of(pins.begin(), pins.end(), [&](const auto& pin) { return pin.reference == reference; });
    if (!known) {
        return rule->error(
            "pin",
            fmt::format("there is no PIN with reference {}; describe it in [[filecard.pin]]", reference));
    }
    return AccessRule{AccessRule::Kind::pin, static_cast<std::uint8_t>(reference)};
}

Result<void> read_df(TableReader& table, File& file) {
    BOOST_OUTCOME_TRY(const auto aid, table.hex("aid", 1, 16));
    if (aid) {
        BOOST_OUTCOME_TRY(file.aid, iso7816::Aid::from(*aid));
    }
    BOOST_OUTCOME_TRY(auto label, table.text("label", 1, k_max_label));
    file.label = label.value_or("");
    return ok();
}

Result<void> read_transparent(TableReader& table, File& file) {
    BOOST_OUTCOME_TRY(const auto content, table.hex("content", 0, k_max_transparent));
    BOOST_OUTCOME_TRY(const auto text, table.text("text", 0, k_max_transparent));
    BOOST_OUTCOME_TRY(const auto size, table.integer("size", 1, k_max_transparent));
    if (content && text) {
        return table.error("text", "stands for content; only one of the two is allowed");
    }
    if (content) {
        file.content = *content;
    } else if (text) {
        file.content.assign(text->begin(), text->end());
    }
    if (size && static_cast<std::size_t>(*size) < file.content.size()) {
        return table.error("size", fmt::format("is {} bytes but there are {}; allowed are {} to {}", *size,
                                               file.content.size(), file.content.size(), k_max_transparent));
    }
    if (!size && file.content.empty()) {
        return table.error("size", "is missing; give size (bytes), content or text");
    }
    file.content.resize(size ? static_cast<std::size_t>(*size) : file.content.size());
    return ok();
}

Result<void> read_linear_fixed(TableReader& table, File& file) {
    BOOST_OUTCOME_TRY(const auto record_size,
                      table.required("record_size", table.integer("record_size", 1, k_max_record_size),
                                     "allowed are 1 to 255 bytes"));
    BOOST_OUTCOME_TRY(const auto records, table.hex_list("records"));
    BOOST_OUTCOME_TRY(const auto count, table.integer("record_count", 1, k_max_records));
    file.record_size = static_cast<std::size_t>(record_size);
    const auto given = records ? records->size() : 0;
    for (std::size_t i = 0; i < given; ++i) {
        const auto& record = (*records)[i];
        if (record.size() != file.record_size) {
            return table.error("records", fmt::format("record {} has {} bytes; allowed are {} (record_size)",
                                                      i + 1, record.size(), file.record_size));
        }
        file.content.insert(file.content.end(), record.begin(), record.end());
    }
    const auto total = count ? static_cast<std::size_t>(*count) : given;
    if (total == 0) {
        return table.error("record_count", "is missing; give record_count or records");
    }
    if (given > total || given > k_max_records) {
        return table.error("records", fmt::format("there are {}; allowed are at most {}", given,
                                                  std::min(total, k_max_records)));
    }
    file.content.resize(total * file.record_size);
    return ok();
}

/// A kind of file: the name of its list of tables, and what reads the keys that only this kind has.
struct FileKind {
    const char* key;
    Structure structure;
    Result<void> (*read)(TableReader& table, File& file);
};

constexpr std::array k_kinds{
    FileKind{"df", Structure::df, &read_df},
    FileKind{"transparent", Structure::transparent, &read_transparent},
    FileKind{"linear_fixed", Structure::linear_fixed, &read_linear_fixed},
};

struct FileTable {
    TableReader table;
    const FileKind* kind;
    std::vector<std::uint16_t> path;
};

Result<File> read_file(FileTable& entry, const std::vector<PinProfile>& pins) {
    auto& table = entry.table;
    File file;
    file.path = join_path(entry.path);
    file.fid = entry.path.back();
    file.structure = entry.kind->structure;
    BOOST_OUTCOME_TRY(entry.kind->read(table, file));
    if (!file.is_df()) {
        BOOST_OUTCOME_TRY(const auto sfi, table.integer("sfi", 1, k_max_sfi));
        if (sfi) {
            file.sfi = static_cast<std::uint8_t>(*sfi);
        }
        BOOST_OUTCOME_TRY(file.read, read_access(table, "read", file.read, pins));
        BOOST_OUTCOME_TRY(file.update, read_access(table, "update", file.update, pins));
    }
    return file;
}

/// Puts a file that was read into its place. Errors: no such parent, or an identifier, SFI or AID that is
/// taken.
Result<void> place(FileSystem& files, FileTable& entry, File file) {
    auto& table = entry.table;
    const auto parent = files.find_path(join_path({entry.path.begin(), entry.path.end() - 1}));
    if (!parent || !files[*parent].is_df()) {
        return table.error(
            "path",
            fmt::format("{} lies in no DF of this card; describe the DF in [[filecard.df]]", file.path));
    }
    if (files.child(*parent, file.fid)) {
        return table.error("path", fmt::format("there is another file {}", file.path));
    }
    if (file.sfi && files.child_with_sfi(*parent, *file.sfi)) {
        return table.error("sfi",
                           fmt::format("another EF of the same DF has short identifier {}", *file.sfi));
    }
    for (std::size_t i = 0; file.aid && i < files.size(); ++i) {
        if (files[i].aid == file.aid) {
            return table.error("aid", fmt::format("{} has the same AID", files[i].path));
        }
    }
    files.add(*parent, std::move(file));
    return ok();
}

Result<FileSystem> read_files(TableReader& filecard, const std::vector<PinProfile>& pins) {
    FileSystem files;
    BOOST_OUTCOME_TRY(auto mf, filecard.table("mf"));
    if (mf) {
        BOOST_OUTCOME_TRY(read_df(*mf, files[0]));
        BOOST_OUTCOME_TRY(mf->finish());
    }
    std::vector<FileTable> entries;
    for (const auto& kind : k_kinds) {
        BOOST_OUTCOME_TRY(auto tables, filecard.tables(kind.key));
        for (auto& table : tables) {
            BOOST_OUTCOME_TRY(auto path, read_path(table));
            entries.push_back({std::move(table), &kind, std::move(path)});
        }
    }
    if (entries.size() >= k_max_files) {
        return filecard.error("",
                              fmt::format("has {} files; allowed are {}", entries.size(), k_max_files - 1));
    }
    // Parents first, otherwise in the order of the profile.
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.path.size() < b.path.size(); });
    for (auto& entry : entries) {
        BOOST_OUTCOME_TRY(auto file, read_file(entry, pins));
        BOOST_OUTCOME_TRY(entry.table.finish());
        BOOST_OUTCOME_TRY(place(files, entry, std::move(file)));
    }
    return files;
}

Result<PinProfile> read_pin(TableReader& table) {
    constexpr std::int64_t k_max_size = Secret::k_max_size;
    constexpr std::int64_t k_max_tries = 15;
    PinProfile pin;
    BOOST_OUTCOME_TRY(
        const auto reference,
        table.required("reference", table.integer("reference", 1, k_max_reference), "allowed are 1 to 31"));
    BOOST_OUTCOME_TRY(auto text, table.text("value", 1, Secret::k_max_size));
    BOOST_OUTCOME_TRY(auto bytes, table.hex("value_hex", 1, Secret::k_max_size));
    BOOST_OUTCOME_TRY(const auto tries, table.integer("tries", 1, k_max_tries));
    BOOST_OUTCOME_TRY(const auto shortest, table.integer("min_length", 1, k_max_size));
    BOOST_OUTCOME_TRY(const auto longest, table.integer("max_length", 1, k_max_size));
    BOOST_OUTCOME_TRY(table.finish());
    if (text.has_value() == bytes.has_value()) {
        return table.error(text ? "value_hex" : "value",
                           "give exactly one of value (text) and value_hex (bytes)");
    }
    pin.reference = static_cast<std::uint8_t>(reference);
    pin.value = Secret(text ? Bytes(text->begin(), text->end()) : std::move(*bytes));
    pin.tries = static_cast<std::uint8_t>(tries.value_or(pin.tries));
    pin.min_length = static_cast<std::size_t>(shortest.value_or(static_cast<std::int64_t>(pin.min_length)));
    pin.max_length = static_cast<std::size_t>(longest.value_or(static_cast<std::int64_t>(pin.max_length)));
    if (pin.value.size() < pin.min_length || pin.value.size() > pin.max_length) {
        return table.error(text ? "value" : "value_hex",
                           fmt::format("has {} bytes; allowed are {} to {} (min_length, max_length)",
                                       pin.value.size(), pin.min_length, pin.max_length));
    }
    return pin;
}

Result<std::vector<PinProfile>> read_pins(TableReader& filecard) {
    std::vector<PinProfile> pins;
    BOOST_OUTCOME_TRY(auto tables, filecard.tables("pin"));
    for (auto& table : tables) {
        BOOST_OUTCOME_TRY(auto pin, read_pin(table));
        const bool taken = std::any_of(pins.begin(), pins.end(),
                                       [&](const auto& other) { return other.reference == pin.reference; });
        if (taken) {
            return table.error("reference", fmt::format("another PIN has reference {}", pin.reference));
        }
        pins.push_back(std::move(pin));
    }
    return pins;
}

} // namespace

CardCapabilities FileCardProfile::capabilities() const {
    CardCapabilities capabilities{.master_file = true};
    const auto dir = files.child(0, 0x2F00);
    const auto atr = files.child(0, 0x2F01);
    const auto binary = [&](auto file) { return !file || files[*file].structure == Structure::transparent; };
    capabilities.ef_dir = dir.has_value();
    capabilities.ef_atr = atr.has_value();
    capabilities.read_by_binary = (dir || atr) && binary(dir) && binary(atr);
    capabilities.extended_length_info = atr && iso7816::find_tlv(files[*atr].content, 0x7F66);
    return capabilities;
}

std::unique_ptr<Application> FileCardProfile::instantiate(Services services) const {
    return std::make_unique<FileCard>(shared_from_this(), services);
}

Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& table) {
    BOOST_OUTCOME_TRY(auto pins, read_pins(table));
    BOOST_OUTCOME_TRY(auto files, read_files(table, pins));
    BOOST_OUTCOME_TRY(table.finish());
    return std::shared_ptr<const ApplicationProfile>(
        std::make_shared<const FileCardProfile>(std::move(files), std::move(pins)));
}

} // namespace cardlatch::card::filecard
