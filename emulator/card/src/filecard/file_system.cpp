#include "file_system.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <algorithm>
#include <array>
#include <numeric>

namespace cardlatch::card::filecard {

namespace {

std::array<std::uint8_t, 2> big_endian(std::size_t value) {
    return {static_cast<std::uint8_t>((value >> 8U) & 0xFFU), static_cast<std::uint8_t>(value & 0xFFU)};
}

struct Descriptor {
    Structure structure;
    std::uint8_t byte;
};
constexpr std::array k_descriptors{
    Descriptor{Structure::df, 0x38},           Descriptor{Structure::transparent, 0x01},
    Descriptor{Structure::linear_fixed, 0x02}, Descriptor{Structure::linear_variable, 0x04},
    Descriptor{Structure::cyclic, 0x06},
};

// Source: ISO/IEC 7816-4 §7.4.5: data coding byte, record size and count follow for records
Bytes file_descriptor(const File& file) {
    Bytes bytes{descriptor_byte(file.structure)};
    if (file.has_records()) {
        bytes.insert(bytes.end(), {k_data_coding, 0x00, static_cast<std::uint8_t>(file.record_size),
                                   static_cast<std::uint8_t>(file.records.size())});
    }
    return bytes;
}

} // namespace

std::uint8_t descriptor_byte(Structure structure) {
    const auto* const found = std::find_if(k_descriptors.begin(), k_descriptors.end(),
                                           [&](const auto& entry) { return entry.structure == structure; });
    return found->byte;
}

std::optional<Structure> structure_of(std::uint8_t descriptor) {
    const auto* const found = std::find_if(k_descriptors.begin(), k_descriptors.end(),
                                           [&](const auto& entry) { return entry.byte == descriptor; });
    return found == k_descriptors.end() ? std::nullopt : std::optional(found->structure);
}

bool is_reserved_identifier(std::uint16_t fid) {
    return fid == 0x0000 || fid == k_master_file || fid == 0x3FFF || fid == 0xFFFF;
}

std::size_t File::size() const {
    return std::accumulate(records.begin(), records.end(), content.size(),
                           [](std::size_t sum, const Bytes& record) { return sum + record.size(); });
}

ControlInformation File::control_information(const RuleEnvironments& environments) const {
    // Source: ISO/IEC 7816-4 §7.4, file control parameter data objects
    ControlInformation information;
    auto& fcp = information.parameters;
    if (!is_df()) {
        iso7816::append_tlv(fcp, 0x80, big_endian(size()));
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
    const auto status = static_cast<std::uint8_t>(life_cycle);
    iso7816::append_tlv(fcp, 0x8A, ByteView(&status, 1));
    iso7816::append_tlv(fcp, 0x8C, environments.compact(rules));
    return information;
}

FileSystem::FileSystem() {
    File master_file;
    master_file.path = "3F00";
    master_file.rules.fill(AccessRule::never());
    files_.emplace(0, std::move(master_file));
}

std::size_t FileSystem::add(std::size_t parent, File file) {
    file.parent = parent;
    files_.emplace(next_, std::move(file));
    return next_++;
}

void FileSystem::remove(std::size_t number) {
    if (number == 0) {
        return;
    }
    files_.erase(number);
    // Children have higher numbers than their parent, so one pass finds all that lost theirs.
    std::erase_if(files_, [&](const auto& entry) { return !files_.contains(entry.second.parent); });
}

template <class Predicate>
std::optional<std::size_t> FileSystem::find(Predicate predicate) const {
    const auto found = std::find_if(files_.begin(), files_.end(),
                                    [&](const auto& entry) { return predicate(entry.first, entry.second); });
    return found == files_.end() ? std::nullopt : std::optional(found->first);
}

std::optional<std::size_t> FileSystem::child(std::size_t df, std::uint16_t fid) const {
    return find([&](std::size_t number, const File& file) {
        return number != 0 && file.parent == df && file.fid == fid;
    });
}

std::optional<std::size_t> FileSystem::child_with_sfi(std::size_t df, std::uint8_t sfi) const {
    return find([&](std::size_t number, const File& file) {
        return number != 0 && file.parent == df && file.sfi == sfi;
    });
}

std::optional<std::size_t> FileSystem::find_path(const std::string& path) const {
    return find([&](std::size_t, const File& file) { return file.path == path; });
}

std::optional<std::size_t> FileSystem::find_name(const iso7816::Aid& aid) const {
    return find([&](std::size_t, const File& file) { return file.aid == aid; });
}

std::optional<std::size_t> FileSystem::by_identifier(std::size_t df, std::uint16_t fid) const {
    if (fid == k_master_file) {
        return 0;
    }
    if (files_.at(df).fid == fid) {
        return df;
    }
    if (const auto found = child(df, fid)) {
        return found;
    }
    const auto parent = files_.at(df).parent;
    if (files_.at(parent).fid == fid) {
        return parent;
    }
    const auto beside = child(parent, fid);
    return beside && files_.at(*beside).is_df() ? beside : std::nullopt;
}

std::optional<std::size_t> FileSystem::by_path(std::size_t df, ByteView path) const {
    std::optional<std::size_t> at = df;
    for (; at && path.size() >= 2; path = path.subspan(2)) {
        at = child(*at, static_cast<std::uint16_t>((path[0] << 8U) | path[1]));
    }
    return at;
}

bool FileSystem::is_operable(std::size_t number) const {
    for (;; number = files_.at(number).parent) {
        const auto state = files_.at(number).life_cycle;
        if (state == LifeCycle::deactivated || state == LifeCycle::terminated) {
            return false;
        }
        if (number == 0) {
            return true;
        }
    }
}

} // namespace cardlatch::card::filecard
