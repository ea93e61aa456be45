#include <cardlatch/vpcd/error.hpp>
#include <cardlatch/vpcd/pin_entry.hpp>

#include <algorithm>
#include <utility>

namespace cardlatch::vpcd {

namespace {

constexpr std::uint8_t k_current = 0x01;
constexpr std::uint8_t k_fresh = 0x02;
constexpr std::uint8_t k_repeated = 0x04;
constexpr std::size_t k_longest_pin = 255;

/// The PINs of an entry in the order of the wire, each with whether it was asked for.
template <class Entry>
auto fields(Entry& entry, const PinRequest& request) {
    return std::array{std::pair{request.current, &entry.current}, std::pair{request.fresh, &entry.fresh},
                      std::pair{request.repeated, &entry.repeated}};
}

} // namespace

std::array<std::uint8_t, k_pin_request_size> PinRequest::encode() const noexcept {
    const auto what = static_cast<std::uint8_t>((current ? k_current : 0) | (fresh ? k_fresh : 0) |
                                                (repeated ? k_repeated : 0));
    return {what, timeout_s, min, max};
}

Result<PinRequest> PinRequest::parse(ByteView payload) {
    constexpr std::uint8_t k_known = k_current | k_fresh | k_repeated;
    if (payload.size() != k_pin_request_size || payload[0] == 0 || (payload[0] & ~k_known) != 0) {
        return fail(LinkErrc::malformed, "a PIN request that asks for no known PIN");
    }
    return PinRequest{.current = (payload[0] & k_current) != 0,
                      .fresh = (payload[0] & k_fresh) != 0,
                      .repeated = (payload[0] & k_repeated) != 0,
                      .timeout_s = payload[1],
                      .min = payload[2],
                      .max = payload[3]};
}

PinEntry::~PinEntry() {
    wipe(current);
    wipe(fresh);
    wipe(repeated);
}

Bytes PinEntry::encode(const PinRequest& request) const {
    Bytes payload;
    payload.reserve(k_max_pin_entry); // no reallocation leaves digits behind
    payload.push_back(static_cast<std::uint8_t>(outcome));
    if (outcome == Outcome::entered) {
        for (const auto& [asked, pin] : fields(*this, request)) {
            if (asked) {
                const auto size = std::min(pin->size(), k_longest_pin);
                payload.push_back(static_cast<std::uint8_t>(size));
                payload.insert(payload.end(), pin->begin(), pin->begin() + static_cast<std::ptrdiff_t>(size));
            }
        }
    }
    return payload;
}

Result<PinEntry> PinEntry::parse(ByteView payload, const PinRequest& request) {
    const auto broken = [] {
        return fail(LinkErrc::malformed, "what was typed does not fit the PIN request");
    };
    if (payload.empty() || payload[0] > static_cast<std::uint8_t>(Outcome::timed_out)) {
        return broken();
    }
    PinEntry entry(static_cast<Outcome>(payload[0]));
    auto rest = payload.subspan(1);
    if (entry.outcome == Outcome::entered) {
        for (const auto& [asked, pin] : fields(entry, request)) {
            if (!asked) {
                continue;
            }
            if (rest.empty() || rest.size() - 1 < rest[0]) {
                return broken();
            }
            const auto digits = rest.subspan(1, rest[0]);
            pin->assign(digits.begin(), digits.end());
            rest = rest.subspan(1 + digits.size());
        }
    }
    if (!rest.empty()) {
        return broken();
    }
    return entry;
}

} // namespace cardlatch::vpcd
