#pragma once

#include <cardlatch/base/result.hpp>

#include <cstdint>
#include <span>

namespace cardlatch::card {

/// Where a card takes its random bytes from. Injected, so that a test or a seeded run knows them beforehand.
class RandomSource {
  public:
    virtual ~RandomSource() = default;

    /// Fills `out` with random bytes. Called on the thread that uses the card.
    /// Errors: whatever the source reports; the card answers 6400 then.
    virtual Result<void> fill(std::span<std::uint8_t> out) = 0;
};

/// The operating system's randomness through OpenSSL's RAND_bytes. Any thread may use it.
RandomSource& system_random();

} // namespace cardlatch::card
