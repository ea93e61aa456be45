#include "scard_call.hpp"

#include <cardlatch/pcsc/log.hpp>

#include <cstdint>
#include <mutex>

namespace cardlatch::pcsc {

namespace {

struct Log {
    std::mutex mutex;
    LogCallback callback;
};

Log& the_log() {
    static auto& log = *new Log; // threads that wait in the resource manager may outlive other statics
    return log;
}

} // namespace

void set_log(LogCallback callback) {
    auto& target = the_log();
    const std::lock_guard guard(target.mutex);
    target.callback = std::move(callback);
}

namespace detail {

Error scard_error(const char* call, LONG rv) {
    const auto number = static_cast<std::int32_t>(static_cast<std::uint32_t>(rv));
    const std::error_code code(number, category());
    return fail(code, std::string(call) + ": " + code.message());
}

Error pcsc_error(Errc code, const std::string& why) {
    return fail(make_error_code(code), why + ": " + make_error_code(code).message());
}

bool has_log() noexcept {
    auto& target = the_log();
    const std::lock_guard guard(target.mutex);
    return static_cast<bool>(target.callback);
}

void log(const std::string& line) noexcept {
    auto& target = the_log();
    LogCallback callback;
    {
        const std::lock_guard guard(target.mutex);
        callback = target.callback;
    }
    if (callback) {
        callback(line);
    }
}

} // namespace detail

} // namespace cardlatch::pcsc
