// Applications from shared objects: the worked example, and libraries that are none.

#include "../support/card_bench.hpp"
#include "../support/temporary_folder.hpp"

#include <cardlatch/card/witness.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <ostream>
#include <string>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using namespace cardlatch::test;

namespace {

const std::filesystem::path k_libraries = CARDLATCH_CARD_LIBRARIES;

struct CounterCard {
    TemporaryFolder folder;
    std::filesystem::path state = folder.path() / "card0.toml";

    /// The example's own profile, beside its library.
    [[nodiscard]] std::unique_ptr<card::Card> make() const {
        const auto profile = card::load_profile(k_libraries / "counter.toml").value();
        auto card = card::Card::create(profile, {.state_file = state}).value();
        card->power_on();
        return card;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(plugin, CounterCard)

BOOST_AUTO_TEST_CASE(example_counts_from_its_settings_and_over_restarts) {
    {
        auto card = make();
        BOOST_TEST(send(*card, "80 12 00 00 04") == "000000649000");
        BOOST_TEST(send(*card, "80 10 00 00 04") == "000000659000");
        BOOST_TEST(send(*card, "80 10 00 00 00") == "000000669000");
        BOOST_TEST(send(*card, "80 14 00 00") == "6985");
        BOOST_TEST(read_file(state).find("[ '00000066' ]") != std::string::npos, read_file(state));
    }
    auto card = make();
    BOOST_TEST(send(*card, "80 12 00 00 04") == "000000669000");
    BOOST_TEST(send(*card, "80 14 00 00") == "9000");
    BOOST_TEST(send(*card, "80 12 00 00 04") == "000000649000");
    BOOST_TEST(read_file(state).find("plugin") == std::string::npos, read_file(state));
}

BOOST_AUTO_TEST_CASE(example_is_selected_by_name_and_described_by_the_card) {
    auto card = make();
    BOOST_TEST(send(*card, "00 A4 04 00 06 F0 434F554E54 00") ==
               "6F1F8201388406F0434F554E548A01054F06F0434F554E545007636F756E7465729000");
    BOOST_TEST(send(*card, "00 A4 04 0C 0A F0434C5749544E455353") == "9000");
    BOOST_TEST(send(*card, "80 12 00 00 04") == "6700"); // the witness answers
    BOOST_TEST(send(*card, "00 A4 04 0C 02 F043 ") == "9000");
    BOOST_TEST(send(*card, "00 A4 04 0C 06 F0434F554E54") == "9000");
    BOOST_TEST(send(*card, "80 10 00 00 04") == "000000659000");
    BOOST_TEST(send(*card, "00 A4 04 0C 0A F0434C5749544E455353") == "9000");
    BOOST_TEST(send(*card, "00 A4 04 0C 06 F0434F554E54") == "9000");
    BOOST_TEST(send(*card, "80 14 00 00") == "9000"); // deselection has cleared its volatile state
}

BOOST_AUTO_TEST_CASE(example_refuses_what_is_wrong) {
    auto card = make();
    BOOST_TEST(send(*card, "00 12 00 00 04") == "6E00");
    BOOST_TEST(send(*card, "80 11 00 00 04") == "6D00");
    BOOST_TEST(send(*card, "80 10 00 00 03") == "6700");
    BOOST_TEST(send(*card, "80 10 01 00 04") == "6A86");
    BOOST_TEST(send(*card, "80 10 00 00 01 00 04") == "6700");
    BOOST_TEST(send(*card, "80 12 00 00 04") == "000000649000");
}

BOOST_AUTO_TEST_CASE(change_that_cannot_be_stored_is_undone_by_the_application) {
    auto card = make();
    std::filesystem::create_directory(state.string() + ".tmp");
    BOOST_TEST(send(*card, "80 10 00 00 04") == "6581");
    BOOST_TEST(send(*card, "80 12 00 00 04") == "000000649000");
}

BOOST_AUTO_TEST_CASE(state_that_the_library_does_not_know_is_refused) {
    static_cast<void>(folder.write(
        "card0.toml", "format = 1\nprofile = 'counter'\n['plugin.counter']\nstate = ['0102']\n"));
    const auto profile = card::load_profile(k_libraries / "counter.toml").value();
    const auto card = card::Card::create(profile, {.state_file = state});
    BOOST_REQUIRE(!card);
    BOOST_TEST(card.error().message() ==
               state.string() + ":4: plugin.counter.state: is no state that this library knows");
}

BOOST_AUTO_TEST_CASE(two_names_and_two_cards_have_counters_of_their_own) {
    const auto library = (k_libraries / "libcard_counter.so").string();
    const auto file = folder.write(
        "two.toml",
        fmt::format("[plugin.a]\nlibrary = '{0}'\n[plugin.b]\nlibrary = '{0}'\naid = 'F0 02'\n", library));
    const auto profile = card::load_profile(file).value();
    auto first = card::Card::create(profile, {}).value();
    auto second = card::Card::create(profile, {}).value();
    first->power_on();
    second->power_on();
    BOOST_TEST(send(*first, "80 10 00 00 04") == "000000019000");
    BOOST_TEST(send(*first, "00 A4 04 0C 02 F002") == "9000");
    BOOST_TEST(send(*first, "80 12 00 00 04") == "000000009000");
    BOOST_TEST(send(*second, "80 12 00 00 04") == "000000009000");
}

BOOST_AUTO_TEST_CASE(answer_that_is_none_becomes_6f00) {
    const auto file =
        folder.write("bad.toml", fmt::format("[plugin.bad]\nlibrary = '{}'\n",
                                             (k_libraries / "libcard_bad_answers.so").string()));
    const auto profile = card::load_profile(file).value();
    auto card = card::Card::create(profile, {}).value();
    card->power_on();
    BOOST_TEST(send(*card, "80 00 00 00") == "9000");
    BOOST_TEST(send(*card, "80 01 00 00") == "6F00");
    BOOST_TEST(send(*card, "80 02 00 00 00") == "6F00");
    BOOST_TEST(send(*card, "80 03 00 00 00") == "6F00");
}

struct BadPlugin {
    const char* table; ///< {} is the folder of the libraries
    const char* error;
};
std::ostream& operator<<(std::ostream& out, const BadPlugin& bad) {
    return out << bad.error;
}

const BadPlugin k_bad_plugins[] = {
    {"[plugin.x]\n", "1: plugin.x.library: is missing; name a shared object"},
    {"[plugin]\nx = 1\n", "2: plugin.x: has to be a table"},
    {"[plugin.x]\nlibrary = 'none.so'\n", "2: plugin.x.library: cannot be loaded: "},
    {"[plugin.x]\nlibrary = '{}/counter.toml'\n", "2: plugin.x.library: cannot be loaded: "},
    {"[plugin.x]\nlibrary = '{}/libcard_no_symbol.so'\n", "is no card application: it has no symbol"},
    {"[plugin.x]\nlibrary = '{}/libcard_other_version.so'\n",
     "speaks version 2 of the application interface; this card speaks 1"},
    {"[plugin.x]\nlibrary = '{}/libcard_no_description.so'\n", "does not serve version 1 of the application"},
    {"[plugin.x]\nlibrary = '{}/libcard_incomplete.so'\n", "describes its application incompletely"},
    {"[plugin.x]\nlibrary = '{}/libcard_counter.so'\nsettings = 'ten'\n",
     "3: plugin.x.settings: the application cannot be made: settings have to be a decimal number"},
    {"[plugin.x]\nlibrary = '{}/libcard_counter.so'\naid = ''\n", "3: plugin.x.aid: has 0 bytes"},
    {"[plugin.x]\nlibrary = '{}/libcard_counter.so'\nsetting = ''\n",
     "3: plugin.x.setting: is not known here"},
    {"selected_at_reset = 'plugin.y'\n[plugin.x]\nlibrary = '{}/libcard_counter.so'\n",
     "1: selected_at_reset: \"plugin.y\" is no application"},
};

BOOST_DATA_TEST_CASE_F(CounterCard, library_that_is_none_is_refused_by_file_line_and_key,
                       data::make(k_bad_plugins), bad) {
    std::string text = bad.table;
    if (const auto at = text.find("{}"); at != std::string::npos) {
        text.replace(at, 2, k_libraries.string());
    }
    const auto file = folder.write("bad.toml", text);
    const auto profile = card::load_profile(file);
    BOOST_REQUIRE(!profile);
    BOOST_TEST((profile.error().code == std::errc::invalid_argument));
    const auto message = profile.error().message();
    BOOST_TEST(message.starts_with(file.string() + ":"), message);
    BOOST_TEST(message.find(bad.error) != std::string::npos, message);
}

BOOST_AUTO_TEST_SUITE_END()
