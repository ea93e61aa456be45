#include <cardlatch/lockcheck/code.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <winscard.h>

namespace cardlatch::lockcheck {

namespace {

/// winscard's LONG has 64 bits on Linux and its codes are positive there.
constexpr Code narrow(LONG value) {
    return static_cast<Code>(static_cast<unsigned long>(value));
}

constexpr struct {
    std::string_view word;
    Code code;
    std::string_view name;
} k_names[] = {
    {"ok", narrow(SCARD_S_SUCCESS), "SCARD_S_SUCCESS"},
    {"reset", narrow(SCARD_W_RESET_CARD), "SCARD_W_RESET_CARD"},
    {"removed", narrow(SCARD_W_REMOVED_CARD), "SCARD_W_REMOVED_CARD"},
    {"sharing", narrow(SCARD_E_SHARING_VIOLATION), "SCARD_E_SHARING_VIOLATION"},
    {"not-transacted", narrow(SCARD_E_NOT_TRANSACTED), "SCARD_E_NOT_TRANSACTED"},
    {"invalid-handle", narrow(SCARD_E_INVALID_HANDLE), "SCARD_E_INVALID_HANDLE"},
    {"invalid-value", narrow(SCARD_E_INVALID_VALUE), "SCARD_E_INVALID_VALUE"},
    {"invalid-parameter", narrow(SCARD_E_INVALID_PARAMETER), "SCARD_E_INVALID_PARAMETER"},
    {"no-card", narrow(SCARD_E_NO_SMARTCARD), "SCARD_E_NO_SMARTCARD"},
    {"no-service", narrow(SCARD_E_NO_SERVICE), "SCARD_E_NO_SERVICE"},
    {"service-stopped", narrow(SCARD_E_SERVICE_STOPPED), "SCARD_E_SERVICE_STOPPED"},
    {"comm-error", narrow(SCARD_F_COMM_ERROR), "SCARD_F_COMM_ERROR"},
    {"internal-error", narrow(SCARD_F_INTERNAL_ERROR), "SCARD_F_INTERNAL_ERROR"},
    {"security", narrow(SCARD_W_SECURITY_VIOLATION), "SCARD_W_SECURITY_VIOLATION"},
    {"unsupported", narrow(SCARD_E_UNSUPPORTED_FEATURE), "SCARD_E_UNSUPPORTED_FEATURE"},
    {"unavailable", narrow(SCARD_E_READER_UNAVAILABLE), "SCARD_E_READER_UNAVAILABLE"},
    {"unknown-reader", narrow(SCARD_E_UNKNOWN_READER), "SCARD_E_UNKNOWN_READER"},
    {"proto-mismatch", narrow(SCARD_E_PROTO_MISMATCH), "SCARD_E_PROTO_MISMATCH"},
    {"unpowered", narrow(SCARD_W_UNPOWERED_CARD), "SCARD_W_UNPOWERED_CARD"},
    {"unresponsive", narrow(SCARD_W_UNRESPONSIVE_CARD), "SCARD_W_UNRESPONSIVE_CARD"},
    {"timeout", narrow(SCARD_E_TIMEOUT), "SCARD_E_TIMEOUT"},
    {"cancelled", narrow(SCARD_E_CANCELLED), "SCARD_E_CANCELLED"},
    {"no-memory", narrow(SCARD_E_NO_MEMORY), "SCARD_E_NO_MEMORY"},
    {"buffer", narrow(SCARD_E_INSUFFICIENT_BUFFER), "SCARD_E_INSUFFICIENT_BUFFER"},
};

} // namespace

std::optional<Code> parse_code(std::string_view word) {
    static constexpr std::string_view k_status_word = "sw:";
    if (word.starts_with(k_status_word)) {
        const auto digits = word.substr(k_status_word.size());
        unsigned value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (digits.size() != 4 || error != std::errc() || end != digits.data() + digits.size()) {
            return std::nullopt;
        }
        return k_status_word_flag | value;
    }
    const auto* const found = std::find_if(std::begin(k_names), std::end(k_names),
                                           [word](const auto& entry) { return entry.word == word; });
    return found == std::end(k_names) ? std::nullopt : std::optional(found->code);
}

std::string describe_code(Code code) {
    const auto* const found = std::find_if(std::begin(k_names), std::end(k_names),
                                           [code](const auto& entry) { return entry.code == code; });
    if (found != std::end(k_names)) {
        return std::string(found->name);
    }
    if ((code & 0xFFFF0000U) == k_status_word_flag) {
        return fmt::format("SW {:04X}", code & 0xFFFFU);
    }
    return code == k_not_done ? "not done" : fmt::format("0x{:08X}", code);
}

} // namespace cardlatch::lockcheck
