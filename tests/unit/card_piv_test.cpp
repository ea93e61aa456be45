// The PIV application's PINs, data objects, state and profiles; its keys are in card_piv_keys_test.cpp.

#include "../support/piv_bench.hpp"
#include "../support/temporary_folder.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using namespace cardlatch::test;

namespace {

struct StateFolder : TemporaryFolder {
    std::filesystem::path file = path() / "card0.toml";

    /// Makes every write fail, also for root: the temporary file's name is taken by a folder.
    void break_writes() const { std::filesystem::create_directory(file.string() + ".tmp"); }
    void mend_writes() const { std::filesystem::remove(file.string() + ".tmp"); }
    [[nodiscard]] std::string text() const {
        std::ifstream in(file);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(piv_select)

BOOST_AUTO_TEST_CASE(application_property_template_names_the_application) {
    const auto card = shipped_card("piv");
    for (const auto* name : {"A000000308", "A00000030800001000", "A000000308000010000100"}) {
        const auto bytes = *from_hex(name);
        const auto response = send(*card, iso7816::CommandApdu::select_by_aid(bytes));
        BOOST_TEST(status_of(response) == "9000");
        const auto outer = iso7816::find_tlv(response.data, 0x61);
        BOOST_REQUIRE(outer);
        BOOST_TEST(to_hex(iso7816::find_tlv(*outer, 0x4F).value()) == "000010000100");
        BOOST_TEST(to_hex(iso7816::find_tlv(*outer, 0x79).value()) == "4F05A000000308");
        BOOST_TEST(to_hex(iso7816::find_tlv(*outer, 0xAC).value()) ==
                   "80010380010880010A80010C80010580010680010780011680011180011480"
                   "01E08001E1060100");
    }
    BOOST_TEST(status(*card, "00A40400 06 A00000030801") == "6A82");
}

BOOST_AUTO_TEST_CASE(an_absent_le_is_taken_for_all) {
    const auto card = shipped_card("piv");
    BOOST_TEST(send(*card, "00A40400 05 A000000308").substr(0, 2) ==
               "61"); // the template, not status word 61xx
    BOOST_TEST(send(*card, "00FD0000") == "0507019000");
    BOOST_TEST(status(*card, "00CB3FFF 05 5C035FC105") != "9000"); // longer than 256 bytes: 61xx
}

BOOST_AUTO_TEST_CASE(selecting_piv_again_keeps_the_status_and_an_unknown_application_too) {
    const auto card = shipped_card("piv");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    BOOST_TEST(status(*card, "00A40400 05 A000000308") == "9000");
    BOOST_TEST(status(*card, "00200080") == "9000");
    BOOST_TEST(status(*card, "00A40400 05 A000000151") == "6A82");
    BOOST_TEST(status(*card, "00200080") == "9000");
    card->reset();
    BOOST_TEST(status(*card, "00200080") == "63C3");
}

BOOST_AUTO_TEST_CASE(another_application_ends_the_status_of_the_pin_but_not_of_the_global_pin) {
    const TemporaryFolder folder;
    const auto file = folder.write("two.toml", "[piv]\nglobal_pin = \"654321\"\n[witness]\n");
    const auto card = card::Card::create(card::load_profile(file).value(), {}).value();
    card->power_on();
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    BOOST_TEST(status(*card, "00200000 08 363534333231FFFF") == "9000");
    BOOST_TEST(status(*card, "00A4040C 0A F0434C5749544E455353") == "9000");
    BOOST_TEST(status(*card, "00A40400 05 A000000308") == "9000");
    BOOST_TEST(status(*card, "00200080") == "63C3");
    BOOST_TEST(status(*card, "00200000") == "9000");
    BOOST_TEST(send(*card, "00CB3FFF 03 5C017E 00") == "7E124F0BA0000003080000100001005F2F0260109000");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(piv_reference_data)

BOOST_AUTO_TEST_CASE(wrong_pins_block_and_the_puk_unblocks) {
    const auto card = shipped_card("piv");
    BOOST_TEST(status(*card, k_verify_wrong_pin) == "63C2");
    BOOST_TEST(status(*card, "00200080 08 FFFFFFFFFFFFFFFF") == "63C1"); // of the wrong form: wrong
    BOOST_TEST(status(*card, k_verify_wrong_pin) == "63C0");
    BOOST_TEST(status(*card, k_verify_pin) == "6983");
    BOOST_TEST(status(*card, "00200080") == "6983");
    BOOST_TEST(status(*card, "00240080 10 313233343536FFFF 313131313131FFFF") == "6983");
    BOOST_TEST(status(*card, "002C0080 10 3132333435363739 313131313131FFFF") == "63C2");
    BOOST_TEST(status(*card, "002C0080 10 3132333435363738 3131FFFFFFFFFFFF") == "6A80"); // PIN too short
    BOOST_TEST(send(*card, "00F7008100").substr(0, 18) == "0101FF050101060203"); // 3 tries in all ...
    BOOST_TEST(send(*card, "00F7008100") == "0101FF050101060203"
                                            "029000"); // ... 2 left: 6A80 cost nothing
    BOOST_TEST(status(*card, "002C0080 10 3132333435363738 313131313131FFFF") == "9000");
    BOOST_TEST(status(*card, "00200080") == "63C3");
    BOOST_TEST(status(*card, "00200080 08 313131313131FFFF") == "9000");
}

BOOST_AUTO_TEST_CASE(pin_and_puk_are_changed_with_their_old_value) {
    const auto card = shipped_card("piv");
    BOOST_TEST(status(*card, "00240080 10 303030303030FFFF 363534333231FFFF") == "63C2");
    BOOST_TEST(status(*card, "00240080 10 313233343536FFFF 36353433323141FF") == "6A80"); // a letter
    BOOST_TEST(status(*card, "00200080") == "63C2");                                      // as it was before
    BOOST_TEST(status(*card, "00240080 10 313233343536FFFF 363534333231FFFF") == "9000");
    BOOST_TEST(status(*card, "00200080") == "9000");
    BOOST_TEST(status(*card, k_verify_pin) == "63C2");
    BOOST_TEST(status(*card, "00200080 08 363534333231FFFF") == "9000");
    BOOST_TEST(status(*card, "00240081 10 3132333435363738 0001020304050607") == "9000"); // any 8 bytes
    BOOST_TEST(status(*card, "00240081 10 3132333435363738 0001020304050607") == "63C2");
    BOOST_TEST(status(*card, "002C0080 10 0001020304050607 313131313131FFFF") == "9000");
}

struct BadCommand {
    const char* command;
    const char* status;
};
std::ostream& operator<<(std::ostream& out, const BadCommand& bad) {
    return out << bad.command << " -> " << bad.status;
}

const BadCommand k_bad_commands[] = {
    {"80200080 08 313233343536FFFF", "6E00"},
    {"00100000", "6D00"},
    {"00200180 08 313233343536FFFF", "6A86"},
    {"0020FF80 08 313233343536FFFF", "6A80"},
    {"00200000 08 313233343536FFFF", "6A88"}, // no global PIN
    {"00200081 08 3132333435363738", "6A88"}, // the PUK is not verified
    {"00200096", "6A88"},
    {"00200098", "6A88"},
    {"00200080 06 313233343536", "6700"},
    {"00240180 10 313233343536FFFF 363534333231FFFF", "6A86"},
    {"0024009B 10 313233343536FFFF 363534333231FFFF", "6A88"},
    {"00240080 0F 313233343536FFFF 363534333231FF", "6700"},
    {"002C0180 10 3132333435363738 313131313131FFFF", "6A86"},
    {"002C0000 10 3132333435363738 313131313131FFFF", "6A88"},
    {"002C0080 08 3132333435363738", "6700"},
    {"00CB3FFE 05 5C035FC102 00", "6A86"},
    {"00CB3FFF 00", "6A80"},
    {"00CB3FFF 05 5D035FC102 00", "6A80"},
    {"00CB3FFF 05 5C045FC102 00", "6A80"},
    {"00CB3FFF 06 5C045FC10200 00", "6A80"},
    {"00CB3FFF 05 5C035FC10E 00", "6A82"},
    {"00CB3FFF 03 5C017F 00", "6A82"},
    {"00CB3FFF 05 5C035FC103 00", "6982"}, // whether it is there or not
    {"00DB3FFF 09 5C035FC10253023000", "6982"},
    {"0047009A 05 AC03800111 00", "6982"},
    {"00479A9A 05 AC03800111 00", "6A86"},
    {"0047009B 05 AC03800111 00", "6A86"},
    {"0087079B 04 7C028000 00", "6A86"}, // the management key is Triple DES
    {"0087089B 04 7C028000 00", "6A86"},
    {"0087119A 04 7C028000 00", "6A86"}, // 9A is RSA 2048
    {"00870783 04 7C028000 00", "6A86"}, // an empty slot
    {"00870704 04 7C028000 00", "6A86"},
    {"008707F9 04 7C028000 00", "6A86"},
    {"0087039B 02 7C00 00", "6A80"},
    {"0087039B 04 7D028000 00", "6A80"},
    {"0087039B 04 7C038000 00", "6A80"},
    {"0087039B 04 7C028600 00", "6A80"},
    {"0087039B 06 7C0480008000 00", "6A80"},
    {"0087039B 0C 7C0A8208 0000000000000000 00", "6982"}, // no challenge was asked for
    {"0087079A 06 7C0482008100 00", "6A80"},
    {"00FD0001", "6A86"},
    {"00FD0000 01 00", "6700"},
    {"00F70083 00", "6A88"},
    {"00F70000 00", "6A88"},
    {"00F90083 00", "6A86"}, // P2 has to be 00
    {"00F98300 00", "6A88"},
    {"00F99A00 00", "6A80"}, // 9A was imported
    {"00FA0303", "6982"},
    {"00FA0003", "6A86"},
    {"00FB0000", "6985"},
    {"00FE059A 00", "6982"},
    {"00FE999A 00", "6A86"},
    {"00FFFFFF 1B 039B18 010203040506070801020304050607080102030405060708", "6982"},
    {"00F6829A", "6982"},
    {"00F69A9A", "6A86"},
    {"00F6F99A", "6A86"},
};

BOOST_DATA_TEST_CASE(wrong_commands_get_their_status_word, data::make(k_bad_commands), bad) {
    const auto card = shipped_card("piv");
    BOOST_TEST(status(*card, bad.command) == bad.status);
    BOOST_TEST(status(*card, "00200080") == "63C3"); // and cost no try
}

BOOST_AUTO_TEST_CASE(locked_profile_is_blocked_and_can_be_reset) {
    const auto card = shipped_card("piv-locked");
    BOOST_TEST(status(*card, k_verify_pin) == "6983");
    BOOST_TEST(status(*card, "002C0080 10 3132333435363738 313131313131FFFF") == "6983");
    BOOST_TEST(status_of(object(*card, "5FC105")) == "9000");
    BOOST_TEST(status(*card, "00FB0000") == "9000");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    BOOST_TEST(status_of(object(*card, "5FC105")) == "6A82");
    BOOST_TEST(status(*card, "00F7009A 00") == "6A88");
    BOOST_TEST(status_of(object(*card, "5FFF01")) == "9000"); // the attestation certificate stays
    BOOST_TEST(status(*card, "00F700F9 00") == "9000");
}

BOOST_AUTO_TEST_CASE(retries_are_set_by_administrator_and_pin) {
    const auto card = shipped_card("piv");
    BOOST_TEST(authenticate(*card) == "9000");
    BOOST_TEST(status(*card, "00FA0508") == "6982");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    BOOST_TEST(status(*card, "00FA1408") == "9000");
    BOOST_TEST(send(*card, "00F7008000") == "0101FF05010106021414"
                                            "9000");
    BOOST_TEST(send(*card, "00F7008100") == "0101FF05010106020808"
                                            "9000");
    BOOST_TEST(status(*card, "00200080") == "63CF"); // 20, as far as it can be told
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(piv_objects)

BOOST_AUTO_TEST_CASE(discovery_object_tells_the_pin_policy) {
    const auto card = shipped_card("piv");
    BOOST_TEST(send(*card, "00CB3FFF 03 5C017E 00") == "7E124F0BA0000003080000100001005F2F0240009000");
    BOOST_TEST(authenticate(*card) == "9000");
    BOOST_TEST(status(*card, "00DB3FFF 14 7E124F0BA0000003080000100001005F2F024000") == "9000");
    BOOST_TEST(status(*card, "00DB3FFF 14 7E124F0BA0000003080000100001005F2F026010") == "6A80");
    BOOST_TEST(status(*card, "00DB3FFF 05 5C017E5300") == "6A80"); // it is always there
    BOOST_TEST(send(*card, "00CB3FFF 03 5C017E 00") == "7E124F0BA0000003080000100001005F2F0240009000");
}

BOOST_AUTO_TEST_CASE(objects_are_written_by_the_administrator_and_read_back) {
    const auto card = shipped_card("piv-empty");
    BOOST_TEST(status_of(object(*card, "5FC102")) == "6A82");
    BOOST_TEST(put_object(*card, "5FC102", "3000") == "6982");
    BOOST_TEST(authenticate(*card) == "9000");
    for (const auto* tag : {"5FC101", "5FC107", "5FC120", "5FFF00", "5F0001"}) {
        const std::string content(600, 'A');
        BOOST_TEST(put_object(*card, tag, content) == "9000");
        BOOST_TEST(to_hex(object(*card, tag).data) == tlv(0x53, content));
        BOOST_TEST(put_object(*card, tag, "") == "9000");
        BOOST_TEST(status_of(object(*card, tag)) == "6A82");
    }
    BOOST_TEST(status(*card, "00DB3FFF 06 7F6103020100") == "9000");
    BOOST_TEST(to_hex(object(*card, "7F61").data) == "7F6103020100");
    BOOST_TEST(put_object(*card, "5FC122", "00") == "6A81");
    BOOST_TEST(put_object(*card, "5FC123", "00") == "6A81");
    BOOST_TEST(put_object(*card, "5E0001", "00") == "6A81");
    BOOST_TEST(status(*card, "00DB3FFF 05 5C035FC102") == "6A80");
    BOOST_TEST(status(*card, "00DB3FFF 09 5C035FC10253015300") == "6A80"); // something behind it
}

BOOST_AUTO_TEST_CASE(objects_have_a_limit_each_and_together) {
    const auto card = shipped_card("piv-empty");
    BOOST_TEST(authenticate(*card) == "9000");
    const std::string largest(2U * 16384, 'A');
    BOOST_TEST(put_object(*card, "5FC103", largest + "AA") == "6A84");
    std::string last = "9000";
    int stored = 0;
    for (; last == "9000" && stored < 32; ++stored) {
        last = put_object(*card, "5F00" + to_hex(Bytes{static_cast<std::uint8_t>(stored)}), largest);
    }
    BOOST_TEST(last == "6A84");
    BOOST_TEST(stored > 10);
}

BOOST_AUTO_TEST_CASE(protected_objects_want_the_pin) {
    const auto card = shipped_card("piv");
    BOOST_TEST(status_of(object(*card, "5FC109")) == "6982");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    BOOST_TEST(status_of(object(*card, "5FC109")) == "9000");
    BOOST_TEST(status_of(object(*card, "5FC103")) == "6A82");
    BOOST_TEST(status(*card, "0020FF80") == "9000");
    BOOST_TEST(status_of(object(*card, "5FC109")) == "6982");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(piv_state)

BOOST_AUTO_TEST_CASE(changes_outlive_the_card) {
    const StateFolder folder;
    std::string made;
    {
        const auto card = shipped_card("piv", folder.file);
        BOOST_TEST(status(*card, k_verify_wrong_pin) == "63C2");
        BOOST_TEST(status(*card, "00240081 10 3132333435363738 3837363534333231") == "9000");
        BOOST_TEST(authenticate(*card) == "9000");
        made = to_hex(command(*card, "00470083", "AC03800111").data);
        BOOST_TEST(put_object(*card, "5FC10E", "70023000") == "9000");
        BOOST_TEST(put_object(*card, "5FC105", "") == "9000");
        BOOST_TEST(status(*card, "00F6FF9D") == "9000"); // deletes a key of the profile
        BOOST_TEST(status(*card, "00FFFFFF 13 089B10 00112233445566778899AABBCCDDEEFF") == "9000");
    }
    const auto card = shipped_card("piv", folder.file);
    BOOST_TEST(status(*card, "00200080") == "63C2");
    BOOST_TEST(status(*card, "002C0080 10 3837363534333231 313131313131FFFF") == "9000");
    BOOST_TEST(to_hex(object(*card, "5FC10E").data) == "530470023000");
    BOOST_TEST(status_of(object(*card, "5FC105")) == "6A82");
    BOOST_TEST(status(*card, "00F7009D 00") == "6A88");
    BOOST_TEST(made.size() == 2U * (5 + 65));
    BOOST_TEST(to_hex(command(*card, "00F70083").data) == "01011102020201030101" + tlv(0x04, made.substr(6)));
    const auto key = card::crypto::SymmetricKey::from(card::crypto::Cipher::aes_128,
                                                      *from_hex("00112233445566778899AABBCCDDEEFF"))
                         .value();
    BOOST_TEST(authenticate(*card) == "6A86");
    BOOST_TEST(authenticate(*card, key, "08") == "9000");
    BOOST_TEST(folder.text().find("tries_left") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(counter_is_stored_before_the_pin_is_compared) {
    const StateFolder folder;
    const auto card = shipped_card("piv", folder.file);
    folder.break_writes();
    BOOST_TEST(status(*card, k_verify_pin) == "6581");
    BOOST_TEST(status(*card, k_verify_wrong_pin) == "6581");
    BOOST_TEST(status(*card, "00200080") == "63C3"); // nothing was compared, nothing is verified
    BOOST_TEST(status(*card, "002C0080 10 3132333435363738 313131313131FFFF") == "6581");
    folder.mend_writes();
    BOOST_TEST(status(*card, k_verify_wrong_pin) == "63C2");
    BOOST_TEST(folder.text().find("tries_left = 2") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_stored_is_not_done) {
    const StateFolder folder;
    const auto card = shipped_card("piv-empty", folder.file);
    BOOST_TEST(authenticate(*card) == "9000");
    folder.break_writes();
    BOOST_TEST(put_object(*card, "5FC102", "3000") == "6581");
    BOOST_TEST(status_of(object(*card, "5FC102")) == "6A82");
    BOOST_TEST(status_of(command(*card, "0047009A", "AC03800111")) == "6581");
    BOOST_TEST(status(*card, "00F7009A 00") == "6A88");
    BOOST_TEST(status(*card, "00FFFFFF 13 089B10 00112233445566778899AABBCCDDEEFF") == "6581");
    BOOST_TEST(authenticate(*card) == "9000");
}

struct BadState {
    const char* text;
    const char* error;
};
std::ostream& operator<<(std::ostream& out, const BadState& bad) {
    return out << bad.error;
}

const BadState k_bad_states[] = {
    {"[piv.pin]\ntries = 3", "card0.toml:3: piv.pin.tries_left: is missing"},
    {"[piv.pin]\ntries = 3\ntries_left = 4", "card0.toml:5: piv.pin.tries_left: has to be"},
    {"[piv.keys.9F]\nabsent = true", "card0.toml:3: piv.keys.9F: there is no such key reference"},
    {"[piv.keys.9A]\nprivate_key = '3000'", "card0.toml:4: piv.keys.9A.private_key: "},
    {"[piv.objects]\n'123456' = '00'", "card0.toml:4: piv.objects.123456: there is no such data object"},
    {"[piv.management_key]\nalgorithm = 'des'", "card0.toml:4: piv.management_key.algorithm: allowed are"},
    {"[piv]\nother = 1", "card0.toml:4: piv.other: is not known here"},
};

BOOST_DATA_TEST_CASE(damaged_state_is_refused_with_its_line, data::make(k_bad_states), bad) {
    const StateFolder folder;
    static_cast<void>(
        folder.write("card0.toml", "format = 1\nprofile = 'piv'\n" + std::string(bad.text) + "\n"));
    const auto profile = card::load_profile(shipped_cards() / "piv.toml").value();
    const auto card = card::Card::create(profile, {.state_file = folder.file});
    BOOST_REQUIRE(!card);
    BOOST_TEST(card.error().message().find(bad.error) != std::string::npos, card.error().message());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(piv_profile)

struct BadProfile {
    const char* text;
    const char* error;
};
std::ostream& operator<<(std::ostream& out, const BadProfile& bad) {
    return out << bad.error;
}

const BadProfile k_bad_profiles[] = {
    {"pin = \"12345\"", "p.toml:2: piv.pin: has to be 6 to 8 decimal digits"},
    {"pin = \"123456789\"", "p.toml:2: piv.pin: has to be a text of 1 to 8 bytes"},
    {"puk_tries = 0", "p.toml:2: piv.puk_tries: has to be a whole number from 1 to 255"},
    {"pin_tries_left = 4", "p.toml:2: piv.pin_tries_left: has to be a whole number from 0 to 3"},
    {"management_algorithm = \"des\"",
     "p.toml:2: piv.management_algorithm: \"des\" is not known; allowed are 3des"},
    {"management_key = \"00\"", "p.toml:2: piv.management_key: has 1 bytes; allowed are 24"},
    {"touch = \"maybe\"", "p.toml:2: piv.touch: \"maybe\" is not known; allowed are given and refused"},
    {"[[piv.key]]\nslot = \"9B\"", "p.toml:3: piv.key[0].slot: \"9B\" is not known; allowed are 9A"},
    {"[[piv.key]]\nslot = \"9A\"", "p.toml:2: piv.key[0].private_key: is missing; it names a PEM file"},
    {"[[piv.key]]\nslot = \"9A\"\nprivate_key = \"nowhere.pem\"",
     "p.toml:4: piv.key[0].private_key: @/nowhere.pem: there is no such file"},
    {"[[piv.key]]\nslot = \"9A\"\nprivate_key = \"p.toml\"",
     "p.toml:4: piv.key[0].private_key: p.toml: no private key"},
    {"[[piv.key]]\nslot = \"9A\"\nprivate_key = \"good.pem\"\ncertificate = \"good.pem\"",
     "p.toml:5: piv.key[0].certificate: good.pem: no certificate in PEM form"},
    {"[[piv.key]]\nslot = \"9A\"\nprivate_key = \"good.pem\"\ncertificate = \"other.pem\"",
     "p.toml:5: piv.key[0].certificate: other.pem is not for the private key"},
    {"[[piv.key]]\nslot = \"9A\"\nprivate_key = \"good.pem\"\n[[piv.key]]\nslot = \"9A\"",
     "p.toml:6: piv.key[1].slot: slot 9A has a key already"},
    {"[[piv.key]]\nslot = \"9A\"\nprivate_key = \"good.pem\"\npin_policy = \"often\"",
     "p.toml:5: piv.key[0].pin_policy: \"often\" is not known"},
    {"[[piv.object]]\ntag = \"7E\"\ncontent = \"00\"",
     "p.toml:3: piv.object[0].tag: the discovery object follows"},
    {"[[piv.object]]\ntag = \"5FC102\"", "p.toml:2: piv.object[0].content: is missing"},
    {"[[piv.object]]\ntag = \"1234\"\ncontent = \"00\"",
     "p.toml:3: piv.object[0].tag: \"1234\" is not known"},
};

BOOST_DATA_TEST_CASE(mistakes_are_told_with_line_and_key, data::make(k_bad_profiles), bad) {
    const TemporaryFolder folder;
    const auto keys = std::filesystem::path(CARDLATCH_FIXTURES) / "keys/piv";
    std::filesystem::copy_file(keys / "ec-9a.key.pem", folder.path() / "good.pem");
    std::filesystem::copy_file(keys / "ec-9c.crt.pem", folder.path() / "other.pem");
    const auto profile = card::load_profile(folder.write("p.toml", "[piv]\n" + std::string(bad.text) + "\n"));
    BOOST_REQUIRE(!profile);
    std::string expected = bad.error;
    if (const auto at = expected.find('@'); at != std::string::npos) {
        expected.replace(at, 1, folder.path().string());
    }
    BOOST_TEST(profile.error().message().find(expected) != std::string::npos, profile.error().message());
}

BOOST_DATA_TEST_CASE(shipped_profiles_load_and_say_piv_in_the_atr,
                     data::make(std::vector<std::string>{"piv", "piv-ec", "piv-locked", "piv-empty"}), name) {
    const auto card = shipped_card(name);
    BOOST_TEST(to_hex(card->atr().historical_bytes()) == "80FBA000000308000010000100");
    BOOST_TEST(status(*card, "00CB3FFF 03 5C017E 00") == "9000"); // PIV is selected at reset
}

BOOST_AUTO_TEST_SUITE_END()
