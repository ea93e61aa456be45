#pragma once

#include "../control_information.hpp"
#include "access_rule.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/aid.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::card::filecard {

inline constexpr std::uint16_t k_master_file = 0x3F00;
inline constexpr std::size_t k_max_files = 256;         ///< on a card, with the MF
inline constexpr std::size_t k_max_path = 8;            ///< identifiers in a path, with the MF's
inline constexpr std::size_t k_max_transparent = 32768; ///< bytes; READ BINARY's offset has 15 bits
inline constexpr std::size_t k_max_record_size = 255;   ///< bytes
inline constexpr std::size_t k_max_records = 254;       ///< Source: ISO/IEC 7816-4 §7.3
inline constexpr std::size_t k_max_sfi = 30;

enum class Structure : std::uint8_t { df, transparent, linear_fixed, linear_variable, cyclic };

/// The life cycle status byte. Source: ISO/IEC 7816-4 §7.4.10.
enum class LifeCycle : std::uint8_t {
    creation = 0x01,
    initialisation = 0x03, ///< in these two, security attributes do not apply yet
    deactivated = 0x04,
    activated = 0x05,
    terminated = 0x0C,
};

/// A DF or an EF.
struct File {
    std::string path; ///< "3F00/5000/5001"
    std::uint16_t fid = k_master_file;
    Structure structure = Structure::df;
    std::size_t parent = 0; ///< the DF that holds it; the MF is its own parent
    LifeCycle life_cycle = LifeCycle::activated;
    AccessRules rules{};
    bool created = false; ///< by CREATE FILE, not by the profile

    // DF
    std::optional<iso7816::Aid> aid;
    std::string label; ///< application label (50), empty for none

    // EF
    std::optional<std::uint8_t> sfi; ///< short EF identifier, 1 to 30
    Bytes content;                   ///< of a transparent EF
    std::size_t record_size = 0;     ///< bytes of a record, at most so many if the length varies
    std::size_t max_records = 0;
    std::vector<Bytes> records; ///< record 1 first; in a cyclic EF that is the newest

    [[nodiscard]] bool is_df() const { return structure == Structure::df; }
    [[nodiscard]] bool has_records() const { return !is_df() && structure != Structure::transparent; }
    [[nodiscard]] bool fixed_records() const {
        return structure == Structure::linear_fixed || structure == Structure::cyclic;
    }
    /// Number of data bytes in an EF.
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] ControlInformation control_information(const RuleEnvironments& environments) const;

    bool operator==(const File&) const = default;
};

/// The tree of files. Every file has a number that is never given to another one; 0 is the MF.
/// Source: ISO/IEC 7816-4 §7.2.
class FileSystem {
  public:
    FileSystem();

    /// Adds `file` below the DF `parent` and returns its number.
    std::size_t add(std::size_t parent, File file);

    /// Removes a file and, with a DF, everything below it. The MF stays.
    void remove(std::size_t number);

    [[nodiscard]] const File& operator[](std::size_t number) const { return files_.at(number); }
    [[nodiscard]] File& operator[](std::size_t number) { return files_.at(number); }
    [[nodiscard]] bool contains(std::size_t number) const { return files_.contains(number); }
    [[nodiscard]] std::size_t count() const { return files_.size(); }

    /// All files by number, parents before their children.
    [[nodiscard]] const std::map<std::size_t, File>& all() const { return files_; }

    [[nodiscard]] std::optional<std::size_t> child(std::size_t df, std::uint16_t fid) const;
    [[nodiscard]] std::optional<std::size_t> child_with_sfi(std::size_t df, std::uint8_t sfi) const;
    [[nodiscard]] std::optional<std::size_t> find_path(const std::string& path) const;
    [[nodiscard]] std::optional<std::size_t> find_name(const iso7816::Aid& aid) const;

    /// What `fid` alone means while `df` is current: the MF, the DF itself, a file in it, its parent, or a DF
    /// beside it; in this order. Source: ISO/IEC 7816-4 §7.3.
    [[nodiscard]] std::optional<std::size_t> by_identifier(std::size_t df, std::uint16_t fid) const;

    /// Follows `path`, identifiers of two bytes each, down from `df`.
    [[nodiscard]] std::optional<std::size_t> by_path(std::size_t df, ByteView path) const;

    /// Every DF above `number` and itself are in a state in which commands work on files.
    [[nodiscard]] bool is_operable(std::size_t number) const;

    bool operator==(const FileSystem&) const = default;

  private:
    template <class Predicate>
    [[nodiscard]] std::optional<std::size_t> find(Predicate predicate) const;

    std::map<std::size_t, File> files_;
    std::size_t next_ = 1;
};

/// The file descriptor byte. Source: ISO/IEC 7816-4 §7.4.5.
[[nodiscard]] std::uint8_t descriptor_byte(Structure structure);
[[nodiscard]] std::optional<Structure> structure_of(std::uint8_t descriptor);

/// File identifiers that no file below the MF may have. Source: ISO/IEC 7816-4 §7.4.1.
[[nodiscard]] bool is_reserved_identifier(std::uint16_t fid);

} // namespace cardlatch::card::filecard
