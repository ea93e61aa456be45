#include "apdu_dialogue.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

namespace cardlatch::test {

namespace {

/// Bytes of a command line: hexadecimal words, or "XX*N" for N bytes XX.
std::optional<Bytes> parse_command(const std::string& text) {
    Bytes bytes;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const auto star = word.find('*');
        const auto part = from_hex(word.substr(0, star));
        std::size_t times = 1;
        if (star != std::string::npos) {
            const auto* const end = word.data() + word.size();
            if (std::from_chars(word.data() + star + 1, end, times).ptr != end) {
                return std::nullopt;
            }
        }
        if (!part || part->empty()) {
            return std::nullopt;
        }
        for (; times > 0; --times) {
            bytes.insert(bytes.end(), part->begin(), part->end());
        }
    }
    return bytes;
}

} // namespace

Result<ResponsePattern> ResponsePattern::parse(const std::string& text) {
    ResponsePattern pattern;
    pattern.text_ = text;
    std::string compact;
    std::copy_if(text.begin(), text.end(), std::back_inserter(compact), [](char c) { return c != ' '; });
    for (std::size_t at = 0; at < compact.size(); at += 2) {
        const auto pair = compact.substr(at, 2);
        if (pair == "??") {
            pattern.elements_.push_back({Element::Kind::any_byte, 0});
        } else if (pair == "..") {
            pattern.elements_.push_back({Element::Kind::any_bytes, 0});
        } else if (const auto byte = from_hex(pair); byte && byte->size() == 1) {
            pattern.elements_.push_back({Element::Kind::byte, byte->front()});
        } else {
            return fail(std::errc::invalid_argument, "\"" + pair + "\" is neither a byte, ?? nor ..");
        }
    }
    if (pattern.elements_.size() < 2) {
        return fail(std::errc::invalid_argument, "a response has at least SW1-SW2");
    }
    return pattern;
}

bool ResponsePattern::matches(ByteView response) const {
    // The usual match with one point of return: the last gap, which then takes one byte more.
    std::size_t at = 0;
    std::size_t byte = 0;
    std::optional<std::size_t> gap;
    std::size_t gap_end = 0;
    while (byte < response.size() || at < elements_.size()) {
        const auto* const element = at < elements_.size() ? &elements_[at] : nullptr;
        if (element != nullptr && element->kind == Element::Kind::any_bytes) {
            gap = at++;
            gap_end = byte;
        } else if (element != nullptr && byte < response.size() &&
                   (element->kind == Element::Kind::any_byte || element->value == response[byte])) {
            ++at;
            ++byte;
        } else if (gap && gap_end < response.size()) {
            at = *gap + 1;
            byte = ++gap_end;
        } else {
            return false;
        }
    }
    return true;
}

Result<Dialogue> load_dialogue(const std::filesystem::path& file) {
    std::ifstream in(file);
    Dialogue dialogue;
    dialogue.file = file;
    std::size_t number = 0;
    std::string clause;
    bool command_waits = false;
    const auto wrong = [&](const std::string& what) {
        return fail(std::errc::invalid_argument, file.string() + ":" + std::to_string(number) + ": " + what);
    };
    if (!in) {
        return wrong("cannot be read");
    }
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (command_waits && !line.starts_with("< ")) {
            return wrong("the response (<) has to follow its command (>)");
        }
        if (line.empty()) {
            clause.clear();
        } else if (line.starts_with("# ")) {
            clause = line.substr(2);
        } else if (line.starts_with("card ") && dialogue.card.empty() && dialogue.steps.empty()) {
            dialogue.card = line.substr(5);
        } else if (dialogue.card.empty()) {
            return wrong("a dialogue begins with \"card PROFILE\"");
        } else if (line == "reset" || line == "power") {
            dialogue.steps.push_back({line == "reset" ? DialogueStep::Kind::reset : DialogueStep::Kind::power,
                                      number,
                                      clause,
                                      {},
                                      {}});
        } else if (line.starts_with("> ")) {
            const auto command = parse_command(line.substr(2));
            if (!command) {
                return wrong("the command is not hexadecimal");
            }
            if (clause.find("§") == std::string::npos) {
                return wrong("a comment with a clause (§) is missing above the command");
            }
            dialogue.steps.push_back({DialogueStep::Kind::command, number, clause, *command, {}});
            command_waits = true;
        } else if (line.starts_with("< ") && command_waits) {
            auto pattern = ResponsePattern::parse(line.substr(2));
            if (!pattern) {
                return wrong(pattern.error().message());
            }
            dialogue.steps.back().response = std::move(pattern.value());
            command_waits = false;
        } else {
            return wrong("is neither a comment, >, <, reset nor power");
        }
    }
    if (dialogue.steps.empty() || command_waits) {
        return wrong("ends before there is a whole step");
    }
    return dialogue;
}

std::vector<std::filesystem::path> list_dialogues(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".apdu") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace cardlatch::test
