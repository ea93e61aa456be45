#pragma once

#include <cardlatch/card/dialogue.hpp>

#include <filesystem>
#include <vector>

namespace cardlatch::test {

using card::Dialogue;
using card::DialogueStep;
using card::ResponsePattern;

/// Reads a dialogue that tests a card (<cardlatch/card/dialogue.hpp>): no command is masked, and every one
/// has a comment with a clause (§) above it, in its paragraph.
/// Errors: std::errc::invalid_argument with "FILE:LINE: what is wrong".
Result<Dialogue> load_dialogue(const std::filesystem::path& file);

/// The dialogues (*.apdu) in `folder`, sorted.
std::vector<std::filesystem::path> list_dialogues(const std::filesystem::path& folder);

} // namespace cardlatch::test
