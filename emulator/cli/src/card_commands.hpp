#pragma once

#include "command.hpp"

#include <cardlatch/card/profile.hpp>

#include <string>

namespace cardlatch::cli {

std::unique_ptr<Command> make_card_new_command(CLI::App& card);

/// What `card show` prints of a card: `description` is what Card::describe() says.
std::string description_as_text(const card::Profile& profile, const std::string& description);
/// The same as one JSON document; its schema is fixtures/schema/card.schema.json.
std::string description_as_json(const card::Profile& profile, const std::string& description);

} // namespace cardlatch::cli
