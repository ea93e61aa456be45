#pragma once

#include <cardlatch/card/card.hpp>
#include <cardlatch/iso7816/apdu.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cardlatch::test {

/// The folder with the shipped profiles.
inline std::filesystem::path shipped_cards() {
    return std::filesystem::path(CARDLATCH_FIXTURES) / "cards";
}

/// A card of a shipped profile that is switched on. Fails by exception, as a test's preparation.
inline std::unique_ptr<card::Card> shipped_card(std::string_view name,
                                                std::optional<std::filesystem::path> state = std::nullopt) {
    const auto profile = card::load_profile(shipped_cards() / (std::string(name) + ".toml")).value();
    auto card = card::Card::create(profile, {.state_file = std::move(state)}).value();
    card->power_on();
    return card;
}

/// Sends hexadecimal text, returns the response as hexadecimal text without blanks.
inline std::string send(card::Card& card, std::string_view command) {
    return to_hex(card.transmit(*from_hex(command)));
}

inline iso7816::ResponseApdu send(card::Card& card, const iso7816::CommandApdu& command) {
    return iso7816::ResponseApdu::parse(card.transmit(command.encode())).value();
}

} // namespace cardlatch::test
