#include <cardlatch/fault/fault.hpp>

#include <algorithm>
#include <array>

namespace cardlatch::fault {

namespace {

constexpr std::array<std::string_view, 8> k_common{"name",        "slot", "on",  "until",
                                                   "probability", "nth",  "ins", "match"};

constexpr std::array<std::string_view, 1> k_ms{"ms"};
constexpr std::array<std::string_view, 2> k_ms_jitter{"ms", "jitter"};
constexpr std::array<std::string_view, 2> k_sw{"sw", "executed"};
constexpr std::array<std::string_view, 1> k_keep{"keep"};
constexpr std::array<std::string_view, 1> k_extra{"extra"};
constexpr std::array<std::string_view, 1> k_atr{"atr"};
constexpr std::array<std::string_view, 1> k_at{"at"};
constexpr std::array<std::string_view, 2> k_count_ms{"count", "ms"};
constexpr std::array<std::string_view, 1> k_back{"back"};
constexpr std::array<std::string_view, 0> k_none{};

constexpr std::array k_command{Occasion::command};
constexpr std::array k_activation{Occasion::activation};
constexpr std::array k_state_write{Occasion::state_write};
constexpr std::array k_command_or_activation{Occasion::command, Occasion::activation};
constexpr std::array k_command_or_now{Occasion::command, Occasion::now};

constexpr std::array k_types{
    TypeInfo{Type::mute, "mute", "the card does not answer", k_ms, k_command_or_activation},
    TypeInfo{Type::delay, "delay", "the answer is late", k_ms_jitter, k_command_or_activation},
    TypeInfo{Type::wrong_sw, "wrong-sw", "another status word", k_sw, k_command},
    TypeInfo{Type::truncate, "truncate", "the end of the response is missing", k_keep, k_command},
    TypeInfo{Type::overlong, "overlong", "more response data than asked for", k_extra, k_command},
    TypeInfo{Type::bad_atr, "bad-atr", "an ATR that cannot be read", k_atr, k_activation},
    TypeInfo{Type::remove, "remove", "the card is pulled", k_none, k_command_or_now},
    TypeInfo{Type::reinsert, "reinsert", "the card is pulled and put back before anybody looks", k_none,
             k_command_or_now},
    TypeInfo{Type::silent_reset, "silent-reset", "the card loses its volatile state, and nobody is told",
             k_none, k_command},
    TypeInfo{Type::client_reset, "client-reset", "another PC/SC client resets the card", k_none,
             k_command_or_now},
    TypeInfo{Type::power_loss, "power-loss", "power fails while the card writes its state", k_at,
             k_state_write},
    TypeInfo{Type::time_extensions, "time-extensions", "the card asks for more time, again and again",
             k_count_ms, k_command},
    TypeInfo{Type::cut, "cut", "the link between reader and card breaks", k_keep, k_command_or_now},
    TypeInfo{Type::unplug, "unplug", "the reader is unplugged", k_back, k_command_or_now},
    TypeInfo{Type::kill_pcscd, "kill-pcscd", "the resource manager dies", k_back, k_command_or_now},
};

} // namespace

std::span<const TypeInfo> types() {
    return k_types;
}

const TypeInfo& info(Type type) {
    return *std::find_if(k_types.begin(), k_types.end(), [&](const TypeInfo& i) { return i.type == type; });
}

std::span<const std::string_view> common_settings() {
    return k_common;
}

} // namespace cardlatch::fault
