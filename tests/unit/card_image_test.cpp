// Card images: made fresh, renewed, exported; what is said of a card.

#include "../support/card_bench.hpp"
#include "../support/temporary_folder.hpp"

#include <cardlatch/card/image.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

#include <fstream>

using namespace cardlatch;
using namespace cardlatch::test;
namespace data = boost::unit_test::data;
namespace fs = std::filesystem;

namespace {

struct Folder : TemporaryFolder {
    fs::path operator/(const std::string& name) const { return path() / name; }
};

/// The quickest PIV card there is.
card::NewPivCard small_card() {
    card::NewPivCard order;
    order.keys = {{"9A", "p-256"}, {"9D", "x25519"}, {"82", "ed25519"}};
    order.serial = 7;
    return order;
}

void write(const fs::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

std::unique_ptr<card::Card> card_of(const fs::path& file, card::CardOptions options = {}) {
    const auto profile = card::load_profile(file);
    BOOST_REQUIRE_MESSAGE(profile, (profile ? std::string() : profile.error().message()));
    auto made = card::Card::create(profile.value(), std::move(options));
    BOOST_REQUIRE_MESSAGE(made, (made ? std::string() : made.error().message()));
    made.value()->power_on();
    return std::move(made.value());
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(image)

BOOST_AUTO_TEST_CASE(new_piv_card_has_the_keys_that_were_asked_for) {
    const Folder folder;
    std::string told;
    const card::ImageProgress progress{
        .begin = [&](std::string_view what) { told += std::string(what) + ";"; }, .working = {}, .done = {}};
    write(folder / "new.toml", card::make_piv_image(small_card(), progress).value());
    BOOST_TEST(told == "82, ed25519;9A, p-256;9D, x25519;F9, p-256;");
    const auto card = card_of(folder / "new.toml");
    BOOST_TEST(send(*card, "00A4040005A000000308").ends_with("9000"));
    BOOST_TEST(send(*card, "00F8000000") == "000000079000");
    BOOST_TEST(send(*card, "00200080083132333435 36FFFF") == "9000");
    const auto described = card->describe(false);
    for (const auto* text : {"\"slot\" : \"82\"", "\"slot\" : \"9A\"", "\"slot\" : \"9D\"",
                             "\"slot\" : \"F9\"", "\"algorithm\" : \"x25519\"", "CN=Test User"}) {
        BOOST_TEST(holds(described, text), text);
    }
    BOOST_TEST(!holds(described, "PRIVATE KEY"));
    BOOST_TEST(holds(card->describe(true), "PRIVATE KEY"));
}

BOOST_AUTO_TEST_CASE(two_new_cards_share_nothing) {
    const auto first = card::make_piv_image(small_card(), {}).value();
    const auto second = card::make_piv_image(small_card(), {}).value();
    for (const auto& marker : {"34", "private_key"}) {
        BOOST_TEST(first.substr(first.find(marker)) != second.substr(second.find(marker)));
    }
}

BOOST_AUTO_TEST_CASE(progress_of_a_long_key_is_told_while_it_is_made) {
    auto order = small_card();
    order.keys = {{"9A", "rsa-2048"}};
    unsigned working = 0;
    BOOST_TEST(
        card::make_piv_image(order, {.begin = {}, .working = [&] { ++working; }, .done = {}}).has_value());
    BOOST_TEST(working > 1);
}

BOOST_AUTO_TEST_CASE(impossible_order_is_refused_with_a_sentence) {
    struct Case {
        void (*change)(card::NewPivCard&);
        const char* sentence;
    };
    const std::vector<Case> cases{
        {[](auto& order) { order.keys[0].slot = "96"; }, "\"96\" is no key slot"},
        {[](auto& order) { order.keys[0].algorithm = "rsa-512"; }, "\"rsa-512\" is no algorithm"},
        {[](auto& order) { order.keys[1].slot = "9a"; }, "slot 9A is named twice"},
        {[](auto& order) { order.keys[1].slot = "F9"; }, "X25519 key cannot"},
        {[](auto& order) { order.pin = "12345"; }, "the PIN has to be 6 to 8"},
        {[](auto& order) { order.pin = "123456789"; }, "the PIN has to be 6 to 8"},
        {[](auto& order) { order.puk = ""; }, "the PUK has to be"},
        {[](auto& order) { order.management_algorithm = "des"; }, "\"des\" is no management algorithm"},
        {[](auto& order) { order.management_key = Bytes(16); }, "3des wants 24"},
        {[](auto& order) { order.pin_tries = 256; }, "1 to 255"},
        {[](auto& order) { order.certificates.days = 0; }, "1 to 36500 days"},
        {[](auto& order) { order.certificates.subject = "CN=x"; }, "a name looks like"},
        {[](auto& order) { order.certificates.subject = "/CN=x/=y"; }, "TYPE=VALUE"},
        {[](auto& order) { order.certificates.subject = "/NOSUCH=y"; }, "is not possible"},
        {[](auto& order) { order.certificates.issuer.key = "x"; }, "both its key and its certificate"},
        {[](auto& order) {
             order.certificates.issuer.key = read_file(CARDLATCH_FIXTURES "/keys/piv/ca.key.pem");
             order.certificates.issuer.certificate = read_file(CARDLATCH_FIXTURES "/keys/piv/f9.crt.pem");
         },
         "is not for the issuer's key"},
    };
    for (const auto& [change, sentence] : cases) {
        auto order = small_card();
        change(order);
        const auto made = card::make_piv_image(order, {});
        BOOST_REQUIRE(!made);
        BOOST_TEST(holds(made.error().message(), sentence), made.error().message());
    }
}

BOOST_AUTO_TEST_CASE(issuer_certifies_every_key) {
    const Folder folder;
    auto order = small_card();
    order.certificates.subject = "/C=XX/O=A \\/ B/CN=J\xC3\xB6rg";
    order.certificates.issuer = {read_file(CARDLATCH_FIXTURES "/keys/piv/ca.key.pem"),
                                 read_file(CARDLATCH_FIXTURES "/keys/piv/ca.crt.pem")};
    write(folder / "new.toml", card::make_piv_image(order, {}).value());
    const auto described = card_of(folder / "new.toml")->describe(false);
    std::size_t by_ca = 0;
    for (auto at = described.find("CN=Cardlatch TEST CA"); at != std::string::npos;
         at = described.find("CN=Cardlatch TEST CA", at + 1)) {
        ++by_ca;
    }
    BOOST_TEST(by_ca == 4U); // X25519 in 9D as well, and F9
    BOOST_TEST(holds(described, "CN=J\xC3\xB6rg,O=A / B,C=XX"), described);
}

BOOST_DATA_TEST_CASE(renewed_profile_is_the_same_card_with_other_keys,
                     data::make({"filecard", "piv-ec", "witness"}), name) {
    const Folder folder;
    const auto profile = shipped_cards() / (std::string(name) + ".toml");
    const auto old_card = card_of(profile);
    write(folder / "renewed.toml", card::renew_image(profile, {}, {}).value());
    const auto renewed = card_of(folder / "renewed.toml");
    BOOST_TEST(to_hex(renewed->atr().bytes()) == to_hex(old_card->atr().bytes()));
    const auto before = old_card->describe(true);
    const auto after = renewed->describe(true);
    const auto count = [](const std::string& text, std::string_view part) {
        std::size_t found = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
            ++found;
        }
        return found;
    };
    for (const auto* part :
         {"BEGIN PRIVATE KEY", "BEGIN CERTIFICATE", "\"path\"", "\"tag\"", "\"reference\""}) {
        BOOST_TEST(count(before, part) == count(after, part), part);
    }
    for (auto at = before.find("BEGIN PRIVATE KEY"); at != std::string::npos;
         at = before.find("BEGIN PRIVATE KEY", at + 1)) {
        BOOST_TEST(!holds(after, before.substr(at, 120)));
    }
}

BOOST_AUTO_TEST_CASE(exported_image_begins_where_the_card_was) {
    const Folder folder;
    const auto profile = shipped_cards() / "filecard.toml";
    const auto state = folder / "0-filecard.toml";
    {
        const auto card = card_of(profile, {.state_file = state});
        BOOST_TEST(send(*card, "0020000106000000000000") == "63C2");
        BOOST_TEST(send(*card, "00DA00C103010203") == "9000");
    }
    write(folder / "image.toml", card::export_image(profile, state).value());
    BOOST_TEST(send(*card_of(folder / "image.toml"), "00200001") == "63C2");
    BOOST_TEST(send(*card_of(profile), "00200001") == "63C3");

    // As good as the one with the state, and its image is itself.
    const auto was = card_of(profile, {.state_file = {}, .look_at = state})->describe(true);
    const auto is = card_of(folder / "image.toml")->describe(true);
    BOOST_TEST(was.substr(0, was.find("\"name\" :")) == is.substr(0, is.find("\"name\" :")));
    BOOST_TEST(card::export_image(folder / "image.toml", std::nullopt).value() ==
               read_file(folder / "image.toml"));
}

BOOST_AUTO_TEST_CASE(state_file_of_an_image_counts_more_than_its_state_table) {
    const Folder folder;
    const auto profile = shipped_cards() / "filecard.toml";
    {
        const auto card = card_of(profile, {.state_file = folder / "0-filecard.toml"});
        BOOST_TEST(send(*card, "0020000106000000000000") == "63C2");
    }
    write(folder / "image.toml", card::export_image(profile, folder / "0-filecard.toml").value());
    {
        const auto card = card_of(folder / "image.toml", {.state_file = folder / "state.toml"});
        BOOST_TEST(send(*card, "00200001") == "63C2");
        BOOST_TEST(send(*card, "0020000106313233343536") ==
                   "9000"); // as in the profile: no difference is left
    }
    const auto card = card_of(folder / "image.toml", {.state_file = folder / "state.toml"});
    BOOST_TEST(send(*card, "00200001") == "63C3");
}

BOOST_AUTO_TEST_CASE(state_table_that_fits_no_card_is_an_error_with_its_line) {
    const Folder folder;
    write(folder / "wrong.toml", "[filecard]\n[state.filecard]\ncolour = 1\n");
    const auto wrong = card::load_profile(folder / "wrong.toml");
    BOOST_REQUIRE(!wrong);
    BOOST_TEST(holds(wrong.error().message(), "wrong.toml:3: state.filecard.colour: is not known"),
               wrong.error().message());
}

BOOST_AUTO_TEST_CASE(state_that_is_looked_at_belongs_to_nobody) {
    const Folder folder;
    const auto profile = shipped_cards() / "filecard.toml";
    const auto owner = card_of(profile, {.state_file = folder / "0-filecard.toml"});
    BOOST_TEST(send(*owner, "0020000106000000000000") == "63C2");
    const auto before = read_file(folder / "0-filecard.toml");
    const auto looked = card_of(profile, {.state_file = {}, .look_at = folder / "0-filecard.toml"});
    BOOST_TEST(send(*looked, "0020000106000000000000") == "63C1"); // in memory
    BOOST_TEST(read_file(folder / "0-filecard.toml") == before);
    const auto missing = card::Card::create(card::load_profile(profile).value(),
                                            {.state_file = {}, .look_at = folder / "none"});
    BOOST_REQUIRE(!missing);
    BOOST_TEST((missing.error().code == std::errc::no_such_file_or_directory));
}

BOOST_AUTO_TEST_CASE(image_is_written_for_its_owner_alone_and_replaces_nothing_unasked) {
    const Folder folder;
    const auto file = folder / "image.toml";
    BOOST_TEST(card::write_image(file, "one", false).has_value());
    struct stat info {};
    BOOST_REQUIRE(::stat(file.c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 07777U) == 0600U);
    const auto again = card::write_image(file, "two", false);
    BOOST_REQUIRE(!again);
    BOOST_TEST((again.error().code == std::errc::file_exists));
    BOOST_TEST(read_file(file) == "one");
    BOOST_TEST(card::write_image(file, "two", true).has_value());
    BOOST_TEST(read_file(file) == "two");
    BOOST_TEST(!card::write_image((folder / "no") / "such.toml", "x", false));
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(file.parent_path())) {
        static_cast<void>(entry);
        ++files;
    }
    BOOST_TEST(files == 1U); // no temporary file was left
}

BOOST_AUTO_TEST_SUITE_END()
