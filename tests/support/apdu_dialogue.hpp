#pragma once

#include <cardlatch/card/dialogue.hpp>

#include <filesystem>
#include <vector>

namespace cardlatch::test {

using card::Dialogue;
using card::DialogueStep;
using card::ResponsePattern;

/// Reads a dialogue that tests a card (<cardlatch/card/dialogue.hpp>): every command has a comment with a
/// clause (§) above it, in its paragraph. Where a command is masked, that comment says what its bytes ?? are,
/// from the response before it, so that challenges are answered:
///
///     # ISO/IEC 7816-4 §11.6.4: ... ?? = AES-128-CBC encrypt 000102030405060708090A0B0C0D0E0F of
///     response[0+16] > 00 82 00 01 10 ??*16
///
/// The cipher is one of OpenSSL's in CBC mode (IV 0, no padding), the key hexadecimal; behind "of" stand
/// hexadecimal bytes and response[FIRST+COUNT].
/// Errors: std::errc::invalid_argument with "FILE:LINE: what is wrong".
Result<Dialogue> load_dialogue(const std::filesystem::path& file);

/// What `step` sends after the card has answered `before`. Errors: std::errc::invalid_argument when the
/// masked bytes cannot be computed.
Result<Bytes> command_of(const DialogueStep& step, ByteView before);

/// The dialogues (*.apdu) in `folder`, sorted.
std::vector<std::filesystem::path> list_dialogues(const std::filesystem::path& folder);

} // namespace cardlatch::test
