#include "tapped_client.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace cardlatch::harness {

using pcsc_message::Code;
using trace::Clock;
using trace::What;

namespace {

constexpr std::uint32_t k_reset_card = 1;   // SCARD_RESET_CARD
constexpr std::uint32_t k_unpower_card = 2; // SCARD_UNPOWER_CARD
/// A begin that nobody stands in the way of takes less.
constexpr std::chrono::milliseconds k_worth_telling{1};
/// More than any request has: a longest APDU behind a structure.
constexpr std::size_t k_longest_request = std::size_t{128} * 1024;

/// The structure that `bytes` begin with, or nothing.
template <class Message>
std::optional<Message> read(ByteView bytes) {
    if (bytes.size() < sizeof(Message)) {
        return std::nullopt;
    }
    Message message{};
    std::memcpy(&message, bytes.data(), sizeof message);
    return message;
}

/// What follows the structure of a request beyond the size in its header.
std::size_t trailing_bytes(Code code, ByteView body) {
    if (code == Code::transmit) {
        const auto message = read<pcsc_message::Transmit>(body);
        return message ? message->send_length : 0;
    }
    if (code == Code::control) {
        const auto message = read<pcsc_message::Control>(body);
        return message ? message->send_length : 0;
    }
    return 0;
}

} // namespace

TappedClient::~TappedClient() {
    wipe(requests_);
    wipe(request_);
    wipe(answer_);
}

void TappedClient::from_client(ByteView bytes) {
    if (lost_) {
        return;
    }
    requests_.insert(requests_.end(), bytes.begin(), bytes.end());
    while (take_request()) {
    }
}

/// Takes one whole request off the front; false when there is none.
bool TappedClient::take_request() {
    const auto header = read<pcsc_message::Header>(requests_);
    if (!header) {
        return false;
    }
    if (header->size > k_longest_request) {
        lost_ = true;
        return false;
    }
    const std::size_t fixed = sizeof *header + header->size;
    if (requests_.size() < fixed) {
        return false;
    }
    const auto body = ByteView(requests_).subspan(sizeof *header, header->size);
    const auto trailing = trailing_bytes(header->command, body);
    if (trailing > k_longest_request) {
        lost_ = true;
        return false;
    }
    if (requests_.size() < fixed + trailing) {
        return false;
    }
    wipe(request_);
    wipe(answer_);
    const auto end = requests_.begin() + static_cast<std::ptrdiff_t>(fixed + trailing);
    request_.assign(requests_.begin() + sizeof *header, end);
    wipe(std::span(requests_).first(fixed + trailing));
    requests_.erase(requests_.begin(), end);
    answer_.clear();
    code_ = header->command;
    asked_ = Clock::now();
    return true;
}

void TappedClient::from_pcscd(ByteView bytes) {
    if (lost_ || !code_) {
        return;
    }
    if (*code_ < Code::connect || *code_ > Code::transmit) {
        return; // nothing that is looked into
    }
    answer_.insert(answer_.end(), bytes.begin(), bytes.end());
    take_answer();
}

void TappedClient::take_answer() {
    std::size_t whole = 0;
    switch (*code_) {
    case Code::connect:
        whole = sizeof(pcsc_message::Connect);
        break;
    case Code::reconnect:
        whole = sizeof(pcsc_message::Reconnect);
        break;
    case Code::begin_transaction:
        whole = sizeof(pcsc_message::Begin);
        break;
    case Code::transmit: {
        const auto message = read<pcsc_message::Transmit>(answer_);
        whole = sizeof(pcsc_message::Transmit) +
                (message && message->result == 0 ? std::size_t{message->receive_length} : 0);
        break;
    }
    default:
        whole = sizeof(pcsc_message::End);
        break;
    }
    if (answer_.size() >= whole) {
        answered();
        code_.reset();
    }
}

void TappedClient::answered() {
    const auto now = Clock::now();
    switch (*code_) {
    case Code::connect: {
        const auto message = *read<pcsc_message::Connect>(answer_);
        const auto asked = read<pcsc_message::Connect>(request_);
        if (message.result == 0 && asked) {
            const auto* const name = std::begin(asked->reader);
            cards_[message.card] = {std::string(name, std::find(name, std::end(asked->reader), '\0')), 0, {}};
        }
        break;
    }
    case Code::reconnect: {
        const auto message = *read<pcsc_message::Reconnect>(answer_);
        const auto asked = read<pcsc_message::Reconnect>(request_);
        if (auto* const card = asked ? find(asked->card) : nullptr; card != nullptr && message.result == 0) {
            tell_reset(*card, asked->initialization);
        }
        break;
    }
    case Code::begin_transaction: {
        const auto message = *read<pcsc_message::Begin>(answer_);
        const auto asked = read<pcsc_message::Begin>(request_);
        auto* const card = asked ? find(asked->card) : nullptr;
        if (card == nullptr) {
            break;
        }
        // Refused clients ask again by themselves: one wait.
        const auto [at, first] = waiting_since_.try_emplace(asked->card, asked_);
        const auto since = at->second;
        if (message.result == 0) {
            if (!first || now - since > k_worth_telling) {
                tell(What::lock_wait, card->reader, since, now);
            }
            waiting_since_.erase(asked->card);
            if (card->depth++ == 0) {
                card->locked_since = now;
            }
        } else if (constexpr std::uint32_t k_sharing_violation = 0x8010000B;
                   message.result != k_sharing_violation) {
            waiting_since_.erase(asked->card);
        }
        break;
    }
    case Code::end_transaction:
    case Code::disconnect: {
        const auto message = *read<pcsc_message::End>(answer_);
        const auto asked = read<pcsc_message::End>(request_);
        auto* const card = asked ? find(asked->card) : nullptr;
        if (card == nullptr || message.result != 0) {
            break;
        }
        if (*code_ == Code::disconnect) {
            release(*card, asked_);
            tell_reset(*card, asked->disposition);
            cards_.erase(asked->card);
        } else {
            if (card->depth > 0 && --card->depth == 0) {
                tell(What::lock, card->reader, card->locked_since, asked_);
            }
            tell_reset(*card, asked->disposition);
        }
        break;
    }
    case Code::transmit: {
        const auto message = *read<pcsc_message::Transmit>(answer_);
        const auto asked = read<pcsc_message::Transmit>(request_);
        const auto* const card = asked ? find(asked->card) : nullptr;
        if (exchanges_ && card != nullptr && message.result == 0) {
            tell(What::exchange, card->reader, asked_, now,
                 Bytes(request_.begin() + sizeof message, request_.end()),
                 Bytes(answer_.begin() + sizeof message,
                       answer_.begin() +
                           static_cast<std::ptrdiff_t>(sizeof message + message.receive_length)));
        }
        break;
    }
    case Code::control:
        break;
    }
}

void TappedClient::ended() {
    for (auto& [handle, card] : cards_) {
        release(card, Clock::now());
    }
    cards_.clear();
}

void TappedClient::release(Card& card, Clock::time_point when) {
    if (std::exchange(card.depth, 0) != 0) {
        tell(What::lock, card.reader, card.locked_since, when);
    }
}

void TappedClient::tell_reset(const Card& card, std::uint32_t disposition) const {
    if (exchanges_ && (disposition == k_reset_card || disposition == k_unpower_card)) {
        const auto now = Clock::now();
        tell(disposition == k_reset_card ? What::warm_reset : What::cold_reset, card.reader, now, now);
    }
}

TappedClient::Card* TappedClient::find(std::int32_t card) {
    const auto found = cards_.find(card);
    return found == cards_.end() ? nullptr : &found->second;
}

void TappedClient::tell(What what, const std::string& reader, Clock::time_point begin, Clock::time_point end,
                        Bytes command, Bytes response) const {
    tell_({begin, end, what, reader, who_, std::move(command), std::move(response), {}});
}

} // namespace cardlatch::harness
