#include <cardlatch/card/dialogue.hpp>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

namespace cardlatch::card {

namespace {

constexpr std::uintmax_t k_largest_file = std::uintmax_t{64} * 1024 * 1024;
/// More than any APDU has.
constexpr std::size_t k_longest_line = 70000;

Error wrong_command(const std::string& word) {
    return fail(std::errc::invalid_argument,
                "the command is not hexadecimal: \"" + word.substr(0, 40) + "\"");
}

} // namespace

Result<CommandPattern> CommandPattern::parse(const std::string& text) {
    CommandPattern pattern;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const auto star = word.find('*');
        std::size_t times = 1;
        if (star != std::string::npos) {
            const auto* const end = word.data() + word.size();
            const auto read = std::from_chars(word.data() + star + 1, end, times);
            if (read.ec != std::errc{} || read.ptr != end || times > k_longest_line) {
                return wrong_command(word);
            }
        }
        const auto digits = word.substr(0, star);
        Bytes bytes;
        std::vector<bool> known;
        for (std::size_t at = 0; at < digits.size(); at += 2) {
            const auto pair = digits.substr(at, 2);
            const auto byte = from_hex(pair);
            if (pair != "??" && (!byte || byte->size() != 1)) {
                return wrong_command(word);
            }
            bytes.push_back(pair == "??" ? 0 : byte->front());
            known.push_back(pair != "??");
            pattern.masked_ = pattern.masked_ || pair == "??";
        }
        if (bytes.empty() || bytes.size() * times > k_longest_line) {
            return wrong_command(word);
        }
        for (; times > 0; --times) {
            pattern.bytes_.insert(pattern.bytes_.end(), bytes.begin(), bytes.end());
            pattern.known_.insert(pattern.known_.end(), known.begin(), known.end());
        }
    }
    return pattern;
}

bool CommandPattern::matches(ByteView command) const {
    if (command.size() != bytes_.size()) {
        return false;
    }
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (known_[i] && command[i] != bytes_[i]) {
            return false;
        }
    }
    return true;
}

std::optional<Bytes> CommandPattern::filled(ByteView values) const {
    auto command = bytes_;
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (known_[i]) {
            continue;
        }
        if (values.empty()) {
            return std::nullopt;
        }
        command[i] = values.front();
        values = values.subspan(1);
    }
    return values.empty() ? std::optional(std::move(command)) : std::nullopt;
}

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

Bytes ResponsePattern::example() const {
    Bytes bytes;
    for (const auto& element : elements_) {
        if (element.kind != Element::Kind::any_bytes) {
            bytes.push_back(element.kind == Element::Kind::byte ? element.value : 0);
        }
    }
    return bytes;
}

namespace {

/// Reads line by line; the first mistake ends it.
class DialogueReader {
  public:
    explicit DialogueReader(const std::filesystem::path& file) { dialogue_.file = file; }

    Result<Dialogue> read(std::istream& in) {
        for (std::string line; std::getline(in, line);) {
            ++number_;
            if (line.size() > k_longest_line * 3) {
                return wrong("the line is longer than any APDU");
            }
            if (!line.empty() && line.back() == '\r') {
                line.pop_back();
            }
            BOOST_OUTCOME_TRY(take(line));
        }
        if (dialogue_.steps.empty() || command_waits_) {
            return wrong("ends before there is a whole step");
        }
        return std::move(dialogue_);
    }

    [[nodiscard]] Error wrong(const std::string& what) const {
        return fail(std::errc::invalid_argument,
                    dialogue_.file.string() + ":" + std::to_string(number_) + ": " + what);
    }

  private:
    Result<void> take(const std::string& line) {
        if (command_waits_ && !line.starts_with("< ")) {
            return wrong("the response (<) has to follow its command (>)");
        }
        const bool first = dialogue_.steps.empty();
        if (line.empty()) {
            clause_.clear();
        } else if (line.starts_with("# ")) {
            clause_ = line.substr(2);
        } else if (line.starts_with("card ") && dialogue_.card.empty() && first) {
            dialogue_.card = line.substr(5);
        } else if (dialogue_.card.empty()) {
            return wrong("a dialogue begins with \"card PROFILE\"");
        } else if (line.starts_with("atr ") && dialogue_.atr.empty() && first) {
            const auto atr = from_hex(line.substr(4));
            if (!atr || atr->empty()) {
                return wrong("the ATR is not hexadecimal");
            }
            dialogue_.atr = *atr;
        } else if (line == "reset" || line == "power") {
            const auto kind = line == "reset" ? DialogueStep::Kind::reset : DialogueStep::Kind::power;
            dialogue_.steps.push_back({kind, number_, clause_, {}, {}});
        } else if (line.starts_with("> ")) {
            auto command = CommandPattern::parse(line.substr(2));
            if (!command) {
                return wrong(command.assume_error().message());
            }
            dialogue_.steps.push_back(
                {DialogueStep::Kind::command, number_, clause_, std::move(command).assume_value(), {}});
            command_waits_ = true;
        } else if (line.starts_with("< ") && command_waits_) {
            auto pattern = ResponsePattern::parse(line.substr(2));
            if (!pattern) {
                return wrong(pattern.assume_error().message());
            }
            dialogue_.steps.back().response = std::move(pattern).assume_value();
            command_waits_ = false;
        } else {
            return wrong("is neither a comment, atr, >, <, reset nor power");
        }
        return ok();
    }

    Dialogue dialogue_;
    std::size_t number_ = 0;
    std::string clause_;
    bool command_waits_ = false;
};

} // namespace

Result<Dialogue> load_dialogue(const std::filesystem::path& file) {
    DialogueReader reader(file);
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error); // no device, no folder
    if (error || size > k_largest_file) {
        return fail(error ? error : std::make_error_code(std::errc::file_too_large),
                    file.string() + ": cannot be read: " +
                        (error ? error.message() : std::string("a dialogue has at most 64 MiB")));
    }
    std::ifstream in(file);
    if (!in) {
        return reader.wrong("cannot be read");
    }
    return reader.read(in);
}

} // namespace cardlatch::card
