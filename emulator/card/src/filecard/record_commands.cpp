// READ, WRITE, UPDATE, APPEND, ERASE and SEARCH RECORD. Source: ISO/IEC 7816-4 §11.4.

#include "../response.hpp"
#include "file_session.hpp"
#include "filecard.hpp"

#include <algorithm>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;

namespace {

constexpr unsigned k_reserved_sfi = 31;
constexpr std::uint8_t k_reserved_number = 0xFF;

/// Bits 3 to 1 of P2 of the record commands. Source: ISO/IEC 7816-4 §11.4.2.
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

RecordMode record_mode(const iso7816::CommandApdu& command) {
    return static_cast<RecordMode>(command.p2 & 0x07U);
}

bool by_number(const iso7816::CommandApdu& command) {
    return record_mode(command) >= RecordMode::number;
}

unsigned sfi_of(const iso7816::CommandApdu& command) {
    return command.p2 >> 3U;
}

/// Makes `data` the newest record of a cyclic EF; the oldest goes when there is no room.
void push_newest(File& file, ByteView data) {
    if (file.records.size() == file.max_records) {
        file.records.pop_back();
    }
    file.records.insert(file.records.begin(), Bytes(data.begin(), data.end()));
}

bool fits(const File& file, std::size_t length) {
    return file.fixed_records() ? length == file.record_size : length <= file.record_size;
}

} // namespace

std::optional<std::size_t> FileSession::find_record(const Target& ef, const Command& command) const {
    const auto count = card_.files()[ef.file].records.size();
    const auto current = ef.becomes_current ? std::nullopt : current_record_;
    std::optional<std::size_t> found;
    switch (record_mode(command)) {
    case RecordMode::first:
        found = 0;
        break;
    case RecordMode::last:
        if (count > 0) {
            found = count - 1;
        }
        break;
    case RecordMode::next: // without a current record: the first
        found = current ? *current + 1 : 0;
        break;
    case RecordMode::previous: // without a current record: the last
        if (current.value_or(count) > 0) {
            found = current.value_or(count) - 1;
        }
        break;
    default: // record 0 is the current one
        found = command.p1 == 0 ? current : std::optional<std::size_t>(command.p1 - 1U);
    }
    return found && *found < count ? found : std::nullopt;
}

// A command by number leaves the record pointer alone. Source: §11.4.2.
void FileSession::set_record(const Target& ef, const Command& command, std::size_t record) {
    set_current(ef);
    if (!by_number(command)) {
        current_record_ = record;
    }
}

ResponseApdu FileSession::read_record(const Command& command) {
    if (!command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    const auto mode = record_mode(command);
    if (mode == RecordMode::reserved || sfi_of(command) == k_reserved_sfi ||
        command.p1 == k_reserved_number) {
        return sw::k_incorrect_p1_p2;
    }
    if (!by_number(command) && command.p1 != 0) { // a record identifier, which our records do not have
        return sw::k_function_not_supported;
    }
    const auto ef = open_by_sfi(sfi_of(command), Contents::records, access::k_read);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    const auto record = find_record(ef, command);
    if (!record) {
        return sw::k_record_not_found;
    }
    const auto& records = card_.files()[ef.file].records;
    Bytes data;
    const auto append = [&](std::size_t index) {
        data.insert(data.end(), records[index].begin(), records[index].end());
    };
    if (mode == RecordMode::number_to_last) {
        for (auto index = *record; index < records.size(); ++index) {
            append(index);
        }
    } else if (mode == RecordMode::last_to_number) {
        for (auto index = records.size(); index > *record; --index) {
            append(index - 1);
        }
    } else {
        append(*record);
    }
    const bool several = mode == RecordMode::number_to_last || mode == RecordMode::last_to_number;
    auto response = several ? until_end(std::move(data), command) : exactly(std::move(data), command);
    if (response.sw == sw::k_ok || response.sw == sw::k_end_of_file_reached) {
        set_record(ef, command, *record);
    }
    return response;
}

ResponseApdu FileSession::store_record(const Command& command, std::size_t access, Writing writing) {
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    const auto mode = record_mode(command);
    const bool p1_fits = by_number(command) ? command.p1 != k_reserved_number : command.p1 == 0;
    if (mode > RecordMode::number || sfi_of(command) == k_reserved_sfi || !p1_fits) {
        return sw::k_incorrect_p1_p2;
    }
    const auto ef = open_by_sfi(sfi_of(command), Contents::records, access);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    auto files = card_.files();
    auto& file = files[ef.file];
    // In a cyclic EF, "previous" means the one before the newest: a new record. Source: §11.4.5.
    const bool appends = file.structure == Structure::cyclic && mode == RecordMode::previous;
    const auto record = appends ? std::optional<std::size_t>(0) : find_record(ef, command);
    if (!record) {
        return sw::k_record_not_found;
    }
    if (!fits(file, command.data.size())) {
        return sw::k_wrong_length;
    }
    if (appends) {
        push_newest(file, command.data);
    } else if (writing == Writing::replace) {
        file.records[*record] = command.data;
    } else {
        auto& bytes = file.records[*record];
        if (bytes.size() != command.data.size()) {
            return sw::k_wrong_length;
        }
        std::transform(bytes.begin(), bytes.end(), command.data.begin(), bytes.begin(),
                       [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a | b); });
    }
    const auto stored = card_.change_files(std::move(files));
    if (stored == sw::k_ok) {
        set_record(ef, command, *record);
    }
    return stored;
}

ResponseApdu FileSession::update_record(const Command& command) {
    return store_record(command, access::k_update, Writing::replace);
}

ResponseApdu FileSession::write_record(const Command& command) {
    return store_record(command, access::k_write, Writing::logical_or);
}

// At the end of a linear EF, as record 1 of a cyclic one. Source: §11.4.6.
ResponseApdu FileSession::append_record(const Command& command) {
    if (command.data.empty()) {
        return sw::k_wrong_length;
    }
    if (command.p1 != 0 || (command.p2 & 0x07U) != 0 || sfi_of(command) == k_reserved_sfi) {
        return sw::k_incorrect_p1_p2;
    }
    const auto ef = open_by_sfi(sfi_of(command), Contents::records, access::k_write);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    auto files = card_.files();
    auto& file = files[ef.file];
    if (!fits(file, command.data.size())) {
        return sw::k_wrong_length;
    }
    if (file.structure == Structure::cyclic) {
        push_newest(file, command.data);
    } else if (file.records.size() == file.max_records) {
        return sw::k_not_enough_memory;
    } else {
        file.records.push_back(command.data);
    }
    const auto record = file.structure == Structure::cyclic ? 0 : file.records.size() - 1;
    const auto stored = card_.change_files(std::move(files));
    if (stored == sw::k_ok) {
        set_current(ef);
        current_record_ = record;
    }
    return stored;
}

// Records are filled with 00 and stay. Source: §11.4.8.
ResponseApdu FileSession::erase_record(const Command& command) {
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    const auto mode = record_mode(command);
    if ((mode != RecordMode::number && mode != RecordMode::number_to_last) ||
        sfi_of(command) == k_reserved_sfi || command.p1 == k_reserved_number) {
        return sw::k_incorrect_p1_p2;
    }
    const auto ef = open_by_sfi(sfi_of(command), Contents::records, access::k_update);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    const auto record = find_record(ef, command);
    if (!record) {
        return sw::k_record_not_found;
    }
    auto files = card_.files();
    auto& records = files[ef.file].records;
    const auto end = mode == RecordMode::number ? *record + 1 : records.size();
    for (auto index = *record; index < end; ++index) {
        std::fill(records[index].begin(), records[index].end(), std::uint8_t{0});
    }
    const auto stored = card_.change_files(std::move(files));
    if (stored == sw::k_ok) {
        set_record(ef, command, *record);
    }
    return stored;
}

// Simple search, forwards (P2 xxxxx100) or backwards (101) from record P1: the numbers of all records that
// hold the search string. Enhanced search is not there. Source: §11.4.7.
ResponseApdu FileSession::search_record(const Command& command) {
    if (command.data.empty() || !command.ne) {
        return sw::k_wrong_length;
    }
    const auto mode = record_mode(command);
    if (!by_number(command) || sfi_of(command) == k_reserved_sfi || command.p1 == k_reserved_number) {
        return sw::k_incorrect_p1_p2;
    }
    if (mode != RecordMode::number && mode != RecordMode::number_to_last) {
        return sw::k_function_not_supported;
    }
    const auto ef = open_by_sfi(sfi_of(command), Contents::records, access::k_read);
    if (ef.sw != sw::k_ok) {
        return ef.sw;
    }
    const auto start = find_record(ef, command);
    if (!start) {
        return sw::k_record_not_found;
    }
    const auto& records = card_.files()[ef.file].records;
    Bytes numbers;
    const auto consider = [&](std::size_t index) {
        const auto& record = records[index];
        if (std::search(record.begin(), record.end(), command.data.begin(), command.data.end()) !=
            record.end()) {
            numbers.push_back(static_cast<std::uint8_t>(index + 1));
        }
    };
    if (mode == RecordMode::number) {
        for (auto index = *start; index < records.size(); ++index) {
            consider(index);
        }
    } else {
        for (auto index = *start + 1; index-- > 0;) {
            consider(index);
        }
    }
    set_current(ef);
    if (numbers.empty()) {
        return sw::k_end_of_file_reached; // unsuccessful search
    }
    current_record_ = numbers.front() - 1U;
    return {std::move(numbers), sw::k_ok};
}

} // namespace cardlatch::card::filecard
