#include <cardlatch/fault/fault.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace cardlatch::fault {

namespace {

constexpr Milliseconds k_longest{600'000};
constexpr std::size_t k_longest_response = 65536;
constexpr std::size_t k_longest_name = 64;

Error wrong(std::string_view key, std::string_view value, const std::string& allowed) {
    return fail(std::errc::invalid_argument, fmt::format("fault: {}={}: {}", key, value, allowed));
}

template <class Number>
Result<Number> number(const Setting& setting, Number low, Number high) {
    const auto& [key, text] = setting;
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= low && value <= high)) {
        return wrong(key, text, fmt::format("a number from {} to {}", low, high));
    }
    return value;
}

Result<Milliseconds> milliseconds(const Setting& setting) {
    BOOST_OUTCOME_TRY(const auto ms, number<Milliseconds::rep>(setting, 0, k_longest.count()));
    return Milliseconds(ms);
}

/// Hexadecimal bytes, `low` to `high` of them.
Result<Bytes> hexadecimal(const Setting& setting, std::size_t low, std::size_t high) {
    auto bytes = from_hex(setting.second);
    if (!bytes || bytes->size() < low || bytes->size() > high) {
        return wrong(setting.first, setting.second, fmt::format("{} to {} bytes in hexadecimal", low, high));
    }
    return std::move(*bytes);
}

template <class Value>
struct Word {
    std::string_view word;
    Value value;
};

constexpr std::array k_occasions{
    Word<Occasion>{"command", Occasion::command}, Word<Occasion>{"activation", Occasion::activation},
    Word<Occasion>{"write", Occasion::state_write}, Word<Occasion>{"now", Occasion::now}};
constexpr std::array k_fates{Word<WriteFate>{"before", WriteFate::before},
                             Word<WriteFate>{"torn", WriteFate::torn},
                             Word<WriteFate>{"after", WriteFate::after}};
constexpr std::array k_answers{Word<bool>{"yes", true}, Word<bool>{"no", false}, Word<bool>{"true", true},
                               Word<bool>{"false", false}};

template <class Words>
auto choose(const Setting& setting, const Words& words)
    -> Result<std::decay_t<decltype(words.begin()->value)>> {
    std::string allowed;
    for (const auto& one : words) {
        if (one.word == setting.second) {
            return one.value;
        }
        allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", one.word);
    }
    return wrong(setting.first, setting.second, "one of " + allowed);
}

template <class Words, class Value>
std::string word_of(const Words& words, Value value) {
    const auto found =
        std::find_if(words.begin(), words.end(), [&](const auto& one) { return one.value == value; });
    return std::string(found->word);
}

Result<Cessation> read_cessation(const Setting& setting) {
    if (setting.second == "reset") {
        return Cessation{Cessation::Kind::reset, 0};
    }
    if (setting.second == "cleared") {
        return Cessation{Cessation::Kind::cleared, 0};
    }
    if (setting.second == "once") {
        return Cessation{};
    }
    constexpr unsigned k_most = 1'000'000'000;
    const auto times = number<unsigned>(setting, 1, k_most);
    if (!times) {
        return wrong(setting.first, setting.second, "once, a number of times, reset or cleared");
    }
    return Cessation{Cessation::Kind::times, times.value()};
}

Result<std::string> read_name(const Setting& setting) {
    const auto& name = setting.second;
    const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (name.empty() || name.size() > k_longest_name || !plain) {
        return wrong(setting.first, name, "1 to 64 letters, digits, '-', '_' or '.'");
    }
    return name;
}

/// Reads a setting that every fault has. False when it is another one.
Result<bool> read_common(Fault& fault, const Setting& setting) {
    const auto& key = setting.first;
    if (key == "name") {
        BOOST_OUTCOME_TRY(fault.name, read_name(setting));
    } else if (key == "on") {
        BOOST_OUTCOME_TRY(fault.on, choose(setting, k_occasions));
    } else if (key == "until") {
        BOOST_OUTCOME_TRY(fault.until, read_cessation(setting));
    } else if (key == "probability") {
        BOOST_OUTCOME_TRY(fault.probability, number<double>(setting, 0, 1));
    } else if (key == "nth") {
        constexpr std::uint64_t k_most = 1'000'000'000'000;
        BOOST_OUTCOME_TRY(fault.nth, number<std::uint64_t>(setting, 1, k_most));
    } else if (key == "ins") {
        BOOST_OUTCOME_TRY(const auto byte, hexadecimal(setting, 1, 1));
        fault.ins = byte.front();
    } else if (key == "match") {
        BOOST_OUTCOME_TRY(fault.match, CommandPattern::parse(setting.second));
    } else {
        return false;
    }
    return true;
}

/// Reads a setting of the fault's own type.
Result<void> read_own(Fault& fault, const Setting& setting) {
    const auto& key = setting.first;
    if (key == "ms") {
        BOOST_OUTCOME_TRY(fault.time, milliseconds(setting));
    } else if (key == "jitter") {
        BOOST_OUTCOME_TRY(fault.jitter, milliseconds(setting));
    } else if (key == "sw") {
        BOOST_OUTCOME_TRY(const auto sw, hexadecimal(setting, 2, 2));
        fault.sw = iso7816::StatusWord(sw[0], sw[1]);
    } else if (key == "executed") {
        BOOST_OUTCOME_TRY(fault.executed, choose(setting, k_answers));
    } else if (key == "keep" || key == "extra") {
        BOOST_OUTCOME_TRY(fault.size, number<std::size_t>(setting, 0, k_longest_response));
    } else if (key == "atr") {
        constexpr std::size_t k_longest_atr = 33;
        BOOST_OUTCOME_TRY(fault.atr, hexadecimal(setting, 1, k_longest_atr));
    } else if (key == "at") {
        BOOST_OUTCOME_TRY(fault.fate, choose(setting, k_fates));
    } else if (key == "count") {
        constexpr unsigned k_most = 1'000'000;
        BOOST_OUTCOME_TRY(fault.count, number<unsigned>(setting, 1, k_most));
    } else if (setting.second == "never") { // back
        fault.back.reset();
    } else {
        BOOST_OUTCOME_TRY(fault.back, milliseconds(setting));
    }
    return ok();
}

Fault with_defaults(const TypeInfo& type) {
    Fault fault;
    fault.type = type.type;
    fault.on = type.occasions.front();
    switch (type.type) {
    case Type::mute:
        fault.time = Milliseconds(500);
        break;
    case Type::delay:
        fault.time = Milliseconds(1000);
        break;
    case Type::time_extensions:
        fault.count = 50;
        fault.time = Milliseconds(20);
        break;
    case Type::truncate:
        fault.size = 1;
        break;
    case Type::overlong:
        fault.size = 256;
        break;
    case Type::kill_pcscd:
        fault.back = Milliseconds(0);
        break;
    default:
        break;
    }
    return fault;
}

/// What single settings cannot know of each other.
Result<void> check(const TypeInfo& type, const Fault& fault) {
    if (std::find(type.occasions.begin(), type.occasions.end(), fault.on) == type.occasions.end()) {
        std::string allowed;
        for (const auto occasion : type.occasions) {
            allowed += (allowed.empty() ? "" : ", ") + word_of(k_occasions, occasion);
        }
        return wrong("on", word_of(k_occasions, fault.on), fmt::format("{} has {}", type.name, allowed));
    }
    const bool chosen = fault.ins || !fault.match.empty();
    if (chosen && fault.on != Occasion::command && fault.on != Occasion::state_write) {
        return fail(std::errc::invalid_argument, "fault: ins and match choose commands, with on=command");
    }
    if (fault.on == Occasion::now &&
        (fault.nth != 1 || fault.until.kind != Cessation::Kind::times || fault.until.times != 1)) {
        return fail(std::errc::invalid_argument, "fault: on=now happens once: no nth, no until");
    }
    return ok();
}

} // namespace

Result<CommandPattern> CommandPattern::parse(std::string_view text) {
    constexpr std::size_t k_longest_pattern = 1024;
    CommandPattern pattern;
    unsigned digits = 0;
    for (const char c : text) {
        if ((c == ' ' || c == ':') && digits % 2 == 0) {
            continue;
        }
        unsigned value = 0;
        unsigned mask = 0;
        if (c != '?' && c != '.') {
            const auto [end, error] = std::from_chars(&c, &c + 1, value, 16);
            if (error != std::errc{}) {
                return wrong("match", text, "hexadecimal digits, and ? for any");
            }
            mask = 0xF;
        }
        if (digits++ % 2 == 0) {
            pattern.bytes_.push_back({0, 0});
        }
        auto& byte = pattern.bytes_.back();
        byte.value = static_cast<std::uint8_t>(unsigned{byte.value} << 4U | value);
        byte.mask = static_cast<std::uint8_t>(unsigned{byte.mask} << 4U | mask);
    }
    if (digits % 2 != 0 || pattern.bytes_.size() > k_longest_pattern) {
        return wrong("match", text, "whole bytes, 1024 at most");
    }
    return pattern;
}

bool CommandPattern::matches(ByteView command) const {
    return command.size() >= bytes_.size() && std::equal(bytes_.begin(), bytes_.end(), command.begin(),
                                                         [](const MaskedByte& masked, std::uint8_t byte) {
                                                             return (byte & masked.mask) == masked.value;
                                                         });
}

std::string CommandPattern::text() const {
    constexpr std::string_view k_digits = "0123456789ABCDEF";
    std::string text;
    for (const auto& [value, mask] : bytes_) {
        text += (mask & 0xF0U) != 0 ? k_digits[value >> 4U] : '?';
        text += (mask & 0x0FU) != 0 ? k_digits[value & 0x0FU] : '?';
    }
    return text;
}

Result<Fault> parse(std::string_view type, std::span<const Setting> settings) {
    const auto all = types();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const TypeInfo& one) { return one.name == type; });
    if (found == all.end()) {
        std::string known;
        for (const auto& one : all) {
            known += fmt::format("{}{}", known.empty() ? "" : ", ", one.name);
        }
        return fail(std::errc::invalid_argument, fmt::format("no fault \"{}\"; there are {}", type, known));
    }
    auto fault = with_defaults(*found);
    for (const auto& setting : settings) {
        BOOST_OUTCOME_TRY(const bool common, read_common(fault, setting));
        if (common) {
            continue;
        }
        const auto& own = found->settings;
        if (std::find(own.begin(), own.end(), setting.first) == own.end()) {
            std::string known = fmt::format("{}", fmt::join(common_settings(), ", "));
            for (const auto& key : own) {
                known += fmt::format(", {}", key);
            }
            return fail(
                std::errc::invalid_argument,
                fmt::format("fault: {} has no setting \"{}\"; there are {}", type, setting.first, known));
        }
        BOOST_OUTCOME_TRY(read_own(fault, setting));
    }
    BOOST_OUTCOME_TRY(check(*found, fault));
    return fault;
}

Result<std::vector<Setting>> split(std::string_view spec) {
    std::vector<Setting> parts;
    for (bool more = true; more;) {
        const auto part = spec.substr(0, spec.find(','));
        more = part.size() < spec.size(); // a comma, behind which nothing is a mistake as well
        spec.remove_prefix(part.size() + (more ? 1 : 0));
        const auto equals = part.find('=');
        if (parts.empty() && equals == std::string_view::npos) {
            parts.emplace_back("type", part);
        } else if (equals == std::string_view::npos || parts.empty()) {
            return fail(std::errc::invalid_argument,
                        fmt::format("fault: \"{}\": a fault is written TYPE[,KEY=VALUE...]", part));
        } else {
            parts.emplace_back(part.substr(0, equals), part.substr(equals + 1));
        }
    }
    return parts;
}

std::vector<Setting> settings_of(const Fault& fault) {
    const auto& type = info(fault.type);
    std::vector<Setting> list;
    list.emplace_back("on", word_of(k_occasions, fault.on));
    if (fault.on != Occasion::now) {
        const bool counted = fault.until.kind == Cessation::Kind::times;
        const std::string other = fault.until.kind == Cessation::Kind::reset ? "reset" : "cleared";
        list.emplace_back("until", !counted                 ? other
                                   : fault.until.times == 1 ? "once"
                                                            : std::to_string(fault.until.times));
        list.emplace_back("nth", std::to_string(fault.nth));
    }
    list.emplace_back("probability", fmt::format("{}", fault.probability));
    if (fault.ins) {
        list.emplace_back("ins", fmt::format("{:02X}", *fault.ins));
    }
    if (!fault.match.empty()) {
        list.emplace_back("match", fault.match.text());
    }
    for (const auto key : type.settings) {
        std::string value;
        if (key == "ms") {
            value = std::to_string(fault.time.count());
        } else if (key == "jitter") {
            value = std::to_string(fault.jitter.count());
        } else if (key == "sw") {
            value = fmt::format("{:04X}", fault.sw.value());
        } else if (key == "executed") {
            value = word_of(k_answers, fault.executed);
        } else if (key == "keep" || key == "extra") {
            value = std::to_string(fault.size);
        } else if (key == "atr") {
            value = to_hex(fault.atr);
        } else if (key == "at") {
            value = word_of(k_fates, fault.fate);
        } else if (key == "count") {
            value = std::to_string(fault.count);
        } else {
            value = fault.back ? std::to_string(fault.back->count()) : "never";
        }
        if (!value.empty()) {
            list.emplace_back(key, std::move(value));
        }
    }
    return list;
}

} // namespace cardlatch::fault
