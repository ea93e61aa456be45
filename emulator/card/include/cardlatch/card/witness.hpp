#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/iso7816/apdu.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

/// The witness application as its clients see it: the card's own record of who was inside when.
/// docs/witness.md has the commands and what the record proves.
namespace cardlatch::card::witness {

/// F0 and "CLWITNESS": a proprietary, unregistered name. Source: ISO/IEC 7816-4 §12.2.3.
inline constexpr std::array<std::uint8_t, 10> k_aid{0xF0, 'C', 'L', 'W', 'I', 'T', 'N', 'E', 'S', 'S'};

/// Instruction bytes in the proprietary class 80.
enum class Ins : std::uint8_t {
    enter = 0x10,
    touch = 0x12,
    leave = 0x14,
    report = 0x16,
    read_log = 0x18,
    clear = 0x1A,
};

/// What a log entry is about.
enum class Event : std::uint8_t {
    enter = 1,
    touch = 2,
    leave = 3,
    reset = 4,    ///< reset or loss of power while a client was inside
    deselect = 5, ///< another application was selected while a client was inside, by whom cannot be told
};

/// What the witness made of it.
enum class Verdict : std::uint8_t {
    in_order = 0,
    interleaving = 1, ///< the client is not the one that is inside
    stray = 2,        ///< nobody is inside
    repeated = 3,     ///< ENTER by the client that is already inside
    broken_off = 4,   ///< the entry ended without LEAVE
};

/// One entry of the witness's log; 16 bytes in READ LOG's answer.
struct LogEntry {
    static constexpr std::size_t k_size = 16;

    std::uint32_t number = 0; ///< from 1, counted since the last CLEAR
    Event event = Event::enter;
    Verdict verdict = Verdict::in_order;
    std::uint32_t client = 0; ///< who sent it; for reset and deselect, who was inside
    std::uint32_t value = 0;  ///< ENTER's tag, TOUCH's step, otherwise 0

    /// Reads the data of a READ LOG response.
    /// Errors: std::errc::bad_message when it is no whole number of entries.
    static Result<std::vector<LogEntry>> parse(ByteView data);
    /// The entry as READ LOG has it.
    void append_to(Bytes& out) const;
    bool operator==(const LogEntry&) const = default;
};

/// REPORT's answer: the counters since the last CLEAR; 42 bytes.
struct Report {
    static constexpr std::size_t k_size = 42;
    static constexpr std::uint8_t k_version = 1;

    bool entered = false;            ///< a client is inside
    std::uint32_t owner = 0;         ///< the client inside, 0 if none
    std::uint32_t entries = 0;       ///< ENTER that found the card free
    std::uint32_t leaves = 0;        ///< LEAVE by the client inside
    std::uint32_t commands = 0;      ///< ENTER, TOUCH and LEAVE of any kind
    std::uint32_t interleavings = 0; ///< commands of a client that was not the one inside
    std::uint32_t broken_off = 0;    ///< entries that a reset or loss of power ended
    std::uint32_t strays = 0;        ///< TOUCH or LEAVE while nobody was inside
    std::uint32_t last_offender = 0; ///< the client of the last interleaving, 0 if none
    std::uint32_t events = 0;        ///< log entries ever written, kept or not
    std::uint32_t kept = 0;          ///< log entries that READ LOG can return

    /// Reads the data of a REPORT response.
    /// Errors: std::errc::bad_message for another version or length.
    static Result<Report> parse(ByteView data);
    /// The answer as REPORT has it.
    void append_to(Bytes& out) const;
    bool operator==(const Report&) const = default;
};

/// SELECT of the witness by name, without an answer's data.
iso7816::CommandApdu select();
/// `client` begins; `tag` is the client's own number for this entry.
iso7816::CommandApdu enter(std::uint32_t client, std::uint32_t tag);
/// `client` does something; `step` is its own number for it.
iso7816::CommandApdu touch(std::uint32_t client, std::uint32_t step);
/// `client` ends.
iso7816::CommandApdu leave(std::uint32_t client);
/// The counters.
iso7816::CommandApdu report();
/// The log from entry `index` (0 is the oldest kept), as many whole entries as fit into 256 bytes: 16.
iso7816::CommandApdu read_log(std::uint16_t index);
/// Forgets counters and log. Refused with 6985 while a client is inside.
iso7816::CommandApdu clear();

} // namespace cardlatch::card::witness
