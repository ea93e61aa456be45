#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

// What a reader with a PIN pad asks of the end where keys are typed, and what comes back (docs/protocol.md).

namespace cardlatch::vpcd {

/// The payload of FrameType::pin_request, in bytes.
inline constexpr std::size_t k_pin_request_size = 4;
/// Most PINs of one entry: the current one, the new one, the new one again.
inline constexpr std::size_t k_max_pins = 3;
/// The longest payload of FrameType::pin_entry, in bytes.
inline constexpr std::size_t k_max_pin_entry = 1 + k_max_pins * (1 + 255);

/// Which PINs the reader wants, and for how long it waits.
struct PinRequest {
    bool current = false;       ///< the PIN that is valid now
    bool fresh = false;         ///< a new PIN
    bool repeated = false;      ///< the new PIN once more
    std::uint8_t timeout_s = 0; ///< seconds; 0: the keypad's own time
    std::uint8_t min = 0;       ///< fewest digits; for the person, the reader checks
    std::uint8_t max = 0;       ///< most digits

    [[nodiscard]] std::array<std::uint8_t, k_pin_request_size> encode() const noexcept;
    /// Errors: LinkErrc::malformed.
    static Result<PinRequest> parse(ByteView payload);
};

/// What was typed. Wiped when it goes.
struct PinEntry {
    /// How it ended.
    enum class Outcome : std::uint8_t { entered = 0, cancelled = 1, timed_out = 2 };

    Outcome outcome = Outcome::cancelled;
    Bytes current; ///< with Outcome::entered: the PINs that were asked for, at most 255 bytes each
    Bytes fresh;
    Bytes repeated;

    PinEntry() = default;
    explicit PinEntry(Outcome how)
        : outcome(how) {}
    PinEntry(PinEntry&&) noexcept = default;
    PinEntry& operator=(PinEntry&&) noexcept = default;
    PinEntry(const PinEntry&) = delete;
    PinEntry& operator=(const PinEntry&) = delete;
    ~PinEntry();

    /// The payload that answers `request`; the caller wipes it. PINs beyond 255 bytes are cut there.
    [[nodiscard]] Bytes encode(const PinRequest& request) const;
    /// Errors: LinkErrc::malformed when it is no answer to `request`.
    static Result<PinEntry> parse(ByteView payload, const PinRequest& request);
};

} // namespace cardlatch::vpcd
