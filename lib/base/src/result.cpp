#include <cardlatch/base/result.hpp>

#include <cerrno>

namespace cardlatch {

Error last_system_error(const std::string& what) {
    const std::error_code code(errno, std::system_category());
    return Error{code, what + ": " + code.message()};
}

} // namespace cardlatch
