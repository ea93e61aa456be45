#include "filecard.hpp"

#include "../response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::Ins;
using iso7816::ResponseApdu;
using iso7816::StatusWord;

namespace {

constexpr unsigned k_reserved_sfi = 31;
constexpr std::size_t k_state_line = 32; // bytes of a transparent EF per line of the state file

/// Bits 3 to 1 of P2 of the record commands. Source: ISO/IEC 7816-4 §11.4.
enum class RecordMode : std::uint8_t {
    first = 0,
    last = 1,
    next = 2,
    previous = 3,
    number = 4,
    number_to_last = 5,
    last_to_number = 6,
    reserved = 7,
};

RecordMode record_mode(const CommandApdu& command) {
    return static_cast<RecordMode>(command.p2 & 0x07U);
}

bool by_number(RecordMode mode) {
    return mode >= RecordMode::number;
}

/// P1-P2 of READ and UPDATE BINARY. Source: ISO/IEC 7816-4 §11.3.2.
struct BinaryPosition {
    StatusWord sw;
    unsigned sfi = 0; ///< 0: the current EF
    std::size_t offset = 0;
};

BinaryPosition binary_position(const CommandApdu& command) {
    if ((command.p1 & 0x80U) == 0) {
        return {sw::k_ok, 0, command.p1p2()};
    }
    const unsigned sfi = command.p1 & 0x1FU;
    if ((command.p1 & 0x60U) != 0 || sfi == k_reserved_sfi) {
        return {sw::k_incorrect_p1_p2};
    }
    return {sw::k_ok, sfi, command.p2};
}

} // namespace

FileCard::FileCard(std::shared_ptr<const FileCardProfile> profile, Services services)
    : profile_(std::move(profile))
    , services_(services)
    , files_(profile_->files) {
    for (const auto& pin : profile_->pins) {
        pins_.emplace_back(pin);
    }
    for (std::size_t i = 0; i < files_.size(); ++i) {
        if (files_[i].aid) {
            df_names_.push_back(*files_[i].aid);
            named_dfs_.push_back(i);
        }
    }
}

ResponseApdu FileCard::process(const CommandApdu& command) {
    if (command.cla != 0) {
        return sw::k_class_not_supported;
    }
    switch (static_cast<Ins>(command.ins)) {
    case Ins::read_binary:
        return read_binary(command);
    case Ins::update_binary:
        return update_binary(command);
    case Ins::read_record:
        return read_record(command);
    case Ins::update_record:
        return update_record(command);
    case Ins::verify:
        return verify(command);
    case Ins::get_challenge:
        return get_challenge(command);
    default:
        return sw::k_instruction_not_supported;
    }
}

// --- SELECT, ISO/IEC 7816-4 §11.2.2 ---

ResponseApdu FileCard::select_df_name(std::size_t index, ControlTemplate wanted) {
    return make_current(named_dfs_[index], wanted);
}

ResponseApdu FileCard::select_file(const CommandApdu& command, ControlTemplate wanted) {
    const auto& data = command.data;
    const auto fid = [&] { return static_cast<std::uint16_t>((data[0] << 8U) | data[1]); };
    std::optional<std::size_t> found;
    switch (command.p1) {
    case 0x00: // MF, DF or EF by file identifier; no identifier means the MF
        if (!data.empty() && data.size() != 2) {
            return sw::k_lc_inconsistent_with_p1_p2;
        }
        found = data.empty() ? 0 : files_.by_identifier(current_df_, fid());
        break;
    case 0x01: // child DF
    case 0x02: // EF under the current DF
        if (data.size() != 2) {
            return sw::k_lc_inconsistent_with_p1_p2;
        }
        found = files_.child(current_df_, fid());
        if (found && files_[*found].is_df() != (command.p1 == 0x01)) {
            found.reset();
        }
        break;
    case 0x03: // parent DF of the current DF
        if (!data.empty()) {
            return sw::k_lc_inconsistent_with_p1_p2;
        }
        if (current_df_ != 0) {
            found = files_[current_df_].parent;
        }
        break;
    case 0x08: // path from the MF
    case 0x09: // path from the current DF
        if (data.empty() || data.size() % 2 != 0) {
            return sw::k_lc_inconsistent_with_p1_p2;
        }
        found = files_.by_path(command.p1 == 0x08 ? 0 : current_df_, data);
        break;
    default:
        return sw::k_incorrect_p1_p2;
    }
    return found ? make_current(*found, wanted) : ResponseApdu(sw::k_file_not_found);
}

ResponseApdu FileCard::make_current(std::size_t file, ControlTemplate wanted) {
    current_record_.reset();
    if (files_[file].is_df()) {
        current_df_ = file;
        current_ef_.reset();
    } else {
        current_df_ = files_[file].parent;
        current_ef_ = file;
    }
    return files_[file].control_information().response(wanted);
}

// --- access to EFs ---

FileCard::Target FileCard::target(unsigned sfi, Structure structure, AccessRule File::*rule) const {
    const auto found =
        sfi == 0 ? current_ef_ : files_.child_with_sfi(current_df_, static_cast<std::uint8_t>(sfi));
    if (!found) {
        return {sfi == 0 ? sw::k_command_not_allowed_no_ef : sw::k_file_not_found};
    }
    const auto& file = files_[*found];
    if (file.structure != structure) {
        return {sw::k_command_incompatible_with_file};
    }
    if (!allows(file.*rule)) {
        return {sw::k_security_status_not_satisfied};
    }
    return {sw::k_ok, *found, sfi != 0};
}

bool FileCard::allows(const AccessRule& rule) const {
    switch (rule.kind) {
    case AccessRule::Kind::always:
        return true;
    case AccessRule::Kind::never:
        return false;
    case AccessRule::Kind::pin:
        return std::any_of(pins_.begin(), pins_.end(),
                           [&](const Pin& pin) { return pin.reference() == rule.pin && pin.verified(); });
    }
    return false;
}

// A command that succeeds with a short EF identifier makes that EF current. Source: ISO/IEC 7816-4 §7.3.
void FileCard::set_current(const Target& ef) {
    if (ef.by_sfi) {
        current_ef_ = ef.file;
        current_record_.reset();
    }
}

StatusWord FileCard::overwrite(std::size_t file, std::size_t offset, ByteView data) {
    auto content = files_[file].content;
    std::copy(data.begin(), data.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
    return services_.persistence.change(files_[file].content, std::move(content));
}

// --- READ BINARY and UPDATE BINARY, ISO/IEC 7816-4 §11.3 ---

ResponseApdu FileCard::read_binary(const CommandApdu& command) {
    if (!command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    const auto position = binary_position(command);
    if (position.sw != sw::k_ok) {
        return position.sw;
    }
    const auto ef = target(position.sfi, Structure::transparent, &File::read);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    const auto content = ByteView(files_[ef.file].content);
    if (position.offset >= content.size()) {
        return sw::k_wrong_p1_p2;
    }
    set_current(ef);
    const auto count = std::min(*command.ne, content.size() - position.offset);
    const auto part = content.subspan(position.offset, count);
    return until_end({part.begin(), part.end()}, command);
}

ResponseApdu FileCard::update_binary(const CommandApdu& command) {
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    const auto position = binary_position(command);
    if (position.sw != sw::k_ok) {
        return position.sw;
    }
    const auto ef = target(position.sfi, Structure::transparent, &File::update);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    const auto size = files_[ef.file].content.size();
    if (position.offset >= size) {
        return sw::k_wrong_p1_p2;
    }
    if (command.data.size() > size - position.offset) {
        return sw::k_not_enough_memory;
    }
    const auto stored = overwrite(ef.file, position.offset, command.data);
    if (stored == sw::k_ok) {
        set_current(ef);
    }
    return stored;
}

// --- READ RECORD and UPDATE RECORD, ISO/IEC 7816-4 §11.4 ---

std::optional<std::size_t> FileCard::find_record(const Target& ef, const CommandApdu& command) const {
    const auto count = files_[ef.file].record_count();
    const auto current = ef.by_sfi ? std::nullopt : current_record_;
    std::optional<std::size_t> found;
    switch (record_mode(command)) {
    case RecordMode::first:
        return 0;
    case RecordMode::last:
        return count - 1;
    case RecordMode::next: // without a current record: the first
        found = current ? *current + 1 : 0;
        break;
    case RecordMode::previous: // without a current record: the last
        if (!current || *current > 0) {
            found = (current ? *current : count) - 1;
        }
        break;
    default: // record 0 is the current one
        found = command.p1 == 0 ? current : std::optional<std::size_t>(command.p1 - 1U);
    }
    return found && *found < count ? found : std::nullopt;
}

ResponseApdu FileCard::read_record(const CommandApdu& command) {
    if (!command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    const auto mode = record_mode(command);
    const unsigned sfi = command.p2 >> 3U;
    if (mode == RecordMode::reserved || sfi == k_reserved_sfi || command.p1 == 0xFF) {
        return sw::k_incorrect_p1_p2;
    }
    if (!by_number(mode) &&
        command.p1 != 0) { // P1 would be a record identifier, which our records do not have
        return sw::k_function_not_supported;
    }
    const auto ef = target(sfi, Structure::linear_fixed, &File::read);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    const auto record = find_record(ef, command);
    if (!record) {
        return sw::k_record_not_found;
    }
    const auto& file = files_[ef.file];
    Bytes data;
    const auto append = [&](std::size_t index) {
        const auto part = ByteView(file.content).subspan(index * file.record_size, file.record_size);
        data.insert(data.end(), part.begin(), part.end());
    };
    append(*record);
    if (mode == RecordMode::number_to_last) {
        for (auto index = *record + 1; index < file.record_count(); ++index) {
            append(index);
        }
    } else if (mode == RecordMode::last_to_number) {
        data.clear();
        for (auto index = file.record_count(); index > *record; --index) {
            append(index - 1);
        }
    }
    const bool several = mode == RecordMode::number_to_last || mode == RecordMode::last_to_number;
    auto response = several ? until_end(std::move(data), command) : exactly(std::move(data), command);
    if (response.sw == sw::k_ok || response.sw == sw::k_end_of_file_reached) {
        set_current(ef);
        if (!by_number(mode)) { // reading by number leaves the record pointer alone
            current_record_ = record;
        }
    }
    return response;
}

ResponseApdu FileCard::update_record(const CommandApdu& command) {
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    const auto mode = record_mode(command);
    const unsigned sfi = command.p2 >> 3U;
    const bool p1_fits = by_number(mode) ? command.p1 != 0xFF : command.p1 == 0;
    if (mode > RecordMode::number || sfi == k_reserved_sfi || !p1_fits) {
        return sw::k_incorrect_p1_p2;
    }
    const auto ef = target(sfi, Structure::linear_fixed, &File::update);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    const auto record = find_record(ef, command);
    if (!record) {
        return sw::k_record_not_found;
    }
    const auto record_size = files_[ef.file].record_size;
    if (command.data.size() != record_size) {
        return sw::k_wrong_length;
    }
    const auto stored = overwrite(ef.file, *record * record_size, command.data);
    if (stored == sw::k_ok) {
        set_current(ef);
        if (!by_number(mode)) {
            current_record_ = record;
        }
    }
    return stored;
}

// --- VERIFY and GET CHALLENGE, ISO/IEC 7816-4 §11.6 ---

Pin* FileCard::find_pin(unsigned reference) {
    const auto found = std::find_if(pins_.begin(), pins_.end(),
                                    [&](const Pin& pin) { return pin.reference() == reference; });
    return found == pins_.end() ? nullptr : &*found;
}

ResponseApdu FileCard::verify(const CommandApdu& command) {
    constexpr std::uint8_t k_forget = 0xFF; // P1 without command data: back to "not verified"
    const bool forget = command.p1 == k_forget && command.data.empty();
    if ((command.p1 != 0 && !forget) || (command.p2 & 0x60U) != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto* pin = find_pin(command.p2);
    if (pin == nullptr) {
        return sw::k_referenced_data_not_found;
    }
    if (forget) {
        pin->forget_verification();
        return sw::k_ok;
    }
    return command.data.empty() ? pin->state() : pin->verify(command.data, services_.persistence);
}

ResponseApdu FileCard::get_challenge(const CommandApdu& command) {
    if (!command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    Bytes challenge(*command.ne);
    if (!services_.random.fill(challenge)) {
        return sw::k_execution_error;
    }
    return {std::move(challenge), sw::k_ok};
}

// --- volatile and stored state ---

void FileCard::deselect() {
    current_df_ = 0;
    current_ef_.reset();
    current_record_.reset();
}

void FileCard::reset() {
    deselect();
    for (auto& pin : pins_) {
        pin.forget_verification();
    }
}

void FileCard::save(toml::table& out) const {
    toml::table tries;
    for (const auto& pin : pins_) {
        if (pin.tries_left() != pin.tries()) {
            tries.insert(fmt::format("{}", pin.reference()), std::int64_t{pin.tries_left()});
        }
    }
    toml::table contents;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const auto& file = files_[i];
        if (file.content == profile_->files[i].content) {
            continue;
        }
        toml::array lines;
        const auto line = file.record_size != 0 ? file.record_size : k_state_line;
        for (auto rest = ByteView(file.content); !rest.empty();
             rest = rest.subspan(std::min(line, rest.size()))) {
            lines.push_back(to_hex(rest.first(std::min(line, rest.size()))));
        }
        contents.insert(file.path, std::move(lines));
    }
    if (!tries.empty()) {
        out.insert("tries_left", std::move(tries));
    }
    if (!contents.empty()) {
        out.insert("content", std::move(contents));
    }
}

Result<void> FileCard::restore(TableReader& in) {
    BOOST_OUTCOME_TRY(auto tries, in.table("tries_left"));
    for (const auto& key : tries ? tries->keys() : std::vector<std::string>{}) {
        unsigned reference = 0;
        const auto read = std::from_chars(key.data(), key.data() + key.size(), reference);
        auto* pin = read.ptr == key.data() + key.size() ? find_pin(reference) : nullptr;
        if (pin == nullptr) {
            return tries->error(key, "the profile has no PIN with this reference");
        }
        BOOST_OUTCOME_TRY(const auto left, tries->integer(key, 0, pin->tries()));
        pin->restore_tries_left(static_cast<std::uint8_t>(left.value_or(0)));
    }
    BOOST_OUTCOME_TRY(auto contents, in.table("content"));
    for (const auto& path : contents ? contents->keys() : std::vector<std::string>{}) {
        const auto file = files_.find_path(path);
        if (!file || files_[*file].is_df()) {
            return contents->error(path, "the profile has no EF with this path");
        }
        const auto size = files_[*file].content.size();
        BOOST_OUTCOME_TRY(auto content, contents->hex(path, size, size));
        files_[*file].content = std::move(*content);
    }
    return ok();
}

} // namespace cardlatch::card::filecard
