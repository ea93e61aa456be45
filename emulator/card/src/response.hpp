#pragma once

#include <cardlatch/iso7816/apdu.hpp>

#include <cstddef>
#include <utility>

namespace cardlatch::card {

/// Ne of an Le field that holds only zeros. Source: ISO/IEC 7816-4 §5.2.
inline std::size_t all_of(const iso7816::CommandApdu& command) {
    return command.extended ? 65536 : 256;
}

/// Le holds only zeros: whatever there is, up to 256 or 65,536 bytes.
inline bool wants_all(const iso7816::CommandApdu& command) {
    return command.ne == all_of(command);
}

/// The response of a command whose answer has one fixed length: Le has to be that or "all"; otherwise 6Cxx
/// says it, and 6700 if there is no Le. Source: ISO/IEC 7816-4 §5.6, SW1 = 6C.
inline iso7816::ResponseApdu exactly(Bytes data, const iso7816::CommandApdu& command) {
    if (!command.ne) {
        return iso7816::sw::k_wrong_length;
    }
    if (!wants_all(command) && *command.ne != data.size()) {
        return iso7816::sw::wrong_le(data.size());
    }
    return {std::move(data), iso7816::sw::k_ok};
}

/// The response of a command that reads to an end: 6282 if that came before Ne bytes, and 6700 if there is no
/// Le. Source: ISO/IEC 7816-4 §11.3.3.
inline iso7816::ResponseApdu until_end(Bytes data, const iso7816::CommandApdu& command) {
    if (!command.ne) {
        return iso7816::sw::k_wrong_length;
    }
    const bool ended_early = !wants_all(command) && data.size() < *command.ne;
    return {std::move(data), ended_early ? iso7816::sw::k_end_of_file_reached : iso7816::sw::k_ok};
}

} // namespace cardlatch::card
