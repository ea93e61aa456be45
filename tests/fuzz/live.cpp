// fuzz_live: cards that lie to every reader of a live pcscd, while clients use them.
//
//   fuzz_live [--frames N] [--seconds N] [--seed N] [--pcscd FILE]
//
// Each of 16 readers has a peer that plays a card on the link, plain or extended, and mutates about every
// second frame that it sends, and a client that takes what comes for a card. Only frames that differ from
// what is due and that were sent on a link which the driver still held are counted. The run fails when pcscd
// ends, a call does not return, a sanitizer reports anything, memory grows, or a proper card is not served in
// every reader afterwards.

#include "pcscd_watch.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/harness/test_stack.hpp>
#include <cardlatch/vpcd/codec.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <poll.h>
#include <random>
#include <reader.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>
#include <winscard.h>

using namespace cardlatch;
using vpcd::Dialect;
using vpcd::FrameType;
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

struct Counters {
    std::atomic<std::uint64_t> mutated{0};
    std::atomic<std::uint64_t> proper{0};
    std::atomic<std::uint64_t> links{0};
    std::atomic<std::uint64_t> calls{0}; ///< of the clients, returned
    std::atomic<std::uint64_t> answers{0};
    std::array<std::atomic<std::uint64_t>, k_readers> client_calls{};
    std::atomic<bool> stop{false};
};

/// One card that lies, on the link to one reader.
class Liar {
  public:
    Liar(std::string path, Counters& counters, std::uint64_t seed)
        : path_(std::move(path))
        , counters_(counters)
        , random_(seed) {}

    void run() {
        while (!counters_.stop) {
            one_link();
        }
    }

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool chance(unsigned percent) { return below(100) < percent; }

    UniqueFd connect() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.c_str(), std::min(path_.size() + 1, sizeof address.sun_path));
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            return {};
        }
        return fd;
    }

    void one_link() {
        const auto fd = connect();
        if (!fd) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return;
        }
        ++counters_.links;
        vpcd::Decoder decoder(Dialect::plain, vpcd::Side::ifd);
        const auto version = static_cast<std::uint8_t>(chance(30) ? 0 : 1 + below(vpcd::k_extension_version));
        bool greeted = false;
        while (true) {
            auto frame = decoder.next();
            if (!frame) {
                return; // out of step with the reader, after a mutation that changed the dialect
            }
            if (!frame.assume_value()) {
                if (!receive(fd.get(), decoder)) {
                    return;
                }
                continue;
            }
            const auto type = frame.assume_value()->type;
            if (!greeted && version > 0) {
                greeted = true;
                const Bytes offer{'C', 'L', 'X', version};
                if (!say(fd.get(), plain(offer))) {
                    return;
                }
                decoder.switch_to(Dialect::extended);
            } else if (!answer(fd.get(), decoder.dialect(), type, version)) {
                return;
            }
            if (chance(2)) {
                return;
            }
        }
    }

    /// Waits a little: the reader may be waiting for the rest of a frame that is not coming.
    bool receive(int fd, vpcd::Decoder& decoder) {
        constexpr int k_patience_ms = 20;
        pollfd item{.fd = fd, .events = POLLIN, .revents = 0};
        if (::poll(&item, 1, k_patience_ms) <= 0) {
            return false;
        }
        const auto space = decoder.space();
        const auto got = ::recv(fd, space.data(), space.size(), MSG_DONTWAIT);
        if (got <= 0) {
            return false;
        }
        decoder.commit(static_cast<std::size_t>(got));
        return true;
    }

    bool answer(int fd, Dialect dialect, FrameType request, std::uint8_t version) {
        const Bytes atr{0x3B, 0x80, 0x80, 0x01, 0x01};
        if (dialect == Dialect::plain) {
            return request == FrameType::request_atr ? say(fd, plain(atr))
                   : request == FrameType::command   ? say(fd, plain(response()))
                                                     : true;
        }
        switch (request) {
        case FrameType::hello:
            return version < vpcd::k_features_version || say(fd, extended(FrameType::card, {}));
        case FrameType::power_on:
        case FrameType::reset:
            return say(fd, extended(FrameType::atr, atr));
        case FrameType::power_off:
            return say(fd, extended(FrameType::off, {}));
        case FrameType::pin_request:
            return say(fd, extended(FrameType::pin_entry, {0x00, 0x04, '1', '2', '3', '4'}));
        default:
            break;
        }
        if (chance(10) && !say(fd, extended(FrameType::time_extension, {0x00, 0x10}))) {
            return false;
        }
        return version >= vpcd::k_no_answer_version && chance(10)
                   ? say(fd, extended(FrameType::no_answer, {0x01}))
                   : say(fd, extended(FrameType::response, response()));
    }

    Bytes response() {
        Bytes bytes(chance(90) ? below(20) : below(65536));
        for (auto& byte : bytes) {
            byte = static_cast<std::uint8_t>(bytes.size());
        }
        bytes.insert(bytes.end(), {0x90, 0x00});
        return bytes;
    }

    static Bytes plain(const Bytes& body) {
        Bytes message{static_cast<std::uint8_t>(body.size() >> 8U), static_cast<std::uint8_t>(body.size())};
        message.insert(message.end(), body.begin(), body.end());
        return message;
    }

    static Bytes extended(FrameType type, const Bytes& payload) {
        const auto length = payload.size() + 1;
        Bytes message{static_cast<std::uint8_t>(length >> 24U), static_cast<std::uint8_t>(length >> 16U),
                      static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length),
                      static_cast<std::uint8_t>(type)};
        message.insert(message.end(), payload.begin(), payload.end());
        return message;
    }

    /// Sends `message`, or something that resembles it. False when the link has ended.
    bool say(int fd, Bytes message) {
        const Bytes due = message;
        if (chance(50)) {
            mutate(message);
        }
        bool alive = true;
        for (std::size_t sent = 0; sent < message.size() && alive;) {
            const auto size = chance(10) ? 1 + below(message.size() - sent) : message.size() - sent;
            const auto done = ::send(fd, message.data() + sent, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            alive = done > 0;
            sent += alive ? static_cast<std::size_t>(done) : 0;
        }
        if (alive) {
            ++(message == due ? counters_.proper : counters_.mutated);
        }
        return alive;
    }

    /// Bits, bytes and lengths changed; pieces cut, doubled, added; the end cut off.
    void mutate(Bytes& data) {
        constexpr std::array<std::uint8_t, 6> k_edges{0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
        for (auto left = 1 + below(chance(80) ? 1 : 5); left > 0 && !data.empty(); --left) {
            const auto at = below(data.size());
            const auto place = data.begin() + static_cast<std::ptrdiff_t>(at);
            switch (below(7)) {
            case 0:
                data[at] = static_cast<std::uint8_t>(data[at] ^ 1U << below(8));
                break;
            case 1:
                data[at] = k_edges.at(below(k_edges.size()));
                break;
            case 2:
                data[below(std::min<std::size_t>(data.size(), 5))] =
                    static_cast<std::uint8_t>(below(256)); // length or type
                break;
            case 3:
                data.erase(place, place + static_cast<std::ptrdiff_t>(
                                              1 + below(std::min<std::size_t>(data.size() - at, 3))));
                break;
            case 4: {
                Bytes added(1 + below(8));
                for (auto& byte : added) {
                    byte = static_cast<std::uint8_t>(below(256));
                }
                data.insert(place, added.begin(), added.end());
                break;
            }
            case 5: {
                const Bytes copy(data.begin(), place);
                data.insert(data.end(), copy.begin(), copy.end());
                break;
            }
            default:
                data.resize(at); // a peer that dies there, if the link ends before the next message
                break;
            }
        }
    }

    const std::string path_;
    Counters& counters_;
    std::mt19937_64 random_;
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
                throw std::runtime_error(reader.name() + " does not become empty");
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
                              &counters] { Liar(path, counters, seed).run(); });
        threads.emplace_back([name = stack.reader(i).name(), i, &counters] { use(name, i, counters); });
    }
    const auto memory = watch(stack.stack(), counters, options);
    counters.stop = true;
    for (auto& thread : threads) {
        thread.join();
    }
    fmt::print("{} mutated frames and {} proper ones on {} links, seed {}; clients made {} calls and got {} "
               "answers\n",
               counters.mutated.load(), counters.proper.load(), counters.links.load(), options.seed,
               counters.calls.load(), counters.answers.load());
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
