#pragma once

#include <cardlatch/base/bytes.hpp>

#include <string>

namespace cardlatch::ifd {

/// pcscd's levels. Source: PCSC/debuglog.h.
enum class LogLevel : int { debug = 0, info = 1, error = 2, critical = 3 };

/// Writes one line to pcscd's log; nothing when the driver is loaded by a program without one.
void log(LogLevel level, const std::string& text) noexcept;

/// The same with `bytes` in hexadecimal behind the text.
void log_bytes(LogLevel level, const char* text, ByteView bytes) noexcept;

} // namespace cardlatch::ifd
