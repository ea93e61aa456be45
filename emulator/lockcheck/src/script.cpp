#include <cardlatch/lockcheck/script.hpp>

#include <fmt/format.h>

#include <sstream>

namespace cardlatch::lockcheck {

namespace {

using Words = std::vector<std::string>;

Words split(const std::string& line) {
    std::istringstream in(line);
    Words words;
    for (std::string word; in >> word;) {
        words.push_back(word);
    }
    return words;
}

Result<std::vector<Code>> parse_codes(const std::string& text) {
    std::vector<Code> codes;
    std::istringstream in(text);
    for (std::string word; std::getline(in, word, '|');) {
        const auto code = parse_code(word);
        if (!code) {
            return fail(std::errc::invalid_argument, fmt::format("no such code: {}", word));
        }
        codes.push_back(*code);
    }
    return codes;
}

/// `words` from `first` on, up to a closing "&" or "= CODES", as one command.
Result<void> parse_call(const Words& words, std::size_t first, Step& step) {
    std::size_t end = words.size();
    step.expects = {k_success};
    if (words.back() == "&") {
        step.kind = Step::Kind::start;
        --end;
    } else if (words.size() >= first + 3 && words[words.size() - 2] == "=") {
        BOOST_OUTCOME_TRY(step.expects, parse_codes(words.back()));
        end -= 2;
    }
    for (std::size_t i = first; i < end; ++i) {
        step.command += (i == first ? "" : " ") + words[i];
    }
    return step.command.empty() ? Result<void>(fail(std::errc::invalid_argument, "a verb is missing")) : ok();
}

Result<void> parse_waits(const Words& words, Step& step) {
    if (words.size() != 5 || words[2] != "while" || words[3].size() != 1 ||
        (words[4] != "works" && words[4] != "looks")) {
        return fail(std::errc::invalid_argument, R"(expected "waits while X works" or "... looks")");
    }
    step.kind = Step::Kind::waits;
    step.other = words[3];
    step.other_command = words[4] == "works" ? "work" : "look";
    return ok();
}

Result<void> parse_returns(const Words& words, Step& step) {
    const bool after = words.size() == 5 && words[3] == "after";
    if (words.size() != 3 && !after) {
        return fail(std::errc::invalid_argument, R"(expected "returns CODES [after WHO]")");
    }
    step.kind = Step::Kind::returns;
    step.other = after ? words[4] : "";
    BOOST_OUTCOME_TRY(step.expects, parse_codes(words[2]));
    return ok();
}

Result<void> parse_words(const Words& words, Step& step) {
    using Kind = Step::Kind;
    if (words.size() < 2) {
        return fail(std::errc::invalid_argument, "a step has a subject and a verb");
    }
    const auto& subject = words[0];
    const auto& verb = words[1];
    if (subject == "card" || subject == "reader" || subject == "pcscd") {
        const bool service = subject == "pcscd";
        if (words.size() != 2 || (service ? verb != "dies" : verb != "leaves" && verb != "arrives")) {
            return fail(std::errc::invalid_argument, "the card or the reader leaves or arrives, pcscd dies");
        }
        const bool leaves = verb == "leaves";
        step.kind = service             ? Kind::service_dies
                    : subject == "card" ? (leaves ? Kind::leaves : Kind::arrives)
                                        : (leaves ? Kind::reader_leaves : Kind::reader_arrives);
        return ok();
    }
    const bool lane = subject.size() == 3 && subject[1] == '.' && subject[2] >= '0' && subject[2] <= '9';
    if (subject[0] < 'A' || subject[0] > 'Z' || (subject.size() != 1 && !lane)) {
        return fail(std::errc::invalid_argument, "a participant is A to Z, its threads A.1 to A.9");
    }
    step.who = subject[0];
    step.lane = lane ? subject[2] - '0' : 0;
    if (verb == "waits") {
        return parse_waits(words, step);
    }
    if (verb == "returns") {
        return parse_returns(words, step);
    }
    if (words.size() == 2 && (verb == "dies" || verb == "stops" || verb == "continues" || verb == "exits")) {
        step.kind = verb == "dies"        ? Kind::dies
                    : verb == "stops"     ? Kind::stops
                    : verb == "continues" ? Kind::continues
                                          : Kind::exits;
        return ok();
    }
    const bool until = verb == "until";
    BOOST_OUTCOME_TRY(parse_call(words, until ? 2 : 1, step));
    if (until) {
        if (step.kind == Kind::start) {
            return fail(std::errc::invalid_argument, R"("until" waits by itself)");
        }
        step.kind = Kind::until;
    }
    return ok();
}

} // namespace

Result<std::vector<Step>> parse_script(std::string_view script) {
    std::vector<Step> steps;
    std::istringstream in{std::string(script)};
    for (std::string line; std::getline(in, line);) {
        const auto words = split(line);
        if (words.empty() || words[0].starts_with('#')) {
            continue;
        }
        Step step;
        for (const auto& word : words) {
            step.text += (step.text.empty() ? "" : " ") + word;
        }
        if (const auto parsed = parse_words(words, step); !parsed) {
            return fail(parsed.assume_error().code,
                        fmt::format("\"{}\": {}", step.text, parsed.assume_error().message()));
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

} // namespace cardlatch::lockcheck
