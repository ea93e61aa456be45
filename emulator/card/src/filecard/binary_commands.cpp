// READ, WRITE, UPDATE and ERASE BINARY. Source: ISO/IEC 7816-4 §11.3.

#include "../response.hpp"
#include "file_session.hpp"
#include "filecard.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <algorithm>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;

namespace {

constexpr unsigned k_reserved_sfi = 31;
constexpr std::uint32_t k_offset_object = 0x54;
constexpr std::uint32_t k_discretionary_data = 0x53;

bool is_odd(const iso7816::CommandApdu& command) {
    return (command.ins & 1U) != 0;
}

bool is_erasure(const iso7816::CommandApdu& command) {
    return static_cast<iso7816::Ins>(command.ins & 0xFEU) == iso7816::Ins::erase_binary;
}

/// The number in an offset data object, nothing if it is empty or beyond what a card can hold.
std::optional<std::size_t> offset_in(ByteView value) {
    if (value.empty() || value.size() > 4) {
        return std::nullopt;
    }
    std::size_t offset = 0;
    for (const auto byte : value) {
        offset = (offset << 8U) | byte;
    }
    return offset;
}

std::size_t header_size(std::size_t length) {
    return length < 0x80 ? 2 : length < 0x100 ? 3 : 4;
}

} // namespace

FileSession::BinaryPart FileSession::binary_part(const Command& command, std::size_t access) const {
    auto part = is_odd(command) ? binary_part_odd(command, access) : binary_part_even(command, access);
    if (part.sw == sw::k_ok && part.offset >= card_.files()[part.ef.file].content.size()) {
        part.sw = sw::k_wrong_p1_p2;
    }
    return part;
}

// P1-P2 is an offset of 15 bits, or a short EF identifier and an offset of 8 bits. Source: §11.3.2.
FileSession::BinaryPart FileSession::binary_part_even(const Command& command, std::size_t access) const {
    const bool by_sfi = (command.p1 & 0x80U) != 0;
    const unsigned sfi = by_sfi ? command.p1 & 0x1FU : 0;
    if (by_sfi && ((command.p1 & 0x60U) != 0 || sfi == k_reserved_sfi)) {
        return {sw::k_incorrect_p1_p2};
    }
    const auto ef = open_by_sfi(sfi, Contents::bytes, access);
    BinaryPart part{ef.sw, ef, by_sfi ? command.p2 : std::size_t{command.p1p2()}};
    if (is_erasure(command)) {
        if (!command.data.empty() && command.data.size() != 2) {
            return {sw::k_wrong_length};
        }
        part.end = offset_in(command.data);
    } else {
        part.data = command.data;
    }
    return part;
}

// P1-P2 is a file identifier, a short one, or 0000 for the current EF; the rest is in data objects.
// Source: §11.3.2, odd INS codes.
FileSession::BinaryPart FileSession::binary_part_odd(const Command& command, std::size_t access) const {
    BinaryPart part{sw::k_ok};
    std::optional<std::size_t> offset;
    iso7816::TlvCursor cursor(command.data);
    for (;;) {
        const auto object = cursor.next();
        if (!object) {
            return {sw::k_incorrect_data};
        }
        if (!object.value()) {
            break;
        }
        const auto& [tag, value] = *object.value();
        if (tag == k_offset_object && !offset) {
            offset = offset_in(value);
            if (!offset) {
                return {sw::k_incorrect_data};
            }
        } else if (tag == k_offset_object && is_erasure(command) && !part.end) {
            part.end = offset_in(value);
        } else if (tag == k_discretionary_data && part.data.empty()) {
            part.data = value;
        } else {
            return {sw::k_incorrect_data};
        }
    }
    if (!offset && !is_erasure(command)) {
        return {sw::k_incorrect_data};
    }
    part.offset = offset.value_or(0);
    if (command.p1 == 0 && command.p2 <= k_max_sfi) {
        part.ef = open_by_sfi(command.p2, Contents::bytes, access);
    } else {
        const auto found = card_.files().by_identifier(current_df_, command.p1p2());
        part.ef = found ? open_ef(found, Contents::bytes, access) : Target{sw::k_file_not_found};
    }
    part.sw = part.ef.sw;
    return part;
}

ResponseApdu FileSession::read_binary(const Command& command) {
    if (command.data.empty() == is_odd(command) || !command.ne) {
        return sw::k_wrong_length;
    }
    const auto part = binary_part(command, access::k_read);
    if (part.sw != sw::k_ok) {
        return part.sw;
    }
    const auto rest = ByteView(card_.files()[part.ef.file].content).subspan(part.offset);
    set_current(part.ef);
    if (!is_odd(command)) {
        const auto bytes = rest.first(std::min(*command.ne, rest.size()));
        return until_end({bytes.begin(), bytes.end()}, command);
    }
    // As many bytes as fit into Ne together with tag and length.
    auto count = std::min(rest.size(), *command.ne);
    while (count > 0 && header_size(count) + count > *command.ne) {
        --count;
    }
    Bytes data;
    iso7816::append_tlv(data, k_discretionary_data, rest.first(count));
    const bool ended_early = count == rest.size() && data.size() < *command.ne && !wants_all(command);
    return {std::move(data), ended_early ? sw::k_end_of_file_reached : sw::k_ok};
}

ResponseApdu FileSession::store_binary(const Command& command, std::size_t access, Writing writing) {
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    const auto part = binary_part(command, access);
    if (part.sw != sw::k_ok) {
        return part.sw;
    }
    if (part.data.empty()) { // an odd INS without discretionary data
        return sw::k_incorrect_data;
    }
    auto files = card_.files();
    auto& content = files[part.ef.file].content;
    if (part.data.size() > content.size() - part.offset) {
        return sw::k_not_enough_memory;
    }
    const auto to = content.begin() + static_cast<std::ptrdiff_t>(part.offset);
    std::transform(part.data.begin(), part.data.end(), to, to, [&](std::uint8_t byte, std::uint8_t before) {
        return static_cast<std::uint8_t>(writing == Writing::logical_or ? byte | before : byte);
    });
    const auto stored = card_.change_files(std::move(files));
    if (stored == sw::k_ok) {
        set_current(part.ef);
    }
    return stored;
}

ResponseApdu FileSession::update_binary(const Command& command) {
    return store_binary(command, access::k_update, Writing::replace);
}

// One-way, as the data coding byte says: OR. Source: §7.4.6 (data coding byte), §11.3.4.
ResponseApdu FileSession::write_binary(const Command& command) {
    return store_binary(command, access::k_write, Writing::logical_or);
}

ResponseApdu FileSession::erase_binary(const Command& command) {
    const auto part = binary_part(command, access::k_update);
    if (part.sw != sw::k_ok) {
        return part.sw;
    }
    auto files = card_.files();
    auto& content = files[part.ef.file].content;
    const auto end = part.end.value_or(content.size());
    if (end <= part.offset || end > content.size()) {
        return sw::k_wrong_p1_p2;
    }
    std::fill(content.begin() + static_cast<std::ptrdiff_t>(part.offset),
              content.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
    const auto stored = card_.change_files(std::move(files));
    if (stored == sw::k_ok) {
        set_current(part.ef);
    }
    return stored;
}

} // namespace cardlatch::card::filecard
