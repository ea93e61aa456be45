#include "../support/temporary_folder.hpp"

#include <cardlatch/card/card.hpp>
#include <cardlatch/iso7816/tlv.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>
#include <string>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using cardlatch::test::TemporaryFolder;

namespace {

const std::filesystem::path k_cards = std::filesystem::path(CARDLATCH_FIXTURES) / "cards";

struct BadProfile {
    const char* text;
    const char* error; ///< "LINE: KEY: what", as after the file's name
};
std::ostream& operator<<(std::ostream& out, const BadProfile& bad) {
    return out << bad.error;
}

const BadProfile k_bad_profiles[] = {
    // the document
    {"", "1: : the card has no application"},
    {"a = \n", "1: "},
    {"[witness]\n[witness]\n", "2: "},
    {"[witness]\n[openpgp]\n", "2: openpgp: is not known here; allowed are atr, description, fault, "
                               "filecard, piv, plugin, selected_at_reset, state"},
    {"description = 1\n[witness]\n", "1: description: has to be a text"},
    {"witness = 1\n", "1: witness: has to be a table"},
    {"selected_at_reset = \"filecard\"\n[witness]\n", "1: selected_at_reset: \"filecard\" is no application"},
    // ATR
    {"[witness]\n[atr]\nbytes = \"3B\"\n", "3: atr.bytes: has 1 bytes; allowed are 2 to 33"},
    {"[witness]\n[atr]\nbytes = \"3B 01\"\n", "3: atr.bytes: ATR 3B 01: "},
    {"[witness]\n[atr]\nbytes = \"3B 0x\"\n", "3: atr.bytes: is not hexadecimal"},
    {"[witness]\n[atr]\nbytes = \"3B 00\"\nlabel = \"A\"\n", "3: atr.bytes: is the whole ATR"},
    {"[witness]\n[atr]\nprotocols = [\"T=2\"]\n", "3: atr.protocols: \"T=2\" is not a protocol"},
    {"t0 = \"get-response\"\n[witness]\n", "1: t0: is for a card that offers T=0"},
    {"t0 = \"sometimes\"\n[witness]\n[atr]\nprotocols = [\"T=0\"]\n", "1: t0: \"sometimes\" is no behaviour"},
    {"[witness]\n[atr]\nprotocols = []\n", "3: atr.protocols: is empty"},
    {"[witness]\n[atr]\nprotocols = \"T=1\"\n", "3: atr.protocols: has to be a list of texts"},
    {"[witness]\n[atr]\nhistorical = \"00112233445566778899AABBCCDDEEFF\"\n",
     "3: atr.historical: has 16 bytes"},
    {"[witness]\n[atr]\nlabel = \"12345678\"\n", "3: atr.label: has to be a text of 1 to 7 bytes"},
    {"[witness]\n[atr]\nhistorical = \"00\"\nlabel = \"A\"\n", "4: atr.label: is part of generated"},
    // witness
    {"[witness]\nlog_entries = 0\n", "2: witness.log_entries: has to be a whole number from 1 to 4096"},
    {"[witness]\nlog = 1\n", "2: witness.log: is not known here; allowed are log_entries"},
    // paths
    {"[filecard]\n[[filecard.df]]\n", "2: filecard.df[0].path: is missing"},
    {"[filecard]\n[filecard.df]\n", "2: filecard.df: has to be a list of tables, written [[filecard.df]]"},
    {"[[filecard.df]]\npath = \"5000\"\n", "2: filecard.df[0].path: \"5000\" is no path"},
    {"[[filecard.df]]\npath = \"3F00/500\"\n", "2: filecard.df[0].path: \"3F00/500\" is no path"},
    {"[[filecard.df]]\npath = \"3F00\"\n", "2: filecard.df[0].path: \"3F00\" is no path"},
    {"[[filecard.df]]\npath = \"3F00/1/2/3\"\n", "2: filecard.df[0].path"},
    {"[[filecard.df]]\npath = \"3F00/FFFF\"\n", "2: filecard.df[0].path: file identifier FFFF is reserved"},
    {"[[filecard.df]]\npath = \"3F00/5000/3F00\"\n",
     "2: filecard.df[0].path: file identifier 3F00 is reserved"},
    {"[[filecard.df]]\npath = \"3F00/5000/5001\"\n", "2: filecard.df[0].path: 3F00/5000/5001 lies in no DF"},
    {"[[filecard.df]]\npath = \"3F00/5000\"\n[[filecard.df]]\npath = \"3F00/5000\"\n",
     "4: filecard.df[1].path: there is another file 3F00/5000"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\n"
     "[[filecard.transparent]]\npath = \"3F00/5000/5001\"\nsize = 1\n",
     "5: filecard.transparent[1].path: 3F00/5000/5001 lies in no DF"},
    // DFs
    {"[[filecard.df]]\npath = \"3F00/5000\"\naid = \"A0\"\n[[filecard.df]]\npath = \"3F00/5001\"\naid = "
     "\"A0\"\n",
     "6: filecard.df[1].aid: 3F00/5000 has the same AID"},
    {"[filecard.mf]\naid = \"\"\n", "2: filecard.mf.aid: has 0 bytes; allowed are 1 to 16"},
    {"[[filecard.df]]\npath = \"3F00/5000\"\nsize = 1\n", "3: filecard.df[0].size: is not known here"},
    // transparent EFs
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\n", "1: filecard.transparent[0].size: is missing"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 32769\n",
     "3: filecard.transparent[0].size: has to be a whole number from 1 to 32768"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = \"1\"\n",
     "3: filecard.transparent[0].size: has to be a whole number"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\ncontent = \"AABB\"\n",
     "3: filecard.transparent[0].size: is 1 bytes but there are 2"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\ncontent = [\"AA\", \"B\"]\n",
     "3: filecard.transparent[0].content: \"B\" is not hexadecimal"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\ncontent = 1\n",
     "3: filecard.transparent[0].content: has to be a text of hexadecimal bytes"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\ncontent = \"AA\"\ntext = \"B\"\n",
     "4: filecard.transparent[0].text: stands for content"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\nsfi = 31\n",
     "4: filecard.transparent[0].sfi: has to be a whole number from 1 to 30"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\nsfi = 1\n"
     "[[filecard.transparent]]\npath = \"3F00/5001\"\nsize = 1\nsfi = 1\n",
     "8: filecard.transparent[1].sfi: another EF of the same DF has short identifier 1"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\nread = \"sometimes\"\n",
     R"(4: filecard.transparent[0].read: has to be "always", "never", { pin = REFERENCE } or)"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\nupdate = { pin = 1 }\n",
     "4: filecard.transparent[0].update.pin: there is no PIN with reference 1"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\nupdate = { pim = 1 }\n",
     "4: filecard.transparent[0].update.pim: is not known here; allowed are either, key, pin"},
    {"[[filecard.transparent]]\npath = \"3F00/5000\"\nsize = 1\nrecord_size = 1\n",
     "4: filecard.transparent[0].record_size: is not known here"},
    // linear fixed EFs
    {"[[filecard.linear_fixed]]\npath = \"3F00/5000\"\nrecords = [\"AA\"]\n",
     "1: filecard.linear_fixed[0].record_size: is missing"},
    {"[[filecard.linear_fixed]]\npath = \"3F00/5000\"\nrecord_size = 256\n",
     "3: filecard.linear_fixed[0].record_size: has to be a whole number from 1 to 255"},
    {"[[filecard.linear_fixed]]\npath = \"3F00/5000\"\nrecord_size = 2\n",
     "1: filecard.linear_fixed[0].record_count: is missing"},
    {"[[filecard.linear_fixed]]\npath = \"3F00/5000\"\nrecord_size = 2\nrecords = [\"AABB\", \"CC\"]\n",
     "4: filecard.linear_fixed[0].records: record 2 has 1 bytes; allowed are 2 (record_size)"},
    {"[[filecard.linear_fixed]]\npath = \"3F00/5000\"\nrecord_size = 1\nrecord_count = 1\nrecords = [\"AA\", "
     "\"CC\"]\n",
     "5: filecard.linear_fixed[0].records: there are 2; allowed are at most 1"},
    {"[[filecard.linear_fixed]]\npath = \"3F00/5000\"\nrecord_size = 1\nrecord_count = 255\n",
     "4: filecard.linear_fixed[0].record_count: has to be a whole number from 1 to 254"},
    // PINs
    {"[[filecard.pin]]\nvalue = \"1234\"\n", "1: filecard.pin[0].reference: is missing"},
    {"[[filecard.pin]]\nreference = 32\nvalue = \"1234\"\n",
     "2: filecard.pin[0].reference: has to be a whole number"},
    {"[[filecard.pin]]\nreference = 1\n", "1: filecard.pin[0].value: give exactly one"},
    {"[[filecard.pin]]\nreference = 1\nvalue = \"1234\"\nvalue_hex = \"31323334\"\n",
     "4: filecard.pin[0].value_hex: give exactly one"},
    {"[[filecard.pin]]\nreference = 1\nvalue = \"123\"\n",
     "3: filecard.pin[0].value: has 3 bytes; allowed are 4 to 16"},
    {"[[filecard.pin]]\nreference = 1\nvalue = \"1234\"\ntries = 16\n",
     "4: filecard.pin[0].tries: has to be"},
    {"[[filecard.pin]]\nreference = 1\nvalue = \"1234\"\n[[filecard.pin]]\nreference = 1\nvalue = \"1234\"\n",
     "5: filecard.pin[1].reference: another PIN has reference 1"},
};

} // namespace

BOOST_AUTO_TEST_SUITE(profile)

BOOST_DATA_TEST_CASE(mistake_is_named_with_file_line_and_key, data::make(k_bad_profiles), bad) {
    const TemporaryFolder folder;
    const auto file = folder.write("bad.toml", bad.text);
    const auto profile = card::load_profile(file);
    BOOST_REQUIRE(!profile);
    BOOST_TEST((profile.error().code == std::errc::invalid_argument));
    BOOST_TEST(profile.error().message().starts_with(file.string() + ":" + bad.error),
               profile.error().message());
}

BOOST_AUTO_TEST_CASE(absent_file_is_not_found) {
    const TemporaryFolder folder;
    const auto profile = card::load_profile(folder.path() / "none.toml");
    BOOST_REQUIRE(!profile);
    BOOST_TEST((profile.error().code == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(folder_is_no_profile) {
    const TemporaryFolder folder;
    BOOST_TEST(!card::load_profile(folder.path()).has_value());
}

BOOST_AUTO_TEST_CASE(shipped_profiles_are_listed_sorted_and_all_make_cards) {
    const auto files = card::list_profiles(k_cards);
    BOOST_REQUIRE(files);
    BOOST_TEST(files.value().size() >= 2U);
    BOOST_TEST(std::is_sorted(files.value().begin(), files.value().end()));
    for (const auto& file : files.value()) {
        const auto profile = card::load_profile(file);
        BOOST_REQUIRE_MESSAGE(profile, (profile ? "" : profile.error().message()));
        BOOST_TEST(profile.value().name == file.stem().string());
        BOOST_TEST(!profile.value().description.empty());
        BOOST_TEST(bool(card::Card::create(profile.value(), {})));
    }
}

BOOST_AUTO_TEST_CASE(absent_folder_is_an_error) {
    BOOST_TEST(!card::list_profiles("/nonexistent/cards").has_value());
}

BOOST_AUTO_TEST_CASE(parents_may_follow_their_children) {
    const TemporaryFolder folder;
    const auto profile = card::load_profile(folder.write(
        "order.toml", "[[filecard.df]]\npath = \"3F00/5000/5100\"\n[[filecard.df]]\npath = \"3F00/5000\"\n"));
    BOOST_TEST(bool(profile));
}

BOOST_AUTO_TEST_CASE(given_atr_is_used_as_it_is) {
    const TemporaryFolder folder;
    const auto profile =
        card::load_profile(folder.write("a.toml", "[witness]\n[atr]\nbytes = \"3B 02 14 50\"\n"));
    BOOST_REQUIRE(profile);
    BOOST_TEST(to_hex(profile.value().atr.bytes()) == "3B021450");
}

BOOST_AUTO_TEST_CASE(both_protocols_and_historical_bytes_are_built_into_an_atr) {
    const TemporaryFolder folder;
    const auto profile = card::load_profile(
        folder.write("a.toml", "[witness]\n[atr]\nprotocols = [\"T=0\", \"T=1\"]\nhistorical = \"00 11\"\n"));
    BOOST_REQUIRE(profile);
    BOOST_TEST(to_hex(profile.value().atr.bytes()) == "3B828001001112");
}

// Source: ISO/IEC 7816-4 §12.1.1: a card without MF, selection by name only, chaining, extended length,
// channels, no label
BOOST_AUTO_TEST_CASE(generated_historical_bytes_of_a_card_without_mf) {
    const TemporaryFolder folder;
    const auto profile = card::load_profile(folder.write("a.toml", "[witness]\n"));
    BOOST_REQUIRE(profile);
    BOOST_TEST(to_hex(profile.value().atr.historical_bytes()) == "8031C173C041DF");
}

BOOST_AUTO_TEST_CASE(generated_historical_bytes_say_what_files_there_are) {
    const TemporaryFolder folder;
    const auto profile = card::load_profile(folder.write(
        "a.toml", "[[filecard.linear_fixed]]\npath = \"3F00/2F00\"\nrecord_size = 8\nrecord_count = 1\n"));
    BOOST_REQUIRE(profile);
    BOOST_TEST(to_hex(profile.value().atr.historical_bytes()) == "8031E073F641DF");
}

BOOST_AUTO_TEST_CASE(ef_atr_of_the_filecard_agrees_with_its_historical_bytes) {
    const auto profile = card::load_profile(k_cards / "filecard.toml");
    BOOST_REQUIRE(profile);
    const auto historical = profile.value().atr.historical_bytes();
    auto card = card::Card::create(profile.value(), {}).value();
    card->power_on();
    const auto ef_atr = card->transmit(*from_hex("00B09D0000"));
    const auto content = ByteView(ef_atr).first(ef_atr.size() - 2);
    const auto services = iso7816::find_tlv(content, 0x43);
    const auto capabilities = iso7816::find_tlv(content, 0x47);
    BOOST_REQUIRE(services);
    BOOST_REQUIRE(capabilities);
    BOOST_TEST(to_hex(historical.subspan(1, 2)) == "31" + to_hex(*services));
    BOOST_TEST(to_hex(historical.subspan(3, 4)) == "73" + to_hex(*capabilities));
    BOOST_TEST(bool(iso7816::find_tlv(content, 0x7F66)));
}

BOOST_AUTO_TEST_SUITE_END()
