#include "../support/card_bench.hpp"
#include "../support/temporary_folder.hpp"

#include <cardlatch/card/witness.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sys/resource.h>

#include <csignal>
#include <ostream>
#include <string>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using namespace cardlatch::test;

namespace {

constexpr auto k_right_pin = "00 20 00 01 06 31 32 33 34 35 36";
constexpr auto k_wrong_pin = "00 20 00 01 06 30 30 30 30 30 30";
constexpr auto k_tries = "00 20 00 01";
constexpr auto k_select_5101 = "00 A4 08 0C 06 5000 5100 5101";

struct StateFolder : TemporaryFolder {
    std::filesystem::path file = path() / "card0.toml";

    /// Makes every write fail, also for root: the temporary file's name is taken by a folder.
    void break_writes() const { std::filesystem::create_directory(file.string() + ".tmp"); }
    void mend_writes() const { std::filesystem::remove(file.string() + ".tmp"); }
};

/// Lets no file grow beyond `bytes` while it lives: writes stop half-way.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes)
        : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        static_cast<void>(std::signal(SIGXFSZ, handler_));
    }

  private:
    rlimit before_{};
    void (*handler_)(int);
};

Result<std::unique_ptr<card::Card>> make_card(const std::filesystem::path& state,
                                              const char* name = "filecard") {
    const auto profile = card::load_profile(shipped_cards() / (std::string(name) + ".toml")).value();
    return card::Card::create(profile, {.state_file = state});
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(state, StateFolder)

BOOST_AUTO_TEST_CASE(new_card_writes_nothing_until_something_changes) {
    auto card = shipped_card("filecard", file);
    BOOST_TEST(send(*card, "00 A4 00 0C 02 3F 00") == "9000");
    BOOST_TEST(send(*card, k_tries) == "63C3");
    BOOST_TEST(!std::filesystem::exists(file));
}

BOOST_AUTO_TEST_CASE(contents_and_try_counter_come_back) {
    {
        auto card = shipped_card("filecard", file);
        BOOST_TEST(send(*card, k_wrong_pin) == "63C2");
        BOOST_TEST(send(*card, k_select_5101) == "9000");
        BOOST_TEST(send(*card, "00 D6 00 00 02 11 22") == "9000");
        BOOST_TEST(send(*card, "00 A4 08 0C 04 5000 5003") == "9000");
        BOOST_TEST(send(*card, "00 DC 02 04 10 000102030405060708090A0B0C0D0E0F") == "9000");
    }
    auto card = shipped_card("filecard", file);
    BOOST_TEST(send(*card, k_tries) == "63C2");
    BOOST_TEST(send(*card, k_select_5101) == "9000");
    BOOST_TEST(send(*card, "00 B0 00 00 00") == "1122BEEF9000");
    BOOST_TEST(send(*card, "00 A4 08 0C 04 5000 5003") == "9000");
    BOOST_TEST(send(*card, "00 B2 02 04 00") == "000102030405060708090A0B0C0D0E0F9000");
}

BOOST_AUTO_TEST_CASE(file_is_text_with_what_differs_from_the_profile) {
    auto card = shipped_card("filecard", file);
    send(*card, k_wrong_pin);
    send(*card, k_select_5101);
    send(*card, "00 D6 00 00 02 11 22");
    const auto text = read_file(file);
    BOOST_TEST(text.find("format = 1\n") != std::string::npos, text);
    BOOST_TEST(text.find("profile = 'filecard'\n") != std::string::npos, text);
    BOOST_TEST(text.find("1 = 2\n") != std::string::npos, text);
    BOOST_TEST(text.find("3F00/5000/5100/5101' = [ '1122BEEF' ]\n") != std::string::npos, text);
    BOOST_TEST(text.find("313233343536") == std::string::npos, "the PIN is in the file");
    BOOST_TEST(!std::filesystem::exists(file.string() + ".tmp"));
    const auto mode = std::filesystem::status(file).permissions();
    BOOST_TEST(((mode & std::filesystem::perms(0077)) == std::filesystem::perms::none));
    // a change back leaves nothing to say
    send(*card, "00 D6 00 00 02 DE AD");
    send(*card, k_right_pin);
    BOOST_TEST(read_file(file).find('[') == std::string::npos, read_file(file));
}

BOOST_AUTO_TEST_CASE(blocked_pin_stays_blocked) {
    {
        auto card = shipped_card("filecard", file);
        for (int i = 0; i < 3; ++i) {
            send(*card, k_wrong_pin);
        }
    }
    BOOST_TEST(send(*shipped_card("filecard", file), k_right_pin) == "6983");
}

BOOST_AUTO_TEST_CASE(failed_verify_is_on_disk_when_it_answers) {
    auto card = shipped_card("filecard", file);
    BOOST_TEST(send(*card, k_wrong_pin) == "63C2");
    BOOST_TEST(read_file(file).find("1 = 2\n") != std::string::npos);
    BOOST_TEST(send(*card, k_wrong_pin) == "63C1");
    BOOST_TEST(read_file(file).find("1 = 1\n") != std::string::npos);
    BOOST_TEST(send(*card, k_right_pin) == "9000");
    BOOST_TEST(read_file(file).find("1 = ") == std::string::npos);
}

// The right PIN does not open anything unless the try could be counted first.
BOOST_AUTO_TEST_CASE(verify_without_a_working_store_answers_6581_and_compares_nothing) {
    auto card = shipped_card("filecard", file);
    break_writes();
    BOOST_TEST(send(*card, k_right_pin) == "6581");
    BOOST_TEST(send(*card, k_tries) == "63C3");
    BOOST_TEST(send(*card, k_wrong_pin) == "6581");
    BOOST_TEST(send(*card, "00 A4 08 0C 04 5000 5005") == "9000");
    BOOST_TEST(send(*card, "00 B0 00 00 01") == "6982");
    mend_writes();
    BOOST_TEST(send(*card, k_right_pin) == "9000");
}

BOOST_AUTO_TEST_CASE(update_without_a_working_store_answers_6581_and_is_undone) {
    auto card = shipped_card("filecard", file);
    send(*card, k_select_5101);
    break_writes();
    BOOST_TEST(send(*card, "00 D6 00 00 02 11 22") == "6581");
    BOOST_TEST(send(*card, "00 B0 00 00 00") == "DEADBEEF9000");
    BOOST_TEST(send(*card, "00 A4 08 0C 04 5000 5003") == "9000");
    BOOST_TEST(send(*card, "00 DC 00 02 10 000102030405060708090A0B0C0D0E0F") == "6581");
    BOOST_TEST(send(*card, "00 B2 00 04 00") == "6A83"); // nor has the record pointer moved
    BOOST_TEST(!std::filesystem::exists(file));
}

BOOST_AUTO_TEST_CASE(write_cut_short_leaves_the_old_state_and_its_remains_do_no_harm) {
    {
        auto card = shipped_card("filecard", file);
        send(*card, k_select_5101);
        BOOST_TEST(send(*card, "00 D6 00 00 01 11") == "9000");
        const auto before = read_file(file);
        {
            const FileSizeLimit limit(40);
            BOOST_TEST(send(*card, "00 D6 00 00 01 22") == "6581");
        }
        BOOST_TEST(read_file(file) == before);
        BOOST_TEST(std::filesystem::file_size(file.string() + ".tmp") == 40U);
        BOOST_TEST(send(*card, "00 B0 00 00 00") == "11ADBEEF9000");
    }
    auto card = shipped_card("filecard", file);
    send(*card, k_select_5101);
    BOOST_TEST(send(*card, "00 B0 00 00 00") == "11ADBEEF9000");
    BOOST_TEST(send(*card, "00 D6 00 00 01 33") == "9000");
    BOOST_TEST(!std::filesystem::exists(file.string() + ".tmp"));
}

BOOST_AUTO_TEST_CASE(leftover_temporary_file_is_never_read) {
    static_cast<void>(
        write("card0.toml.tmp", "format = 1\nprofile = 'filecard'\n[filecard.tries_left]\n1 = 0\n"));
    BOOST_TEST(send(*shipped_card("filecard", file), k_tries) == "63C3");
}

BOOST_AUTO_TEST_CASE(second_owner_is_refused_until_the_first_is_gone) {
    auto first = make_card(file);
    BOOST_REQUIRE(first);
    const auto second = make_card(file);
    BOOST_REQUIRE(!second);
    BOOST_TEST((second.error().code == std::errc::device_or_resource_busy));
    BOOST_TEST(second.error().message().find(file.string()) != std::string::npos);
    first.value().reset();
    BOOST_TEST(bool(make_card(file)));
}

BOOST_AUTO_TEST_CASE(absent_folder_is_an_error) {
    const auto card = make_card(path() / "none" / "card0.toml");
    BOOST_REQUIRE(!card);
    BOOST_TEST((card.error().code == std::errc::no_such_file_or_directory));
    BOOST_TEST(!make_card(path().string() + "/"));
}

struct BadState {
    const char* text;
    const char* error;
};
std::ostream& operator<<(std::ostream& out, const BadState& bad) {
    return out << bad.error;
}

#define HEAD "format = 1\nprofile = 'filecard'\n"
const BadState k_bad_states[] = {
    {"", "1: format: is missing"},
    {"format = 2\nprofile = 'filecard'\n", "1: format: has to be a whole number from 1 to 1"},
    {"format = 1\nprofile = 'witness'\n",
     R"(2: profile: the state belongs to a card "witness", not to "filecard")"},
    {"format = 1\n", "1: profile: is missing"},
    {HEAD "[filecard.tries_le", "3: "},
    {HEAD "\x01\x02", "3: "},
    {HEAD "[piv]\n", "3: piv: is not known here"},
    {HEAD "[filecard]\nx = 1\n", "4: filecard.x: is not known here"},
    {HEAD "[filecard.tries_left]\n3 = 1\n", "4: filecard.tries_left.3: the profile has no PIN"},
    {HEAD "[filecard.tries_left]\nx = 1\n", "4: filecard.tries_left.x: the profile has no PIN"},
    {HEAD "[filecard.tries_left]\n1 = 4\n", "4: filecard.tries_left.1: has to be a whole number from 0 to 3"},
    {HEAD "[filecard.content]\n'3F00/7777' = ['00']\n",
     "4: filecard.content.3F00/7777: the profile has no EF"},
    {HEAD "[filecard.content]\n'3F00/5000' = ['00']\n",
     "4: filecard.content.3F00/5000: the profile has no EF"},
    {HEAD "[filecard.content]\n'3F00/5000/5100/5101' = ['00']\n",
     "4: filecard.content.3F00/5000/5100/5101: has 1 bytes; allowed are 4"},
    {HEAD "[filecard.content]\n'3F00/5000/5100/5101' = ['001122zz']\n",
     "4: filecard.content.3F00/5000/5100/5101: \"001122zz\" is not hexadecimal"},
    {HEAD "[witness]\nentries = 1\n", "3: witness.leaves: is missing"},
    {HEAD "[witness]\nentries = -1\n", "4: witness.entries: has to be a whole number from 0 to 4294967295"},
    {HEAD
     "[witness]\nentries=1\nleaves=1\ncommands=1\ninterleavings=0\nbroken_off=0\nstrays=0\nlast_offender=0\n"
     "events=1\nlog=['1 enter maybe 00000001 00000001']\n",
     "12: witness.log: \"1 enter maybe 00000001 00000001\" is no entry"},
};
#undef HEAD

BOOST_DATA_TEST_CASE_F(StateFolder, damaged_state_is_refused_and_left_alone, data::make(k_bad_states), bad) {
    static_cast<void>(write("card0.toml", bad.text));
    const auto card = make_card(file);
    BOOST_REQUIRE(!card);
    BOOST_TEST((card.error().code == std::errc::invalid_argument));
    BOOST_TEST(card.error().message().starts_with(file.string() + ":" + bad.error), card.error().message());
    BOOST_TEST(read_file(file) == bad.text);
}

BOOST_AUTO_TEST_CASE(witness_record_comes_back_and_its_holder_is_broken_off) {
    namespace witness = card::witness;
    {
        auto card = shipped_card("witness", file);
        BOOST_TEST(send(*card, witness::enter(0xC0FFEE, 5)).sw.value() == 0x9000);
        BOOST_TEST(send(*card, witness::touch(2, 1)).sw.value() == 0x6985);
        BOOST_TEST(send(*card, witness::leave(0xC0FFEE)).sw.value() == 0x9000);
        BOOST_TEST(send(*card, witness::enter(3, 1)).sw.value() == 0x9000);
    }
    auto card = shipped_card("witness", file);
    const auto report = witness::Report::parse(send(*card, witness::report()).data).value();
    BOOST_TEST(report.entries == 2U);
    BOOST_TEST(report.interleavings == 1U);
    BOOST_TEST(report.last_offender == 2U);
    BOOST_TEST(report.broken_off == 1U);
    BOOST_TEST(!report.entered);
    const auto log = witness::LogEntry::parse(send(*card, witness::read_log(0)).data).value();
    BOOST_REQUIRE(log.size() == 5U);
    BOOST_TEST(
        (log[0] == witness::LogEntry{1, witness::Event::enter, witness::Verdict::in_order, 0xC0FFEE, 5}));
    BOOST_TEST((log[1] == witness::LogEntry{2, witness::Event::touch, witness::Verdict::interleaving, 2, 1}));
    BOOST_TEST((log[4] == witness::LogEntry{5, witness::Event::reset, witness::Verdict::broken_off, 3, 0}));
}

BOOST_AUTO_TEST_CASE(witness_without_a_working_store_answers_6581_and_has_seen_nothing) {
    namespace witness = card::witness;
    auto card = shipped_card("witness", file);
    break_writes();
    BOOST_TEST(send(*card, witness::enter(1, 1)).sw.value() == 0x6581);
    const auto report = witness::Report::parse(send(*card, witness::report()).data).value();
    BOOST_TEST((report == witness::Report{}));
}

BOOST_AUTO_TEST_SUITE_END()
