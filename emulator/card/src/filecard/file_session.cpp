#include "file_session.hpp"

#include "filecard.hpp"

#include <algorithm>
#include <array>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::Ins;
using iso7816::ResponseApdu;

const FileSession::Handler* FileSession::find_handler(std::uint8_t ins) {
    using S = FileSession;
    static constexpr std::array k_handlers{
        Handler{Ins::read_binary, &S::read_binary},
        Handler{Ins::read_binary_odd, &S::read_binary},
        Handler{Ins::update_binary, &S::update_binary},
        Handler{Ins::update_binary_odd, &S::update_binary},
        Handler{Ins::write_binary, &S::write_binary},
        Handler{Ins::write_binary_odd, &S::write_binary},
        Handler{Ins::erase_binary, &S::erase_binary},
        Handler{Ins::erase_binary_odd, &S::erase_binary},
        Handler{Ins::read_record, &S::read_record},
        Handler{Ins::update_record, &S::update_record},
        Handler{Ins::write_record, &S::write_record},
        Handler{Ins::append_record, &S::append_record},
        Handler{Ins::erase_record, &S::erase_record},
        Handler{Ins::search_record, &S::search_record},
        Handler{Ins::create_file, &S::create_file},
        Handler{Ins::delete_file, &S::delete_file},
        Handler{Ins::activate_file, &S::activate_file},
        Handler{Ins::deactivate_file, &S::deactivate_file},
        Handler{Ins::terminate_df, &S::terminate_df},
        Handler{Ins::terminate_ef, &S::terminate_ef},
        Handler{Ins::get_data, &S::get_data},
        Handler{Ins::get_data_odd, &S::get_data_odd},
        Handler{Ins::put_data, &S::put_data},
        Handler{Ins::put_data_odd, &S::put_data_odd},
        Handler{Ins::verify, &S::verify},
        Handler{Ins::change_reference_data, &S::change_reference_data},
        Handler{Ins::reset_retry_counter, &S::reset_retry_counter},
        Handler{Ins::enable_verification_requirement, &S::enable_verification_requirement},
        Handler{Ins::disable_verification_requirement, &S::disable_verification_requirement},
        Handler{Ins::get_challenge, &S::get_challenge},
        Handler{Ins::internal_authenticate, &S::internal_authenticate},
        Handler{Ins::external_authenticate, &S::external_authenticate},
        Handler{Ins::manage_security_environment, &S::manage_security_environment},
        Handler{Ins::perform_security_operation, &S::perform_security_operation},
        Handler{Ins::generate_asymmetric_key_pair, &S::generate_asymmetric_key_pair},
    };
    const auto* const found = std::find_if(k_handlers.begin(), k_handlers.end(), [&](const Handler& handler) {
        return static_cast<std::uint8_t>(handler.ins) == ins;
    });
    return found == k_handlers.end() ? nullptr : found;
}

ResponseApdu FileSession::process(const Command& command) {
    if (command.cla != 0) {
        return sw::k_class_not_supported;
    }
    const auto* const handler = find_handler(command.ins);
    if (handler == nullptr) {
        return sw::k_instruction_not_supported;
    }
    leave_vanished_files();
    return (this->*handler->execute)(command);
}

// --- SELECT, ISO/IEC 7816-4 §11.2.2 ---

ResponseApdu FileSession::select_df_name(std::size_t index, ControlTemplate wanted) {
    return make_current(card_.named_df(index), wanted);
}

ResponseApdu FileSession::select_file(const Command& command, ControlTemplate wanted) {
    leave_vanished_files();
    const auto found = locate(command.p1, command.data);
    return found.sw == sw::k_ok ? make_current(found.file, wanted) : ResponseApdu(found.sw);
}

FileSession::Location FileSession::locate(std::uint8_t p1, ByteView data) const {
    const auto& files = card_.files();
    const auto fid = [&] { return static_cast<std::uint16_t>((data[0] << 8U) | data[1]); };
    std::optional<std::size_t> found;
    switch (p1) {
    case 0x00: // MF, DF or EF by file identifier; no identifier means the MF
        if (!data.empty() && data.size() != 2) {
            return {sw::k_lc_inconsistent_with_p1_p2};
        }
        found = data.empty() ? 0 : files.by_identifier(current_df_, fid());
        break;
    case 0x01: // child DF
    case 0x02: // EF under the current DF
        if (data.size() != 2) {
            return {sw::k_lc_inconsistent_with_p1_p2};
        }
        found = files.child(current_df_, fid());
        if (found && files[*found].is_df() != (p1 == 0x01)) {
            found.reset();
        }
        break;
    case 0x03: // parent DF of the current DF
        if (!data.empty()) {
            return {sw::k_lc_inconsistent_with_p1_p2};
        }
        if (current_df_ != 0) {
            found = files[current_df_].parent;
        }
        break;
    case 0x08: // path from the MF
    case 0x09: // path from the current DF
        if (data.empty() || data.size() % 2 != 0) {
            return {sw::k_lc_inconsistent_with_p1_p2};
        }
        found = files.by_path(p1 == 0x08 ? 0 : current_df_, data);
        break;
    default:
        return {sw::k_incorrect_p1_p2};
    }
    return found ? Location{sw::k_ok, *found} : Location{sw::k_file_not_found};
}

ResponseApdu FileSession::make_current(std::size_t number, ControlTemplate wanted) {
    const auto& file = card_.files()[number];
    current_record_.reset();
    if (file.is_df()) {
        current_df_ = number;
        current_ef_.reset();
    } else {
        current_df_ = file.parent;
        current_ef_ = number;
    }
    auto response = file.control_information(card_.profile().environments).response(wanted);
    if (file.life_cycle == LifeCycle::deactivated) {
        response.sw = sw::k_file_deactivated;
    } else if (file.life_cycle == LifeCycle::terminated) {
        response.sw = sw::k_file_terminated;
    }
    return response;
}

// Another channel may have deleted what is current in this one.
void FileSession::leave_vanished_files() {
    if (!card_.files().contains(current_df_)) {
        deselect();
    } else if (current_ef_ && !card_.files().contains(*current_ef_)) {
        current_ef_.reset();
        current_record_.reset();
    }
}

// --- access to EFs ---

bool FileSession::allows(const AccessRule& rule) const {
    if (rule.kind != AccessRule::Kind::conditions) {
        return rule.kind == AccessRule::Kind::always;
    }
    const auto* const pin = rule.pin != 0 ? card_.find_pin(rule.pin) : nullptr;
    const bool user = pin != nullptr && (pin->disabled() || verified_pins_.contains(rule.pin));
    const bool outside = rule.key != 0 && proved_keys_.contains(rule.key);
    return rule.either ? user || outside : (rule.pin == 0 || user) && (rule.key == 0 || outside);
}

// Security attributes begin to apply with the operational state. Source: ISO/IEC 7816-4 §7.4.10.
bool FileSession::allows(const File& file, std::size_t access) const {
    return file.life_cycle == LifeCycle::creation || file.life_cycle == LifeCycle::initialisation ||
           allows(file.rules.at(access));
}

FileSession::Target FileSession::open_ef(std::optional<std::size_t> found, Contents contents,
                                         std::size_t access) const {
    const bool named = found != std::nullopt;
    if (!found) {
        found = current_ef_;
    }
    if (!found) {
        return {sw::k_command_not_allowed_no_ef};
    }
    const auto& file = card_.files()[*found];
    if (file.is_df() || file.has_records() != (contents == Contents::records)) {
        return {sw::k_command_incompatible_with_file};
    }
    if (!card_.files().is_operable(*found)) {
        return {sw::k_conditions_not_satisfied};
    }
    if (!allows(file, access)) {
        return {sw::k_security_status_not_satisfied};
    }
    return {sw::k_ok, *found, named};
}

FileSession::Target FileSession::open_by_sfi(unsigned sfi, Contents contents, std::size_t access) const {
    if (sfi == 0) {
        return open_ef(std::nullopt, contents, access);
    }
    const auto found = card_.files().child_with_sfi(current_df_, static_cast<std::uint8_t>(sfi));
    return found ? open_ef(found, contents, access) : Target{sw::k_file_not_found};
}

// A command that succeeds with a short EF identifier makes that EF current. Source: ISO/IEC 7816-4 §7.3.
void FileSession::set_current(const Target& ef) {
    if (ef.becomes_current) {
        current_ef_ = ef.file;
        current_record_.reset();
    }
}

void FileSession::deselect() {
    current_df_ = 0;
    current_ef_.reset();
    current_record_.reset();
    challenge_.clear();
    hash_.clear();
    environment_ = {};
}

void FileSession::close() {
    deselect();
    verified_pins_.clear();
    proved_keys_.clear();
}

} // namespace cardlatch::card::filecard
