// stress_readers: many readers, many clients, and cards that come and go, on a real pcscd with the driver of
// this build.
//
//   stress_readers [--seconds N] [--readers N] [--clients N] [--seed N] [--pcscd FILE] [--interrupt]
//
// Clients are processes that connect, transmit, lock, reset, look and die at random; two threads insert, pull
// and reset cards meanwhile. Every answer within a transaction is compared with what the card has to say. The
// run fails when an answer is wrong or belongs to somebody else, a code comes that no client may see, a call
// does not return, pcscd ends, its sanitizer reports anything, or its memory grows. --seed makes the same
// choices again; what the scheduler does with them is its own.

#include "pcscd_watch.hpp"
#include "shared.hpp"

#include <cardlatch/harness/private_stack.hpp>
#include <cardlatch/harness/slot_control.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <poll.h>
#include <random>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::stress;

namespace {

/// A call that takes longer hangs. Waiting for a transaction of others is a matter of luck in pcsc-lite
/// (docs/locking.md).
constexpr std::chrono::seconds k_hang{180};
constexpr std::chrono::seconds k_change_deadline{60};

struct Options {
    unsigned seconds = 10;
    std::size_t readers = 16;
    std::size_t clients = 64;
    std::uint64_t seed = 1;
    std::string pcscd = "/usr/sbin/pcscd";
    bool interrupt = false; ///< end pcscd by SIGINT
};

/// How often each change was made.
struct Changes {
    std::atomic<std::uint64_t> inserted{0};
    std::atomic<std::uint64_t> removed{0};
    std::atomic<std::uint64_t> reset{0};
};

Shared& map_shared() {
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("stress: shared memory");
        std::exit(EXIT_FAILURE); // NOLINT(concurrency-mt-unsafe): no thread yet
    }
    return *new (memory) Shared;
}

/// Forked before any thread is there.
std::vector<pid_t> fork_clients(Shared& shared, const Options& options) {
    std::vector<pid_t> clients;
    const pid_t parent = ::getpid();
    for (std::size_t i = 0; i < options.clients; ++i) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() == parent) {
                live_as_client(shared, i, options.seed);
            }
            ::_exit(EXIT_SUCCESS);
        }
        if (pid > 0) {
            clients.push_back(pid);
        }
    }
    return clients;
}

/// The last client: waits for its turn, then looks at every card. Its exit status tells.
pid_t fork_checker(Shared& shared, int turn) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        char go = 0;
        const bool asked = ::read(turn, &go, 1) == 1;
        ::setenv("PCSCLITE_CSOCK_NAME", shared.socket.data(), 1); // NOLINT(concurrency-mt-unsafe): one thread
        ::_exit(asked && check_every_card(shared) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return pid;
}

template <std::size_t Size>
void copy_text(std::array<char, Size>& to, const std::string& from) {
    (void)std::snprintf(to.data(), to.size(), "%s", from.c_str());
}

std::unique_ptr<harness::PrivateStack> start_stack(Shared& shared, const Options& options) {
    harness::StackOptions stack;
    for (std::size_t i = 0; i < options.readers; ++i) {
        auto profile = harness::find_profile(i % 2 == 0 ? "filecard" : "witness"); // as the clients know
        if (!profile) {
            fail(shared, "%s", profile.assume_error().message().c_str());
            return {};
        }
        stack.slots.push_back({std::move(profile).assume_value()});
    }
    stack.pcscd = options.pcscd;
    stack.deadline = k_change_deadline;
    stack.log_level = harness::LogLevel::critical;
    if (const char* preload =
            std::getenv("CARDLATCH_PCSCD_PRELOAD"); // NOLINT(concurrency-mt-unsafe): no thread of ours
        preload != nullptr && *preload != '\0') {
        stack.pcscd_preload.emplace_back(preload);
    }
    auto started = harness::PrivateStack::start(std::move(stack));
    if (!started) {
        fail(shared, "%s", started.assume_error().message().c_str());
        return {};
    }
    auto result = std::move(started).assume_value();
    for (const auto& [name, value] : result->environment()) {
        if (name == "PCSCLITE_CSOCK_NAME") {
            copy_text(shared.socket, value);
        }
    }
    std::size_t number = 0;
    for (const auto& slot : result->status()) {
        copy_text(shared.names.at(number++), slot.reader);
    }
    shared.readers = options.readers;
    shared.clients = options.clients;
    return result;
}

/// Inserts, pulls and resets cards until the run stops.
void disturb(Shared& shared, harness::PrivateStack& stack, Changes& changes, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    while (!shared.stop && !shared.failed) {
        const auto slot = random() % shared.readers;
        const auto roll = random() % 3;
        const auto done = roll == 0 ? stack.insert(slot) : roll == 1 ? stack.remove(slot) : stack.reset(slot);
        if (done) {
            ++(roll == 0 ? changes.inserted : roll == 1 ? changes.removed : changes.reset);
        } else {
            const auto code = done.assume_error().code;
            const bool other_state =
                code == std::errc::no_such_device || code == std::errc::device_or_resource_busy;
            // A reset is what a client does: it waits for transactions, and pcsc-lite promises nobody a turn;
            // and the other thread may pull its card.
            const bool as_a_client = roll == 2 && code != std::errc::connection_reset;
            if (!other_state && !as_a_client) {
                fail(shared, "%s of slot %zu: %s",
                     roll == 0   ? "insertion"
                     : roll == 1 ? "removal"
                                 : "reset",
                     slot, done.assume_error().message().c_str());
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 50));
    }
}

void look_for_hangs(Shared& shared) {
    const auto now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
    for (std::size_t i = 0; i < shared.clients; ++i) {
        auto& state = shared.states.at(i);
        const auto call = state.call.load();
        if (call != Call::none && now - state.last_ns > std::chrono::nanoseconds(k_hang).count()) {
            fail(shared, "client %zu: %s does not return", i + 1, to_string(call));
        }
    }
}

void print_codes(const Shared& shared) {
    std::map<std::int64_t, std::uint64_t> sorted;
    for (const auto& entry : shared.codes) {
        if (entry.code >= 0) {
            sorted[entry.code] += entry.count;
        }
    }
    for (const auto& [code, count] : sorted) {
        fmt::print("  {:08X} {}\n", code, count);
    }
}

/// Watches until the time is over or something failed. Returns pcscd's memory at each tenth of the time, in
/// KiB.
std::vector<std::uint64_t> watch(Shared& shared, harness::PrivateStack& stack, const Options& options) {
    constexpr unsigned k_parts = 10;
    std::vector<std::uint64_t> memory;
    const auto begin = Clock::now();
    for (unsigned part = 1; part <= k_parts; ++part) {
        const auto until = begin + std::chrono::milliseconds(1000) * options.seconds * part / k_parts;
        while (Clock::now() < until && !shared.failed) {
            pollfd dead{.fd = stack.death_fd(), .events = POLLIN, .revents = 0};
            if (::poll(&dead, 1, 200) > 0) {
                fail(shared, "%s", stack.death_report().c_str());
            }
            look_for_hangs(shared);
        }
        memory.push_back(test::resident_kib(stack.pcscd_pid()));
    }
    return memory;
}

/// Memory may not grow once everything has happened often: from the middle of a run of a minute or more on.
void judge_memory(Shared& shared, const std::vector<std::uint64_t>& memory, const Options& options) {
    constexpr unsigned k_long_enough = 60;
    constexpr std::uint64_t k_noise_kib = 4096;
    if (options.seconds < k_long_enough || memory.size() < 10) {
        return;
    }
    const auto middle = std::max(memory[4], memory[5]);
    const auto end = std::min(memory[8], memory[9]);
    if (end > middle + middle / 10 + k_noise_kib) {
        fail(shared, "pcscd's memory grew from %llu to %llu KiB in the second half",
             static_cast<unsigned long long>(middle), static_cast<unsigned long long>(end));
    }
}

/// Every client has to end by itself; those that do not are killed, and the run has failed.
void collect(Shared& shared, const std::vector<pid_t>& clients) {
    const auto deadline = Clock::now() + k_hang;
    for (const pid_t pid : clients) {
        while (::waitpid(pid, nullptr, WNOHANG) == 0) {
            if (Clock::now() > deadline) {
                look_for_hangs(shared);
                fail(shared, "client process %d does not end", pid);
                ::kill(pid, SIGKILL);
                ::waitpid(pid, nullptr, 0);
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

void check_at_the_end(Shared& shared, harness::PrivateStack& stack, pid_t checker, int turn) {
    for (const auto& slot : stack.status()) {
        if (slot.state != "present") {
            const auto inserted = stack.insert(static_cast<std::size_t>(slot.slot));
            if (!inserted) {
                fail(shared, "insertion at the end: %s", inserted.assume_error().message().c_str());
                return;
            }
        }
    }
    int status = 0;
    if (::write(turn, "g", 1) != 1 || ::waitpid(checker, &status, 0) != checker || status != 0) {
        fail(shared, "the last client ended with wait status %04X", static_cast<unsigned>(status));
    }
}

void run(Shared& shared, const Options& options, const std::vector<pid_t>& clients, pid_t checker, int turn) {
    const auto stack = start_stack(shared, options);
    if (!stack) {
        return;
    }
    Changes changes;
    std::thread first([&] { disturb(shared, *stack, changes, options.seed + 1001); });
    std::thread second([&] { disturb(shared, *stack, changes, options.seed + 1002); });
    shared.go = true;
    const auto memory = watch(shared, *stack, options);
    shared.stop = true;
    first.join();
    second.join();
    collect(shared, clients);
    judge_memory(shared, memory, options);
    if (!shared.failed) {
        check_at_the_end(shared, *stack, checker, turn);
    }
    std::uint64_t steps = 0;
    for (const auto& state : shared.states) {
        steps += state.steps;
    }
    fmt::print("{} connections, {} APDUs answered, {} sequences compared, {} transactions, {} met a reset "
               "inside, {} clients died "
               "in one\n",
               steps, shared.exchanges.load(), shared.verified.load(), shared.transactions.load(),
               shared.late_resets.load(), shared.deaths.load());
    fmt::print("{} insertions, {} removals, {} resets; pcscd's memory in KiB: {}\n", changes.inserted.load(),
               changes.removed.load(), changes.reset.load(), fmt::join(memory, " "));
    fmt::print("SCARD codes:\n");
    print_codes(shared);
    if (shared.late_resets * 10 > shared.verified) {
        fail(shared, "more resets came into transactions than pcscd's own gap explains");
    }
    if (const auto ended =
            test::end_pcscd(*stack, options.interrupt ? test::Ending::interrupt : test::Ending::terminate);
        !ended.empty()) {
        fail(shared, "%s", ended.c_str());
    }
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Many clients on many readers whose cards come and go, on a real pcscd");
    app.add_option("--seconds", options.seconds, "How long")->capture_default_str();
    app.add_option("--readers", options.readers)
        ->check(CLI::Range(std::size_t{1}, k_most_readers))
        ->capture_default_str();
    app.add_option("--clients", options.clients)
        ->check(CLI::Range(std::size_t{1}, k_most_clients))
        ->capture_default_str();
    app.add_option("--seed", options.seed)->capture_default_str();
    app.add_option("--pcscd", options.pcscd, "The pcscd to start")
        ->envname("CARDLATCH_PCSCD")
        ->capture_default_str();
    app.add_flag("--interrupt", options.interrupt,
                 "End pcscd by SIGINT, on which it unloads its drivers, not by SIGTERM");
    CLI11_PARSE(app, argc, argv)

    const test::SanitizerReports reports;
    Shared& shared = map_shared();
    std::array<int, 2> turn{};
    if (::pipe(turn.data()) != 0) {
        std::perror("stress: pipe");
        return EXIT_FAILURE;
    }
    const pid_t checker = fork_checker(shared, turn[0]);
    const auto clients = fork_clients(shared, options);
    run(shared, options, clients, checker, turn[1]);
    shared.stop = true;
    if (shared.failed && checker > 0) {
        ::kill(checker, SIGKILL); // when it was not asked
        ::waitpid(checker, nullptr, 0);
    }
    const auto said = reports.text();
    fmt::print("{}", said);
    if (shared.failed || !said.empty()) {
        fmt::print("{}", recent_calls(shared));
        fmt::print("FAILED (seed {}): {}\n", options.seed,
                   shared.failed ? shared.failure.data() : "a sanitizer's report, see above");
        return EXIT_FAILURE;
    }
    fmt::print("no failure (seed {})\n", options.seed);
    return EXIT_SUCCESS;
}
