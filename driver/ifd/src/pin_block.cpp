#include "pin_block.hpp"

#include <algorithm>
#include <cstring>

namespace cardlatch::ifd {

namespace {

constexpr std::size_t k_verify_head = 19;
constexpr std::size_t k_modify_head = 24;
constexpr std::size_t k_apdu_head = 4;
constexpr std::size_t k_max_short_data = 255;
constexpr std::uint8_t k_padding = 0xFF;

template <class T>
T host_order(ByteView bytes, std::size_t at) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

std::uint32_t reversed(std::uint32_t v) {
    return v >> 24U | (v >> 8U & 0xFF00U) | (v << 8U & 0xFF0000U) | v << 24U;
}

/// The part that both structures share: format, lengths, the template.
std::optional<PinCommand> read(ByteView s, std::size_t head, std::size_t sizes_at) {
    if (s.size() < head + k_apdu_head) {
        return std::nullopt;
    }
    const auto length = host_order<std::uint32_t>(s, head - 4);
    auto sizes = host_order<std::uint16_t>(s, sizes_at);
    const auto data = s.subspan(head);
    if (length != data.size()) {
        if (reversed(length) != data.size()) {
            return std::nullopt;
        }
        sizes = static_cast<std::uint16_t>(sizes >> 8U | sizes << 8U);
    }
    const bool counted = data.size() == k_apdu_head || data.size() == 5 + std::size_t{data[4]} ||
                         (data[4] != 0 && data.size() == 6 + std::size_t{data[4]}); // with Le
    const unsigned format = s[2] & 0x03U;
    if (!counted || format == 0x03) {
        return std::nullopt;
    }
    PinCommand command;
    command.request.timeout_s = s[0];
    command.request.min = static_cast<std::uint8_t>(sizes >> 8U);
    command.request.max = static_cast<std::uint8_t>(sizes);
    command.encoding = static_cast<PinCommand::Encoding>(format);
    command.right_justified = (s[2] & 0x04U) != 0;
    command.position_bits = (s[2] >> 3U & 0x0FU) * ((s[2] & 0x80U) != 0 ? 8 : 1);
    command.block_size = s[3] & 0x0FU;
    command.length_bits = s[3] >> 4U;
    command.length_position_bits = (s[4] & 0x0FU) * ((s[4] & 0x10U) != 0 ? 8 : 1);
    command.apdu.assign(data.begin(), data.end());
    return command;
}

/// Writes the lowest `width` bits of `value` at bit `at`, most significant first. False beyond the end.
bool put_bits(std::span<std::uint8_t> data, std::size_t at, unsigned width, unsigned value) {
    if (at + width > data.size() * 8) {
        return false;
    }
    for (unsigned i = 0; i < width; ++i, ++at) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> (at % 8));
        const bool bit = (value >> (width - 1 - i) & 1U) != 0;
        data[at / 8] = static_cast<std::uint8_t>(bit ? data[at / 8] | mask : data[at / 8] & ~mask);
    }
    return true;
}

bool is_digit(std::uint8_t key) {
    return key >= '0' && key <= '9';
}

} // namespace

std::optional<PinCommand> PinCommand::verify(ByteView structure) {
    auto command = read(structure, k_verify_head, 5);
    if (command) {
        command->request.current = true;
    }
    return command;
}

std::optional<PinCommand> PinCommand::modify(ByteView structure) {
    constexpr std::uint8_t k_confirm = 0x01;
    constexpr std::uint8_t k_ask_current = 0x02;
    auto command = read(structure, k_modify_head, 7);
    if (command) {
        command->current_offset = structure[5];
        command->fresh_offset = structure[6];
        command->request.fresh = true;
        command->request.repeated = (structure[9] & k_confirm) != 0;
        command->request.current = (structure[9] & k_ask_current) != 0;
    }
    return command;
}

std::optional<std::uint16_t> PinCommand::refusal(const vpcd::PinEntry& entry) const {
    constexpr std::uint16_t k_timed_out = 0x6400;
    constexpr std::uint16_t k_cancelled = 0x6401;
    constexpr std::uint16_t k_mismatch = 0x6402;
    constexpr std::uint16_t k_wrong_length = 0x6403;
    if (entry.outcome == vpcd::PinEntry::Outcome::timed_out) {
        return k_timed_out;
    }
    if (entry.outcome == vpcd::PinEntry::Outcome::cancelled) {
        return k_cancelled;
    }
    const auto fits = [this](bool asked, const Bytes& pin) {
        return !asked || (pin.size() >= request.min && pin.size() <= request.max);
    };
    if (!fits(request.current, entry.current) || !fits(request.fresh, entry.fresh)) {
        return k_wrong_length;
    }
    if (request.repeated && entry.fresh != entry.repeated) {
        return k_mismatch;
    }
    return std::nullopt;
}

namespace {

/// One PIN's block in the data field.
class Block {
  public:
    Block(const PinCommand& command, const Bytes& pin)
        : command_(command)
        , pin_(pin)
        , key_bits_(command.encoding == PinCommand::Encoding::bcd ? 4 : 8) {}

    /// Bytes of a block that no template has prepared.
    [[nodiscard]] std::size_t size() const {
        const std::size_t needed = (command_.position_bits + bits() + 7) / 8;
        return std::max<std::size_t>(command_.block_size, needed);
    }

    /// Writes it at byte `offset` of `data`.
    [[nodiscard]] bool write(std::span<std::uint8_t> data, std::size_t offset) const {
        const std::size_t begin = offset * 8;
        std::size_t at = begin + command_.position_bits;
        if (command_.block_size != 0) {
            // A block may be counted with or without what precedes the PIN in it: it ends with the data at
            // last.
            const auto end = std::min(at + std::size_t{command_.block_size} * 8, data.size() * 8);
            if (at + bits() > end) {
                return false;
            }
            at = command_.right_justified ? end - bits() : at;
        }
        for (const auto key : pin_) {
            const bool numeric = command_.encoding != PinCommand::Encoding::ascii;
            if ((numeric && !is_digit(key)) || !put_bits(data, at, key_bits_, numeric ? key - '0' : key)) {
                return false;
            }
            at += key_bits_;
        }
        const auto length = static_cast<unsigned>(pin_.size());
        return command_.length_bits == 0 ||
               (length < 1U << command_.length_bits &&
                put_bits(data, begin + command_.length_position_bits, command_.length_bits, length));
    }

  private:
    [[nodiscard]] std::size_t bits() const { return pin_.size() * key_bits_; }

    const PinCommand& command_;
    const Bytes& pin_;
    unsigned key_bits_;
};

} // namespace

std::optional<Bytes> PinCommand::fill(const vpcd::PinEntry& entry) const {
    const Block current(*this, entry.current);
    const Block fresh(*this, entry.fresh);
    const bool prepared = apdu.size() > 5;
    auto new_at = std::size_t{fresh_offset};
    std::size_t size = prepared ? apdu[4] : 0;
    if (!prepared) {
        if (request.current && request.fresh && fresh_offset == current_offset) {
            new_at = current_offset + current.size(); // one behind the other
        }
        size = std::max(request.current ? current_offset + current.size() : 0,
                        request.fresh ? new_at + fresh.size() : 0);
    }
    if (size > k_max_short_data) {
        return std::nullopt;
    }
    Bytes filled;
    filled.reserve(k_apdu_head + 1 + size + 1); // no reallocation leaves digits behind
    filled.assign(apdu.begin(), apdu.begin() + k_apdu_head);
    filled.push_back(static_cast<std::uint8_t>(size));
    if (prepared) {
        filled.insert(filled.end(), apdu.begin() + k_apdu_head + 1, apdu.end());
    } else {
        filled.resize(filled.size() + size, k_padding);
    }
    const auto data = std::span(filled).subspan(k_apdu_head + 1, size);
    if ((request.current && !current.write(data, current_offset)) ||
        (request.fresh && !fresh.write(data, new_at))) {
        wipe(filled);
        return std::nullopt;
    }
    return filled;
}

} // namespace cardlatch::ifd
