// fuzz_live: cards that lie to every reader of a live pcscd, while clients use them.
//
//   fuzz_live [--frames N] [--seconds N] [--seed N] [--pcscd FILE]
//
// Each of 16 readers has a peer that plays a card on the link, plain or extended, and mutates about every
// second frame that it sends and scribbles into the ring, and a client that takes what comes for a card. Only
// frames that differ from what is due and that were sent on a link which the driver still held are counted.
// The run fails when pcscd ends, a call does not return, a sanitizer reports anything, memory grows, or a
// proper card is not served in every reader afterwards.

#include "liar.hpp"
#include "pcscd_watch.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/harness/test_stack.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <poll.h>
#include <reader.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>
#include <winscard.h>

using namespace cardlatch;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t k_readers = 16;
constexpr std::chrono::seconds k_hang{180};

struct Options {
    std::uint64_t frames = 20000;
    unsigned seconds = 0; ///< 0: until `frames`
    std::uint64_t seed = 1;
    std::string pcscd = "/usr/sbin/pcscd";
};

/// What is counted, of liars and of the clients.
struct Counters : test::LiarCounters {
    std::atomic<std::uint64_t> calls{0}; ///< of the clients, returned
    std::atomic<std::uint64_t> answers{0};
    std::array<std::atomic<std::uint64_t>, k_readers> client_calls{};
};

/// The control code with which `card` verifies a PIN, or 0. Source: PC/SC part 10 §2.2.
DWORD verify_code(SCARDHANDLE card) {
    constexpr std::size_t k_entry = 6; // tag, length, big-endian code
    std::array<std::uint8_t, 264> features{};
    DWORD size = 0;
    if (::SCardControl(card, CM_IOCTL_GET_FEATURE_REQUEST, nullptr, 0, features.data(), features.size(),
                       &size) != SCARD_S_SUCCESS) {
        return 0;
    }
    for (std::size_t at = 0; at + k_entry <= size; at += k_entry) {
        if (features.at(at) == FEATURE_VERIFY_PIN_DIRECT) {
            return static_cast<DWORD>(features.at(at + 2)) << 24U |
                   static_cast<DWORD>(features.at(at + 3)) << 16U |
                   static_cast<DWORD>(features.at(at + 4)) << 8U | features.at(at + 5);
        }
    }
    return 0;
}

/// Takes what comes for a card, until the run stops.
void use(const std::string& reader, std::size_t number, Counters& counters) {
    constexpr std::array<std::uint8_t, 5> k_command{0x00, 0xB0, 0x00, 0x00, 0x00};
    // PC/SC part 10, 2.6.2: time-outs, format, PIN block, length format, sizes, condition, messages,
    // language, TeoPrologue, length; VERIFY.
    constexpr std::array<std::uint8_t, 24> k_verify{30, 0, 0x82, 0, 0, 0x08, 0x04, 2, 0,    0, 0, 0,
                                                    0,  0, 0,    5, 0, 0,    0,    0, 0x20, 0, 1, 0};
    SCARDCONTEXT context = 0;
    if (::SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context) != SCARD_S_SUCCESS) {
        return;
    }
    const auto called = [&](LONG code) {
        ++counters.client_calls.at(number);
        ++counters.calls;
        return code;
    };
    while (!counters.stop) {
        SCARDHANDLE card = 0;
        DWORD protocol = 0;
        if (called(::SCardConnect(context, reader.c_str(), SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card,
                                  &protocol)) != SCARD_S_SUCCESS) {
            std::this_thread::sleep_for(std::chrono::microseconds(500));
            continue;
        }
        const SCARD_IO_REQUEST pci{protocol, sizeof pci};
        std::vector<std::uint8_t> answer(66000);
        for (int i = 0; i < 8; ++i) {
            DWORD size = answer.size();
            const auto code =
                i == 3 ? called(::SCardControl(card, verify_code(card), k_verify.data(), k_verify.size(),
                                               answer.data(), answer.size(), &size))
                       : called(::SCardTransmit(card, &pci, k_command.data(), k_command.size(), nullptr,
                                                answer.data(), &size));
            if (code == SCARD_S_SUCCESS) {
                ++counters.answers;
            } else if (i != 3) {
                break;
            }
        }
        (void)called(::SCardDisconnect(card, SCARD_RESET_CARD));
    }
    (void)::SCardReleaseContext(context);
}

[[noreturn]] void give_up(const std::string& why) {
    fmt::print("FAILED: {}\n", why);
    (void)std::fflush(stdout);
    ::_exit(EXIT_FAILURE); // threads may hang
}

/// Watches until enough was sent. Returns pcscd's memory in KiB, at each tenth.
std::vector<std::uint64_t> watch(harness::PrivateStack& stack, const Counters& counters,
                                 const Options& options) {
    std::vector<std::uint64_t> memory;
    const auto begin = Clock::now();
    std::array<std::uint64_t, k_readers> seen{};
    std::array<Clock::time_point, k_readers> since{};
    since.fill(begin);
    auto last_mutated = std::make_pair(std::uint64_t{0}, begin);
    while (true) {
        const auto now = Clock::now();
        const double part = options.seconds > 0
                                ? std::chrono::duration<double>(now - begin).count() / options.seconds
                                : static_cast<double>(counters.mutated) / static_cast<double>(options.frames);
        if (part * 10 >= static_cast<double>(memory.size() + 1)) {
            memory.push_back(test::resident_kib(stack.pcscd_pid()));
            fmt::print("{} %: {} mutated frames, {} s, pcscd has {} KiB\n", memory.size() * 10,
                       counters.mutated.load(),
                       std::chrono::duration_cast<std::chrono::seconds>(now - begin).count(), memory.back());
            (void)std::fflush(stdout);
        }
        if (part >= 1) {
            return memory;
        }
        for (std::size_t i = 0; i < k_readers; ++i) {
            if (const auto calls = counters.client_calls.at(i).load(); calls != seen.at(i)) {
                seen.at(i) = calls;
                since.at(i) = now;
            } else if (now - since.at(i) > k_hang) {
                give_up(fmt::format("the client of reader {} hangs in a call", i));
            }
        }
        if (counters.mutated != last_mutated.first) {
            last_mutated = {counters.mutated, now};
        } else if (now - last_mutated.second > k_hang) {
            give_up("no reader takes frames any more");
        }
        pollfd dead{.fd = stack.death_fd(), .events = POLLIN, .revents = 0};
        if (::poll(&dead, 1, 100) > 0) {
            give_up(stack.death_report());
        }
    }
}

/// A proper card in every reader, and its answer.
void serve_proper_cards(harness::TestStack& stack) {
    constexpr std::array<std::uint8_t, 7> k_select{0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
    SCARDCONTEXT context = 0;
    if (::SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context) != SCARD_S_SUCCESS) {
        throw std::runtime_error("no context at the end");
    }
    for (std::size_t i = 0; i < k_readers; ++i) {
        auto& reader = stack.reader(i);
        for (const auto deadline = Clock::now() + k_hang; reader.status().state != "empty";) {
            if (Clock::now() > deadline) {
                SCARD_READERSTATE state{};
                state.szReader = reader.name().c_str();
                (void)::SCardGetStatusChange(context, 0, &state, 1);
                throw std::runtime_error(
                    fmt::format("{} does not become empty: it is {}, and to a client that asks now {:X}",
                                reader.name(), reader.status().state, state.dwEventState));
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        reader.insert("filecard");
        SCARDHANDLE card = 0;
        DWORD protocol = 0;
        std::array<std::uint8_t, 258> answer{};
        DWORD size = answer.size();
        const auto connected = ::SCardConnect(context, reader.name().c_str(), SCARD_SHARE_SHARED,
                                              SCARD_PROTOCOL_ANY, &card, &protocol);
        if (connected != SCARD_S_SUCCESS) {
            throw std::runtime_error(fmt::format("{} takes no client at the end: {:08X}", reader.name(),
                                                 static_cast<std::uint32_t>(connected)));
        }
        const SCARD_IO_REQUEST pci{protocol, sizeof pci};
        if (::SCardTransmit(card, &pci, k_select.data(), k_select.size(), nullptr, answer.data(), &size) !=
                SCARD_S_SUCCESS ||
            size != 2 || answer[0] != 0x90) {
            throw std::runtime_error(reader.name() + " does not carry an APDU at the end");
        }
        (void)::SCardDisconnect(card, SCARD_LEAVE_CARD);
    }
    (void)::SCardReleaseContext(context);
}

/// From the third tenth on, when everything has happened often.
void judge_memory(const std::vector<std::uint64_t>& memory, const Options& options) {
    constexpr std::uint64_t k_worth_judging = 100'000;
    constexpr std::uint64_t k_noise_kib = 4096;
    if (options.frames < k_worth_judging || options.seconds > 0 || memory.size() < 10) {
        return;
    }
    const auto early = std::max(memory[2], memory[3]);
    const auto late = std::min(memory[8], memory[9]);
    if (late > early + early / 10 + k_noise_kib) {
        throw std::runtime_error(fmt::format("pcscd's memory grew from {} to {} KiB", early, late));
    }
}

void run(const Options& options) {
    harness::StackOptions settings;
    settings.pcscd = options.pcscd;
    settings.pin_pad = true;
    settings.log_level = harness::LogLevel::critical;
    settings.deadline = std::chrono::seconds(60);
    harness::TestStack stack(std::vector<std::string>(k_readers, "none"), settings);
    Counters counters;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < k_readers; ++i) {
        constexpr std::string_view k_scheme = "unix:";
        const auto link = stack.reader(i).status().link;
        threads.emplace_back([path = link.substr(k_scheme.size()), seed = options.seed * k_readers + i,
                              &counters] { test::Liar(path, counters, seed).run(); });
        threads.emplace_back([name = stack.reader(i).name(), i, &counters] { use(name, i, counters); });
    }
    const auto memory = watch(stack.stack(), counters, options);
    counters.stop = true;
    for (auto& thread : threads) {
        thread.join();
    }
    fmt::print(
        "{} mutated frames and {} proper ones on {} links, seed {}; {} commands came through a ring that {} "
        "scribbles were written into; clients made {} calls and got {} answers\n",
        counters.mutated.load(), counters.proper.load(), counters.links.load(), options.seed,
        counters.ring_commands.load(), counters.scribbles.load(), counters.calls.load(),
        counters.answers.load());
    if (counters.ring_commands == 0) {
        throw std::runtime_error("no command came through a ring");
    }
    judge_memory(memory, options);
    serve_proper_cards(stack);
    if (const auto ended = test::end_pcscd(stack.stack()); !ended.empty()) {
        throw std::runtime_error(ended);
    }
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Cards that lie to the readers of a live pcscd");
    app.add_option("--frames", options.frames, "How many mutated frames")->capture_default_str();
    app.add_option("--seconds", options.seconds, "How long, instead");
    app.add_option("--seed", options.seed)->capture_default_str();
    app.add_option("--pcscd", options.pcscd, "The pcscd to start")
        ->envname("CARDLATCH_PCSCD")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv)
    const test::SanitizerReports reports;
    std::string failure;
    try {
        run(options);
    } catch (const std::exception& e) {
        failure = e.what();
    }
    const auto said = reports.text();
    fmt::print("{}", said);
    if (!failure.empty() || !said.empty()) {
        fmt::print("FAILED: {}\n", failure.empty() ? "a sanitizer's report, see above" : failure);
        return EXIT_FAILURE;
    }
    fmt::print("no crash, no hang, no leak; every reader serves a proper card\n");
    return EXIT_SUCCESS;
}
