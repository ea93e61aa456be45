#pragma once

#include "../application.hpp"
#include "../secret.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iso7816/status_word.hpp>

#include <cstddef>
#include <cstdint>

namespace cardlatch::card::filecard {

/// A PIN as the profile describes it.
struct PinProfile {
    std::uint8_t reference = 1; ///< number in P2 of VERIFY, 1 to 31 (global reference data)
    Secret value;
    std::uint8_t tries = 3;     ///< 1 to 15
    std::size_t min_length = 4; ///< bytes
    std::size_t max_length = 16;
};

/// A PIN on a card: its try counter, and whether it is verified.
class Pin {
  public:
    explicit Pin(PinProfile profile)
        : profile_(std::move(profile))
        , tries_left_(profile_.tries) {}

    [[nodiscard]] std::uint8_t reference() const { return profile_.reference; }
    [[nodiscard]] bool verified() const { return verified_; }
    [[nodiscard]] std::uint8_t tries() const { return profile_.tries; }
    [[nodiscard]] std::uint8_t tries_left() const { return tries_left_; }
    void restore_tries_left(std::uint8_t tries) { tries_left_ = tries; }
    void forget_verification() { verified_ = false; }

    /// 9000 when verified, 6983 when blocked, else 63Cx. Source: ISO/IEC 7816-4 §11.6.6.
    [[nodiscard]] iso7816::StatusWord state() const;

    /// Compares `candidate` after one try less is on disk, so that cutting the power never gives a try back.
    /// 9000; 63Cx or 6983 when wrong or blocked; 6700 for an illegal length, which costs no try; 6581 when
    /// the counter cannot be stored, and then nothing was compared or the verification does not count.
    [[nodiscard]] iso7816::StatusWord verify(ByteView candidate, Persistence& persistence);

  private:
    PinProfile profile_;
    std::uint8_t tries_left_;
    bool verified_ = false;
};

} // namespace cardlatch::card::filecard
