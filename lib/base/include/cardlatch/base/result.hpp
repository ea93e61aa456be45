#pragma once

#include <boost/outcome/std_result.hpp>
#include <boost/outcome/try.hpp>

#include <string>
#include <system_error>
#include <utility>

namespace cardlatch {

/// Why something failed: a code that callers can branch on and a sentence that says what, where and the way
/// out.
struct Error {
    std::error_code code; ///< category tells the plane: pcsc, vpcd, system, generic
    std::string detail;   ///< for people; never parsed

    /// `detail`, or the code's own text where no detail was given.
    [[nodiscard]] std::string message() const { return detail.empty() ? code.message() : detail; }
};

/// Lets Outcome treat an Error as an error code.
inline std::error_code make_error_code(const Error& error) {
    return error.code;
}

/// Outcome calls this when value() is asked of a failed result: a bug of the caller.
[[noreturn]] inline void outcome_throw_as_system_error_with_payload(const Error& error) {
    throw std::system_error(error.code, error.detail);
}

/// A value of T, or the Error that prevented it.
template <class T>
using Result = boost::outcome_v2::std_result<T, Error>;

/// Shorthand for a failed result.
inline Error fail(std::error_code code, std::string detail = {}) {
    return Error{code, std::move(detail)};
}

/// As above, for a generic errno condition.
inline Error fail(std::errc code, std::string detail = {}) {
    return Error{std::make_error_code(code), std::move(detail)};
}

/// The Error for the current errno, with "`what`: strerror" as detail.
Error last_system_error(const std::string& what);

/// A successful Result<void>.
inline auto ok() {
    return boost::outcome_v2::success();
}

} // namespace cardlatch
