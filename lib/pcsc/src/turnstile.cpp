#include "turnstile.hpp"

#include "scard_call.hpp"
#include "service_socket.hpp"

#include <sys/ipc.h>
#include <sys/sem.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <map>
#include <optional>
#include <unistd.h>
#include <utility>

namespace cardlatch::pcsc::detail {

namespace {

using Clock = std::chrono::steady_clock;

// The set: [0] is 1 while somebody has the turn, [1] counts the connections, the others are bells. All start
// as the kernel makes them, at 0, so there is no moment in which a new set is not ready.
constexpr unsigned short k_turn = 0;
constexpr unsigned short k_users = 1;
constexpr unsigned short k_first_bell = 2;
constexpr unsigned short k_bells = 30;
constexpr int k_size = k_first_bell + k_bells;
constexpr int k_bell_rings = 32767; // SEMVMX: adding to it fails with ERANGE

// Who may talk to pcscd may hold the card for as long as they like, so a queue for all gives nobody a power
// that they do not have; a queue for one user would let others overtake.
constexpr int k_permissions = 0666;

constexpr std::chrono::milliseconds k_ring_again{1};

union Argument { // semctl(2) has the caller define it
    int value;
    semid_ds* status;
};

int set_value(int set, unsigned short number, int value) {
    Argument argument{};
    argument.value = value;
    return ::semctl(set, number, SETVAL, argument);
}

sembuf operation(unsigned short number, short add, int flags) {
    sembuf op{};
    op.sem_num = number;
    op.sem_op = add;
    op.sem_flg = static_cast<short>(flags);
    return op;
}

/// From the path of the resource manager's socket and the reader's name, 64-bit FNV-1a folded.
key_t key_of(const std::string& reader) {
    auto name = service_socket();
    name += '\0';
    name += reader;
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (const char c : name) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    }
    const auto key = static_cast<key_t>(static_cast<std::uint32_t>(hash ^ (hash >> 32U)));
    return key == IPC_PRIVATE ? 1 : key;
}

struct Incumbent {
    pid_t pid = 0;
    std::time_t since = 0;
    bool operator==(const Incumbent&) const = default;
};

std::optional<Incumbent> incumbent(int set) {
    Argument argument{};
    semid_ds status{};
    argument.status = &status;
    if (set < 0 || ::semctl(set, k_turn, GETVAL) <= 0 || ::semctl(set, 0, IPC_STAT, argument) != 0) {
        return std::nullopt;
    }
    return Incumbent{::semctl(set, k_turn, GETPID), status.sem_otime};
}

/// The holders that somebody in this process has waited for in vain. Lives as long as the process, like the
/// threads that may still ask.
struct Patience {
    std::mutex mutex;
    std::map<key_t, Incumbent> lost;
};

Patience& patience() {
    static auto& instance = *new Patience;
    return instance;
}

} // namespace

void CancelPoint::cancel() {
    std::unique_lock guard(mutex_);
    cancelled_ = true;
    changed_.notify_all();
    // Repeated, because the waiter may not have come to the kernel yet, and because somebody who shares the
    // bell may silence it.
    while (waiting_in_ >= 0) {
        (void)set_value(waiting_in_, bell_, k_bell_rings);
        changed_.wait_for(guard, k_ring_again);
    }
}

bool Turn::held() const {
    return set_ >= 0;
}

Turn::Turn(Turn&& other) noexcept
    : set_(std::exchange(other.set_, -1))
    , owner_(other.owner_) {}

Turn& Turn::operator=(Turn&& other) noexcept {
    if (this != &other) {
        give();
        set_ = std::exchange(other.set_, -1);
        owner_ = other.owner_;
    }
    return *this;
}

void Turn::give() noexcept {
    const int set = std::exchange(set_, -1);
    if (set >= 0 && ::getpid() == owner_) {
        // Fails, to no harm, when the set was removed or somebody else has set it free.
        auto op = operation(k_turn, -1, SEM_UNDO | IPC_NOWAIT);
        (void)::semop(set, &op, 1);
    }
}

Turnstile::Turnstile(const std::string& reader)
    : key_(key_of(reader))
    , pid_(::getpid())
    , set_(join()) {}

int Turnstile::join() const {
    constexpr int k_attempts = 3; // each fails only if the last user left in between
    for (int i = 0; i < k_attempts; ++i) {
        const int set = ::semget(key_, k_size, IPC_CREAT | k_permissions);
        auto op = operation(k_users, 1, SEM_UNDO | IPC_NOWAIT);
        if (set < 0 || ::semop(set, &op, 1) == 0) {
            return set;
        }
        if (errno != EIDRM && errno != EINVAL) {
            break;
        }
    }
    return -1;
}

Turnstile::~Turnstile() {
    if (set_ < 0 || ::getpid() != pid_) {
        return;
    }
    auto op = operation(k_users, -1, SEM_UNDO | IPC_NOWAIT);
    if (::semop(set_, &op, 1) == 0 && ::semctl(set_, k_users, GETVAL) == 0) {
        // Whoever joined in between finds the set removed and makes a new one. EPERM: another user made it.
        (void)::semctl(set_, 0, IPC_RMID);
    }
}

void Turnstile::remove(const std::string& reader) {
    if (const int set = ::semget(key_of(reader), k_size, 0); set >= 0) {
        (void)::semctl(set, 0, IPC_RMID);
    }
}

bool Turnstile::worn_out(int set) const {
    auto& known = patience();
    const std::lock_guard guard(known.mutex);
    const auto at = known.lost.find(key_);
    if (at == known.lost.end()) {
        return false;
    }
    if (incumbent(set) == at->second) {
        return true;
    }
    known.lost.erase(at);
    return false;
}

void Turnstile::give_up_on_holder() const {
    const std::lock_guard own(mutex_);
    if (const auto now = incumbent(set_)) {
        auto& known = patience();
        const std::lock_guard guard(known.mutex);
        known.lost[key_] = *now;
    }
}

LockQueue Turnstile::look(const std::string& reader) {
    LockQueue queue;
    const int set = ::semget(key_of(reader), k_size, 0);
    if (const auto now = incumbent(set)) {
        auto& holder = queue.holder.emplace();
        holder.pid = now->pid;
        holder.since = std::chrono::system_clock::from_time_t(now->since);
        if (now->pid > 0) {
            std::ifstream comm("/proc/" + std::to_string(now->pid) + "/comm");
            std::getline(comm, holder.name);
        }
    }
    const int waiting = set < 0 ? 0 : ::semctl(set, k_turn, GETZCNT);
    queue.waiting = static_cast<unsigned>(std::max(waiting, 0));
    return queue;
}

Turnstile::Outcome Turnstile::wait(int set, Clock::time_point deadline, CancelPoint& point) const {
    const auto bell = static_cast<unsigned short>(k_first_bell + static_cast<unsigned>(::gettid()) % k_bells);
    // One atomic step: nobody has the turn, I take it. The bell comes first and last: it changes nothing, but
    // when it rings the step fails with ERANGE, and the kernel looks at all waiting steps whenever a value
    // changes. This is how another thread ends the wait without a signal.
    std::array<sembuf, 4> step{operation(bell, 1, 0), operation(k_turn, 0, 0), operation(k_turn, 1, SEM_UNDO),
                               operation(bell, -1, 0)};
    Outcome outcome = Outcome::removed;
    for (bool again = true; again;) {
        {
            const std::lock_guard guard(point.mutex_);
            if (point.cancelled_) {
                return Outcome::cancelled;
            }
            point.waiting_in_ = set;
            point.bell_ = bell;
        }
        const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        const timespec timeout{static_cast<std::time_t>(seconds.count()),
                               static_cast<long>((left - seconds) / std::chrono::nanoseconds(1))};
        const int error = ::semtimedop(set, step.data(), step.size(), &timeout) == 0 ? 0 : errno;
        bool cancelled = false;
        {
            const std::lock_guard guard(point.mutex_);
            point.waiting_in_ = -1;
            cancelled = point.cancelled_;
            point.changed_.notify_all();
        }
        if (cancelled || error == ERANGE) {
            (void)set_value(set, bell, 0);
        }
        again = false;
        switch (error) {
        case 0:
            outcome = Outcome::turn;
            break;
        case EAGAIN:
            outcome = cancelled ? Outcome::cancelled : Outcome::timeout;
            break;
        case EINTR:  // a signal handler of the program's; the place in the queue is lost
        case ERANGE: // rung for me, or for somebody with the same bell
            outcome = Outcome::cancelled;
            again = !cancelled;
            break;
        default:
            outcome = Outcome::removed;
        }
    }
    return outcome;
}

Result<Turn> Turnstile::take(Clock::time_point deadline, CancelPoint& point) {
    constexpr int k_attempts = 3; // each fails only if the set is removed in between
    for (int i = 0; i < k_attempts; ++i) {
        const int set = [&] {
            const std::lock_guard guard(mutex_);
            return set_;
        }();
        if (set < 0 || ::getpid() != pid_ || worn_out(set)) {
            return Turn();
        }
        switch (wait(set, deadline, point)) {
        case Outcome::turn:
            return Turn(set, pid_);
        case Outcome::timeout:
            return pcsc_error(Errc::timeout, "lock: another process has the card");
        case Outcome::cancelled:
            return pcsc_error(Errc::cancelled, "lock");
        case Outcome::removed:
            const std::lock_guard guard(mutex_);
            if (set_ == set) {
                set_ = join();
            }
        }
    }
    return Turn();
}

} // namespace cardlatch::pcsc::detail
