// The ring: messages both ways, waits that end, and memory in which the other side writes what it likes. The
// kernel's part is replaced where it has to refuse.

#include "ring_peer.hpp"

#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/ring.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cstdarg>
#include <fcntl.h>
#include <thread>
#include <vector>

using namespace cardlatch;
using namespace cardlatch::vpcd;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

/// What the kernel refuses at present. --wrap sends the calls here.
struct Kernel {
    std::atomic<bool> has_memfd{true};
    std::atomic<bool> has_futex{true};
    std::atomic<bool> wakes{true};
    std::atomic<bool> has_no_exec{true};
};
Kernel kernel;

} // namespace

extern "C" {
int __real_memfd_create(const char* name, unsigned flags);
int __wrap_memfd_create(const char* name, unsigned flags) {
    constexpr unsigned k_no_exec = 0x0008;
    if (!kernel.has_memfd || (!kernel.has_no_exec && (flags & k_no_exec) != 0)) {
        errno = kernel.has_memfd ? EINVAL : EPERM;
        return -1;
    }
    return __real_memfd_create(name, flags);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    std::array<long, 6> a{};
    for (auto& one : a) {
        one = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_futex) {
        if (!kernel.has_futex) {
            errno = ENOSYS;
            return -1;
        }
        if (a[1] == FUTEX_WAKE && !kernel.wakes) {
            return 0;
        }
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
}

namespace {

/// Both ends of a ring, as two processes have them, and the memory as a third would.
struct Fixture {
    Fixture() = default;
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;
    ~Fixture() { kernel.has_memfd = kernel.has_futex = kernel.wakes = kernel.has_no_exec = true; }

    static std::unique_ptr<Ring> made(UniqueFd& memory) {
        auto ring = Ring::create();
        BOOST_REQUIRE_MESSAGE(ring, (ring ? "" : ring.error().message()));
        memory = ring.value()->take_descriptor();
        return std::move(ring).value();
    }
    static std::unique_ptr<Ring> adopted(const UniqueFd& memory) {
        auto ring = Ring::adopt(UniqueFd(::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0)));
        BOOST_REQUIRE_MESSAGE(ring, (ring ? "" : ring.error().message()));
        return std::move(ring).value();
    }

    UniqueFd memory;
    std::unique_ptr<Ring> reader = made(memory);
    std::unique_ptr<Ring> card = adopted(memory);
    RawRing raw{memory};
    Bytes room = Bytes(k_max_message);
};

Clock::time_point soon() {
    return Clock::now() + Milliseconds(20);
}

Clock::time_point far() {
    return Clock::now() + k_patience;
}

Bytes pattern(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::uint8_t>(i * 7 + size);
    }
    return bytes;
}

const std::vector<std::size_t> k_sizes{1, 2, 7, 8, 9, 56, 57, 4096, 65536, k_max_response, k_max_command};

} // namespace

BOOST_AUTO_TEST_SUITE(vpcd_ring)

BOOST_DATA_TEST_CASE(message_passes_both_ways_and_leaves_nothing_behind, data::make(k_sizes), size) {
    Fixture f;
    const auto message = pattern(size);
    f.card->expect();
    BOOST_REQUIRE(f.reader->send(message));
    auto got = f.card->await(f.room, far());
    BOOST_REQUIRE(got);
    BOOST_TEST((got.value().arrival == Ring::Arrival::message));
    BOOST_TEST(to_hex(got.value().message) == to_hex(message));
    for (const auto byte : f.raw.to_card().bytes()) {
        BOOST_REQUIRE_EQUAL(byte, 0); // it may have been a PIN
    }
    f.reader->expect();
    BOOST_TEST(f.card->send(message) == (size >= 2 && size <= k_max_response));
    if (size >= 2 && size <= k_max_response) {
        got = f.reader->await(f.room, far());
        BOOST_REQUIRE(got);
        BOOST_TEST(to_hex(got.value().message) == to_hex(message));
    }
}

BOOST_AUTO_TEST_CASE(message_that_no_inbox_takes_is_not_sent) {
    Fixture f;
    f.card->expect();
    f.reader->expect();
    BOOST_TEST(!f.reader->send({}));
    BOOST_TEST(!f.reader->send(Bytes(k_max_command + 1)));
    BOOST_TEST(!f.card->send(Bytes(1)));
    BOOST_TEST(!f.card->send(Bytes(k_max_response + 1)));
}

BOOST_AUTO_TEST_CASE(nothing_is_left_where_nobody_waits) {
    Fixture f;
    BOOST_TEST(!f.reader->send(hex("00A40400"))); // before the first wait
    f.card->expect();
    f.card->forget();
    BOOST_TEST(!f.reader->send(hex("00A40400")));
    f.card->expect();
    BOOST_REQUIRE(f.reader->send(hex("00A40400")));
    BOOST_TEST(!f.reader->send(hex("00B00000"))); // the first has not been taken
    BOOST_REQUIRE(f.card->await(f.room, far()));
    BOOST_TEST(!f.reader->send(hex("00B00000"))); // taken, and nothing is expected
}

BOOST_AUTO_TEST_CASE(wait_without_a_message_ends_and_the_next_goes_through_the_socket) {
    Fixture f;
    f.card->expect();
    const auto got = f.card->await(f.room, soon());
    BOOST_REQUIRE(got);
    BOOST_TEST((got.value().arrival == Ring::Arrival::nothing));
    BOOST_TEST(f.raw.to_card().state().load() == RawRing::cold);
    BOOST_TEST(!f.reader->send(hex("00A40400")));
}

BOOST_AUTO_TEST_CASE(sleeper_is_woken_by_a_message) {
    Fixture f;
    f.card->expect();
    auto waiting = std::async(std::launch::async, [&] { return f.card->await(f.room, far()); });
    f.raw.to_card().await(RawRing::asleep);
    BOOST_REQUIRE(f.reader->send(hex("00A40400")));
    BOOST_REQUIRE((waiting.wait_for(k_patience / 2) == std::future_status::ready));
    const auto got = waiting.get();
    BOOST_REQUIRE(got);
    BOOST_TEST(to_hex(got.value().message) == "00A40400");
}

BOOST_AUTO_TEST_CASE(sleeper_is_called_to_the_socket) {
    Fixture f;
    f.reader->call_to_socket(); // nobody waits: nothing happens
    f.card->expect();
    auto waiting = std::async(std::launch::async, [&] { return f.card->await(f.room, far()); });
    f.raw.to_card().await(RawRing::asleep);
    f.reader->call_to_socket();
    BOOST_REQUIRE((waiting.wait_for(k_patience / 2) == std::future_status::ready));
    const auto got = waiting.get();
    BOOST_REQUIRE(got);
    BOOST_TEST((got.value().arrival == Ring::Arrival::on_socket));
}

BOOST_AUTO_TEST_CASE(message_whose_wake_up_is_lost_is_taken_at_the_end_of_the_wait) {
    Fixture f;
    kernel.wakes = false;
    f.card->expect();
    auto waiting = std::async(std::launch::async,
                              [&] { return f.card->await(f.room, Clock::now() + Milliseconds(300)); });
    (void)f.raw.to_card().await(RawRing::asleep, RawRing::cold);
    const bool left = f.reader->send(hex("00A40400"));
    const auto got = waiting.get();
    BOOST_REQUIRE(got);
    BOOST_TEST((got.value().arrival == Ring::Arrival::message) == left);
}

BOOST_DATA_TEST_CASE(end_of_the_link_wakes_a_sleeper, data::make({true, false}), by_the_other_side) {
    Fixture f;
    f.card->expect();
    auto waiting =
        std::async(std::launch::async, [&card = *f.card, &room = f.room] { return card.await(room, far()); });
    f.raw.to_card().await(RawRing::asleep);
    (by_the_other_side ? f.reader : f.card)->shut_down();
    BOOST_REQUIRE((waiting.wait_for(k_patience / 2) == std::future_status::ready));
    auto got = waiting.get();
    BOOST_REQUIRE(got);
    BOOST_TEST((got.value().arrival == Ring::Arrival::nothing));
    f.card->expect(); // it stays ended
    BOOST_TEST(!f.reader->send(hex("00A40400")));
    got = f.card->await(f.room, far());
    BOOST_REQUIRE(got);
    BOOST_TEST((got.value().arrival == Ring::Arrival::nothing));
}

BOOST_AUTO_TEST_CASE(message_that_was_left_outlives_the_link) {
    Fixture f;
    f.reader->expect();
    BOOST_REQUIRE(f.card->send(hex("9000")));
    f.card->shut_down();
    f.reader->shut_down();
    const auto got = f.reader->await(f.room, far());
    BOOST_REQUIRE(got);
    BOOST_TEST(to_hex(got.value().message) == "9000");
}

const std::vector<std::uint32_t> k_bad_lengths{1, k_max_response + 1, RawRing::k_box, 0x7FFFFFFF, 0xFFFFFFFF};

BOOST_DATA_TEST_CASE(length_that_no_response_has_is_an_error, data::make(k_bad_lengths), length) {
    Fixture f;
    f.reader->expect();
    f.raw.to_reader().put(hex("9000"), length);
    const auto got = f.reader->await(f.room, far());
    BOOST_REQUIRE(!got);
    BOOST_TEST((got.error().code == LinkErrc::malformed));
}

const std::vector<std::uint32_t> k_bad_words{5, 0x80000000, 0xFFFFFFFF};

BOOST_DATA_TEST_CASE(word_that_means_nothing_is_an_error, data::make(k_bad_words), word) {
    Fixture f;
    f.reader->expect();
    f.raw.to_reader().state() = word;
    const auto got = f.reader->await(f.room, far());
    BOOST_REQUIRE(!got);
    BOOST_TEST((got.error().code == LinkErrc::malformed));
}

BOOST_AUTO_TEST_CASE(word_that_is_taken_back_ends_the_wait) {
    for (const std::uint32_t word : {RawRing::cold, RawRing::looking, RawRing::closed}) {
        Fixture f;
        f.reader->expect();
        auto waiting = std::async(std::launch::async, [&] { return f.reader->await(f.room, soon()); });
        (void)f.raw.to_reader().await(RawRing::asleep, RawRing::cold);
        f.raw.to_reader().state() = word;
        BOOST_TEST((waiting.wait_for(k_patience) == std::future_status::ready));
        const auto got = waiting.get();
        BOOST_TEST((!got || got.value().arrival == Ring::Arrival::nothing));
    }
}

BOOST_AUTO_TEST_CASE(scribbler_gains_nothing) {
    Fixture f;
    std::atomic<bool> stop{false};
    std::thread scribbler([&] {
        std::uint32_t seed = 1;
        while (!stop) {
            seed = seed * 1664525 + 1013904223;
            const auto box = (seed & 0x100U) != 0 ? f.raw.to_reader() : f.raw.to_card();
            if ((seed & 0x200U) != 0) {
                box.state() = (seed >> 16U) % 6;
            } else {
                box.length() = (seed & 0x400U) != 0 ? seed : seed >> 16U;
            }
        }
    });
    for (int i = 0; i < 300; ++i) {
        f.reader->expect();
        (void)f.reader->send(hex("00A40400"));
        const auto got = f.reader->await(f.room, Clock::now() + Milliseconds(1));
        if (got && got.value().arrival == Ring::Arrival::message) {
            BOOST_REQUIRE_GE(got.value().message.size(), 2U);
            BOOST_REQUIRE_LE(got.value().message.size(), k_max_response);
        }
    }
    f.reader->shut_down();
    stop = true;
    scribbler.join();
}

BOOST_AUTO_TEST_CASE(memory_keeps_its_size) {
    Fixture f;
    BOOST_TEST(::ftruncate(f.memory.get(), 0) != 0);
    BOOST_TEST(::ftruncate(f.memory.get(), 1 << 20) != 0);
    BOOST_TEST(::fcntl(f.memory.get(), F_ADD_SEALS, F_SEAL_WRITE) != 0);
}

BOOST_AUTO_TEST_CASE(memory_that_is_no_ring_is_refused) {
    const auto refused = [](UniqueFd memory) { return !Ring::adopt(std::move(memory)).has_value(); };
    BOOST_TEST(refused(UniqueFd()));
    BOOST_TEST(refused(UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC))));
    UniqueFd unsealed(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    BOOST_REQUIRE(::ftruncate(unsealed.get(), 2 * RawRing::k_box) == 0);
    BOOST_TEST(refused(std::move(unsealed)));
    UniqueFd small(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    BOOST_REQUIRE(::ftruncate(small.get(), 4096) == 0);
    BOOST_REQUIRE(::fcntl(small.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    BOOST_TEST(refused(std::move(small)));
    const TempDir dir;
    UniqueFd file(::open(dir.path("file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    BOOST_REQUIRE(::ftruncate(file.get(), 2 * RawRing::k_box) == 0);
    BOOST_TEST(refused(std::move(file)));
}

BOOST_AUTO_TEST_CASE(kernel_without_memfd_is_an_error) {
    const Fixture f;
    kernel.has_memfd = false;
    const auto ring = Ring::create();
    BOOST_REQUIRE(!ring);
    BOOST_TEST((ring.error().code == std::errc::operation_not_permitted));
}

BOOST_AUTO_TEST_CASE(kernel_that_knows_no_exec_flag_has_a_ring) {
    const Fixture f;
    kernel.has_no_exec = false;
    BOOST_TEST(Ring::create().has_value());
}

BOOST_AUTO_TEST_CASE(process_with_a_limit_for_files_has_no_ring) {
    const Fixture f;
    rlimit before{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit tight{4096, before.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const auto ring = Ring::create();
    BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    BOOST_REQUIRE(!ring);
    BOOST_TEST((ring.error().code == std::errc::file_too_large));
}

BOOST_AUTO_TEST_CASE(kernel_without_futex_ends_the_wait_at_once) {
    Fixture f;
    kernel.has_futex = false;
    f.card->expect();
    const auto got = f.card->await(f.room, Clock::time_point::max());
    BOOST_REQUIRE(got);
    BOOST_TEST((got.value().arrival == Ring::Arrival::nothing));
}

BOOST_AUTO_TEST_SUITE_END()
