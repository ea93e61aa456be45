#include <cardlatch/card/witness.hpp>

#include <string>

namespace cardlatch::card::witness {

namespace {

void append_u32(Bytes& out, std::uint32_t value) {
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        out.push_back(static_cast<std::uint8_t>((value >> (shift - 8)) & 0xFFU));
    }
}

std::uint32_t take_u32(ByteView& bytes) {
    std::uint32_t value = 0;
    for (const auto byte : bytes.first(4)) {
        value = (value << 8U) | byte;
    }
    bytes = bytes.subspan(4);
    return value;
}

iso7816::CommandApdu make(Ins ins, std::uint16_t p1p2, Bytes data, std::optional<std::size_t> ne) {
    return {.cla = 0x80,
            .ins = static_cast<std::uint8_t>(ins),
            .p1 = static_cast<std::uint8_t>(p1p2 >> 8U),
            .p2 = static_cast<std::uint8_t>(p1p2 & 0xFFU),
            .data = std::move(data),
            .ne = ne,
            .extended = false};
}

iso7816::CommandApdu make(Ins ins, std::initializer_list<std::uint32_t> numbers) {
    Bytes data;
    for (const auto number : numbers) {
        append_u32(data, number);
    }
    return make(ins, 0, std::move(data), std::nullopt);
}

} // namespace

Result<std::vector<LogEntry>> LogEntry::parse(ByteView data) {
    if (data.size() % k_size != 0) {
        return fail(std::errc::bad_message, "witness log of " + std::to_string(data.size()) +
                                                " bytes: an entry has " + std::to_string(k_size));
    }
    std::vector<LogEntry> entries;
    while (!data.empty()) {
        LogEntry entry;
        entry.number = take_u32(data);
        entry.event = static_cast<Event>(data[0]);
        entry.verdict = static_cast<Verdict>(data[1]);
        data = data.subspan(4); // two bytes are reserved
        entry.client = take_u32(data);
        entry.value = take_u32(data);
        entries.push_back(entry);
    }
    return entries;
}

void LogEntry::append_to(Bytes& out) const {
    append_u32(out, number);
    out.push_back(static_cast<std::uint8_t>(event));
    out.push_back(static_cast<std::uint8_t>(verdict));
    out.insert(out.end(), 2, 0);
    append_u32(out, client);
    append_u32(out, value);
}

Result<Report> Report::parse(ByteView data) {
    if (data.size() != k_size || data[0] != k_version) {
        return fail(std::errc::bad_message, "witness report of " + std::to_string(data.size()) +
                                                " bytes: expected " + std::to_string(k_size) +
                                                " of version " + std::to_string(k_version));
    }
    Report report;
    report.entered = data[1] != 0;
    data = data.subspan(2);
    for (auto* number :
         {&report.owner, &report.entries, &report.leaves, &report.commands, &report.interleavings,
          &report.broken_off, &report.strays, &report.last_offender, &report.events, &report.kept}) {
        *number = take_u32(data);
    }
    return report;
}

void Report::append_to(Bytes& out) const {
    out.push_back(k_version);
    out.push_back(entered ? 1 : 0);
    for (const auto number :
         {owner, entries, leaves, commands, interleavings, broken_off, strays, last_offender, events, kept}) {
        append_u32(out, number);
    }
}

iso7816::CommandApdu select() {
    auto command = iso7816::CommandApdu::select_by_aid(k_aid);
    command.p2 = 0x0C;
    command.ne.reset();
    return command;
}
iso7816::CommandApdu enter(std::uint32_t client, std::uint32_t tag) {
    return make(Ins::enter, {client, tag});
}
iso7816::CommandApdu touch(std::uint32_t client, std::uint32_t step) {
    return make(Ins::touch, {client, step});
}
iso7816::CommandApdu leave(std::uint32_t client) {
    return make(Ins::leave, {client});
}
iso7816::CommandApdu report() {
    return make(Ins::report, 0, {}, 256);
}
iso7816::CommandApdu read_log(std::uint16_t index) {
    return make(Ins::read_log, index, {}, 256);
}
iso7816::CommandApdu clear() {
    return make(Ins::clear, 0, {}, std::nullopt);
}

} // namespace cardlatch::card::witness
