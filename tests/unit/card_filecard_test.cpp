// What a dialogue cannot show of the file card: cryptograms over its challenges, its state, and that what it
// says of itself is true.

#include "../support/card_bench.hpp"
#include "../support/temporary_folder.hpp"
#include "crypto/block_cipher.hpp"

#include <cardlatch/iso7816/tlv.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using namespace cardlatch::test;

namespace {

constexpr auto k_first_pin = "00 20 00 01 06 31 32 33 34 35 36";

/// Key 1 of the profile, which is public.
card::crypto::SymmetricKey test_key() {
    return card::crypto::SymmetricKey::from(card::crypto::Cipher::aes_128,
                                            *from_hex("404142434445464748494A4B4C4D4E4F"))
        .value();
}

Bytes challenge_of(card::Card& card) {
    auto response = card.transmit(*from_hex("00 84 00 00 10"));
    BOOST_REQUIRE(response.size() == 18U);
    response.resize(16);
    return response;
}

std::string prove_key(card::Card& card) {
    const auto cryptogram = test_key().encrypt_ecb(challenge_of(card)).value();
    return send(card, "00 82 00 01 10" + to_hex(cryptogram));
}

/// A card whose state is in a file, made anew by again().
struct StoredCard {
    TemporaryFolder folder;
    std::filesystem::path file = folder.path() / "card0.toml";
    std::unique_ptr<card::Card> card = shipped_card("filecard", file);

    void again() {
        card.reset();
        card = shipped_card("filecard", file);
    }
    std::string operator()(std::string_view command) { return send(*card, command); }

    void break_writes() const { std::filesystem::create_directory(file.string() + ".tmp"); }
    void mend_writes() const { std::filesystem::remove(file.string() + ".tmp"); }
};

/// CREATE FILE with these file control parameters.
std::string create(std::string_view parameters) {
    const auto bytes = *from_hex(parameters);
    return fmt::format("00E00000{:02X}62{:02X}{}", bytes.size() + 2, bytes.size(), to_hex(bytes));
}

/// A public key out of the answer to GENERATE ASYMMETRIC KEY PAIR.
std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> raw_public_key(int type, const std::string& response) {
    const auto key = from_hex(response.substr(10, response.size() - 14)); // 7F49 LL 86 LL ... 9000
    return {EVP_PKEY_new_raw_public_key(type, nullptr, key->data(), key->size()), &EVP_PKEY_free};
}

} // namespace

BOOST_AUTO_TEST_SUITE(filecard)

BOOST_AUTO_TEST_CASE(external_authentication_opens_what_asks_for_the_key) {
    auto card = shipped_card("filecard");
    send(*card, "00 A4 08 0C 04 5000 500B");
    BOOST_TEST(send(*card, "00 B0 00 00 00") == "6982");
    BOOST_TEST(prove_key(*card) == "9000");
    BOOST_TEST(send(*card, "00 82 00 01") == "9000");
    BOOST_TEST(send(*card, "00 B0 00 00 00") == "6B65799000");
    BOOST_TEST(send(*card, "00 B0 8C 00 00") == "6569746865729000");
    BOOST_TEST(send(*card, "00 B0 8D 00 00") == "6982");
    send(*card, k_first_pin);
    BOOST_TEST(send(*card, "00 B0 8D 00 00") == "626F74689000");
    card->reset();
    BOOST_TEST(send(*card, "00 82 00 01") == "63C5");
    send(*card, "00 A4 08 0C 04 5000 500B");
    BOOST_TEST(send(*card, "00 B0 00 00 00") == "6982");
}

BOOST_AUTO_TEST_CASE(failed_external_authentication_ends_an_earlier_one_and_a_good_one_fills_the_counter) {
    auto card = shipped_card("filecard");
    BOOST_TEST(prove_key(*card) == "9000");
    challenge_of(*card);
    BOOST_TEST(send(*card, "00 82 00 01 10" + std::string(32, '0')) == "63C4");
    BOOST_TEST(send(*card, "00 82 00 01") == "63C4");
    BOOST_TEST(prove_key(*card) == "9000");
    card->reset();
    BOOST_TEST(send(*card, "00 82 00 01") == "63C5");
}

BOOST_AUTO_TEST_CASE(mutual_authentication_proves_both_sides) {
    auto card = shipped_card("filecard");
    const Bytes ours(16, 0x77);
    const auto theirs = challenge_of(*card);
    auto both = ours;
    both.insert(both.end(), theirs.begin(), theirs.end());
    const Bytes zero_iv(16);
    const auto sent = test_key().encrypt_cbc(zero_iv, both).value();
    auto response = card->transmit(*from_hex("00 82 00 01 20" + to_hex(sent) + "00"));
    BOOST_REQUIRE(response.size() == 34U);
    response.resize(32);
    const auto answer = test_key().decrypt_cbc(zero_iv, response).value();
    BOOST_TEST((Bytes(answer.begin(), answer.begin() + 16) == theirs));
    BOOST_TEST((Bytes(answer.begin() + 16, answer.end()) == ours));
    BOOST_TEST(send(*card, "00 82 00 01") == "9000");
}

BOOST_AUTO_TEST_CASE(proved_key_resets_a_pin_without_its_code) {
    auto card = shipped_card("filecard");
    BOOST_TEST(send(*card, "00 2C 02 02 04 35353535") == "6982");
    prove_key(*card);
    BOOST_TEST(send(*card, "00 2C 02 02 04 35353535") == "9000");
    BOOST_TEST(send(*card, "00 20 00 02 04 35353535") == "9000");
    BOOST_TEST(send(*card, "00 24 01 02 04 36363636") == "9000");
    BOOST_TEST(send(*card, "00 20 00 02 04 36363636") == "9000");
    BOOST_TEST(send(*card, "00 2C 02 02 03 353535") == "6700");
    BOOST_TEST(send(*card, "00 2C 03 02") == "9000");
}

BOOST_AUTO_TEST_CASE(generated_key_signs_what_its_public_key_verifies_also_after_a_restart) {
    StoredCard card;
    const auto generated = card("00 46 80 00 05 B603 840105 00");
    const auto key = raw_public_key(EVP_PKEY_ED25519, generated);
    BOOST_REQUIRE(key);
    card.again();
    BOOST_TEST(card("00 46 81 00 05 B603 840105 00") == generated);
    const auto response = *from_hex(card("00 88 00 05 03 616263 00"));
    BOOST_REQUIRE(response.size() == 66U);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const std::string message = "abc";
    BOOST_REQUIRE(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
    BOOST_TEST(EVP_DigestVerify(context.get(), response.data(), 64, as_bytes(message).data(), 3) == 1);
    BOOST_TEST(EVP_DigestVerify(context.get(), response.data(), 64, as_bytes("abd").data(), 3) != 1);
}

BOOST_AUTO_TEST_CASE(ecdsa_signature_verifies_with_the_public_key_that_the_card_tells) {
    auto card = shipped_card("filecard");
    const auto told = send(*card, "00 46 81 00 05 B603 840104 00");
    const auto point = told.substr(10, told.size() - 14);
    // SubjectPublicKeyInfo of P-256 before the point. Source: RFC 5480 §2
    const auto der = *from_hex("3059301306072A8648CE3D020106082A8648CE3D030107034200" + point);
    const auto* at = der.data();
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())), &EVP_PKEY_free);
    BOOST_REQUIRE(key);
    const Bytes digest(32, 0x5A);
    send(*card, "00 22 41 B6 03 840104");
    auto signature = card->transmit(*from_hex("00 2A 9E 9A 20" + to_hex(digest) + "00"));
    BOOST_REQUIRE(signature.size() > 8U);
    signature.resize(signature.size() - 2);
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new(key.get(), nullptr), &EVP_PKEY_CTX_free);
    BOOST_REQUIRE(EVP_PKEY_verify_init(context.get()) == 1);
    BOOST_TEST(EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), 32) == 1);
}

BOOST_AUTO_TEST_CASE(what_changed_at_run_time_comes_back) {
    StoredCard card;
    BOOST_TEST(card("00 A4 08 0C 02 6000") == "9000");
    BOOST_TEST(card(create("820138 83026100 8405F0434C4E45")) == "9000");
    BOOST_TEST(card(create("80020008 820101 83026101 880110 8A0103 8C0443001100")) == "9000");
    BOOST_TEST(card("00 D6 00 00 01 AB") == "9000");
    const auto control = card("00 A4 00 04 02 6101 00");
    BOOST_TEST(control.starts_with("62"), control);
    BOOST_TEST(card(create("8205044100 1000 83026102 8800")) == "6A80");
    BOOST_TEST(card(create("8205044100 1003 83026102 8800")) == "9000");
    BOOST_TEST(card("00 E2 00 00 03 616263") == "9000");
    BOOST_TEST(card("00 E2 00 00 01 64") == "9000");
    BOOST_TEST(card("00 DA 00 C1 02 1234") == "9000");
    BOOST_TEST(card("00 24 00 02 08 31323334 35363738") == "9000");
    BOOST_TEST(card("00 2C 01 02 08 3030303030303030") == "63C2");
    BOOST_TEST(card("00 26 01 02") == "9000");
    BOOST_TEST(card("00 04 08 00 04 5000 500A") == "9000");
    challenge_of(*card.card);
    BOOST_TEST(card("00 82 00 01 10" + std::string(32, '0')) == "63C4");
    card("00 22 41 A4 03 830101");
    BOOST_TEST(card("00 22 F2 03") == "9000");

    card.again();
    BOOST_TEST(card("00 A4 04 0C 05 F0434C4E45") == "9000");
    BOOST_TEST(card("00 A4 00 04 02 6101 00") == control);
    BOOST_TEST(card("00 B0 00 00 01") == "AB9000");
    BOOST_TEST(card("00 A4 00 0C 02 6102") == "9000");
    BOOST_TEST(card("00 B2 01 05 00") == "616263649000");
    BOOST_TEST(card("00 20 00 02") == "9000"); // switched off
    BOOST_TEST(card("00 28 00 02 04 35363738") == "9000");
    card.card->reset();
    BOOST_TEST(card("00 20 00 02") == "63C3");
    BOOST_TEST(card("00 20 00 02 04 35363738") == "9000");
    BOOST_TEST(card("00 2C 01 02 08 3030303030303030") == "63C1");
    BOOST_TEST(card("00 A4 08 0C 04 5000 500A") == "6283");
    BOOST_TEST(card("00 82 00 01") == "63C4");
    BOOST_TEST(card("00 22 F3 03") == "9000");
    BOOST_TEST(card("00 82 00 00") == "63C4"); // key 1, from the environment
    BOOST_TEST(card(k_first_pin) == "9000");
    BOOST_TEST(card("00 CA 00 C1 00") == "12349000");

    // A DF of the profile that is deleted, and one of the same path that is created, are told apart.
    BOOST_TEST(card("00 A4 08 0C 04 6000 6100") == "9000");
    BOOST_TEST(card("00 E4 00 00") == "9000");
    card.again();
    BOOST_TEST(card("00 A4 04 0C 05 F0434C4E45") == "6A82");
    BOOST_TEST(card("00 A4 08 0C 06 6000 6100 6101") == "6A82");
}

BOOST_AUTO_TEST_CASE(changes_without_a_working_store_answer_6581_and_are_undone) {
    StoredCard card;
    card("00 A4 08 0C 02 6000");
    BOOST_TEST(card(create("80020002 820101 83026001")) == "9000");
    card.break_writes();
    BOOST_TEST(card(create("80020002 820101 83026002")) == "6581");
    BOOST_TEST(card("00 A4 02 0C 02 6002") == "6A82");
    BOOST_TEST(card("00 A4 02 0C 02 6001") == "9000");
    for (const auto* command : {"00 E4 00 00", "00 04 00 00", "00 E8 00 00", "00 D0 00 00 01 01",
                                "00 24 00 02 08 31323334 35363738", "00 2C 01 02 08 3132333435363738",
                                "00 DA 00 C1 01 01", "00 22 F2 01", "00 46 84 00 05 B603 840105"}) {
        BOOST_TEST_CONTEXT(command) {
            BOOST_TEST(card(command) == "6581");
        }
    }
    card.mend_writes();
    BOOST_TEST(card("00 B0 00 00 00") == "00009000");
    BOOST_TEST(card("00 20 00 02") == "63C3");
    BOOST_TEST(card("00 20 00 02 04 31323334") == "9000");
    BOOST_TEST(card("00 46 81 00 05 B603 840105 00") == "6A88");
    BOOST_TEST(card("00 22 F3 01") == "6A88");
}

struct BadState {
    const char* text; ///< below [filecard], which is line 3
    const char* error;
};
std::ostream& operator<<(std::ostream& out, const BadState& bad) {
    return out << bad.error;
}

const BadState k_bad_states[] = {
    {"deleted = ['3F00/7777']", "4: filecard.deleted: the profile has no file 3F00/7777"},
    {"[filecard.life_cycle]\n'3F00/7777' = 4", "5: filecard.life_cycle.3F00/7777: the card has no file"},
    {"[filecard.life_cycle]\n'3F00/5000' = 6", "5: filecard.life_cycle.3F00/5000: is no life cycle status"},
    {"[filecard.content]\n'3F00/5000/5003' = ['00']",
     "5: filecard.content.3F00/5000/5003: has 1 records; allowed are 4 of 16 bytes"},
    {"[filecard.content]\n'3F00/5000/5009' = ['00000000','00000000','00000000','00000000']",
     "5: filecard.content.3F00/5000/5009: has 4 records; allowed are 3 of 4 bytes"},
    {"[filecard.pin_value]\n2 = '313233'", "5: filecard.pin_value.2: has 3 bytes; allowed are 4 to 16"},
    {"[filecard.pin_disabled]\n2 = 1", "5: filecard.pin_disabled.2: has to be true or false"},
    {"[filecard.puk_tries_left]\n2 = 4",
     "5: filecard.puk_tries_left.2: has to be a whole number from 0 to 3"},
    {"[filecard.key_tries_left]\n9 = 1", "5: filecard.key_tries_left.9: the profile has no key"},
    {"[filecard.key_pair]\n1 = '00'", "5: filecard.key_pair.1: the profile has no key pair"},
    {"[filecard.key_pair]\n5 = '00'", "5: filecard.key_pair.5: "},
    {"[filecard.data]\n5F51 = '00'", "5: filecard.data.5F51: the profile has no data object"},
    {"[filecard.environment]\n15 = ''", "5: filecard.environment.15: is no security environment"},
    {"[filecard.environment]\n1 = 'A4'", "5: filecard.environment.1: is no security environment"},
    {"[[filecard.created]]\npath = '3F00/5000/5F00'", "4: filecard.created[0].type: is missing"},
    {"[[filecard.created]]\npath = '3F00/7000/5F00'\ntype = 'df'\nsecurity = '00'",
     "5: filecard.created[0].path: 3F00/7000/5F00 lies in no DF"},
    {"[[filecard.created]]\npath = '3F00/5000/5001'\ntype = 'df'\nsecurity = '00'",
     "5: filecard.created[0].path: 3F00/5000/5001 lies in no DF of this card or is taken"},
    {"[[filecard.created]]\npath = '3F00/5000/5F00'\ntype = 'x'\nsecurity = '00'",
     "4: filecard.created[0]: is no"},
    {"[[filecard.created]]\npath = '3F00/5000/5F00'\ntype = 'df'\nsecurity = '01'",
     "4: filecard.created[0]: is no"},
    {"[[filecard.created]]\npath = '3F00/5000/5F00'\ntype = 'df'\nsecurity = '00'\nsize = 1",
     "4: filecard.created[0]: has a size"},
};

BOOST_DATA_TEST_CASE(damaged_state_is_refused_with_its_line, data::make(k_bad_states), bad) {
    const TemporaryFolder folder;
    const auto file =
        folder.write("card0.toml", std::string("format = 1\nprofile = 'filecard'\n[filecard]\n") + bad.text);
    const auto profile = card::load_profile(shipped_cards() / "filecard.toml").value();
    const auto card = card::Card::create(profile, {.state_file = file});
    BOOST_REQUIRE(!card);
    BOOST_TEST(card.error().message().starts_with(file.string() + ":" + bad.error), card.error().message());
}

// --- what the card says of itself. Source: ISO/IEC 7816-4 §12.1.1, §12.2 ---

BOOST_AUTO_TEST_CASE(card_capabilities_are_what_the_card_does) {
    auto card = shipped_card("filecard");
    const auto ef_atr = *from_hex(send(*card, "00 B0 9D 00 00"));
    const auto services = iso7816::find_tlv(ef_atr, 0x43).value();
    const auto capabilities = iso7816::find_tlv(ef_atr, 0x47).value();
    BOOST_REQUIRE(services.size() == 1U);
    BOOST_REQUIRE(capabilities.size() == 3U);
    const auto historical = card->atr().historical_bytes();
    BOOST_TEST(to_hex(historical.first(7)) == "8031" + to_hex(services) + "73" + to_hex(capabilities));

    const auto says = [](std::uint8_t byte, unsigned bit) { return (byte & (1U << (bit - 1))) != 0; };
    const auto answers = [&](std::string_view command) { return send(*card, command).ends_with("9000"); };
    BOOST_TEST(says(services[0], 8) == answers("00 A4 04 0C 07 F0434C44454D4F"));
    BOOST_TEST(says(services[0], 7) == answers("00 A4 04 0C 05 F0434C4445"));
    BOOST_TEST(says(services[0], 6) == answers("00 A4 08 0C 02 2F00"));
    BOOST_TEST(says(services[0], 5) == answers("00 A4 08 0C 02 2F01"));
    BOOST_TEST(((services[0] >> 1U) & 0x07U) == (answers("00 B0 00 00 00") ? 0x04U : 0x00U)); // READ BINARY
    BOOST_TEST(says(services[0], 1) == !answers("00 A4 00 0C 02 3F00"));                      // without MF

    const auto selection = capabilities[0];
    BOOST_TEST(says(selection, 8) == answers("00 A4 04 0C 07 F0434C44454D4F"));
    BOOST_TEST(says(selection, 7) == answers("00 A4 04 0C 05 F0434C4445"));
    BOOST_TEST(says(selection, 6) == answers("00 A4 08 0C 04 5000 5003"));
    BOOST_TEST(says(selection, 5) == answers("00 A4 00 0C 02 5003"));
    BOOST_TEST(says(selection, 3) == answers("00 B0 81 00 01"));
    BOOST_TEST(says(selection, 2) == answers("00 B2 01 1C 00"));
    BOOST_TEST(says(selection, 1) == answers("00 B2 01 18 00")); // by record identifier

    // Data coding byte: one-time write, proprietary, OR, AND; data units of one byte; erased is 00.
    BOOST_TEST(answers("00 A4 08 0C 04 5000 500A"));
    BOOST_TEST(answers("00 D6 00 00 01 0C"));
    BOOST_TEST(answers("00 D0 00 00 01 0A"));
    BOOST_TEST(send(*card, "00 B0 00 00 01") == "0E9000");
    BOOST_TEST(((capabilities[1] >> 5U) & 0x03U) == 2U);
    BOOST_TEST((capabilities[1] & 0x0FU) == 1U);

    BOOST_TEST(says(capabilities[2], 8) == (send(*card, "10 20 00 01 03 313233") == "9000" &&
                                            send(*card, "00 20 00 01 03 343536") == "9000"));
    BOOST_TEST(says(capabilities[2], 7) == answers("00 B0 00 00 00 00 01"));
    BOOST_TEST(says(capabilities[2], 5) == (send(*card, "00 70 00 00 01") == "019000"));
    BOOST_TEST(says(capabilities[2], 4) == (send(*card, "00 70 00 05") == "9000"));
    unsigned channels = 3;
    while (send(*card, "00 70 00 00 01").ends_with("9000")) {
        ++channels;
    }
    BOOST_TEST(channels >= 8U);
    BOOST_TEST((capabilities[2] & 0x07U) == 7U); // eight or more
}

// 7F66: the longest command and response APDU, each as a number in 02. Source: ISO/IEC 7816-4 §12.7.1.
BOOST_AUTO_TEST_CASE(longest_apdus_are_as_long_as_the_card_says) {
    auto card = shipped_card("filecard");
    const auto ef_atr = *from_hex(send(*card, "00 B0 9D 00 00"));
    const auto information = iso7816::find_tlv(ef_atr, 0x7F66);
    BOOST_REQUIRE(information);
    BOOST_TEST(to_hex(*information) == "0202FFFF0202FFFF");
    constexpr std::size_t k_longest = 0xFFFF;
    Bytes command{0x00, 0xDA, 0x00, 0xC1, 0x00};
    const std::size_t length = k_longest - 7;
    command.insert(command.end(),
                   {static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)});
    command.resize(k_longest, 0xA5);
    BOOST_TEST(to_hex(card->transmit(command)) == "9000");
    send(*card, k_first_pin);
    BOOST_TEST(card->transmit(*from_hex("00 CA 00 C1 00 FF F8")).size() == length + 2);
    BOOST_TEST(card->transmit(*from_hex("00 84 00 00 00 FF FD")).size() == k_longest);
}

BOOST_AUTO_TEST_CASE(ef_dir_lists_the_applications_that_there_are) {
    auto card = shipped_card("filecard");
    auto content = *from_hex(send(*card, "00 B0 9E 00 00"));
    content.resize(content.size() - 2);
    std::vector<std::string> listed;
    iso7816::TlvCursor cursor(content);
    for (auto entry = cursor.next().value(); entry; entry = cursor.next().value()) {
        BOOST_TEST(entry->tag == 0x61U);
        const auto aid = iso7816::find_tlv(entry->value, 0x4F).value();
        const auto label = iso7816::find_tlv(entry->value, 0x50).value();
        const auto length = static_cast<std::uint8_t>(aid.size());
        const auto fmd =
            *from_hex(send(*card, "00 A4 04 08" + to_hex(ByteView(&length, 1)) + to_hex(aid) + "00"));
        const auto management = iso7816::find_tlv(fmd, 0x64).value();
        BOOST_TEST(to_hex(iso7816::find_tlv(management, 0x50).value()) == to_hex(label));
        listed.push_back(to_hex(aid));
        if (const auto path = iso7816::find_tlv(entry->value, 0x51)) {
            const auto inner = path->size() > 2 ? path->subspan(2) : *path;
            const auto inner_length = static_cast<std::uint8_t>(inner.size());
            const auto fcp =
                *from_hex(send(*card, (path->size() > 2 ? "00 A4 08 04" : "00 A4 00 04") +
                                          to_hex(ByteView(&inner_length, 1)) + to_hex(inner) + "00"));
            const auto parameters = iso7816::find_tlv(fcp, 0x62).value();
            BOOST_TEST(to_hex(iso7816::find_tlv(parameters, 0x84).value()) == to_hex(aid));
        }
    }
    std::vector<std::string> selectable;
    for (auto fci = send(*card, "00 A4 04 04 01 F0 00"); fci.ends_with("9000");
         fci = send(*card, "00 A4 04 06 01 F0 00")) {
        const auto bytes = *from_hex(fci);
        selectable.push_back(to_hex(iso7816::find_tlv(iso7816::find_tlv(bytes, 0x62).value(), 0x84).value()));
    }
    std::sort(listed.begin(), listed.end());
    std::sort(selectable.begin(), selectable.end());
    BOOST_TEST(listed == selectable, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
