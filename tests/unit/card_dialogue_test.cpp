#include "../support/apdu_dialogue.hpp"
#include "../support/temporary_folder.hpp"

#include <cardlatch/card/card.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using namespace cardlatch::test;

namespace {
const std::filesystem::path k_fixtures = CARDLATCH_FIXTURES;
} // namespace

BOOST_AUTO_TEST_SUITE(dialogue)

BOOST_DATA_TEST_CASE(card_answers_as_written, data::make(list_dialogues(k_fixtures / "apdu")), file) {
    const auto loaded = load_dialogue(file);
    BOOST_REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().message()));
    const auto& dialogue = loaded.value();
    const auto profile = card::load_profile(k_fixtures / "cards" / (dialogue.card + ".toml"));
    BOOST_REQUIRE_MESSAGE(profile, (profile ? "" : profile.error().message()));
    auto made = card::Card::create(profile.value(), {});
    BOOST_REQUIRE(made);
    auto& card = *made.value();
    const auto atr = profile.value().atr.bytes();
    const Bytes expected_atr(atr.begin(), atr.end());
    BOOST_TEST((card.power_on() == expected_atr));
    Bytes response;
    for (const auto& step : dialogue.steps) {
        if (step.kind == DialogueStep::Kind::power) {
            card.power_off();
            BOOST_TEST((card.power_on() == expected_atr));
        } else if (step.kind == DialogueStep::Kind::reset) {
            BOOST_TEST((card.reset() == expected_atr));
        } else {
            const auto command = command_of(step, response);
            BOOST_REQUIRE_MESSAGE(command, (command ? "" : command.error().message()));
            response = card.transmit(command.value());
            BOOST_TEST(step.response.matches(response), file.filename().string()
                                                            << ":" << step.line << ": " << step.clause
                                                            << "\n  > " << to_hex(command.value(), " ")
                                                            << "\n  < " << to_hex(response, " ")
                                                            << "\n  expected " << step.response.text());
        }
    }
}

struct PatternCase {
    const char* pattern;
    const char* response;
    bool matches;
};
std::ostream& operator<<(std::ostream& out, const PatternCase& c) {
    return out << c.pattern << " ~ " << c.response;
}

const PatternCase k_patterns[] = {
    {"9000", "9000", true},
    {"9000", "9001", false},
    {"9000", "AA9000", false},
    {"AA 9000", "9000", false},
    {"?? 9000", "AA9000", true},
    {"?? 9000", "9000", false},
    {".. 9000", "9000", true},
    {".. 9000", "AABB9000", true},
    {".. 9000", "AABB6A82", false},
    {"62 .. 05 9000", "62059000", true},
    {"62 .. 05 9000", "6200059000", true},
    {"62 .. 62 9000", "629000", false},
    {".. 84 .. 9000", "6F0284009000", true},
    {".. 84 .. 9000", "6F0283009000", false},
    {".. 90 00", "90009000", true},
};

BOOST_DATA_TEST_CASE(pattern_matches_exactly_what_it_says, data::make(k_patterns), c) {
    const auto pattern = ResponsePattern::parse(c.pattern);
    BOOST_REQUIRE(pattern);
    BOOST_TEST(pattern.value().matches(*from_hex(c.response)) == c.matches);
}

struct BadDialogue {
    const char* text;
    const char* error;
};
std::ostream& operator<<(std::ostream& out, const BadDialogue& c) {
    return out << c.error;
}

const BadDialogue k_bad_dialogues[] = {
    {"# §1\n> 00A40000\n< 9000\n", "x.apdu:2: a dialogue begins"},
    {"card a\n> 00A40000\n< 9000\n", "x.apdu:2: a comment with a clause"},
    {"card a\n# §1\n\n> 00A40000\n< 9000\n", "x.apdu:4: a comment with a clause"},
    {"card a\n# §1\n> 00A4000\n< 9000\n", "x.apdu:3: the command is not"},
    {"card a\n# §1\n> 00A40000\n> 00A40000\n", "x.apdu:4: the response"},
    {"card a\n# §1\n> 00A40000\n< 90XX\n", "x.apdu:4: \"XX\""},
    {"card a\n# §1\n> 00A40000\n< 90\n", "x.apdu:4: a response has"},
    {"card a\n# §1\n> 00A40000\n", "x.apdu:3: ends before"},
    {"card a\nrest\n", "x.apdu:2: is neither"},
    {"card a\n# §1\n> 00A4????\n< 9000\n", "x.apdu:3: nothing says what ?? is"},
    {"card a\natr 3X\n", "x.apdu:2: the ATR is not"},
};

BOOST_DATA_TEST_CASE(bad_dialogue_is_refused_with_its_line, data::make(k_bad_dialogues), c) {
    const TemporaryFolder folder;
    const auto dialogue = load_dialogue(folder.write("x.apdu", c.text));
    BOOST_REQUIRE(!dialogue);
    BOOST_TEST(dialogue.error().message().find(c.error) != std::string::npos, dialogue.error().message());
}

const std::string k_fips_197 = "# §11: ?? = AES-128-CBC encrypt 000102030405060708090A0B0C0D0E0F of ";

/// What is sent after the card has answered 00112233445566778899AABBCCDDEEFF 9000.
Result<Bytes> sent_for(const std::string& clause, const std::string& command) {
    const TemporaryFolder folder;
    const auto text = "card a\n" + clause + "\n> " + command + "\n< 9000\n";
    BOOST_OUTCOME_TRY(const auto dialogue, load_dialogue(folder.write("x.apdu", text)));
    return command_of(dialogue.steps.at(0), *from_hex("00112233445566778899AABBCCDDEEFF9000"));
}

BOOST_AUTO_TEST_CASE(masked_bytes_of_a_command_are_computed_from_the_response_before) {
    // FIPS 197 appendix C.1
    BOOST_TEST(to_hex(sent_for(k_fips_197 + "response[0+16]", "00820001 10 ??*16").value()) ==
               "008200011069C4E0D86A7B0430D8CDB78070B4C55A");
    BOOST_TEST(to_hex(sent_for(k_fips_197 + "0011223344556677 response[8+8]", "00820001 10 ??*16").value()) ==
               "008200011069C4E0D86A7B0430D8CDB78070B4C55A");
}

const BadDialogue k_bad_computations[] = {
    {"response[0+16]", "00820001 0F ??*15"},
    {"response[0+16]", "00820001 11 ??*17"},
    {"response[3+16]", "00820001 10 ??*16"}, // not so long
    {"response[99+16]", "00820001 10 ??*16"},
    {"response[0+8]", "00820001 08 ??*8"}, // no block
    {"response[0]", "00820001 10 ??*16"},
    {"response[0+16", "00820001 10 ??*16"},
    {"XX", "00820001 10 ??*16"},
};

BOOST_DATA_TEST_CASE(masked_bytes_that_cannot_be_computed_are_an_error, data::make(k_bad_computations), c) {
    const auto sent = sent_for(k_fips_197 + c.text, c.error);
    BOOST_REQUIRE(!sent);
    BOOST_TEST(sent.error().message().find("cannot be computed") != std::string::npos,
               sent.error().message());
}

namespace {

/// A card that plays `text`, powered, and what it reported.
struct Replayed {
    TemporaryFolder folder;
    std::vector<std::string> reports;
    std::unique_ptr<card::Card> card;

    explicit Replayed(const char* text) {
        const auto profile = card::load_profile(folder.write("x.apdu", text));
        BOOST_REQUIRE_MESSAGE(profile, (profile ? "" : profile.error().message()));
        card::CardOptions options;
        options.report = [this](const std::string& what) { reports.push_back(what); };
        auto made = card::Card::create(profile.value(), std::move(options));
        BOOST_REQUIRE(made);
        card = std::move(made).value();
        card->power_on();
    }
    std::string send(const char* command) { return to_hex(card->transmit(*from_hex(command))); }
};

} // namespace

BOOST_AUTO_TEST_CASE(replay_answers_equal_commands_in_their_order) {
    Replayed replayed(
        "card x\natr 3B 80 80 01 01\n> 00840000 02\n< AA 9000\n> 00840000 02\n< BB 9000\nreset\n"
        "> 00840000 02\n< CC 9000\n");
    BOOST_TEST(to_hex(replayed.card->reset()) == "3B80800101");
    BOOST_TEST(replayed.send("0084000002") == "AA9000");
    BOOST_TEST(replayed.send("0084000002") == "BB9000");
    replayed.card->reset();
    BOOST_TEST(replayed.send("0084000002") == "CC9000");
    BOOST_TEST(replayed.send("0084000002") == "AA9000"); // it begins again
    BOOST_TEST(replayed.reports.empty());
}

BOOST_AUTO_TEST_CASE(replay_matches_masked_bytes_and_reports_what_was_not_recorded) {
    Replayed replayed(
        "card x\n> 0020 0080 02 ?? ??\n< 9000\n> 00CA0000\n< ?? 01 .. 9000\n> 00CB0000\n< 6A88\n");
    BOOST_TEST(replayed.send("00200080023132") == "9000");
    BOOST_TEST(replayed.send("00200080033132") == "6F00");
    BOOST_REQUIRE(replayed.reports.size() == 1U);
    BOOST_TEST(replayed.reports[0] ==
               "x.apdu: no answer to 00 20 00 80 (7 bytes) was recorded; answered 6F00, line 4 was expected");
    BOOST_TEST(replayed.send("00CB0000") == "6A88");
    BOOST_REQUIRE(replayed.reports.size() == 2U);
    BOOST_TEST(replayed.reports[1] == "x.apdu: 00 CB 00 00 (4 bytes) is line 6, line 4 was expected");
    BOOST_TEST(replayed.send("00CA0000") == "00019000");
}

BOOST_AUTO_TEST_SUITE_END()
