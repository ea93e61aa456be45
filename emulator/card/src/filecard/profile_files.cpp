// The files of [filecard].

#include "filecard_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace cardlatch::card::filecard {

namespace {

constexpr std::size_t k_max_label = 16;

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
    constexpr auto k_meaning =
        "allowed is the MF and 1 to 7 file identifiers below it, such as \"3F00/5000/5001\"";
    BOOST_OUTCOME_TRY(const auto text, table.required("path", table.text("path", 1, 64), k_meaning));
    auto path = split_path(text);
    if (!path || path->size() < 2 || path->size() > k_max_path || path->front() != k_master_file) {
        return table.error("path", fmt::format("\"{}\" is no path; {}", text, k_meaning));
    }
    const auto reserved = std::find_if(path->begin() + 1, path->end(), &is_reserved_identifier);
    if (reserved != path->end()) {
        return table.error("path",
                           fmt::format("file identifier {:04X} is reserved; allowed are all but 0000, 3F00, "
                                       "3FFF and FFFF",
                                       *reserved));
    }
    return std::move(*path);
}

struct NamedAccess {
    const char* key;
    std::size_t access;
};
constexpr std::array k_ef_accesses{
    NamedAccess{"read", access::k_read},         NamedAccess{"update", access::k_update},
    NamedAccess{"write", access::k_write},       NamedAccess{"deactivate", access::k_deactivate},
    NamedAccess{"activate", access::k_activate}, NamedAccess{"terminate", access::k_terminate},
    NamedAccess{"delete", access::k_delete},
};
constexpr std::array k_df_accesses{
    NamedAccess{"delete_child", access::k_delete_child},
    NamedAccess{"create_ef", access::k_create_ef},
    NamedAccess{"create_df", access::k_create_df},
    NamedAccess{"deactivate", access::k_deactivate},
    NamedAccess{"activate", access::k_activate},
    NamedAccess{"terminate", access::k_terminate},
    NamedAccess{"delete", access::k_delete},
};

Result<void> read_rules(TableReader& table, File& file, const KnownReferences& known) {
    file.rules.fill(AccessRule::never());
    if (!file.is_df()) {
        file.rules.at(access::k_read) = AccessRule{};
    }
    for (const auto& [key, access] : file.is_df() ? k_df_accesses : k_ef_accesses) {
        auto& rule = file.rules.at(access);
        // WRITE and APPEND are for those who may UPDATE, unless the profile says otherwise.
        const bool writes = !file.is_df() && access == access::k_write;
        const auto otherwise = writes ? file.rules.at(access::k_update) : rule;
        BOOST_OUTCOME_TRY(rule, read_access(table, key, otherwise, known));
    }
    return ok();
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
    BOOST_OUTCOME_TRY(const auto size, table.integer("size", 1, std::int64_t{k_max_transparent}));
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

/// record_size, records and record_count: how many records there are, or, where records can be appended to
/// the profile's, how many there may be.
Result<void> read_records(TableReader& table, File& file) {
    BOOST_OUTCOME_TRY(const auto record_size,
                      table.required("record_size",
                                     table.integer("record_size", 1, std::int64_t{k_max_record_size}),
                                     "allowed are 1 to 255 bytes"));
    BOOST_OUTCOME_TRY(auto records, table.hex_list("records"));
    BOOST_OUTCOME_TRY(const auto count, table.integer("record_count", 1, std::int64_t{k_max_records}));
    BOOST_OUTCOME_TRY(const auto limit, table.integer("max_records", 1, std::int64_t{k_max_records}));
    file.record_size = static_cast<std::size_t>(record_size);
    if (records) {
        file.records = std::move(*records);
    }
    for (std::size_t i = 0; i < file.records.size(); ++i) {
        const auto size = file.records[i].size();
        if (file.fixed_records() && size != file.record_size) {
            return table.error("records", fmt::format("record {} has {} bytes; allowed are {} (record_size)",
                                                      i + 1, size, file.record_size));
        }
        if (size == 0 || size > file.record_size) {
            return table.error("records",
                               fmt::format("record {} has {} bytes; allowed are 1 to {} (record_size)", i + 1,
                                           size, file.record_size));
        }
    }
    const auto given = file.records.size();
    if (file.structure == Structure::linear_fixed) {
        const auto total = count ? static_cast<std::size_t>(*count) : given;
        if (total == 0 && !limit) {
            return table.error("record_count", "is missing; give record_count, records or max_records");
        }
        if (given > total || given > k_max_records) {
            return table.error("records", fmt::format("there are {}; allowed are at most {}", given,
                                                      std::min(total, k_max_records)));
        }
        file.records.resize(total, Bytes(file.record_size));
    } else if (count) {
        return table.error("record_count", "is for linear_fixed; give max_records");
    } else if (!limit && given == 0) {
        return table.error("max_records", "is missing; give max_records or records");
    }
    file.max_records = limit ? static_cast<std::size_t>(*limit) : file.records.size();
    if (file.max_records < file.records.size()) {
        return table.error("max_records",
                           fmt::format("is {} but there are {} records; allowed are {} to {}", *limit,
                                       file.records.size(), file.records.size(), k_max_records));
    }
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
    FileKind{"linear_fixed", Structure::linear_fixed, &read_records},
    FileKind{"linear_variable", Structure::linear_variable, &read_records},
    FileKind{"cyclic", Structure::cyclic, &read_records},
};

struct FileTable {
    TableReader table;
    const FileKind* kind;
    std::vector<std::uint16_t> path;
};

Result<File> read_file(FileTable& entry, const KnownReferences& known) {
    auto& table = entry.table;
    File file;
    file.path = join_path(entry.path);
    file.fid = entry.path.back();
    file.structure = entry.kind->structure;
    BOOST_OUTCOME_TRY(entry.kind->read(table, file));
    if (!file.is_df()) {
        BOOST_OUTCOME_TRY(const auto sfi, table.integer("sfi", 1, std::int64_t{k_max_sfi}));
        if (sfi) {
            file.sfi = static_cast<std::uint8_t>(*sfi);
        }
    }
    BOOST_OUTCOME_TRY(read_rules(table, file, known));
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
    if (const auto other = file.aid ? files.find_name(*file.aid) : std::nullopt) {
        return table.error("aid", fmt::format("{} has the same AID", files[*other].path));
    }
    files.add(*parent, std::move(file));
    return ok();
}

} // namespace

Result<FileSystem> read_files(TableReader& filecard, const KnownReferences& known) {
    FileSystem files;
    BOOST_OUTCOME_TRY(auto mf, filecard.table("mf"));
    if (mf) {
        BOOST_OUTCOME_TRY(read_df(*mf, files[0]));
        BOOST_OUTCOME_TRY(read_rules(*mf, files[0], known));
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
        BOOST_OUTCOME_TRY(auto file, read_file(entry, known));
        BOOST_OUTCOME_TRY(entry.table.finish());
        BOOST_OUTCOME_TRY(place(files, entry, std::move(file)));
    }
    return files;
}

} // namespace cardlatch::card::filecard
