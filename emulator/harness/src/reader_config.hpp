#pragma once

#include <cardlatch/base/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace cardlatch::harness {

/// One entry of pcscd's reader configuration. Source: reader.conf(5).
struct ReaderEntry {
    std::string friendly_name;
    std::string device_name;
    std::filesystem::path library; ///< only characters that pcscd's parser takes without quotes
};

/// Longest friendly name in bytes: pcscd cuts what is longer. Source: pcsc-lite RFAddReader, MAX_READERNAME.
inline constexpr std::size_t k_max_reader_name = 120;

/// True when pcscd's parser reads `text` as one token without quotes. Source: pcsc-lite configfile.l.
bool is_plain_token(const std::string& text);

/// Errors: invalid_argument when pcscd's parser could not read `name` back: empty, too long, quotes, control
/// characters.
Result<void> check_reader_name(const std::string& name);

/// Writes `entries` in order, mode 0600. Errors: the errno of the step that failed.
Result<void> write_reader_config(const std::filesystem::path& file, const std::vector<ReaderEntry>& entries);

} // namespace cardlatch::harness
