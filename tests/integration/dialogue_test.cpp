// The APDU dialogues of fixtures/apdu, which the unit tests run on a card in the process, through lib/pcsc,
// the real pcscd and the IFD handler. Run inside a stack: `cardlatch run --card none -- test_dialogue`.

#include "../support/apdu_dialogue.hpp"
#include "child.hpp"

#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>
#include <cardlatch/pcsc/lock.hpp>
#include <cardlatch/pcsc/reader.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>

using namespace cardlatch;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;

namespace {

const std::filesystem::path k_dialogues = std::filesystem::path(CARDLATCH_FIXTURES) / "apdu";

/// A shorter command is no APDU: pcscd and the vpcd link may treat it as they like.
constexpr std::size_t k_shortest_apdu = 4;

/// A new card of the profile in slot 0, as long as this lives.
struct InsertedCard {
    explicit InsertedCard(const std::string& profile) {
        const auto inserted = run({cardlatch_command(), "insert", "0", profile});
        BOOST_REQUIRE_MESSAGE(inserted.exit_code == 0, inserted.err);
    }
    ~InsertedCard() { run({cardlatch_command(), "remove", "0"}); }
    InsertedCard(const InsertedCard&) = delete;
    InsertedCard& operator=(const InsertedCard&) = delete;
};

} // namespace

BOOST_AUTO_TEST_SUITE(dialogue)

BOOST_DATA_TEST_CASE(card_answers_through_pcscd_as_written, data::make(list_dialogues(k_dialogues)), file) {
    const auto loaded = load_dialogue(file);
    BOOST_REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().message()));
    const auto& dialogue = loaded.value();
    const InsertedCard inserted(dialogue.card);

    const auto context = pcsc::Context::establish();
    BOOST_REQUIRE_MESSAGE(context, (context ? "" : context.error().message()));
    const auto readers = context.value().readers();
    BOOST_REQUIRE(readers && !readers.value().empty());
    auto connected = readers.value().front().connect();
    BOOST_REQUIRE_MESSAGE(connected, (connected ? "" : connected.error().message()));
    auto& card = connected.value();

    const auto lock = card.lock();
    BOOST_REQUIRE_MESSAGE(lock, (lock ? "" : lock.error().message()));
    std::size_t exchanged = 0;
    Bytes before;
    for (const auto& step : dialogue.steps) {
        if (step.kind != DialogueStep::Kind::command) {
            const bool warm = step.kind == DialogueStep::Kind::reset;
            const auto again = card.reconnect(pcsc::ShareMode::shared, pcsc::Protocol::any,
                                              warm ? pcsc::Disposition::reset : pcsc::Disposition::unpower);
            BOOST_REQUIRE_MESSAGE(again, (again ? "" : again.error().message()));
        } else if (step.command.bytes().size() >= k_shortest_apdu) {
            const auto command = command_of(step, before);
            BOOST_REQUIRE_MESSAGE(command, (command ? "" : command.error().message()));
            const auto response = lock.value().transmit_bytes(command.value());
            BOOST_REQUIRE_MESSAGE(response, (response ? "" : response.error().message()));
            BOOST_TEST(step.response.matches(response.value()),
                       file.filename().string()
                           << ":" << step.line << ": " << step.clause << "\n  > "
                           << to_hex(command.value(), " ") << "\n  < " << to_hex(response.value(), " ")
                           << "\n  expected " << step.response.text());
            before = response.value();
            ++exchanged;
        }
    }
    BOOST_TEST(exchanged > 0U);
}

BOOST_AUTO_TEST_SUITE_END()
