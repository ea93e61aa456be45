// The state survives kill -9 at any instant. A child works with a card whose state is in a file and is
// killed: by itself, before, in the middle of or after a system call of the store that was drawn by lot, or
// by its parent at a random time. What is on disk then has to be the state before the command or the one
// after it; for commands that count a try, the counted one in between as well. It goes on from there, to the
// next kill.
//
// Not modelled: loss of power, where what was not synced is lost. The calls are wrapped by the linker
// (--wrap).
//
//   CARDLATCH_CRASHES=10000 CARDLATCH_SEED=1 test_card_crash

#include "../support/card_bench.hpp"
#include "../support/temporary_folder.hpp"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <new>
#include <random>
#include <string>
#include <time.h> // NOLINT(modernize-deprecated-headers) nanosleep
#include <unistd.h>

using namespace cardlatch;
using namespace cardlatch::test;

namespace {

/// Calls of the store until the child dies; below 0 it lives on. Which half of a write reaches the file.
long calls_until_death = -1;
bool dies_after_call = false;

/// True if this call is the last one.
bool is_last_call() {
    return calls_until_death >= 0 && calls_until_death-- == 0;
}

[[noreturn]] void die() {
    ::kill(::getpid(), SIGKILL);
    for (;;) {
        ::pause();
    }
}

template <class Call>
auto survive(Call call) {
    const bool last = is_last_call();
    if (last && !dies_after_call) {
        die();
    }
    const auto result = call();
    if (last) {
        die();
    }
    return result;
}

} // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming) the
// linker's
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_fsync(int fd);
int __real_renameat(int from_folder, const char* from, int to_folder, const char* to);
ssize_t __wrap_write(int fd, const void* bytes, size_t size);
int __wrap_fsync(int fd);
int __wrap_renameat(int from_folder, const char* from, int to_folder, const char* to);

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
    if (is_last_call()) {
        static_cast<void>(__real_write(fd, bytes, dies_after_call ? size : size / 2));
        die();
    }
    return __real_write(fd, bytes, size);
}
int __wrap_fsync(int fd) {
    return survive([&] { return __real_fsync(fd); });
}
int __wrap_renameat(int from_folder, const char* from, int to_folder, const char* to) {
    return survive([&] { return __real_renameat(from_folder, from, to_folder, to); });
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
}

namespace {

constexpr std::uint8_t k_all_tries = 3;

/// What the test looks at on the card.
struct Model {
    std::uint32_t written = 0;  ///< repeated all over a transparent EF
    std::uint32_t appended = 0; ///< the newest record of a cyclic EF
    std::uint8_t tries = k_all_tries;
    std::uint8_t puk_tries = k_all_tries;
    bool created = false; ///< a file that comes and goes
    bool operator==(const Model&) const = default;
};

std::string to_text(const Model& model) {
    return fmt::format("written {} appended {} tries {} puk_tries {} created {}", model.written,
                       model.appended, model.tries, model.puk_tries, model.created);
}

/// What may be on disk when the child dies now.
struct Expectation {
    std::array<Model, 3> allowed;
    std::size_t count = 0;
};

/// Shared with the child: two expectations, of which one is valid while the other one is written.
struct Shared {
    std::array<Expectation, 2> slots;
    std::atomic<unsigned> valid{0};
    std::atomic<unsigned long> commands{0};

    void publish(const Expectation& next) {
        const auto other = valid.load() ^ 1U;
        slots.at(other) = next;
        valid.store(other);
    }
    [[nodiscard]] const Expectation& now() const { return slots.at(valid.load()); }
};

std::string hex_of(std::uint32_t value, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        text += fmt::format("{:08X}", value);
    }
    return text;
}

/// One command, what it makes of the model, and what it may leave half-way.
struct Step {
    std::string command;
    std::string select; ///< comes first
    Model after;
    std::optional<Model> half_way;
};

Step draw_step(const Model& before, std::uint32_t number, std::mt19937& random) {
    constexpr auto k_pin = "00200002";
    Step step{"", "00A4080C025000", before, std::nullopt};
    const auto counted = [&](std::uint8_t Model::*tries, bool right) {
        if (before.*tries == 0) {
            return;
        }
        auto less = before;
        --(less.*tries);
        step.half_way = less;
        step.after = less;
        if (right) {
            step.after.tries = k_all_tries;
            if (tries == &Model::puk_tries) {
                step.after.puk_tries = k_all_tries;
            }
        }
    };
    switch (random() % 9) {
    case 0:
    case 1:
        step.command = "00D68700000258" + hex_of(number, 150); // UPDATE BINARY of 600 bytes
        step.after.written = number;
        break;
    case 2:
    case 3:
        step.command = "00E2004804" + hex_of(number, 1); // APPEND RECORD
        step.after.appended = number;
        break;
    case 4:
        step.command = std::string(k_pin) + "0439393939";
        counted(&Model::tries, false);
        break;
    case 5:
        step.command = std::string(k_pin) + "0431323334";
        counted(&Model::tries, true);
        break;
    case 6: {
        const bool right = before.puk_tries <= 1 || random() % 2 == 0; // never blocks
        step.command = std::string("002C010208") + (right ? "3132333435363738" : "3030303030303030");
        counted(&Model::puk_tries, right);
        break;
    }
    default:
        step.select = "00A4080C026000";
        step.command = before.created ? "00E40000026001"                        // DELETE FILE
                                      : "00E000000D620B8002000882010183026001"; // CREATE FILE
        step.after.created = !before.created;
    }
    return step;
}

/// Looks at the card and at its file without changing either.
Model look(card::Card& card, const std::filesystem::path& state) {
    Model model;
    send(card, "00A4080C025000");
    const auto bytes = *from_hex(send(card, "00B08700000000"));
    BOOST_REQUIRE(bytes.size() == 602U);
    const auto word_at = [&](std::size_t at) {
        return (std::uint32_t{bytes[at]} << 24U) | (std::uint32_t{bytes[at + 1]} << 16U) |
               (std::uint32_t{bytes[at + 2]} << 8U) | bytes[at + 3];
    };
    model.written = word_at(0);
    for (std::size_t at = 0; at < 600; at += 4) {
        BOOST_REQUIRE_MESSAGE(word_at(at) == model.written, "a mixture of two contents");
    }
    const auto record = send(card, "00B2014C00");
    if (record.ends_with("9000")) {
        model.appended = static_cast<std::uint32_t>(std::stoul(record.substr(0, 8), nullptr, 16));
    }
    const auto tries = send(card, "00200002");
    model.tries = tries == "6983" ? std::uint8_t{0} : static_cast<std::uint8_t>(tries.back() - '0');
    model.created = send(card, "00A4080C0460006001") == "9000";
    if (std::filesystem::exists(state)) {
        const auto document = toml::parse_file(state.string());
        model.puk_tries = static_cast<std::uint8_t>(
            document["filecard"]["puk_tries_left"]["2"].value_or(std::int64_t{k_all_tries}));
    }
    return model;
}

/// The child: works until it dies.
[[noreturn]] void work(const card::Profile& profile, const std::filesystem::path& state, Model model,
                       std::uint32_t number, Shared& shared, unsigned seed) {
    std::mt19937 random(seed); // NOLINT(cert-msc51-cpp) reproducible on purpose
    auto card = card::Card::create(profile, {.state_file = state});
    if (!card) {
        ::_exit(3);
    }
    card.value()->power_on();
    for (;; ++number) {
        const auto step = draw_step(model, number, random);
        Expectation expectation{{model, step.after}, 2};
        if (step.half_way) {
            expectation.allowed.at(expectation.count++) = *step.half_way;
        }
        shared.publish(expectation);
        send(*card.value(), step.select);
        const auto response = send(*card.value(), step.command);
        const bool changed = step.after != model;
        if (changed && !response.ends_with("9000") && !response.starts_with("63C")) {
            ::_exit(4);
        }
        model = step.after;
        shared.publish({{model}, 1});
        shared.commands.fetch_add(1);
    }
}

unsigned long from_environment(const char* name, unsigned long otherwise) {
    const auto* const text = std::getenv(name); // NOLINT(concurrency-mt-unsafe) one thread
    return text != nullptr ? std::stoul(text) : otherwise;
}

} // namespace

BOOST_AUTO_TEST_SUITE(crash)

BOOST_AUTO_TEST_CASE(state_is_old_or_new_and_no_try_comes_back_whenever_the_card_is_killed) {
    constexpr unsigned long k_in_every_test_run = 300;
    const auto kills = from_environment("CARDLATCH_CRASHES", k_in_every_test_run);
    const auto seed = from_environment("CARDLATCH_SEED", 7816);
    const TemporaryFolder folder;
    const auto state = folder.path() / "card0.toml";
    const auto profile = card::load_profile(shipped_cards() / "filecard.toml").value();
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    BOOST_REQUIRE(memory != MAP_FAILED); // NOLINT(performance-no-int-to-ptr)
    auto& shared = *new (memory) Shared;
    std::mt19937 random(static_cast<unsigned>(seed)); // NOLINT(cert-msc51-cpp) reproducible on purpose
    Model model;
    std::uint32_t number = 1;
    unsigned long old = 0;
    unsigned long half_way = 0;
    unsigned long changed = 0;
    for (unsigned long kill = 0; kill < kills; ++kill) {
        const bool by_itself = random() % 2 == 0;
        const auto call = static_cast<long>(random() % 60);
        const bool after = random() % 2 == 0;
        const auto child_seed = static_cast<unsigned>(random());
        const auto wait = static_cast<long>(random() % 6'000'000); // ns
        shared.publish({{model}, 1});
        const auto child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            calls_until_death = by_itself ? call : -1;
            dies_after_call = after;
            work(profile, state, model, number, shared, child_seed);
        }
        if (!by_itself) {
            const timespec time{0, wait};
            ::nanosleep(&time, nullptr);
            ::kill(child, SIGKILL);
        }
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        BOOST_REQUIRE_MESSAGE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                              "the child ended by itself, status " << status);
        const auto expected = shared.now();
        auto card = card::Card::create(profile, {.state_file = state});
        BOOST_REQUIRE_MESSAGE(card, "kill " << kill << " of seed " << seed << ": "
                                            << (card ? "" : card.error().message()));
        card.value()->power_on();
        const auto found = look(*card.value(), state);
        const auto* const end = expected.allowed.begin() + expected.count;
        const auto* const match = std::find(expected.allowed.begin(), end, found);
        BOOST_REQUIRE_MESSAGE(match != end, "kill " << kill << " of seed " << seed << ": found "
                                                    << to_text(found) << "; before it was "
                                                    << to_text(expected.allowed.front()));
        const auto which = expected.count == 1 ? 0 : match - expected.allowed.begin();
        (which == 0 ? old : which == 1 ? changed : half_way) += 1;
        model = found;
        number += 1000;
    }
    BOOST_TEST_MESSAGE(
        fmt::format("{} kills, {} commands: {} times the old state, {} the new one, {} a counted try", kills,
                    shared.commands.load(), old, changed, half_way));
    BOOST_TEST(old > 0U);
    BOOST_TEST(changed > 0U);
    ::munmap(memory, sizeof(Shared));
}

BOOST_AUTO_TEST_SUITE_END()
