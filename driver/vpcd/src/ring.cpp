#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/ring.hpp>

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <unistd.h>

namespace cardlatch::vpcd {

namespace {

/// What a box's word says. The taker writes cold, looking and asleep, the giver full.
enum State : std::uint32_t {
    cold = 0,    ///< nobody waits here
    looking = 1, ///< the taker looks at the word, or is about to
    asleep = 2,  ///< the taker sleeps until it is woken
    full = 3,    ///< a message was left
    closed = 4,  ///< the link has ended
};

/// In a box's length: the message is in the socket.
constexpr std::uint32_t k_on_socket = 0;

/// So often a word is tried to be changed that somebody else changes as well: a proper peer does so once.
constexpr int k_tries = 100;

constexpr std::size_t k_page = 4096;
constexpr std::size_t k_unit = sizeof(std::uint64_t);
constexpr std::size_t k_box = 17 * k_page; // for the longest command or response

using Word = std::atomic_ref<std::uint32_t>;
using Unit = std::atomic_ref<std::uint64_t>;
static_assert(Word::is_always_lock_free && Unit::is_always_lock_free);

#if defined(SYS_futex_time64) && !defined(__LP64__)
constexpr long k_futex = SYS_futex_time64; // where time_t may have 64 bits and SYS_futex takes 32
#else
constexpr long k_futex = SYS_futex;
#endif

// Not FUTEX_PRIVATE: the other end is another process.

void futex_wake(std::uint32_t& word) noexcept {
    (void)::syscall(k_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

/// Sleeps while `word` is `value`. False when the kernel refuses: then it will again.
bool futex_wait(std::uint32_t& word, std::uint32_t value, Clock::time_point until) noexcept {
    const auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(until.time_since_epoch()).count();
    constexpr std::int64_t k_second = 1'000'000'000;
    timespec time{};
    time.tv_sec = static_cast<decltype(time.tv_sec)>(nanoseconds / k_second);
    time.tv_nsec = static_cast<decltype(time.tv_nsec)>(nanoseconds % k_second);
    // This operation takes the time of CLOCK_MONOTONIC, which is Clock's.
    return ::syscall(k_futex, &word, FUTEX_WAIT_BITSET, value, &time, nullptr, FUTEX_BITSET_MATCH_ANY) == 0 ||
           errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT;
}

void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

} // namespace

// Polling.

void Polling::was_in_vain(unsigned steps) noexcept {
    constexpr unsigned k_most = 8;
    failures_ = std::min(failures_ + steps, k_most);
    skip_ = (1U << failures_) - 1;
}

void Polling::while_equal(Word word, std::uint32_t value) noexcept {
    constexpr std::chrono::microseconds k_longest{50};
    constexpr std::chrono::microseconds k_queued{20}; // so long in sched_yield(): others keep the CPU busy
    constexpr unsigned k_looks = 4;                   // between two yields
    constexpr unsigned k_many = 8;
    if (word.load(std::memory_order_acquire) != value) {
        return;
    }
    if (skip_ > 0) {
        --skip_;
        return;
    }
    auto now = Clock::now();
    const auto end = now + k_longest;
    while (now < end) {
        for (unsigned i = 0; i < k_looks; ++i) {
            if (word.load(std::memory_order_acquire) != value) {
                failures_ = 0;
                return;
            }
            pause_cpu();
        }
        const auto before = now;
        (void)::sched_yield();
        now = Clock::now();
        if (now - before > k_queued) {
            was_in_vain(k_many); // a sleeper is woken ahead of them
            return;
        }
    }
    was_in_vain(1);
}

// The memory.

/// One direction. While the taker waits, the rest is the giver's; when the word says full, the taker's.
struct alignas(k_page) Ring::Box {
    std::uint32_t state;
    std::uint32_t length;
    std::uint32_t cpu; ///< where the giver ran last
    std::uint32_t unused;
    std::array<std::uint64_t, k_box / k_unit - 2> bytes; ///< a short message shares the word's cache line

    [[nodiscard]] Word word() noexcept { return Word(state); }

    void put(ByteView message) noexcept {
        for (std::size_t at = 0; at < message.size(); at += k_unit) {
            std::uint64_t value = 0;
            std::memcpy(&value, message.data() + at, std::min(k_unit, message.size() - at));
            Unit(bytes[at / k_unit]).store(value, std::memory_order_relaxed);
        }
    }

    /// Copies out and overwrites: commands hold PINs.
    void get(std::span<std::uint8_t> message) noexcept {
        for (std::size_t at = 0; at < message.size(); at += k_unit) {
            const Unit shared(bytes[at / k_unit]);
            const std::uint64_t value = shared.load(std::memory_order_relaxed);
            std::memcpy(message.data() + at, &value, std::min(k_unit, message.size() - at));
            shared.store(0, std::memory_order_relaxed);
        }
    }
};

struct Ring::Layout {
    Box to_card;
    Box to_reader;
};

Ring::Ring(Layout& memory, UniqueFd descriptor, Side side) noexcept
    : layout_(memory)
    , memory_(std::move(descriptor))
    , in_{&memory.to_card, 1, k_max_command}
    , out_{&memory.to_reader, 2, k_max_response}
    , is_card_(side == Side::card) {
    if (!is_card_) {
        std::swap(in_, out_);
    }
}

Ring::~Ring() {
    (void)::munmap(&layout_, sizeof(Layout));
}

Result<Ring::Layout*> Ring::map(int descriptor) {
    static_assert(sizeof(Box) == k_box && sizeof(Box::bytes) >= std::max(k_max_command, k_max_response));
    void* const memory =
        ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    if (memory == MAP_FAILED) { // NOLINT(cppcoreguidelines-pro-type-cstyle-cast): the system's macro
        return last_system_error("mmap");
    }
    return static_cast<Layout*>(memory);
}

Result<std::unique_ptr<Ring>> Ring::create() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < sizeof(Layout)) {
        return fail(std::errc::file_too_large, "a file of the ring's size would raise SIGXFSZ");
    }
    constexpr const char* k_name = "cardlatch-ring";
#ifdef MFD_NOEXEC_SEAL
    constexpr unsigned k_no_exec = MFD_NOEXEC_SEAL;
#else
    constexpr unsigned k_no_exec = 0x0008U; // since Linux 6.3
#endif
    UniqueFd memory(::memfd_create(k_name, MFD_CLOEXEC | MFD_ALLOW_SEALING | k_no_exec));
    if (!memory && errno == EINVAL) {
        memory.reset(::memfd_create(k_name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    }
    if (!memory) {
        return last_system_error("memfd_create");
    }
    // Allocated now: later a full memory would be a signal.
    if (const int code = ::posix_fallocate(memory.get(), 0, sizeof(Layout)); code != 0) {
        return fail(std::error_code(code, std::system_category()), "posix_fallocate");
    }
    if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return last_system_error("F_ADD_SEALS");
    }
    BOOST_OUTCOME_TRY(auto* const layout, map(memory.get()));
    return std::unique_ptr<Ring>(new Ring(*layout, std::move(memory), Side::reader));
}

Result<std::unique_ptr<Ring>> Ring::adopt(UniqueFd memory) {
    struct stat info {};
    if (::fstat(memory.get(), &info) != 0) {
        return last_system_error("fstat");
    }
    const int seals = ::fcntl(memory.get(), F_GET_SEALS); // -1 for what is no memfd
    if (seals < 0 || (static_cast<unsigned>(seals) & static_cast<unsigned>(F_SEAL_SHRINK)) == 0 ||
        info.st_size != static_cast<off_t>(sizeof(Layout))) {
        return fail(LinkErrc::malformed, "the reader's memory is no ring");
    }
    BOOST_OUTCOME_TRY(auto* const layout, map(memory.get()));
    return std::unique_ptr<Ring>(new Ring(*layout, {}, Side::card));
}

// Giving.

bool Ring::awaited() const noexcept {
    const auto state = out_.box->word().load(std::memory_order_acquire);
    return state == looking || state == asleep;
}

bool Ring::leave(std::uint32_t length) const noexcept {
    auto word = out_.box->word();
    auto state = word.load(std::memory_order_relaxed);
    Word(out_.box->length).store(length, std::memory_order_relaxed);
    Word(out_.box->cpu).store(static_cast<std::uint32_t>(::sched_getcpu()), std::memory_order_relaxed);
    for (int i = 0; i < k_tries && (state == looking || state == asleep); ++i) {
        if (word.compare_exchange_weak(state, full, std::memory_order_acq_rel, std::memory_order_relaxed)) {
            if (state == asleep) {
                futex_wake(out_.box->state);
            }
            return true;
        }
    }
    return false;
}

bool Ring::send(ByteView message) const noexcept {
    if (message.size() < out_.min || message.size() > out_.max || !awaited()) {
        return false;
    }
    out_.box->put(message);
    if (leave(static_cast<std::uint32_t>(message.size()))) {
        return true;
    }
    for (std::size_t at = 0; at < message.size(); at += k_unit) { // it had just left for the socket
        Unit(out_.box->bytes[at / k_unit]).store(0, std::memory_order_relaxed);
    }
    return false;
}

void Ring::call_to_socket() const noexcept {
    if (awaited()) {
        (void)leave(k_on_socket);
    }
}

// Taking.

void Ring::expect() noexcept {
    auto word = in_.box->word();
    const bool was_closed = word.exchange(looking) == closed;
    if (was_closed || shut_.load()) { // the latter by another thread, which may have seen the word as it was
        word.store(closed);
    }
}

void Ring::forget() const noexcept {
    auto word = in_.box->word();
    std::uint32_t state = looking;
    (void)word.compare_exchange_strong(state, cold);
}

Result<Ring::Received> Ring::await(std::span<std::uint8_t> room, Clock::time_point until) {
    const auto word = in_.box->word();
    // A card waits for a reader that waits for its client: where they share a CPU, looking would delay both.
    // A reader waits for a card that works: where they share one, yielding is how it comes to work.
    if (!is_card_ || reader_cpu_ != static_cast<std::uint32_t>(::sched_getcpu())) {
        polling_.while_equal(word, looking);
    }
    auto state = word.load(std::memory_order_acquire);
    if (state == looking) {
        state = sleep(until);
    }
    switch (state) {
    case full:
        return take(room);
    case cold:
    case closed:
        return Received{};
    default:
        return fail(LinkErrc::malformed, "the shared memory says " + std::to_string(state) + " of a message");
    }
}

std::uint32_t Ring::sleep(Clock::time_point until) const noexcept {
    const auto word = in_.box->word();
    std::uint32_t state = looking;
    if (!word.compare_exchange_strong(state, asleep)) {
        return state;
    }
    do {
        const bool slept = futex_wait(in_.box->state, asleep, until);
        state = word.load(std::memory_order_acquire);
        if (state != asleep) {
            return state;
        }
        if (!slept) {
            break;
        }
    } while (Clock::now() < until);
    return word.compare_exchange_strong(state, cold) ? std::uint32_t{cold} : state;
}

Result<Ring::Received> Ring::take(std::span<std::uint8_t> room) {
    const std::size_t length = Word(in_.box->length).load(std::memory_order_relaxed); // once: it may change
    reader_cpu_ = Word(in_.box->cpu).load(std::memory_order_relaxed);
    if (length == k_on_socket) {
        return Received{Arrival::on_socket, {}};
    }
    if (length < in_.min || length > std::min(in_.max, room.size())) {
        return fail(LinkErrc::malformed,
                    "a message of " + std::to_string(length) + " bytes in the shared memory");
    }
    in_.box->get(room.first(length));
    return Received{Arrival::message, room.first(length)};
}

void Ring::shut_down() noexcept {
    shut_.store(true);
    for (auto* const box : {in_.box, out_.box}) {
        auto word = box->word();
        auto state = word.load();
        for (int i = 0; i < k_tries && state != full && !word.compare_exchange_weak(state, closed); ++i) {
        }
        futex_wake(box->state);
    }
}

} // namespace cardlatch::vpcd
