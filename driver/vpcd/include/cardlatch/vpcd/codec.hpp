#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

// The messages of docs/protocol.md as bytes. No I/O here.

namespace cardlatch::vpcd {

/// How messages are framed: vpcd's own way, or the extension's typed frames.
enum class Dialect : std::uint8_t { plain, extended };

/// Who sent a message: the reader's driver (IFD) or the card (ICC).
enum class Side : std::uint8_t { ifd, icc };

/// What a message is. The numbers are the extension's type bytes; request_atr exists in the plain dialect
/// only.
enum class FrameType : std::uint8_t {
    request_atr = 0x00,
    power_on = 0x01,
    power_off = 0x02,
    reset = 0x03,
    command = 0x10,
    pin_request = 0x11,
    protocol = 0x12,
    hello = 0x1F,
    atr = 0x81,
    off = 0x82,
    response = 0x90,
    pin_entry = 0x91,
    card = 0x92,
    no_answer = 0x93,
    protocol_set = 0x94,
    time_extension = 0xA0,
};

/// The length field of a plain message, in bytes.
inline constexpr std::size_t k_plain_header = 2;
/// Longest body of a plain message, in bytes.
inline constexpr std::size_t k_max_plain_body = 0xFFFF;
/// The length field of an extended frame, in bytes; the type byte counts as body.
inline constexpr std::size_t k_extended_header = 4;
/// Longest body of an extended frame, type byte included, in bytes.
inline constexpr std::size_t k_max_extended_body = 65600;
/// Longest message of either dialect, header included, in bytes. No decoder holds more.
inline constexpr std::size_t k_max_message = k_extended_header + k_max_extended_body;

/// Longest command APDU, in bytes. Source: ISO/IEC 7816-3 §12.1.3.
inline constexpr std::size_t k_max_command = 4 + 3 + 65535 + 2;
/// Longest response APDU, in bytes.
inline constexpr std::size_t k_max_response = 65536 + 2;
/// Longest ATR, in bytes. Source: ISO/IEC 7816-3 §8.2.
inline constexpr std::size_t k_max_atr = 33;

static_assert(k_max_plain_body + k_plain_header <= k_max_message);
static_assert(1 + k_max_command <= k_max_extended_body && 1 + k_max_response <= k_max_extended_body);

/// Longest text with which a card asks to be hosted, in bytes.
inline constexpr std::size_t k_max_hosting_request = 4096;

/// The newest version of the extension. Both ends know every version up to it.
inline constexpr std::uint8_t k_extension_version = 5;
/// The version from which a hello carries features, and the card answers to it.
inline constexpr std::uint8_t k_features_version = 2;
/// The version from which a card's end may say that no answer comes.
inline constexpr std::uint8_t k_no_answer_version = 3;
/// The version from which the reader's hello may bring memory for a ring.
inline constexpr std::uint8_t k_ring_version = 4;

/// The version from which the reader tells the protocol that was negotiated.
inline constexpr std::uint8_t k_protocol_version = 5;

/// Why a command gets no answer, as a reader finds out: the payload of a no_answer frame.
enum class NoAnswer : std::uint8_t {
    mute = 0x01,    ///< the card's waiting time has passed
    garbled = 0x02, ///< what came is no response
};

/// What the reader can do beyond carrying APDUs: bits of a hello's second byte.
enum class ReaderFeature : std::uint8_t {
    hosts_cards = 0x01, ///< a card may ask to be run inside the reader
    pin_pad = 0x02,     ///< the reader asks the card's end for what is typed
    ring = 0x04,        ///< a descriptor of memory for a ring comes with the hello
};
/// What a card answers to the first request for its ATR to offer the extension: "CLX" and its version.
inline constexpr std::array<std::uint8_t, 4> k_extension_offer{0x43, 0x4C, 0x58, k_extension_version};

/// One message. `payload` is what follows length and type; it belongs to the decoder.
struct Frame {
    FrameType type;
    ByteView payload;
};

/// Writes messages one behind the other into one buffer, so that they leave in one send. Keeps its memory.
class Encoder {
  public:
    /// Forgets the messages, not the memory.
    void clear() noexcept { bytes_.clear(); }

    /// Forgets the messages and overwrites them first.
    void wipe() noexcept {
        cardlatch::wipe(bytes_);
        bytes_.clear();
    }

    /// Appends one message.
    /// Errors: LinkErrc::too_long when the dialect cannot carry `payload`; LinkErrc::malformed when the
    /// dialect has no such message (a command APDU of one byte looks like a control byte in plain vpcd).
    Result<void> add(Dialect dialect, FrameType type, ByteView payload = {});

    [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }

  private:
    Bytes bytes_;
};

/// Cuts a byte stream into messages. Holds at most one message's bytes, whatever a peer claims.
///
/// Fill `space()`, tell `commit()`, then take messages by `next()` until there is none:
/// one receive may bring several messages or a part of one.
class Decoder {
  public:
    /// Reads what `sender` writes.
    Decoder(Dialect dialect, Side sender);

    /// Where the next received bytes go: never empty once next() has said that no message is complete.
    /// Ends the life of the payload that next() gave last.
    [[nodiscard]] std::span<std::uint8_t> space() noexcept;

    /// `size` bytes have been written to space().
    void commit(std::size_t size) noexcept;

    /// The next complete message, or nothing until more bytes come.
    /// Errors: LinkErrc::malformed for a length or type that `sender` may not send; the stream is lost then.
    Result<std::optional<Frame>> next();

    /// True between messages: no byte of a further one has come.
    [[nodiscard]] bool idle() const noexcept { return begin_ == end_; }

    [[nodiscard]] Dialect dialect() const noexcept { return dialect_; }

    /// Overwrites every byte that it holds or held. Only while idle(). Ends the life of payloads.
    void wipe() noexcept;

    /// The messages from here on are framed in `dialect`.
    void switch_to(Dialect dialect) noexcept { dialect_ = dialect; }

  private:
    Result<std::optional<Frame>> next_plain();
    Result<std::optional<Frame>> next_extended();

    std::unique_ptr<std::uint8_t[]> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    Dialect dialect_;
    Side sender_;
};

} // namespace cardlatch::vpcd
