#pragma once

#include "../control_information.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/aid.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cardlatch::card::filecard {

inline constexpr std::uint16_t k_master_file = 0x3F00;

enum class Structure : std::uint8_t { df, transparent, linear_fixed };

/// Who may do something with a file.
struct AccessRule {
    enum class Kind : std::uint8_t { always, never, pin };
    Kind kind = Kind::always;
    std::uint8_t pin = 0; ///< reference of the PIN that has to be verified, for Kind::pin
};

/// A DF or an EF.
struct File {
    std::string path; ///< "3F00/5000/5001"
    std::uint16_t fid = k_master_file;
    Structure structure = Structure::df;
    std::size_t parent = 0; ///< index of the DF that holds it; the MF is its own parent

    // DF
    std::vector<std::size_t> children;
    std::optional<iso7816::Aid> aid;
    std::string label; ///< application label (50), empty for none

    // EF
    std::optional<std::uint8_t> sfi; ///< short EF identifier, 1 to 30
    AccessRule read;
    AccessRule update{AccessRule::Kind::never, 0};
    std::size_t record_size = 0; ///< bytes, linear fixed only
    Bytes content;               ///< a linear fixed EF's records one after the other

    [[nodiscard]] bool is_df() const { return structure == Structure::df; }
    [[nodiscard]] std::size_t record_count() const { return content.size() / record_size; }
    [[nodiscard]] ControlInformation control_information() const;
};

/// The tree of files. Files are named by index; 0 is the MF. Source: ISO/IEC 7816-4 §7.2.
class FileSystem {
  public:
    FileSystem()
        : files_(1) {
        files_[0].path = "3F00";
    }

    /// Adds `file` below the DF `parent` and returns its index.
    std::size_t add(std::size_t parent, File file);

    [[nodiscard]] const File& operator[](std::size_t index) const { return files_[index]; }
    [[nodiscard]] File& operator[](std::size_t index) { return files_[index]; }
    [[nodiscard]] std::size_t size() const { return files_.size(); }

    [[nodiscard]] std::optional<std::size_t> child(std::size_t df, std::uint16_t fid) const;
    [[nodiscard]] std::optional<std::size_t> child_with_sfi(std::size_t df, std::uint8_t sfi) const;
    [[nodiscard]] std::optional<std::size_t> find_path(const std::string& path) const;

    /// What `fid` alone means while `df` is current: the MF, the DF itself, a file in it, its parent, or a DF
    /// beside it; in this order. Source: ISO/IEC 7816-4 §7.3.
    [[nodiscard]] std::optional<std::size_t> by_identifier(std::size_t df, std::uint16_t fid) const;

    /// Follows `path`, identifiers of two bytes each, down from `df`.
    [[nodiscard]] std::optional<std::size_t> by_path(std::size_t df, ByteView path) const;

  private:
    std::vector<File> files_;
};

} // namespace cardlatch::card::filecard
