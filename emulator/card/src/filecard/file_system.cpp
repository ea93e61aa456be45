#include "file_system.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <algorithm>
#include <array>

namespace cardlatch::card::filecard {

namespace {

std::array<std::uint8_t, 2> big_endian(std::size_t value) {
    return {static_cast<std::uint8_t>((value >> 8U) & 0xFFU), static_cast<std::uint8_t>(value & 0xFFU)};
}

// Source: ISO/IEC 7816-4 §7.4, file descriptor byte; data coding byte, record size and count follow for
// records
Bytes file_descriptor(const File& file) {
    switch (file.structure) {
    case Structure::transparent:
        return {0x01};
    case Structure::linear_fixed:
        return {0x02, k_data_coding, 0x00, static_cast<std::uint8_t>(file.record_size),
                static_cast<std::uint8_t>(file.record_count())};
    case Structure::df:
        break;
    }
    return {0x38};
}

} // namespace

ControlInformation File::control_information() const {
    // Source: ISO/IEC 7816-4 §7.4, file control parameter data objects
    ControlInformation information;
    auto& fcp = information.parameters;
    if (!is_df()) {
        iso7816::append_tlv(fcp, 0x80, big_endian(content.size()));
    }
    iso7816::append_tlv(fcp, 0x82, file_descriptor(*this));
    iso7816::append_tlv(fcp, 0x83, big_endian(fid));
    if (aid) {
        iso7816::append_tlv(fcp, 0x84, aid->bytes());
        iso7816::append_tlv(information.management, 0x4F, aid->bytes());
    }
    if (!label.empty()) {
        iso7816::append_tlv(information.management, 0x50, as_bytes(label));
    }
    if (!is_df()) {
        // Bits 8 to 4; an empty object says that there is none, an absent one would mean bits 5 to 1 of the
        // FID.
        const auto coded = static_cast<std::uint8_t>(sfi.value_or(0) << 3U);
        iso7816::append_tlv(fcp, 0x88, ByteView(&coded, sfi ? 1 : 0));
    }
    append_life_cycle_activated(fcp);
    return information;
}

std::size_t FileSystem::add(std::size_t parent, File file) {
    const auto index = files_.size();
    file.parent = parent;
    files_.push_back(std::move(file));
    files_[parent].children.push_back(index);
    return index;
}

std::optional<std::size_t> FileSystem::child(std::size_t df, std::uint16_t fid) const {
    const auto& children = files_[df].children;
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](std::size_t index) { return files_[index].fid == fid; });
    return found == children.end() ? std::nullopt : std::optional(*found);
}

std::optional<std::size_t> FileSystem::child_with_sfi(std::size_t df, std::uint8_t sfi) const {
    const auto& children = files_[df].children;
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](std::size_t index) { return files_[index].sfi == sfi; });
    return found == children.end() ? std::nullopt : std::optional(*found);
}

std::optional<std::size_t> FileSystem::find_path(const std::string& path) const {
    for (std::size_t index = 0; index < files_.size(); ++index) {
        if (files_[index].path == path) {
            return index;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> FileSystem::by_identifier(std::size_t df, std::uint16_t fid) const {
    if (fid == k_master_file) {
        return 0;
    }
    if (files_[df].fid == fid) {
        return df;
    }
    if (const auto found = child(df, fid)) {
        return found;
    }
    const auto parent = files_[df].parent;
    if (files_[parent].fid == fid) {
        return parent;
    }
    const auto beside = child(parent, fid);
    return beside && files_[*beside].is_df() ? beside : std::nullopt;
}

std::optional<std::size_t> FileSystem::by_path(std::size_t df, ByteView path) const {
    std::optional<std::size_t> at = df;
    for (; at && path.size() >= 2; path = path.subspan(2)) {
        at = child(*at, static_cast<std::uint16_t>((path[0] << 8U) | path[1]));
    }
    return at;
}

} // namespace cardlatch::card::filecard
