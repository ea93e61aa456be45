#pragma once

#include "card_session.hpp"
#include "file_path.hpp"

#include <cardlatch/iscard/scardmanage.h>

#include <optional>
#include <string>
#include <vector>

namespace cardlatch::iscard {

/// One property out of a file's control information.
struct FileProperty {
    std::uint32_t tag = 0;
    Bytes value;
};

/// What SELECT told about a file. Source: ISO/IEC 7816-4 §7.4 (file control information).
struct FileInformation {
    std::vector<FileProperty>
        properties;     ///< of FCP or FCI, in the card's order; empty where the card says nothing
    bool usable = true; ///< false when it is deactivated or terminated

    [[nodiscard]] const Bytes* find(std::uint32_t tag) const;
    /// Low bits of the file descriptor byte. Nothing when unknown.
    [[nodiscard]] std::optional<std::uint8_t> structure() const;
    [[nodiscard]] bool has_records() const;
    /// Bytes of a transparent EF, records of another; nothing when the card does not say.
    [[nodiscard]] std::optional<LONG> size() const;
};

/// Makes the file at `path` current and reads its control information. A short identifier is left to the
/// command that uses it. SCARD_E_FILE_NOT_FOUND, SCARD_E_DIR_NOT_FOUND for a directory on the way, and
/// meaning_of() others.
HRESULT select_file(const CardSession& session, const FilePath& path, FileInformation& out);

/// Reads `count` bytes of the current transparent EF from `offset`, fewer at its end. `sfi` makes an EF
/// current first; it works for the first 256 bytes, after which the EF is current.
HRESULT read_binary(const CardSession& session, std::optional<std::uint8_t> sfi, LONG offset, LONG count,
                    Bytes& out);

/// Writes into the current transparent EF, in commands of at most 255 bytes.
HRESULT update_binary(const CardSession& session, std::optional<std::uint8_t> sfi, LONG offset, ByteView data,
                      LONG& written);

/// One record of the current EF, or of the one with `sfi`; `number` from 1.
HRESULT read_record(const CardSession& session, std::optional<std::uint8_t> sfi, LONG number, Bytes& out);

/// Updates record `number`, or appends it when it is the first that is not there.
HRESULT put_record(const CardSession& session, std::optional<std::uint8_t> sfi, LONG number, ByteView data);

/// CREATE FILE in the current DF: with the property that `tlv` holds (tag 62: all of them, tag 0: none), and
/// the identifier, a transparent structure and `size` bytes where it says nothing of them. Source: ISO/IEC
/// 7816-9 §6.1.
HRESULT create_file(const CardSession& session, std::uint16_t id, const TLV_TABLE& tlv, std::size_t size);

/// The directories in `current` that the application templates (61) of EF.DIR name by path (51), or, on the
/// MF's level, by DF name (4F) alone. Source: ISO/IEC 7816-4 §8.3.3.3.
std::vector<std::string> directories_in(ByteView ef_dir, const FilePath& current);

/// Any command without data on the current file.
HRESULT command_on_file(const CardSession& session, iso7816::Ins ins);

} // namespace cardlatch::iscard
