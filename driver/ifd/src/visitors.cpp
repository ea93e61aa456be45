#include "visitors.hpp"

#include <cardlatch/base/unique_fd.hpp>

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace cardlatch::ifd {

namespace {

using namespace std::chrono_literals;

constexpr auto k_blind = 5ms;
constexpr auto k_longest = 1s;

enum class Doing { work, waiting, unknown };

/// Between the driver's answer and the note there are pcscd's mutexes and its log, and nothing else that
/// waits.
bool is_on_the_way(long call) {
    return call == SYS_futex || call == SYS_write || call == SYS_sendto;
}

/// What a thread of this process does. proc(5), /proc/pid/task/tid/syscall.
Doing doing(pid_t thread) {
    std::array<char, 64> text{};
    (void)std::snprintf(text.data(), text.size(), "/proc/self/task/%d/syscall", thread);
    const UniqueFd file(::open(text.data(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        const bool ended = errno == ENOENT && ::access("/proc/self/task", F_OK) == 0;
        return ended ? Doing::waiting : Doing::unknown;
    }
    const auto size = ::read(file.get(), text.data(), text.size());
    if (size <= 0) {
        return Doing::unknown;
    }
    long call = 0;
    const bool runs = std::from_chars(text.data(), text.data() + size, call).ec != std::errc{}; // "running"
    return runs || is_on_the_way(call) ? Doing::work : Doing::waiting;
}

} // namespace

Visitors::Visitor* Visitors::find_self() {
    const auto self = ::gettid();
    const auto found = std::ranges::find(visitors_, self, &Visitor::thread);
    return found == visitors_.end() ? nullptr : &*found;
}

void Visitors::enter(Call call, TimePoint now) {
    std::erase_if(visitors_, [&](const Visitor& visitor) {
        return !visitor.inside && !visitor.marked && now - visitor.since > k_longest;
    });
    auto* self = find_self();
    if (self == nullptr) {
        self = &visitors_.emplace_back(Visitor{::gettid(), true, false, now});
    }
    self->inside = true;
    self->since = now;
    self->marked = self->marked && call != Call::presence;
}

void Visitors::leave(TimePoint now) {
    if (auto* self = find_self()) {
        self->inside = false;
        self->since = now;
    }
}

void Visitors::mark() {
    for (auto& visitor : visitors_) {
        visitor.marked = true;
    }
}

bool Visitors::has_done(const Visitor& visitor, TimePoint now) {
    if (now - visitor.since > k_longest) {
        return true;
    }
    if (visitor.inside) {
        return false;
    }
    const auto what = doing(visitor.thread);
    return what == Doing::waiting || (what == Doing::unknown && now - visitor.since > k_blind);
}

bool Visitors::settled(TimePoint now) {
    std::erase_if(visitors_,
                  [&](const Visitor& visitor) { return visitor.marked && has_done(visitor, now); });
    return std::ranges::none_of(visitors_, &Visitor::marked);
}

} // namespace cardlatch::ifd
