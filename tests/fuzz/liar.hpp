#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/unique_fd.hpp>
#include <cardlatch/vpcd/codec.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

namespace cardlatch::test {

/// What all liars have done, and when they stop.
struct LiarCounters {
    std::atomic<std::uint64_t> mutated{0};
    std::atomic<std::uint64_t> proper{0};
    std::atomic<std::uint64_t> links{0};
    std::atomic<std::uint64_t> scribbles{0};     ///< in the memory of a ring
    std::atomic<std::uint64_t> ring_commands{0}; ///< that came through it
    std::atomic<bool> stop{false};
};

/// One card that lies, on the link to one reader: it mutates about every second frame, and writes into the
/// ring what no proper card writes there.
class Liar {
  public:
    Liar(std::string path, LiarCounters& counters, std::uint64_t seed)
        : path_(std::move(path))
        , counters_(counters)
        , random_(seed) {}

    /// Lies until the counters say stop.
    void run();

  private:
    class Ring;

    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool chance(unsigned percent) { return below(100) < percent; }

    [[nodiscard]] UniqueFd connect() const;
    void one_link();
    bool receive(int fd, vpcd::Decoder& decoder, std::unique_ptr<Ring>& ring);
    bool answer(int fd, vpcd::Dialect dialect, vpcd::FrameType request, std::uint8_t version);
    Bytes response();
    bool say(int fd, Bytes message);
    void mutate(Bytes& data);
    void scribble(Ring& ring);

    const std::string path_;
    LiarCounters& counters_;
    std::mt19937_64 random_;
    unsigned lies_ = 0; ///< of a hundred frames on this link
};

} // namespace cardlatch::test
