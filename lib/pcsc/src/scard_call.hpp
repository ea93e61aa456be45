#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/pcsc/error.hpp>

#include <string>
#include <winscard.h>

namespace cardlatch::pcsc::detail {

/// The Error of a resource manager code that `call` returned. `rv` may have 64 bits and be positive
/// (pcsc-lite on LP64) or have 32 bits and be negative; the code keeps the low 32 bits.
Error scard_error(const char* call, LONG rv);

/// Every call of winscard.h goes through here, so that every failure names its call.
template <class... Parameters, class... Arguments>
Result<void> scard(const char* call, LONG (*function)(Parameters...), Arguments... arguments) {
    const LONG rv = function(static_cast<Parameters>(arguments)...);
    if (rv != SCARD_S_SUCCESS) {
        return scard_error(call, rv);
    }
    return ok();
}

/// A failure of ours that the caller sees like the resource manager's.
Error pcsc_error(Errc code, const std::string& why);

/// Whether anybody hears log().
bool has_log() noexcept;

/// Hands `line` to the log callback, if there is one.
void log(const std::string& line) noexcept;

} // namespace cardlatch::pcsc::detail
