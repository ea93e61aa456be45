#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// APDU dialogues as text (fixtures/apdu/*.apdu), the same for a card in the process and for one behind
/// pcscd.
///
///     card filecard                 the profile in fixtures/cards; once, first
///     # ISO/IEC 7816-4 §11.2.2      every command has a comment with a clause above it, in its paragraph
///     > 00A4 0000 02 3F00 00        the command APDU; "00*300" stands for 300 bytes 00
///     < 6F .. 9000                  the response APDU: "??" is any byte, ".." any number of bytes
///     reset                         a warm reset of the card
///     power                         power off and on
namespace cardlatch::test {

/// What a response has to look like.
class ResponsePattern {
  public:
    static Result<ResponsePattern> parse(const std::string& text);
    [[nodiscard]] bool matches(ByteView response) const;
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    struct Element {
        enum class Kind : std::uint8_t { byte, any_byte, any_bytes };
        Kind kind;
        std::uint8_t value;
    };
    std::string text_;
    std::vector<Element> elements_;
};

struct DialogueStep {
    enum class Kind : std::uint8_t { command, reset, power };
    Kind kind = Kind::command;
    std::size_t line = 0; ///< in the file
    std::string clause;   ///< the comment above
    Bytes command;
    ResponsePattern response;
};

struct Dialogue {
    std::filesystem::path file;
    std::string card;
    std::vector<DialogueStep> steps;
};

/// Reads a dialogue. Errors: std::errc::invalid_argument with "FILE:LINE: what is wrong".
Result<Dialogue> load_dialogue(const std::filesystem::path& file);

/// The dialogues (*.apdu) in `folder`, sorted.
std::vector<std::filesystem::path> list_dialogues(const std::filesystem::path& folder);

} // namespace cardlatch::test
