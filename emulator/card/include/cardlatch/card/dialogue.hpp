#pragma once

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// APDU dialogues as text (fixtures/apdu/*.apdu, `cardlatch record`, `--card replay:FILE`).
///
///     card filecard                 the card's profile; once, first
///     atr 3B 80 01 81               what it answers to a reset; may be left out
///     # ISO/IEC 7816-4 §11.2.2      a comment; in a paragraph it belongs to the commands below it
///     > 00A4 0000 02 3F00 00        the command APDU; "00*300" stands for 300 bytes 00, "??" for any byte
///     < 6F .. 9000                  the response APDU: "??" is any byte, ".." any number of bytes
///     reset                         a warm reset of the card
///     power                         power off and on
namespace cardlatch::card {

/// A command of a dialogue. Bytes that a recording masked match every byte.
class CommandPattern {
  public:
    /// Errors: std::errc::invalid_argument.
    static Result<CommandPattern> parse(const std::string& text);
    /// Equal but for masked bytes.
    [[nodiscard]] bool matches(ByteView command) const;
    /// The command, masked bytes as 00.
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] bool masked() const { return masked_; }
    /// The command with `values` in place of its masked bytes; nothing when there are more or fewer of them.
    [[nodiscard]] std::optional<Bytes> filled(ByteView values) const;

  private:
    Bytes bytes_;
    std::vector<bool> known_;
    bool masked_ = false;
};

/// What a response has to look like.
class ResponsePattern {
  public:
    /// Errors: std::errc::invalid_argument.
    static Result<ResponsePattern> parse(const std::string& text);
    /// Whether `response` is such a one.
    [[nodiscard]] bool matches(ByteView response) const;
    /// A response that matches: 00 for any byte, nothing for any number of them.
    [[nodiscard]] Bytes example() const;
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    /// A byte, or a gap.
    struct Element {
        /// Which of them.
        enum class Kind : std::uint8_t { byte, any_byte, any_bytes };
        Kind kind;
        std::uint8_t value;
    };
    std::string text_;
    std::vector<Element> elements_;
};

/// One line pair, or one reset, of a dialogue.
struct DialogueStep {
    /// What happens in the step.
    enum class Kind : std::uint8_t { command, reset, power };
    Kind kind = Kind::command;
    std::size_t line = 0; ///< in the file
    std::string clause;   ///< the comment above
    CommandPattern command;
    ResponsePattern response;
};

/// A whole dialogue.
struct Dialogue {
    std::filesystem::path file;
    std::string card; ///< the profile's name
    Bytes atr;        ///< empty when the file does not say
    std::vector<DialogueStep> steps;
};

/// Reads a dialogue, of at most 64 MiB. Errors: std::errc::invalid_argument with "FILE:LINE: what is wrong".
Result<Dialogue> load_dialogue(const std::filesystem::path& file);

} // namespace cardlatch::card
