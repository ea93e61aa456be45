#include "reader_config.hpp"

#include "process.hpp"

#include <cardlatch/base/unique_fd.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fcntl.h>
#include <string_view>

namespace cardlatch::harness {

bool is_plain_token(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("=\\/-._@:").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

Result<void> check_reader_name(const std::string& name) {
    if (name.empty() || name.size() > k_max_reader_name) {
        return fail(std::errc::invalid_argument,
                    fmt::format("the reader name has {} bytes; 1 to {} are possible", name.size(),
                                k_max_reader_name));
    }
    const bool unreadable = std::any_of(name.begin(), name.end(), [](char c) {
        return c == '"' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
    if (unreadable) {
        return fail(std::errc::invalid_argument,
                    "the reader name holds a double quote or a control character, which pcscd cannot read");
    }
    return ok();
}

Result<void> write_reader_config(const std::filesystem::path& file, const std::vector<ReaderEntry>& entries) {
    std::string text;
    // CHANNELID only has to differ: pcscd takes two readers with the same one for duplicates. It stands
    // before LIBPATH: pcscd 2.x takes an entry for complete when it has a name, a library, and one of
    // DEVICENAME and CHANNELID, and would give what follows to the next entry. pcscd hands the quotes of a
    // device name on to the driver. Ours takes them off, stock vpcd does not: so they are used only where the
    // parser needs them.
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& device = entries[i].device_name;
        text += fmt::format(
            "FRIENDLYNAME \"{}\"\nCHANNELID {}\nDEVICENAME {}\nLIBPATH {}\n\n", entries[i].friendly_name, i,
            is_plain_token(device) ? device : "\"" + device + "\"", entries[i].library.native());
    }
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || !write_all(fd.get(), text.data(), text.size())) {
        return last_system_error("reader configuration " + file.native());
    }
    return ok();
}

} // namespace cardlatch::harness
