#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>
#include <cardlatch/iso7816/status_word.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Faults as data. What each shows at a PC/SC client is in docs/faults.md.

namespace cardlatch::fault {

using Milliseconds = std::chrono::milliseconds;

/// What a card, its reader or the resource manager does wrong.
enum class Type : std::uint8_t {
    mute,            ///< no answer
    delay,           ///< a late answer
    wrong_sw,        ///< another status word
    truncate,        ///< the end of the response is missing
    overlong,        ///< more response data than asked for
    bad_atr,         ///< an ATR that cannot be read
    remove,          ///< the card is pulled
    reinsert,        ///< the card is pulled and put back before anybody looks
    silent_reset,    ///< the card loses its volatile state, and nobody is told
    client_reset,    ///< another PC/SC client resets the card
    power_loss,      ///< power fails while the card writes its state
    time_extensions, ///< the card asks for more time, again and again
    cut,             ///< the link between reader and card breaks
    unplug,          ///< the reader is unplugged
    kill_pcscd,      ///< the resource manager dies
};

/// When a fault can strike.
enum class Occasion : std::uint8_t {
    command,     ///< a command APDU
    activation,  ///< power on or reset
    state_write, ///< the card writes its state; power_loss alone
    now,         ///< as soon as the fault is there, once
};

/// When a fault is over.
struct Cessation {
    /// What ends it.
    enum class Kind : std::uint8_t {
        times,   ///< after it has struck so many times
        reset,   ///< with the first activation after it has struck
        cleared, ///< when it is removed
    };
    Kind kind = Kind::times;
    unsigned times = 1;
};

/// Where in a write of the card's state the power fails.
enum class WriteFate : std::uint8_t {
    done,   ///< it does not
    before, ///< nothing was written
    torn,   ///< a part was written
    after,  ///< all was written, and the card could not say so
};

/// Bytes of a command APDU with wildcards: the APDU has to begin with them.
class CommandPattern {
  public:
    /// Hexadecimal digits, '?' or '.' for any, blanks and colons between bytes: "00 A4 04 ??".
    /// Errors: std::errc::invalid_argument.
    static Result<CommandPattern> parse(std::string_view text);

    /// True when the command APDU begins as the pattern says.
    [[nodiscard]] bool matches(ByteView command) const;
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool empty() const { return bytes_.empty(); }

  private:
    struct MaskedByte {
        std::uint8_t value;
        std::uint8_t mask;
    };
    std::vector<MaskedByte> bytes_;
};

/// A setting as people write it: KEY=VALUE.
using Setting = std::pair<std::string, std::string>;

/// A fault: named, typed, and with an end. Which members count is the type's business; see settings_of().
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order in which people read it
struct Fault {
    std::string name; ///< empty: the plan finds one
    Type type = Type::mute;
    std::optional<std::size_t> slot; ///< every slot when absent
    Occasion on = Occasion::command;
    Cessation until;
    double probability = 1; ///< that it strikes when it could
    std::uint64_t nth = 1;  ///< the first occasion that counts, of those that match, from 1
    std::optional<std::uint8_t> ins;
    CommandPattern match;

    Milliseconds time{0};
    Milliseconds jitter{0};
    iso7816::StatusWord sw{0x6F00};
    bool executed = false; ///< wrong_sw: the card does the command all the same
    std::size_t size = 0;  ///< bytes: kept (truncate, cut), added (overlong)
    unsigned count = 0;    ///< time_extensions
    Bytes atr;             ///< bad_atr; empty: the card's own, cut off after T0
    WriteFate fate = WriteFate::torn;
    std::optional<Milliseconds> back; ///< unplug, kill_pcscd: until it is there again; never when absent
};

/// What a type is called, what it does, and what can be set.
struct TypeInfo {
    Type type;
    std::string_view name;
    std::string_view summary;
    std::span<const std::string_view> settings; ///< its own; those of every fault are in common_settings()
    std::span<const Occasion> occasions;        ///< the first is the default
};

std::span<const TypeInfo> types();
const TypeInfo& info(Type type);
std::span<const std::string_view> common_settings();

/// Reads a fault of type `type`. `slot` is not among the settings: who has slots knows their names.
/// Errors: std::errc::invalid_argument that names the setting and what is allowed.
Result<Fault> parse(std::string_view type, std::span<const Setting> settings);

/// A fault in one word, as `--fault` takes it, in parts: TYPE[,KEY=VALUE...]. The type comes first, under
/// the key "type". Errors: std::errc::invalid_argument for a part without "=".
Result<std::vector<Setting>> split(std::string_view spec);

/// Every setting that counts for the fault, the defaults too, but for name, type and slot.
std::vector<Setting> settings_of(const Fault& fault);

} // namespace cardlatch::fault
