// GET DATA and PUT DATA. Source: ISO/IEC 7816-4 §11.5.

#include "file_session.hpp"
#include "filecard.hpp"

#include <cardlatch/iso7816/tlv.hpp>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;

namespace {

constexpr std::uint32_t k_tag_list = 0x5C;
constexpr std::uint32_t k_environment_template = 0x7B;
constexpr std::uint16_t k_current_df = 0x3FFF;

/// The tags in the value of a tag list; nothing if the last one is cut off.
std::optional<std::vector<std::uint32_t>> tags_in(ByteView list) {
    std::vector<std::uint32_t> tags;
    for (std::size_t at = 0; at < list.size();) {
        std::uint32_t tag = list[at];
        bool more = (list[at++] & 0x1FU) == 0x1F;
        while (more) {
            if (at == list.size() || tag > 0xFFFF) {
                return std::nullopt;
            }
            more = (list[at] & 0x80U) != 0;
            tag = (tag << 8U) | list[at++];
        }
        tags.push_back(tag);
    }
    return tags;
}

/// P1-P2 of the odd forms: the current DF alone, as all data objects belong to the card.
bool names_current_df(const iso7816::CommandApdu& command) {
    return command.p1p2() == 0 || command.p1p2() == k_current_df;
}

} // namespace

// P1-P2 is the tag. Source: §11.5.3.
ResponseApdu FileSession::get_data(const Command& command) {
    if (!command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    const std::uint32_t tag = command.p1p2();
    if (tag == k_environment_template) {
        auto templates = card_.profile().environments.templates();
        return templates.empty() ? ResponseApdu(sw::k_referenced_data_not_found)
                                 : ResponseApdu(std::move(templates), sw::k_ok);
    }
    const auto described = card_.profile().data.find(tag);
    const auto value = card_.data().find(tag);
    if (described == card_.profile().data.end() || value == card_.data().end() || value->second.empty()) {
        return sw::k_referenced_data_not_found;
    }
    if (!allows(described->second.read)) {
        return sw::k_security_status_not_satisfied;
    }
    return {value->second, sw::k_ok};
}

// A tag list asks for whole data objects; those that are not there are left out.
ResponseApdu FileSession::get_data_odd(const Command& command) {
    if (command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    if (!names_current_df(command)) {
        return sw::k_file_not_found;
    }
    const auto list = iso7816::find_tlv(command.data, k_tag_list);
    const auto tags = list ? tags_in(*list) : std::nullopt;
    if (!tags || tags->empty()) {
        return sw::k_incorrect_data;
    }
    Bytes objects;
    for (const auto tag : *tags) {
        const auto described = card_.profile().data.find(tag);
        const auto value = card_.data().find(tag);
        if (described == card_.profile().data.end() || value == card_.data().end() || value->second.empty()) {
            continue;
        }
        if (!allows(described->second.read)) {
            return sw::k_security_status_not_satisfied;
        }
        iso7816::append_tlv(objects, tag, value->second);
    }
    return objects.empty() ? ResponseApdu(sw::k_referenced_data_not_found)
                           : ResponseApdu(std::move(objects), sw::k_ok);
}

// Source: §11.5.5. An object that the profile does not describe cannot be made, as nobody could say who owns
// it.
ResponseApdu FileSession::put_data(const Command& command) {
    const std::uint32_t tag = command.p1p2();
    const auto described = card_.profile().data.find(tag);
    if (described == card_.profile().data.end()) {
        return sw::k_referenced_data_not_found;
    }
    if (!allows(described->second.update)) {
        return sw::k_security_status_not_satisfied;
    }
    auto values = card_.data();
    values[tag] = command.data;
    return card_.change_data(std::move(values));
}

// The data objects themselves; all of them are stored, or none.
ResponseApdu FileSession::put_data_odd(const Command& command) {
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    if (!names_current_df(command)) {
        return sw::k_file_not_found;
    }
    auto values = card_.data();
    iso7816::TlvCursor cursor(command.data);
    for (;;) {
        const auto object = cursor.next();
        if (!object) {
            return sw::k_incorrect_data;
        }
        if (!object.value()) {
            break;
        }
        const auto& [tag, value] = *object.value();
        const auto described = card_.profile().data.find(tag);
        if (described == card_.profile().data.end()) {
            return sw::k_referenced_data_not_found;
        }
        if (!allows(described->second.update)) {
            return sw::k_security_status_not_satisfied;
        }
        values[tag].assign(value.begin(), value.end());
    }
    return card_.change_data(std::move(values));
}

} // namespace cardlatch::card::filecard
