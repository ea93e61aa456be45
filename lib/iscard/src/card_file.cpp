#include "card_file.hpp"

#include "guard.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <algorithm>

namespace cardlatch::iscard {

namespace {

using iso7816::CommandApdu;
using iso7816::Ins;
using iso7816::ResponseApdu;

constexpr BYTE k_fcp = 0x04; // P2 of SELECT: FCP template
constexpr LONG k_chunk = 255;
constexpr LONG k_max_offset = 0x7FFF;

Bytes bytes_of(const std::vector<std::uint16_t>& ids) {
    Bytes out;
    for (const auto id : ids) {
        out.push_back(static_cast<std::uint8_t>(id >> 8U));
        out.push_back(static_cast<std::uint8_t>(id));
    }
    return out;
}

FilePath path_from(ByteView bytes) {
    FilePath path;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        const auto id = static_cast<std::uint16_t>(bytes[i] << 8U | bytes[i + 1]);
        if (i > 0 || id != 0x3F00) {
            path.ids.push_back(id);
        }
    }
    return path;
}

/// The data objects of FCP (62) or FCI (6F), those of templates inside an FCI included.
void collect(ByteView bytes, std::vector<FileProperty>& out) {
    iso7816::TlvCursor cursor(bytes);
    for (auto object = cursor.next(); object && object.value(); object = cursor.next()) {
        const auto& tlv = *object.value();
        if (tlv.tag == 0x6F || tlv.tag == 0x62) {
            collect(tlv.value, out);
        } else {
            out.push_back({tlv.tag, Bytes(tlv.value.begin(), tlv.value.end())});
        }
    }
}

HRESULT select(const CardSession& session, BYTE p1, ByteView data, ResponseApdu& reply) {
    for (const BYTE p2 : {k_fcp, BYTE{0}}) {
        const CommandApdu command{.cla = 0,
                                  .ins = static_cast<BYTE>(Ins::select),
                                  .p1 = p1,
                                  .p2 = p2,
                                  .data = Bytes(data.begin(), data.end()),
                                  .ne = 256};
        if (const auto hr = session.send(command, reply); FAILED(hr)) {
            return hr;
        }
        // A card that has no FCP has an FCI.
        if (reply.sw != iso7816::sw::k_incorrect_p1_p2 && reply.sw != iso7816::sw::k_function_not_supported) {
            break;
        }
    }
    const bool selected =
        reply.sw == iso7816::sw::k_file_deactivated || reply.sw == iso7816::sw::k_file_terminated;
    return selected ? S_OK : meaning_of(reply.sw);
}

/// P1-P2 for a position in a transparent EF.
bool place(CommandApdu& command, std::optional<std::uint8_t> sfi, LONG offset) {
    if (sfi && offset <= 0xFF) {
        command.p1 = static_cast<BYTE>(0x80U | *sfi);
        command.p2 = static_cast<BYTE>(offset);
        return true;
    }
    command.p1 = static_cast<BYTE>(offset >> 8);
    command.p2 = static_cast<BYTE>(offset & 0xFF);
    return offset <= k_max_offset;
}

CommandApdu record_command(Ins ins, std::optional<std::uint8_t> sfi, LONG number) {
    // P2 bits 3 to 1: 4 is "record number in P1".
    return {.cla = 0,
            .ins = static_cast<BYTE>(ins),
            .p1 = static_cast<BYTE>(number),
            .p2 = static_cast<BYTE>(unsigned{sfi.value_or(0)} << 3U | 4U),
            .data = {},
            .ne = {}};
}

} // namespace

const Bytes* FileInformation::find(std::uint32_t tag) const {
    const auto at = std::find_if(properties.begin(), properties.end(),
                                 [&](const FileProperty& property) { return property.tag == tag; });
    return at == properties.end() ? nullptr : &at->value;
}

std::optional<std::uint8_t> FileInformation::structure() const {
    const auto* const descriptor = find(0x82);
    if (descriptor == nullptr || descriptor->empty()) {
        return std::nullopt;
    }
    return static_cast<std::uint8_t>(descriptor->front() & 0x3FU);
}

bool FileInformation::has_records() const {
    // Bits 3 to 1: 2 to 7 are linear and cyclic structures. Source: ISO/IEC 7816-4 table 12 (file descriptor
    // byte).
    const auto bits = structure().value_or(0);
    return bits != 0x38 && (bits & 0x07U) >= 2;
}

std::optional<LONG> FileInformation::size() const {
    if (has_records()) {
        const auto* const descriptor = find(0x82);
        if (descriptor->size() < 5) {
            return std::nullopt;
        }
        return descriptor->size() == 5 ? (*descriptor)[4] : (*descriptor)[4] << 8 | (*descriptor)[5];
    }
    const auto* const bytes = find(0x80);
    if (bytes == nullptr || bytes->empty() || bytes->size() > 3) {
        return std::nullopt;
    }
    LONG size = 0;
    for (const auto byte : *bytes) {
        size = size << 8 | byte;
    }
    return size;
}

HRESULT select_file(const CardSession& session, const FilePath& path, FileInformation& out) {
    ResponseApdu reply;
    HRESULT hr = S_OK;
    const auto ids = bytes_of(path.ids);
    const auto not_found = hresult_of(pcsc::Errc::file_not_found);
    if (!path.name.empty()) {
        hr = select(session, 0x04, path.name, reply); // by DF name
        if (hr == not_found) {
            return hresult_of(pcsc::Errc::dir_not_found);
        }
        if (SUCCEEDED(hr) && !ids.empty()) {
            hr = select(session, 0x09, ids, reply); // path from the current DF
        }
    } else if (ids.empty()) {
        const Bytes mf = {0x3F, 0x00};
        hr = select(session, 0x00, mf, reply);
    } else {
        hr = select(session, 0x08, ids, reply); // path from the MF
    }
    if (FAILED(hr)) {
        return hr;
    }
    out = {};
    out.usable = reply.sw != iso7816::sw::k_file_deactivated && reply.sw != iso7816::sw::k_file_terminated;
    collect(reply.data, out.properties);
    return S_OK;
}

HRESULT read_binary(const CardSession& session, std::optional<std::uint8_t> sfi, LONG offset, LONG count,
                    Bytes& out) {
    while (count > 0) {
        CommandApdu command{
            .cla = 0, .ins = static_cast<BYTE>(Ins::read_binary), .p1 = 0, .p2 = 0, .data = {}, .ne = {}};
        if (!place(command, sfi, offset)) {
            return hresult_of(pcsc::Errc::bad_seek);
        }
        command.ne = static_cast<std::size_t>(std::min<LONG>(count, 256));
        ResponseApdu reply;
        if (const auto hr = session.send(command, reply); FAILED(hr)) {
            return hr;
        }
        const bool past_end = reply.sw == iso7816::sw::k_wrong_p1_p2;
        if (past_end) {
            return S_OK; // exactly at the end, or beyond: there is nothing
        }
        if (const auto hr = meaning_of(reply.sw); FAILED(hr)) {
            return hr;
        }
        out.insert(out.end(), reply.data.begin(), reply.data.end());
        const auto got = static_cast<LONG>(reply.data.size());
        if (got < std::min<LONG>(count, 256) || got > count) {
            return S_OK;
        }
        offset += got;
        count -= got;
    }
    return S_OK;
}

HRESULT update_binary(const CardSession& session, std::optional<std::uint8_t> sfi, LONG offset, ByteView data,
                      LONG& written) {
    written = 0;
    while (!data.empty()) {
        const auto part = data.first(std::min<std::size_t>(data.size(), k_chunk));
        CommandApdu command{
            .cla = 0, .ins = static_cast<BYTE>(Ins::update_binary), .p1 = 0, .p2 = 0, .data = {}, .ne = {}};
        command.data.assign(part.begin(), part.end());
        if (!place(command, sfi, offset)) {
            return hresult_of(pcsc::Errc::bad_seek);
        }
        ResponseApdu reply;
        if (const auto hr = session.perform(command, reply); FAILED(hr)) {
            return hr;
        }
        offset += static_cast<LONG>(part.size());
        written += static_cast<LONG>(part.size());
        data = data.subspan(part.size());
    }
    return S_OK;
}

HRESULT read_record(const CardSession& session, std::optional<std::uint8_t> sfi, LONG number, Bytes& out) {
    auto command = record_command(Ins::read_record, sfi, number);
    command.ne = 256;
    ResponseApdu reply;
    const auto hr = session.perform(command, reply);
    out = std::move(reply.data);
    return hr;
}

HRESULT put_record(const CardSession& session, std::optional<std::uint8_t> sfi, LONG number, ByteView data) {
    auto command = record_command(Ins::update_record, sfi, number);
    command.data.assign(data.begin(), data.end());
    ResponseApdu reply;
    if (const auto hr = session.perform(command, reply); hr != hresult_of(pcsc::Errc::eof)) {
        return hr;
    }
    command.ins = static_cast<BYTE>(Ins::append_record);
    command.p1 = 0;
    command.p2 = static_cast<BYTE>(sfi.value_or(0) << 3U);
    return session.perform(command, reply);
}

HRESULT command_on_file(const CardSession& session, Ins ins) {
    const CommandApdu command{
        .cla = 0, .ins = static_cast<BYTE>(ins), .p1 = 0, .p2 = 0, .data = {}, .ne = {}};
    ResponseApdu reply;
    return session.perform(command, reply);
}

HRESULT create_file(const CardSession& session, std::uint16_t id, const TLV_TABLE& tlv, std::size_t size) {
    const ByteView given(tlv.Value, tlv.Length);
    const auto two_bytes = [](std::size_t number) {
        return Bytes{static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
    };
    Bytes content;
    if (tlv.Tag == 0x62) {
        content.assign(given.begin(), given.end());
    } else if (tlv.Tag != 0) {
        iso7816::append_tlv(content, static_cast<std::uint32_t>(tlv.Tag), given);
    }
    if (!iso7816::find_tlv(content, 0x82)) {
        iso7816::append_tlv(content, 0x82, Bytes{0x01}); // a transparent working EF
    }
    if (!iso7816::find_tlv(content, 0x83)) {
        iso7816::append_tlv(content, 0x83, two_bytes(id));
    }
    if (!iso7816::find_tlv(content, 0x80) && size > 0) {
        iso7816::append_tlv(content, 0x80, two_bytes(size));
    }
    CommandApdu command{
        .cla = 0, .ins = static_cast<BYTE>(Ins::create_file), .p1 = 0, .p2 = 0, .data = {}, .ne = {}};
    iso7816::append_tlv(command.data, 0x62, content);
    ResponseApdu reply;
    return session.perform(command, reply);
}

std::vector<std::string> directories_in(ByteView ef_dir, const FilePath& current) {
    std::vector<std::string> found;
    iso7816::TlvCursor cursor(ef_dir);
    for (auto object = cursor.next(); object && object.value(); object = cursor.next()) {
        const auto& application = *object.value();
        const auto path = iso7816::find_tlv(application.value, 0x51);
        const auto name = iso7816::find_tlv(application.value, 0x4F);
        if (application.tag != 0x61) {
            continue;
        }
        if (path) {
            auto place = path_from(*path);
            if (!place.ids.empty() && current.name.empty()) {
                const auto text = place.text();
                place.ids.pop_back();
                if (place == current) {
                    found.push_back(text);
                }
            }
        } else if (name && current == FilePath{}) {
            found.push_back(to_hex(*name));
        }
    }
    return found;
}

} // namespace cardlatch::iscard
