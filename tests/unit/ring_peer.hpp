#pragma once

#include "link_peer.hpp"

#include <boost/test/unit_test.hpp>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstring>
#include <thread>

namespace cardlatch::test {

/// The words and bytes of a ring, as docs/protocol.md describes them and without the product's own code: for
/// peers that do with them what they please.
class RawRing {
  public:
    static constexpr std::size_t k_box = 17 * 4096;
    enum State : std::uint32_t { cold = 0, looking = 1, asleep = 2, full = 3, closed = 4 };

    /// One direction.
    class Box {
      public:
        explicit Box(std::uint8_t* at)
            : at_(at) {}
        [[nodiscard]] std::atomic_ref<std::uint32_t> state() const {
            return std::atomic_ref(reinterpret_cast<std::uint32_t*>(at_)[0]);
        }
        [[nodiscard]] std::atomic_ref<std::uint32_t> length() const {
            return std::atomic_ref(reinterpret_cast<std::uint32_t*>(at_)[1]);
        }
        [[nodiscard]] std::span<std::uint8_t> bytes() const { return {at_ + 16, k_box - 16}; }

        /// Puts a message, without waking anybody.
        void put(ByteView message) const { put(message, static_cast<std::uint32_t>(message.size())); }
        void put(ByteView message, std::uint32_t said_length) const {
            std::copy(message.begin(), message.end(), bytes().begin());
            length() = said_length;
            state() = full;
        }

        /// As a proper giver: only if somebody waits.
        [[nodiscard]] bool offer(ByteView message) const {
            std::copy(message.begin(), message.end(), bytes().begin());
            return offer(full, static_cast<std::uint32_t>(message.size()));
        }
        /// Any word and any length, if somebody waits who can be deceived by them.
        [[nodiscard]] bool offer(std::uint32_t said_word, std::uint32_t said_length) const {
            length() = said_length;
            for (std::uint32_t word : {looking, asleep, looking}) {
                if (state().compare_exchange_strong(word, said_word)) {
                    return true;
                }
            }
            return false;
        }

        void wake() const { (void)::syscall(SYS_futex, at_, FUTEX_WAKE, 1, nullptr, nullptr, 0); }

        /// Waits until the word is one of two values, and says which.
        std::uint32_t await(std::uint32_t value, std::uint32_t other) const {
            const auto end = std::chrono::steady_clock::now() + k_patience;
            while (std::chrono::steady_clock::now() < end) {
                if (const auto now = state().load(); now == value || now == other) {
                    return now;
                }
                std::this_thread::yield();
            }
            BOOST_FAIL("the ring's word did not change");
            return 0;
        }
        void await(std::uint32_t value) const { (void)await(value, value); }

        /// The message that was left, in hexadecimal.
        [[nodiscard]] std::string message() const { return to_hex(bytes().first(length())); }

      private:
        std::uint8_t* at_;
    };

    explicit RawRing(const UniqueFd& memory)
        : at_(static_cast<std::uint8_t*>(
              ::mmap(nullptr, 2 * k_box, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0))) {
        BOOST_REQUIRE(static_cast<void*>(at_) != MAP_FAILED);
        struct stat info {};
        BOOST_REQUIRE(::fstat(memory.get(), &info) == 0);
        BOOST_REQUIRE_EQUAL(static_cast<std::size_t>(info.st_size), 2 * k_box);
    }
    RawRing(RawRing&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)) {}
    RawRing& operator=(RawRing&&) = delete;
    RawRing(const RawRing&) = delete;
    RawRing& operator=(const RawRing&) = delete;
    ~RawRing() {
        if (at_ != nullptr) {
            (void)::munmap(at_, 2 * k_box);
        }
    }

    [[nodiscard]] Box to_card() const { return Box(at_); }
    [[nodiscard]] Box to_reader() const { return Box(at_ + k_box); }

  private:
    std::uint8_t* at_;
};

/// Hears `digits` and the descriptor that comes with them.
inline UniqueFd expect_with_descriptor(const Peer& peer, const std::string& digits) {
    Bytes bytes(digits.size() / 2);
    UniqueFd descriptor;
    pollfd item{peer.fd(), POLLIN, 0};
    BOOST_REQUIRE(::poll(&item, 1, static_cast<int>(std::chrono::milliseconds(k_patience).count())) == 1);
    const auto got = vpcd::receive_with_descriptor(peer.fd(), bytes, descriptor);
    BOOST_REQUIRE_EQUAL(got, static_cast<ssize_t>(bytes.size()));
    BOOST_REQUIRE_EQUAL(to_hex(bytes), digits);
    return descriptor;
}

} // namespace cardlatch::test
