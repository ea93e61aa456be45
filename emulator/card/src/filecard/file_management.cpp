// CREATE and DELETE FILE, and the life cycle of files. Source: ISO/IEC 7816-9 §9, ISO/IEC 7816-4 §7.4.10.

#include "file_session.hpp"
#include "filecard.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {

std::size_t number_in(ByteView bytes) {
    std::size_t number = 0;
    for (const auto byte : bytes) {
        number = (number << 8U) | byte;
    }
    return number;
}

/// A file as the file control parameters of CREATE FILE describe it.
class Description {
  public:
    /// Reads the value of template 62. 9000, or 6A80 when something in it is wrong or missing. What this card
    /// does not know is passed over.
    StatusWord read(ByteView parameters, const RuleEnvironments& environments);

    [[nodiscard]] const File& file() const { return file_; }
    [[nodiscard]] bool has_sfi() const { return has_sfi_; }

  private:
    bool take(std::uint32_t tag, ByteView value, const RuleEnvironments& environments);
    bool take_descriptor(ByteView value);
    [[nodiscard]] bool is_complete() const;

    File file_;
    bool has_fid_ = false;
    bool has_descriptor_ = false;
    bool has_sfi_ = false;
    std::size_t size_ = 0;
};

StatusWord Description::read(ByteView parameters, const RuleEnvironments& environments) {
    file_.created = true;
    iso7816::TlvCursor cursor(parameters);
    for (;;) {
        const auto object = cursor.next();
        if (!object) {
            return sw::k_incorrect_data;
        }
        if (!object.value()) {
            break;
        }
        if (!take(object.value()->tag, object.value()->value, environments)) {
            return sw::k_incorrect_data;
        }
    }
    if (!is_complete()) {
        return sw::k_incorrect_data;
    }
    if (file_.structure == Structure::transparent) {
        file_.content.resize(size_);
    }
    return sw::k_ok;
}

bool Description::is_complete() const {
    if (!has_fid_ || !has_descriptor_ || is_reserved_identifier(file_.fid)) {
        return false;
    }
    if (file_.is_df()) {
        return !file_.sfi;
    }
    return !file_.aid && (file_.has_records() || (size_ >= 1 && size_ <= k_max_transparent));
}

bool Description::take(std::uint32_t tag, ByteView value, const RuleEnvironments& environments) {
    switch (tag) {
    case 0x80: // number of data bytes
        size_ = number_in(value);
        return !value.empty() && value.size() <= 4;
    case 0x82:
        return take_descriptor(value);
    case 0x83:
        file_.fid = static_cast<std::uint16_t>(number_in(value));
        has_fid_ = value.size() == 2;
        return has_fid_;
    case 0x84: {
        auto name = iso7816::Aid::from(value);
        if (!name) {
            return false;
        }
        file_.aid = std::move(name.value());
        return true;
    }
    case 0x88: // bits 8 to 4; empty for none
        has_sfi_ = true;
        if (!value.empty() && value[0] != 0) {
            file_.sfi = static_cast<std::uint8_t>(value[0] >> 3U);
        }
        return value.size() <= 1 && file_.sfi.value_or(1) >= 1 && file_.sfi.value_or(1) <= k_max_sfi &&
               (value.empty() || (value[0] & 0x07U) == 0);
    case 0x8A:
        if (value.size() != 1 || (value[0] != 0x01 && value[0] != 0x03 && value[0] != 0x05)) {
            return false;
        }
        file_.life_cycle = static_cast<LifeCycle>(value[0]);
        return true;
    case 0x8C: {
        const auto rules = environments.from_compact(value);
        file_.rules = rules.value_or(AccessRules{});
        return rules.has_value();
    }
    default:
        return true;
    }
}

// The descriptor byte alone, or with data coding byte, record size (1 or 2 bytes) and number of records.
bool Description::take_descriptor(ByteView value) {
    const auto structure = value.empty() ? std::nullopt : structure_of(value[0]);
    if (!structure || value.size() > 6) {
        return false;
    }
    has_descriptor_ = true;
    file_.structure = *structure;
    if (!file_.has_records()) {
        return true;
    }
    if (value.size() < 4) {
        return false;
    }
    const bool short_size = value.size() == 4;
    file_.record_size = number_in(value.subspan(2, short_size ? 1 : 2));
    file_.max_records = number_in(value.subspan(short_size ? 3 : 4));
    return file_.record_size >= 1 && file_.record_size <= k_max_record_size && file_.max_records >= 1 &&
           file_.max_records <= k_max_records;
}

} // namespace

// Into the current DF; the new file becomes current. Source: ISO/IEC 7816-9 §9.2.1.
ResponseApdu FileSession::create_file(const Command& command) {
    constexpr std::uint32_t k_fcp = 0x62;
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    const auto parameters = iso7816::find_tlv(command.data, k_fcp);
    if (!parameters) {
        return sw::k_incorrect_data;
    }
    Description description;
    if (const auto read = description.read(*parameters, card_.profile().environments); read != sw::k_ok) {
        return read;
    }
    auto file = description.file();
    auto files = card_.files();
    const auto& parent = files[current_df_];
    if (!files.is_operable(current_df_)) {
        return sw::k_conditions_not_satisfied;
    }
    if (!allows(parent, file.is_df() ? access::k_create_df : access::k_create_ef)) {
        return sw::k_security_status_not_satisfied;
    }
    if (files.child(current_df_, file.fid)) {
        return sw::k_file_exists;
    }
    if (file.aid && files.find_name(*file.aid)) {
        return sw::k_df_name_exists;
    }
    if (file.sfi && files.child_with_sfi(current_df_, *file.sfi)) {
        return sw::k_incorrect_data;
    }
    constexpr std::uint8_t k_sfi_bits = 0x1F;
    const auto implied = static_cast<std::uint8_t>(file.fid & k_sfi_bits); // Source: §7.4, DO 88 absent
    if (!file.is_df() && !description.has_sfi() && implied >= 1 && implied <= k_max_sfi &&
        !files.child_with_sfi(current_df_, implied)) {
        file.sfi = implied;
    }
    constexpr std::size_t k_identifier = 5; // "/5000" in a path
    const bool too_deep = parent.path.size() + k_identifier > k_max_path * k_identifier;
    if (files.count() >= k_max_files || too_deep) {
        return sw::k_not_enough_memory;
    }
    file.path = fmt::format("{}/{:04X}", parent.path, file.fid);
    const auto number = files.add(current_df_, std::move(file));
    const auto stored = card_.change_files(std::move(files));
    if (stored == sw::k_ok) {
        make_current(number, ControlTemplate::none);
    }
    return stored;
}

/// The file that a command without data means is the current EF, or else the current DF.
FileSession::Location FileSession::managed_file(const Command& command) const {
    if (command.p2 != 0) {
        return {sw::k_incorrect_p1_p2};
    }
    if (command.p1 == 0 && command.data.empty()) {
        return {sw::k_ok, current_ef_.value_or(current_df_)};
    }
    return locate(command.p1, command.data);
}

// A DF goes with everything in it. Its own attribute allows that, or its parent's for children.
ResponseApdu FileSession::delete_file(const Command& command) {
    const auto found = managed_file(command);
    if (found.sw != sw::k_ok) {
        return found.sw;
    }
    auto files = card_.files();
    if (found.file == 0) {
        return sw::k_conditions_not_satisfied;
    }
    const auto parent = files[found.file].parent;
    if (!files.is_operable(parent)) {
        return sw::k_conditions_not_satisfied;
    }
    if (!allows(files[found.file], access::k_delete) && !allows(files[parent], access::k_delete_child)) {
        return sw::k_security_status_not_satisfied;
    }
    files.remove(found.file);
    const auto stored = card_.change_files(std::move(files));
    if (stored == sw::k_ok && (!card_.files().contains(current_df_) || current_ef_ == found.file)) {
        make_current(parent, ControlTemplate::none);
    }
    return stored;
}

ResponseApdu FileSession::activate_file(const Command& command) {
    return set_life_cycle(command, LifeCycle::activated);
}

ResponseApdu FileSession::deactivate_file(const Command& command) {
    return set_life_cycle(command, LifeCycle::deactivated);
}

ResponseApdu FileSession::terminate_df(const Command& command) {
    const auto found = managed_file(command);
    if (found.sw == sw::k_ok && !card_.files()[found.file].is_df()) {
        return sw::k_command_incompatible_with_file;
    }
    return set_life_cycle(command, LifeCycle::terminated);
}

ResponseApdu FileSession::terminate_ef(const Command& command) {
    const auto found = managed_file(command);
    if (found.sw == sw::k_ok && card_.files()[found.file].is_df()) {
        return sw::k_command_incompatible_with_file;
    }
    return set_life_cycle(command, LifeCycle::terminated);
}

// Termination is for ever. Source: ISO/IEC 7816-4 §7.4.10 and its figure of states.
ResponseApdu FileSession::set_life_cycle(const Command& command, LifeCycle next) {
    const auto found = managed_file(command);
    if (found.sw != sw::k_ok) {
        return found.sw;
    }
    auto files = card_.files();
    auto& file = files[found.file];
    const auto access = next == LifeCycle::activated     ? access::k_activate
                        : next == LifeCycle::deactivated ? access::k_deactivate
                                                         : access::k_terminate;
    const bool parent_operable = found.file == 0 || files.is_operable(file.parent);
    if (!parent_operable || file.life_cycle == LifeCycle::terminated) {
        return sw::k_conditions_not_satisfied;
    }
    if (!allows(file, access)) {
        return sw::k_security_status_not_satisfied;
    }
    file.life_cycle = next;
    return card_.change_files(std::move(files));
}

} // namespace cardlatch::card::filecard
