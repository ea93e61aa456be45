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
#include <thread>
#include <unistd.h>
#include <utility>

namespace cardlatch::pcsc::detail {

namespace {

using Clock = std::chrono::steady_clock;

// The set: [0] is 1 while somebody has the turn, [1] counts the connections, [2] is 1 while somebody is next,
// [3] says since when somebody has the turn, the others are bells. All start as the kernel makes them, at 0,
// so there is no moment in which a new set is not ready.
constexpr unsigned short k_turn = 0;
constexpr unsigned short k_users = 1;
constexpr unsigned short k_next = 2;
constexpr unsigned short k_since = 3;
constexpr unsigned short k_first_bell = 4;
constexpr unsigned short k_bells = 28;
constexpr int k_size = k_first_bell + k_bells;
constexpr int k_bell_rings = 32767; // SEMVMX: adding to it fails with ERANGE

// Who may talk to pcscd may hold the card for as long as they like, so a queue for all gives nobody a power
// that they do not have; a queue for one user would let others overtake.
constexpr int k_permissions = 0666;

constexpr std::chrono::milliseconds k_ring_again{1};

// Who is next polls for as long as a lock with a command takes, for to be woken takes about as long again. In
// vain, when the card is held longer: then the next waits are slept through, twice as many each time.
constexpr std::chrono::microseconds k_poll{100};
constexpr unsigned k_longest_sleeps = 64;

// A semaphore holds 15 bits: of the seconds since 1970, enough to know a time of the last nine hours.
constexpr std::time_t k_time_modulus = 32768;

union Argument { // semctl(2) has the caller define it
    int value;
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

/// semtimedop(2) until `deadline`.
template <std::size_t count>
int sleep_for(int set, std::array<sembuf, count>& step, Clock::time_point deadline) {
    const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{static_cast<std::time_t>(seconds.count()),
                           static_cast<long>((left - seconds) / std::chrono::nanoseconds(1))};
    return ::semtimedop(set, step.data(), step.size(), &timeout);
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
    if (set < 0 || ::semctl(set, k_turn, GETVAL) <= 0) {
        return std::nullopt;
    }
    const auto now = std::time(nullptr);
    const auto ago = (now - ::semctl(set, k_since, GETVAL)) % k_time_modulus;
    return Incumbent{::semctl(set, k_turn, GETPID), now - ago};
}

/// For whoever asks who has the turn, from the one who has just got it.
void note_time(int set) {
    (void)set_value(set, k_since, static_cast<int>(std::time(nullptr) % k_time_modulus));
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
    if (set >= 0) {
        const int waiting = ::semctl(set, k_next, GETVAL) + ::semctl(set, k_next, GETZCNT);
        queue.waiting = static_cast<unsigned>(std::max(waiting, 0));
    }
    return queue;
}

/// Has `attempt` wait in the kernel, where `point` can end it, until it comes to something.
template <class Attempt>
Turnstile::Outcome Turnstile::await(int set, unsigned short bell, CancelPoint& point, Attempt attempt) {
    for (;;) {
        {
            const std::lock_guard guard(point.mutex_);
            if (point.cancelled_) {
                return Outcome::cancelled;
            }
            point.waiting_in_ = set;
            point.bell_ = bell;
        }
        const int error = attempt() == 0 ? 0 : errno;
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
        switch (error) {
        case 0:
            return Outcome::turn;
        case EAGAIN:
            return cancelled ? Outcome::cancelled : Outcome::timeout;
        case EINTR:  // a signal handler of the program's
        case ERANGE: // rung for me, or for somebody with the same bell
            break;
        default:
            return Outcome::removed;
        }
    }
}

Turnstile::Outcome Turnstile::wait(int set, Clock::time_point deadline, CancelPoint& point) const {
    if (point.cancelled()) {
        return Outcome::cancelled;
    }
    // Each of these is one atomic step. Nobody has the turn and nobody is next: I take it.
    std::array<sembuf, 3> straight{operation(k_next, 0, IPC_NOWAIT), operation(k_turn, 0, IPC_NOWAIT),
                                   operation(k_turn, 1, SEM_UNDO | IPC_NOWAIT)};
    if (::semop(set, straight.data(), straight.size()) == 0) {
        return Outcome::turn;
    }
    if (errno != EAGAIN) {
        return Outcome::removed;
    }
    // Nobody is next: I am. The bell comes first and last: it changes nothing, but when it rings the step
    // fails with ERANGE, and the kernel looks at all waiting steps whenever a value changes. This is how
    // another thread ends the wait without a signal.
    const auto bell = static_cast<unsigned short>(k_first_bell + static_cast<unsigned>(::gettid()) % k_bells);
    std::array<sembuf, 4> become_next{operation(bell, 1, 0), operation(k_next, 0, 0),
                                      operation(k_next, 1, SEM_UNDO), operation(bell, -1, 0)};
    const auto place = await(set, bell, point, [&] { return sleep_for(set, become_next, deadline); });
    if (place != Outcome::turn) {
        return place;
    }
    // Nobody has the turn: I take it, and leave my place to those behind me.
    std::array<sembuf, 5> take{operation(bell, 1, 0), operation(k_turn, 0, 0), operation(k_turn, 1, SEM_UNDO),
                               operation(k_next, -1, SEM_UNDO), operation(bell, -1, 0)};
    const auto outcome = await(set, bell, point, [&] {
        if (const int polled = poll(set, take, deadline); polled == 0 || errno != EAGAIN) {
            return polled;
        }
        return sleep_for(set, take, deadline);
    });
    if (outcome != Outcome::turn) {
        auto leave = operation(k_next, -1, SEM_UNDO | IPC_NOWAIT);
        (void)::semop(set, &leave, 1);
    }
    return outcome;
}

int Turnstile::poll(int set, std::span<const sembuf> step, Clock::time_point deadline) const {
    static const bool alone = std::thread::hardware_concurrency() < 2; // the holder has to run meanwhile
    const auto until = Clock::now() + k_poll;
    if (alone || sleeps_ > 0 || until > deadline) {
        sleeps_ -= sleeps_ > 0 ? 1 : 0;
        errno = EAGAIN;
        return -1;
    }
    std::array<sembuf, 5> now{};
    std::copy(step.begin(), step.end(), now.begin());
    for (auto& op : now) {
        op.sem_flg = static_cast<short>(op.sem_flg | IPC_NOWAIT);
    }
    do {
        if (::semop(set, now.data(), step.size()) == 0) {
            vain_ = 0;
            return 0;
        }
        if (errno != EAGAIN) {
            return -1;
        }
    } while (Clock::now() < until);
    vain_ = std::clamp(2 * vain_, 1U, k_longest_sleeps);
    sleeps_ = vain_;
    errno = EAGAIN;
    return -1;
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
            note_time(set);
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
