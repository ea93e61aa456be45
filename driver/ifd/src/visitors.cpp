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

/// Waits of threads that have done: for a client's next request, or for another's transaction to end.
bool is_a_wait(long call) {
    switch (call) {
#ifdef SYS_poll
    case SYS_poll:
#endif
#ifdef SYS_nanosleep
    case SYS_nanosleep:
#endif
    case SYS_ppoll:
    case SYS_clock_nanosleep:
    case SYS_read:
    case SYS_recvfrom:
    case SYS_accept:
        return true;
    default: // a mutex, the log, memory
        return false;
    }
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
    long call = -1; // so it says itself of a thread in no call; and "running" of one that is not stopped
    (void)std::from_chars(text.data(), text.data() + size, call);
    return is_a_wait(call) ? Doing::waiting : Doing::work;
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
    if (visitor.inside) {
        return false; // it comes out soon: the link of a card that left is shut down
    }
    if (now - visitor.since > k_longest) {
        return true;
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
