// bench_contention: processes that want the same card, all at once. It reads one order per line from standard
// input and answers each with one line of JSON:
//
//   contend KIND PROCESSES HOLD-US MS   {"locks": [per process], "longest_wait_ns": [per process],
//   "hand_off_ns": [...]}
//
// KIND is `library` (Card::lock), `plain` (SCardBeginTransaction) or `mixed` (the even ones by the library).
// Each process loops for MS milliseconds: lock, one APDU, sleep HOLD-US, unlock. A wait is one call to lock.
// A hand-off is the time from one process's unlock, before the call, to another's lock, after the call, when
// that one was waiting. Times are of CLOCK_MONOTONIC, in nanoseconds. What fails becomes {"error": "..."} and
// ends the program.

#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>
#include <winscard.h>

using namespace cardlatch;
namespace json = boost::json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr unsigned k_most_processes = 64;
constexpr std::size_t k_most_samples = 1U << 18U;

/// SELECT the MF, no response data wanted. Source: ISO/IEC 7816-4 §11.2.2.
constexpr std::array<std::uint8_t, 7> k_select_mf = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};

enum class Kind { library, plain, mixed };

struct Order {
    Kind kind = Kind::library;
    unsigned processes = 0;
    std::chrono::microseconds hold{};
    std::chrono::milliseconds time{};
};

/// What the processes of one order share.
struct Shared {
    std::atomic<unsigned> ready{0};
    std::atomic<bool> go{false};
    std::atomic<std::int64_t> end_ns{0};
    std::atomic<bool> failed{false};
    std::array<std::atomic<std::uint64_t>, k_most_processes> locks{};
    std::array<std::atomic<std::int64_t>, k_most_processes> longest_wait_ns{};
    // Written by who has the card, so by one process at a time.
    std::atomic<std::int64_t> released_ns{0};
    std::atomic<unsigned> released_by{k_most_processes};
    std::atomic<std::size_t> samples{0};
    std::array<std::int64_t, k_most_samples> hand_off_ns{};
};

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

/// One process: a client of its own.
bool contend(const Order& order, unsigned self, Shared& shared) {
    const auto context = pcsc::Context::establish();
    if (!context) {
        return false;
    }
    const auto readers = context.assume_value().readers();
    if (!readers || readers.assume_value().empty()) {
        return false;
    }
    auto connected = readers.assume_value().front().connect();
    ++shared.ready;
    if (!connected) {
        return false;
    }
    const auto& card = connected.assume_value();
    const auto handle = static_cast<SCARDHANDLE>(card.native_handle());
    const SCARD_IO_REQUEST pci{static_cast<unsigned long>(card.active_protocol()), sizeof pci};
    while (!shared.go) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const bool library = order.kind == Kind::library || (order.kind == Kind::mixed && self % 2 == 0);
    const auto end = shared.end_ns.load();
    for (auto asked = now_ns(); asked < end; asked = now_ns()) {
        auto lock = library ? card.lock() : Result<pcsc::Lock>(fail(std::errc::not_supported, ""));
        if (library ? !lock : ::SCardBeginTransaction(handle) != SCARD_S_SUCCESS) {
            return false;
        }
        const auto locked = now_ns();
        const auto released = shared.released_ns.load();
        if (shared.released_by != self && asked < released && shared.samples < k_most_samples) {
            shared.hand_off_ns[shared.samples++] = locked - released;
        }
        std::array<std::uint8_t, 258> response{};
        DWORD size = response.size();
        if (::SCardTransmit(handle, &pci, k_select_mf.data(), k_select_mf.size(), nullptr, response.data(),
                            &size) != SCARD_S_SUCCESS) {
            return false;
        }
        if (order.hold.count() > 0) {
            std::this_thread::sleep_for(order.hold);
        }
        ++shared.locks[self];
        shared.longest_wait_ns[self] = std::max(shared.longest_wait_ns[self].load(), locked - asked);
        shared.released_by = self;
        shared.released_ns = now_ns();
        if (library ? !lock.assume_value().unlock()
                    : ::SCardEndTransaction(handle, SCARD_LEAVE_CARD) != SCARD_S_SUCCESS) {
            return false;
        }
    }
    return true;
}

Result<json::object> run(const Order& order) {
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return last_system_error("shared memory");
    }
    auto& shared = *new (memory) Shared;
    std::vector<pid_t> children;
    for (unsigned i = 0; i < order.processes; ++i) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const bool done = contend(order, i, shared);
            if (!done) {
                shared.failed = true;
            }
            ::_exit(done ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        if (pid > 0) {
            children.push_back(pid);
        }
    }
    while (shared.ready < children.size() && !shared.failed) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    shared.end_ns = now_ns() + std::chrono::nanoseconds(order.time).count();
    shared.go = true;
    for (const auto pid : children) {
        ::waitpid(pid, nullptr, 0);
    }
    json::array locks;
    json::array waits;
    for (unsigned i = 0; i < order.processes; ++i) {
        locks.emplace_back(shared.locks[i].load());
        waits.emplace_back(shared.longest_wait_ns[i].load());
    }
    json::array hand_offs;
    for (std::size_t i = 0; i < shared.samples; ++i) {
        hand_offs.emplace_back(shared.hand_off_ns[i]);
    }
    const bool failed = shared.failed;
    ::munmap(memory, sizeof(Shared));
    if (failed || children.size() != order.processes) {
        return fail(std::errc::io_error, "a process could not lock the card");
    }
    return json::object{{"locks", locks}, {"longest_wait_ns", waits}, {"hand_off_ns", hand_offs}};
}

} // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string verb;
        std::string kind;
        Order order;
        std::int64_t hold_us = 0;
        std::int64_t time_ms = 0;
        words >> verb >> kind >> order.processes >> hold_us >> time_ms;
        order.kind = kind == "library" ? Kind::library : kind == "plain" ? Kind::plain : Kind::mixed;
        order.hold = std::chrono::microseconds(hold_us);
        order.time = std::chrono::milliseconds(time_ms);
        const auto answer =
            verb == "contend" && words && order.processes <= k_most_processes
                ? run(order)
                : Result<json::object>(fail(std::errc::invalid_argument, "no such order: " + line));
        if (!answer) {
            std::cout << json::object{{"error", answer.assume_error().message()}} << std::endl;
            return EXIT_FAILURE;
        }
        std::cout << answer.assume_value() << std::endl;
    }
    return EXIT_SUCCESS;
}
