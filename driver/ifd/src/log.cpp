#include "log.hpp"

#include <climits>

extern "C" {
#include <debuglog.h>
}

// The daemon exports both to its drivers; a test program does not.
#pragma weak log_msg
#pragma weak log_xxd

namespace cardlatch::ifd {

static_assert(static_cast<int>(LogLevel::debug) == PCSC_LOG_DEBUG &&
              static_cast<int>(LogLevel::info) == PCSC_LOG_INFO);
static_assert(static_cast<int>(LogLevel::error) == PCSC_LOG_ERROR);
static_assert(static_cast<int>(LogLevel::critical) == PCSC_LOG_CRITICAL);

void log(LogLevel level, const std::string& text) noexcept {
    if (log_msg != nullptr) {
        log_msg(static_cast<int>(level), "Cardlatch: %s", text.c_str());
    }
}

void log_bytes(LogLevel level, const char* text, ByteView bytes) noexcept {
    if (log_xxd != nullptr && bytes.size() <= INT_MAX) {
        log_xxd(static_cast<int>(level), text, bytes.data(), static_cast<int>(bytes.size()));
    }
}

} // namespace cardlatch::ifd
