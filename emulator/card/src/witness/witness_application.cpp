#include "witness_application.hpp"

#include "../response.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <sstream>

namespace cardlatch::card::witness {

namespace sw = iso7816::sw;
using iso7816::CommandApdu;
using iso7816::ResponseApdu;

namespace {

constexpr std::int64_t k_default_log_entries = 256;
constexpr std::int64_t k_max_log_entries = 4096;
constexpr std::uint8_t k_class = 0x80;

constexpr std::array<std::string_view, 5> k_event_names{"enter", "touch", "leave", "reset", "deselect"};
constexpr std::array<std::string_view, 5> k_verdict_names{"in-order", "interleaving", "stray", "repeated",
                                                          "broken-off"};

std::uint32_t u32_at(ByteView bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (const auto byte : bytes.subspan(at, 4)) {
        value = (value << 8U) | byte;
    }
    return value;
}

struct NamedCounter {
    std::string_view name;
    std::uint32_t Report::*counter;
};

// Those that are stored; `entered` goes with `owner`, and `kept` is the length of the log.
constexpr std::array k_counters{
    NamedCounter{"entries", &Report::entries},
    NamedCounter{"leaves", &Report::leaves},
    NamedCounter{"commands", &Report::commands},
    NamedCounter{"interleavings", &Report::interleavings},
    NamedCounter{"broken_off", &Report::broken_off},
    NamedCounter{"strays", &Report::strays},
    NamedCounter{"last_offender", &Report::last_offender},
    NamedCounter{"events", &Report::events},
};

std::string to_line(const LogEntry& entry) {
    return fmt::format(
        "{} {} {} {:08X} {:08X}", entry.number, k_event_names.at(static_cast<std::size_t>(entry.event) - 1),
        k_verdict_names.at(static_cast<std::size_t>(entry.verdict)), entry.client, entry.value);
}

std::optional<LogEntry> from_line(const std::string& line) {
    LogEntry entry;
    std::string event;
    std::string verdict;
    std::istringstream in(line);
    in >> entry.number >> event >> verdict >> std::hex >> entry.client >> entry.value;
    const auto* const named_event = std::find(k_event_names.begin(), k_event_names.end(), event);
    const auto* const named_verdict = std::find(k_verdict_names.begin(), k_verdict_names.end(), verdict);
    if (!in || named_event == k_event_names.end() || named_verdict == k_verdict_names.end()) {
        return std::nullopt;
    }
    entry.event = static_cast<Event>(named_event - k_event_names.begin() + 1);
    entry.verdict = static_cast<Verdict>(named_verdict - k_verdict_names.begin());
    return to_line(entry) == line ? std::optional(entry) : std::nullopt;
}

class WitnessProfile final : public ApplicationProfile {
  public:
    explicit WitnessProfile(std::size_t log_entries)
        : log_entries_(log_entries) {}
    [[nodiscard]] std::string_view name() const override { return "witness"; }
    [[nodiscard]] CardCapabilities capabilities() const override { return {}; }
    [[nodiscard]] std::unique_ptr<Application> instantiate(Services services) const override {
        return std::make_unique<Witness>(log_entries_, services);
    }

  private:
    std::size_t log_entries_;
};

} // namespace

Result<std::shared_ptr<const ApplicationProfile>> parse_profile(TableReader& table) {
    BOOST_OUTCOME_TRY(const auto log_entries, table.integer("log_entries", 1, k_max_log_entries));
    BOOST_OUTCOME_TRY(table.finish());
    return std::shared_ptr<const ApplicationProfile>(std::make_shared<const WitnessProfile>(
        static_cast<std::size_t>(log_entries.value_or(k_default_log_entries))));
}

Witness::Witness(std::size_t log_entries, Services services)
    : log_entries_(log_entries)
    , services_(services)
    , df_names_{iso7816::Aid::from(k_aid).value()} {}

ResponseApdu Witness::select_df_name(std::size_t, ControlTemplate wanted) {
    ControlInformation information;
    const std::uint8_t df_descriptor = 0x38;
    iso7816::append_tlv(information.parameters, 0x82, ByteView(&df_descriptor, 1));
    iso7816::append_tlv(information.parameters, 0x84, k_aid);
    append_life_cycle_activated(information.parameters);
    iso7816::append_tlv(information.management, 0x4F, k_aid);
    iso7816::append_tlv(information.management, 0x50, as_bytes("witness"));
    return information.response(wanted);
}

ResponseApdu Witness::process(const CommandApdu& command) {
    if (command.cla != k_class) {
        return command.cla == 0 ? sw::k_instruction_not_supported : sw::k_class_not_supported;
    }
    switch (static_cast<Ins>(command.ins)) {
    case Ins::enter:
        return client_command(command, Event::enter);
    case Ins::touch:
        return client_command(command, Event::touch);
    case Ins::leave:
        return client_command(command, Event::leave);
    case Ins::report:
        return report(command);
    case Ins::read_log:
        return read_log(command);
    case Ins::clear:
        return clear(command);
    }
    return sw::k_instruction_not_supported;
}

void Witness::append(Record& record, Event event, Verdict verdict, std::uint32_t client,
                     std::uint32_t value) const {
    if (record.log.size() >= log_entries_) {
        record.log.erase(record.log.begin());
    }
    record.log.push_back({++record.counters.events, event, verdict, client, value});
}

ResponseApdu Witness::client_command(const CommandApdu& command, Event event) {
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    if (command.data.size() != (event == Event::leave ? 4U : 8U)) {
        return sw::k_wrong_length;
    }
    const auto client = u32_at(command.data, 0);
    const auto value = event == Event::leave ? 0 : u32_at(command.data, 4);

    auto next = record_;
    auto& counters = next.counters;
    auto verdict = Verdict::in_order;
    ++counters.commands;
    if (counters.entered && client != counters.owner) {
        verdict = Verdict::interleaving;
        ++counters.interleavings;
        counters.last_offender = client;
    } else if (!counters.entered && event != Event::enter) {
        verdict = Verdict::stray;
        ++counters.strays;
    } else if (counters.entered && event == Event::enter) {
        verdict = Verdict::repeated;
    } else if (event == Event::enter) {
        ++counters.entries;
        counters.entered = true;
        counters.owner = client;
    } else if (event == Event::leave) {
        ++counters.leaves;
        counters.entered = false;
        counters.owner = 0;
    }
    append(next, event, verdict, client, value);
    const auto stored = services_.persistence.change(record_, std::move(next));
    return stored != sw::k_ok || verdict == Verdict::in_order ? stored : sw::k_conditions_not_satisfied;
}

ResponseApdu Witness::report(const CommandApdu& command) const {
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    auto counters = record_.counters;
    counters.kept = static_cast<std::uint32_t>(record_.log.size());
    Bytes data;
    counters.append_to(data);
    return exactly(std::move(data), command);
}

ResponseApdu Witness::read_log(const CommandApdu& command) const {
    if (!command.data.empty() || command.ne.value_or(0) < LogEntry::k_size) {
        return sw::k_wrong_length;
    }
    const std::size_t first = command.p1p2();
    if (first >= record_.log.size()) {
        return sw::k_record_not_found;
    }
    const auto count = std::min(record_.log.size() - first, *command.ne / LogEntry::k_size);
    Bytes data;
    for (std::size_t i = 0; i < count; ++i) {
        record_.log[first + i].append_to(data);
    }
    return {std::move(data), sw::k_ok};
}

ResponseApdu Witness::clear(const CommandApdu& command) {
    if (!command.data.empty()) {
        return sw::k_wrong_length;
    }
    if (command.p1p2() != 0) {
        return sw::k_incorrect_p1_p2;
    }
    if (record_.counters.entered) {
        return sw::k_conditions_not_satisfied;
    }
    return services_.persistence.change(record_, Record{});
}

// The event is kept in memory even if it cannot be stored: a deselection or a reset has happened and has no
// status word to report with. The next stored change carries it.
void Witness::deselect() {
    if (record_.counters.entered) {
        append(record_, Event::deselect, Verdict::in_order, record_.counters.owner, 0);
        static_cast<void>(services_.persistence.commit());
    }
}

void Witness::reset() {
    auto& counters = record_.counters;
    if (counters.entered) {
        ++counters.broken_off;
        append(record_, Event::reset, Verdict::broken_off, counters.owner, 0);
        counters.entered = false;
        counters.owner = 0;
        static_cast<void>(services_.persistence.commit());
    }
}

void Witness::save(toml::table& out) const {
    if (record_ == Record{}) {
        return;
    }
    if (record_.counters.entered) {
        out.insert("owner", std::int64_t{record_.counters.owner});
    }
    for (const auto& [name, counter] : k_counters) {
        out.insert(name, std::int64_t{record_.counters.*counter});
    }
    toml::array log;
    for (const auto& entry : record_.log) {
        log.push_back(to_line(entry));
    }
    out.insert("log", std::move(log));
}

Result<void> Witness::restore(TableReader& in) {
    constexpr std::int64_t k_max = std::numeric_limits<std::uint32_t>::max();
    auto& counters = record_.counters;
    BOOST_OUTCOME_TRY(const auto owner, in.integer("owner", 0, k_max));
    counters.entered = owner.has_value();
    counters.owner = static_cast<std::uint32_t>(owner.value_or(0));
    for (const auto& [name, counter] : k_counters) {
        BOOST_OUTCOME_TRY(const auto value,
                          in.required(name, in.integer(name, 0, k_max), "every counter is stored"));
        counters.*counter = static_cast<std::uint32_t>(value);
    }
    BOOST_OUTCOME_TRY(const auto lines, in.texts("log"));
    for (const auto& line : lines.value_or(std::vector<std::string>{})) {
        const auto entry = from_line(line);
        if (!entry) {
            return in.error(
                "log", fmt::format("\"{}\" is no entry; allowed is \"NUMBER EVENT VERDICT CLIENT VALUE\", "
                                   "the last two as 8 hexadecimal digits",
                                   line));
        }
        record_.log.push_back(*entry);
    }
    if (record_.log.size() > log_entries_) {
        record_.log.erase(record_.log.begin(), record_.log.end() - static_cast<std::ptrdiff_t>(log_entries_));
    }
    return ok();
}

} // namespace cardlatch::card::witness
