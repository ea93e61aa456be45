// The queue on Windows: a named mutex, which the system gives on when the thread that has it ends, however it
// ends. The thread that unlocks a card need not be the one that locked it, and only the owner of a mutex can
// release it, so each turn has a thread of its own that waits for it, keeps it, and gives it on.
//
// The name is the session's: readers of two remote sessions may be called the same and be two readers. Who
// has the turn and how many wait cannot be asked of a mutex.

#include "scard_call.hpp"
#include "turnstile.hpp"
#include "utf16.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <sddl.h>
#include <system_error>
#include <thread>
#include <utility>

namespace cardlatch::pcsc::detail {

namespace {

using Clock = std::chrono::steady_clock;

// A holder that was waited for in vain is not waited for again for this long: whether it is still the same
// cannot be asked.
constexpr std::chrono::seconds k_lost_for{10};

// Whoever is logged on may wait for the mutex and release it, as the queue is one for all users: who may talk
// to the resource manager may hold the card for as long as they like.
constexpr const wchar_t* k_access = L"D:(A;;0x00100001;;;WD)";
constexpr DWORD k_rights = SYNCHRONIZE | MUTEX_MODIFY_STATE;

/// From the reader's name, 64-bit FNV-1a: names may hold characters that a kernel object's may not.
std::wstring object_name(const std::string& reader) {
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (const char c : reader) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    }
    std::wstring name = L"Local\\Cardlatch turn ";
    for (unsigned shift = 64; shift > 0;) {
        shift -= 4;
        name += L"0123456789ABCDEF"[(hash >> shift) & 0xFU];
    }
    return name;
}

HANDLE create_turn(const std::wstring& name) {
    SECURITY_ATTRIBUTES security{sizeof(SECURITY_ATTRIBUTES), nullptr, FALSE};
    (void)::ConvertStringSecurityDescriptorToSecurityDescriptorW(k_access, SDDL_REVISION_1,
                                                                 &security.lpSecurityDescriptor, nullptr);
    HANDLE const turn = ::CreateMutexExW(&security, name.c_str(), 0, k_rights);
    ::LocalFree(security.lpSecurityDescriptor);
    return turn;
}

/// Whether nobody has the turn now.
bool is_free(HANDLE turn) {
    const auto got = ::WaitForSingleObject(turn, 0);
    if (got == WAIT_OBJECT_0 || got == WAIT_ABANDONED) {
        ::ReleaseMutex(turn);
        return true;
    }
    return false;
}

struct Patience {
    std::mutex mutex;
    std::map<std::wstring, Clock::time_point> lost;
};

Patience& patience() {
    static auto& instance = *new Patience; // threads that may still ask outlive other statics
    return instance;
}

} // namespace

/// What the taker of a turn and the thread that keeps it share.
struct TurnKeeper {
    TurnKeeper() = default;
    TurnKeeper(const TurnKeeper&) = delete;
    TurnKeeper& operator=(const TurnKeeper&) = delete;
    ~TurnKeeper() {
        if (turn != nullptr) {
            ::CloseHandle(turn);
        }
        if (finished != nullptr) {
            ::CloseHandle(finished);
        }
    }

    bool open(HANDLE original) {
        finished = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
        return finished != nullptr &&
               ::DuplicateHandle(::GetCurrentProcess(), original, ::GetCurrentProcess(), &turn, 0, FALSE,
                                 DUPLICATE_SAME_ACCESS) != 0;
    }

    /// The thread: waits until it has the turn or is no longer wanted.
    void run() {
        const HANDLE both[] = {finished, turn};
        const auto woken = ::WaitForMultipleObjects(2, both, FALSE, INFINITE);
        const bool got = woken == WAIT_OBJECT_0 + 1 || woken == WAIT_ABANDONED_0 + 1;
        {
            const std::lock_guard guard(mutex);
            has = got;
            settled = true;
            if (listener != nullptr) {
                listener->notify();
            }
        }
        if (got) {
            ::WaitForSingleObject(finished, INFINITE);
            ::ReleaseMutex(turn);
        }
    }

    HANDLE turn = nullptr;
    HANDLE finished = nullptr; ///< the turn is to be given on, or is not wanted any more
    std::mutex mutex;
    CancelPoint* listener = nullptr; ///< who waits for `settled`
    std::atomic<bool> settled{false};
    bool has = false;
};

void CancelPoint::cancel() {
    const std::lock_guard guard(mutex_);
    cancelled_ = true;
    changed_.notify_all();
}

Turn::Turn(std::shared_ptr<TurnKeeper> keeper)
    : keeper_(std::move(keeper)) {}

Turn::Turn(Turn&& other) noexcept
    : keeper_(std::exchange(other.keeper_, nullptr)) {}

Turn& Turn::operator=(Turn&& other) noexcept {
    if (this != &other) {
        give();
        keeper_ = std::exchange(other.keeper_, nullptr);
    }
    return *this;
}

void Turn::give() noexcept {
    if (const auto keeper = std::exchange(keeper_, nullptr)) {
        ::SetEvent(keeper->finished);
    }
}

bool Turn::held() const {
    return keeper_ != nullptr;
}

Turnstile::Turnstile(const std::string& reader)
    : name_(object_name(reader))
    , turn_(create_turn(name_)) {}

Turnstile::~Turnstile() {
    if (turn_ != nullptr) {
        ::CloseHandle(turn_);
    }
}

void Turnstile::remove(const std::string& /*reader*/) {} // the system does, with the last user

bool Turnstile::worn_out() const {
    auto& known = patience();
    const std::lock_guard guard(known.mutex);
    const auto at = known.lost.find(name_);
    if (at == known.lost.end()) {
        return false;
    }
    if (Clock::now() < at->second + k_lost_for && !is_free(turn_)) {
        return true;
    }
    known.lost.erase(at);
    return false;
}

void Turnstile::give_up_on_holder() const {
    auto& known = patience();
    const std::lock_guard guard(known.mutex);
    known.lost[name_] = Clock::now();
}

LockQueue Turnstile::look(const std::string& reader) {
    LockQueue queue;
    if (HANDLE const turn = ::OpenMutexW(k_rights, FALSE, object_name(reader).c_str()); turn != nullptr) {
        if (!is_free(turn)) {
            queue.holder.emplace();
        }
        ::CloseHandle(turn);
    }
    return queue;
}

Result<Turn> Turnstile::take(Clock::time_point deadline, CancelPoint& point) {
    if (turn_ == nullptr || worn_out()) {
        return Turn();
    }
    const auto keeper = std::make_shared<TurnKeeper>();
    keeper->listener = &point;
    if (!keeper->open(turn_)) {
        return Turn();
    }
    try {
        std::thread([keeper] { keeper->run(); }).detach();
    } catch (const std::system_error&) {
        return Turn();
    }
    (void)point.wait_until(deadline, [&] { return keeper->settled.load(); });
    const std::lock_guard guard(keeper->mutex);
    keeper->listener = nullptr;
    if (keeper->settled) {
        return keeper->has ? Turn(keeper) : Turn();
    }
    ::SetEvent(keeper->finished);
    return point.cancelled() ? pcsc_error(Errc::cancelled, "lock")
                             : pcsc_error(Errc::timeout, "lock: another process has the card");
}

} // namespace cardlatch::pcsc::detail
