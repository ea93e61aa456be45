#include <cardlatch/vpcd/codec.hpp>
#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>

#include <algorithm>
#include <string>

namespace cardlatch::vpcd {

namespace {

/// The control bytes of plain vpcd. Source: vpcd.h of vsmartcard.
enum class Control : std::uint8_t { power_off = 0, power_on = 1, reset = 2, request_atr = 4 };

std::optional<Control> control_of(FrameType type) {
    switch (type) {
    case FrameType::power_off:
        return Control::power_off;
    case FrameType::power_on:
        return Control::power_on;
    case FrameType::reset:
        return Control::reset;
    case FrameType::request_atr:
        return Control::request_atr;
    default:
        return std::nullopt;
    }
}

std::optional<FrameType> type_of(std::uint8_t control) {
    switch (static_cast<Control>(control)) {
    case Control::power_off:
        return FrameType::power_off;
    case Control::power_on:
        return FrameType::power_on;
    case Control::reset:
        return FrameType::reset;
    case Control::request_atr:
        return FrameType::request_atr;
    }
    return std::nullopt;
}

/// Who may send an extended frame, and with how many bytes of payload.
struct Rule {
    FrameType type;
    Side sender;
    std::size_t min;
    std::size_t max;
};

constexpr std::array k_rules{
    Rule{FrameType::power_on, Side::ifd, 0, 0},
    Rule{FrameType::power_off, Side::ifd, 0, 0},
    Rule{FrameType::reset, Side::ifd, 0, 0},
    Rule{FrameType::command, Side::ifd, 1, k_max_command},
    Rule{FrameType::pin_request, Side::ifd, k_pin_request_size, k_pin_request_size},
    Rule{FrameType::protocol, Side::ifd, 1, 1},
    Rule{FrameType::hello, Side::ifd, 1, 2},
    Rule{FrameType::atr, Side::icc, 0, k_max_atr},
    Rule{FrameType::off, Side::icc, 0, 0},
    Rule{FrameType::response, Side::icc, 2, k_max_response},
    Rule{FrameType::pin_entry, Side::icc, 1, k_max_pin_entry},
    Rule{FrameType::card, Side::icc, 0, k_max_hosting_request},
    Rule{FrameType::no_answer, Side::icc, 1, 1},
    Rule{FrameType::protocol_set, Side::icc, 0, 0},
    Rule{FrameType::time_extension, Side::icc, 2, 2},
};

const Rule* rule_of(FrameType type) {
    const auto* const rule =
        std::find_if(k_rules.begin(), k_rules.end(), [&](const Rule& r) { return r.type == type; });
    return rule == k_rules.end() ? nullptr : rule;
}

std::string name_of(FrameType type) {
    const auto byte = static_cast<std::uint8_t>(type);
    return "frame " + to_hex(ByteView(&byte, 1));
}

} // namespace

Result<void> Encoder::add(Dialect dialect, FrameType type, ByteView payload) {
    const auto put = [this](std::initializer_list<std::size_t> head) {
        for (const auto byte : head) {
            bytes_.push_back(static_cast<std::uint8_t>(byte));
        }
    };
    if (dialect == Dialect::extended) {
        const Rule* rule = rule_of(type);
        if (rule == nullptr || payload.size() < rule->min) {
            return fail(LinkErrc::malformed, "the extension has no " + name_of(type) + " of " +
                                                 std::to_string(payload.size()) + " bytes");
        }
        if (payload.size() > rule->max) {
            return fail(LinkErrc::too_long, std::to_string(payload.size()) + " bytes in one " +
                                                name_of(type) + ": the extension carries " +
                                                std::to_string(rule->max));
        }
        const std::size_t length = 1 + payload.size();
        put({length >> 24U, length >> 16U, length >> 8U, length, static_cast<std::size_t>(type)});
    } else if (const auto control = control_of(type)) {
        put({0, 1, static_cast<std::size_t>(*control)});
        return ok();
    } else {
        const bool from_card = type == FrameType::response || type == FrameType::atr;
        if (!from_card && (type != FrameType::command || payload.size() < 2)) {
            return fail(LinkErrc::malformed, "plain vpcd has no " + name_of(type) + " of " +
                                                 std::to_string(payload.size()) + " bytes");
        }
        if (payload.size() > k_max_plain_body) {
            return fail(LinkErrc::too_long,
                        std::to_string(payload.size()) + " bytes in one message: plain vpcd carries 65535");
        }
        put({payload.size() >> 8U, payload.size()});
    }
    bytes_.insert(bytes_.end(), payload.begin(), payload.end());
    return ok();
}

Decoder::Decoder(Dialect dialect, Side sender)
    : buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(k_max_message))
    , dialect_(dialect)
    , sender_(sender) {}

std::span<std::uint8_t> Decoder::space() noexcept {
    if (begin_ != 0) {
        std::copy(buffer_.get() + begin_, buffer_.get() + end_, buffer_.get());
        end_ -= begin_;
        begin_ = 0;
    }
    return {buffer_.get() + end_, k_max_message - end_};
}

void Decoder::commit(std::size_t size) noexcept {
    end_ += std::min(size, k_max_message - end_);
}

void Decoder::wipe() noexcept {
    cardlatch::wipe({buffer_.get(), end_});
    begin_ = 0;
    end_ = 0;
}

Result<std::optional<Frame>> Decoder::next() {
    return dialect_ == Dialect::plain ? next_plain() : next_extended();
}

Result<std::optional<Frame>> Decoder::next_plain() {
    const ByteView held(buffer_.get() + begin_, end_ - begin_);
    if (held.size() < k_plain_header) {
        return std::nullopt;
    }
    const std::size_t length = static_cast<std::size_t>(held[0]) << 8U | held[1];
    if (length == 0 && sender_ == Side::ifd) {
        return fail(LinkErrc::malformed, "the reader sent a message of length 0");
    }
    if (held.size() - k_plain_header < length) {
        return std::nullopt;
    }
    const ByteView body = held.subspan(k_plain_header, length);
    begin_ += k_plain_header + length;
    if (sender_ == Side::icc) {
        return Frame{FrameType::response, body};
    }
    if (length > 1) {
        return Frame{FrameType::command, body};
    }
    const auto type = type_of(body[0]);
    if (!type) {
        return fail(LinkErrc::malformed, "the reader sent the unknown control byte " + to_hex(body));
    }
    return Frame{*type, {}};
}

Result<std::optional<Frame>> Decoder::next_extended() {
    const ByteView held(buffer_.get() + begin_, end_ - begin_);
    if (held.size() < k_extended_header) {
        return std::nullopt;
    }
    const std::size_t length = static_cast<std::size_t>(held[0]) << 24U |
                               static_cast<std::size_t>(held[1]) << 16U |
                               static_cast<std::size_t>(held[2]) << 8U | held[3];
    if (length == 0 || length > k_max_extended_body) {
        return fail(LinkErrc::malformed,
                    "a frame of " + std::to_string(length) + " bytes: 1 to 65600 are allowed");
    }
    // The type byte is judged before the payload has come: a lie is not waited for.
    if (held.size() > k_extended_header) {
        const auto type = static_cast<FrameType>(held[k_extended_header]);
        const Rule* rule = rule_of(type);
        if (rule == nullptr || rule->sender != sender_ || length - 1 < rule->min || length - 1 > rule->max) {
            return fail(LinkErrc::malformed, name_of(type) + " with " + std::to_string(length - 1) +
                                                 " bytes of payload is not allowed here");
        }
    }
    if (held.size() - k_extended_header < length) {
        return std::nullopt;
    }
    begin_ += k_extended_header + length;
    return Frame{static_cast<FrameType>(held[k_extended_header]),
                 held.subspan(k_extended_header + 1, length - 1)};
}

} // namespace cardlatch::vpcd
