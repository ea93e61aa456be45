#pragma once

#include <functional>
#include <string_view>

namespace cardlatch::pcsc {

/// Receives what has no caller to be returned to: a lock whose end failed in a destructor, a connection that
/// could not be ended. One line without newline. Called on the thread where it happened; it must not throw.
using LogCallback = std::function<void(std::string_view line)>;

/// Sets the process's log callback; an empty one (the default) drops the lines. Thread-safe.
void set_log(LogCallback callback);

} // namespace cardlatch::pcsc
