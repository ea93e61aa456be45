// The PIV application's keys: GENERAL AUTHENTICATE, generation, import, attestation, metadata.

#include "../support/piv_bench.hpp"
#include "../support/temporary_folder.hpp"
#include "crypto/certificate.hpp"
#include "crypto/openssl.hpp"
#include "crypto/private_key.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <openssl/rsa.h>

#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using namespace cardlatch::test;
using card::crypto::Cipher;
using card::crypto::KeyType;
using card::crypto::Pkey;
using card::crypto::PkeyContext;
using card::crypto::PrivateKey;
using card::crypto::SymmetricKey;

namespace {

/// The shipped private key of fixtures/keys/piv/NAME.key.pem.
PrivateKey shipped_key(const std::string& name) {
    std::ifstream in(std::string(CARDLATCH_FIXTURES) + "/keys/piv/" + name + ".key.pem");
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return PrivateKey::from_pem(text).value();
}

/// What a template 7C with one object 82 holds.
Bytes result_of(const iso7816::ResponseApdu& response) {
    BOOST_TEST(status_of(response) == "9000");
    const auto outer = iso7816::find_tlv(response.data, 0x7C);
    const auto inner = outer ? iso7816::find_tlv(*outer, 0x82) : std::nullopt;
    BOOST_REQUIRE(inner);
    return {inner->begin(), inner->end()};
}

/// GENERAL AUTHENTICATE that has `input` signed or decrypted, or with tag 85 agreed on.
iso7816::ResponseApdu use(card::Card& card, const std::string& algorithm_and_slot, ByteView input,
                          std::uint32_t tag = 0x81) {
    return command(card, "0087" + algorithm_and_slot, tlv(0x7C, "8200" + tlv(tag, to_hex(input))));
}

Bytes rsa_public_operation(const PrivateKey& key, ByteView block) {
    const PkeyContext context(EVP_PKEY_CTX_new(key.handle(), nullptr));
    Bytes out(block.size());
    auto size = out.size();
    BOOST_REQUIRE(EVP_PKEY_encrypt_init(context.get()) == 1);
    BOOST_REQUIRE(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1);
    BOOST_REQUIRE(EVP_PKEY_encrypt(context.get(), out.data(), &size, block.data(), block.size()) == 1);
    return out;
}

bool ecdsa_verifies(evp_pkey_st* key, ByteView digest, ByteView signature) {
    const PkeyContext context(EVP_PKEY_CTX_new(key, nullptr));
    return EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()) ==
               1;
}

/// A padded block as a signature with PKCS #1 v1.5 begins.
Bytes padded_block(std::size_t size) {
    Bytes block(size, 0xFF);
    block[0] = 0x00;
    block[1] = 0x01;
    return block;
}

struct Algorithm {
    const char* identifier;
    KeyType type;
    std::size_t public_key; ///< bytes of the data objects in 7F49
};
std::ostream& operator<<(std::ostream& out, const Algorithm& algorithm) {
    return out << name_of(algorithm.type);
}

const Algorithm k_algorithms[] = {
    {"06", KeyType::rsa_1024, 3 + 128 + 5}, {"07", KeyType::rsa_2048, 4 + 256 + 5},
    {"11", KeyType::ec_p256, 2 + 65},       {"14", KeyType::ec_p384, 2 + 97},
    {"E0", KeyType::ed25519, 2 + 32},       {"E1", KeyType::x25519, 2 + 32},
};

struct Management {
    const char* name;
    const char* algorithm;
    Cipher cipher;
};
std::ostream& operator<<(std::ostream& out, const Management& management) {
    return out << management.name;
}
const Management k_managements[] = {
    {"3des", "03", Cipher::tdes},
    {"aes128", "08", Cipher::aes_128},
    {"aes192", "0A", Cipher::aes_192},
    {"aes256", "0C", Cipher::aes_256},
};

/// A card that is described by `text`, the content of [piv].
std::unique_ptr<card::Card> card_of(const std::string& text) {
    const TemporaryFolder folder;
    const auto profile = card::load_profile(folder.write("p.toml", "[piv]\n" + text + "\n")).value();
    auto card = card::Card::create(profile, {}).value();
    card->power_on();
    return card;
}

SymmetricKey well_known(Cipher cipher) {
    Bytes value(card::crypto::key_size(cipher));
    for (std::size_t i = 0; i < value.size(); ++i) {
        value[i] = static_cast<std::uint8_t>(i % 8 + 1);
    }
    return SymmetricKey::from(cipher, value).value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(piv_administrator)

BOOST_DATA_TEST_CASE(every_mode_of_every_management_key, data::make(k_managements), management) {
    const auto card = card_of("management_algorithm = \"" + std::string(management.name) + "\"");
    const auto key = well_known(management.cipher);
    const auto header = "0087" + std::string(management.algorithm) + "9B";
    const auto is_administrator = [&] { return put_object(*card, "5FC102", "3000") == "9000"; };

    BOOST_TEST(!is_administrator());
    BOOST_TEST(authenticate(*card, key, management.algorithm) == "9000"); // mutual
    BOOST_TEST(is_administrator());

    card->reset();
    BOOST_TEST(!is_administrator());
    const auto challenge = command(*card, header, "7C028100"); // external
    const auto encrypted = key.encrypt_ecb(ByteView(challenge.data).subspan(4)).value();
    BOOST_TEST(status_of(command(*card, header, tlv(0x7C, tlv(0x82, to_hex(encrypted))))) == "9000");
    BOOST_TEST(is_administrator());

    card->reset();
    const auto witness = command(*card, header, "7C028000"); // external, with a witness
    const auto decrypted = key.decrypt_ecb(ByteView(witness.data).subspan(4)).value();
    BOOST_TEST(status_of(command(*card, header, tlv(0x7C, tlv(0x80, to_hex(decrypted))))) == "9000");
    BOOST_TEST(is_administrator());

    card->reset();
    const Bytes data(card::crypto::block_size(management.cipher), 0x11);
    BOOST_TEST(to_hex(result_of(use(*card, std::string(management.algorithm) + "9B", data))) ==
               to_hex(key.encrypt_ecb(data).value())); // internal, in a single step
    BOOST_TEST(!is_administrator());
}

BOOST_AUTO_TEST_CASE(wrong_proof_ends_an_earlier_authentication) {
    const auto card = shipped_card("piv");
    BOOST_TEST(authenticate(*card) == "9000");
    const auto other = SymmetricKey::from(Cipher::tdes, Bytes(24, 0x42)).value();
    BOOST_TEST(authenticate(*card, other, "03") == "6982");
    BOOST_TEST(put_object(*card, "5FC102", "3000") == "6982");
}

BOOST_AUTO_TEST_CASE(a_challenge_is_good_for_the_next_command_alone) {
    const auto card = shipped_card("piv");
    const auto key = well_known(Cipher::tdes);
    const auto challenge = command(*card, "0087039B", "7C028100");
    const auto plain = ByteView(challenge.data).subspan(4);
    const auto answer = tlv(0x7C, tlv(0x82, to_hex(key.encrypt_ecb(plain).value())));
    BOOST_TEST(status_of(object(*card, "5FC102")) == "9000"); // any other command
    BOOST_TEST(status_of(command(*card, "0087039B", answer)) == "6982");
    // The card does not encrypt its own challenge for whoever has no key.
    const auto again = command(*card, "0087039B", "7C028100");
    const auto oracle = use(*card, "039B", ByteView(again.data).subspan(4));
    BOOST_TEST(status_of(command(*card, "0087039B", tlv(0x7C, tlv(0x82, to_hex(result_of(oracle)))))) ==
               "6982");
    // A witness is no challenge.
    const auto witness = command(*card, "0087039B", "7C028000");
    BOOST_TEST(status_of(command(*card, "0087039B",
                                 tlv(0x7C, tlv(0x82, to_hex(ByteView(witness.data).subspan(4)))))) == "6982");
}

BOOST_AUTO_TEST_CASE(management_key_is_replaced) {
    const auto card = shipped_card("piv");
    BOOST_TEST(to_hex(command(*card, "00F7009B").data) == "01010302020001050101");
    BOOST_TEST(authenticate(*card) == "9000");
    BOOST_TEST(status(*card, "00FFFFFF 1A 0A9B17 0102030405060708010203040506070801020304050607") == "6A80");
    BOOST_TEST(status(*card, "00FFFFFF 03 0A9B00") == "6A80");
    BOOST_TEST(status(*card, "00FFFFFF 1B 0B9B18 010203040506070801020304050607080102030405060708") ==
               "6A80");
    BOOST_TEST(status(*card, "00FF00FF 1B 0A9B18 010203040506070801020304050607080102030405060708") ==
               "6A86");
    BOOST_TEST(status(*card, "00FFFFFE 1B 0A9B18 010203040506070801020304050607080102030405060709") ==
               "9000");
    BOOST_TEST(to_hex(command(*card, "00F7009B").data) == "01010A02020002050100");
    auto value = *from_hex("010203040506070801020304050607080102030405060709");
    card->reset();
    BOOST_TEST(authenticate(*card) == "6A86");
    BOOST_TEST(authenticate(*card, SymmetricKey::from(Cipher::aes_192, value).value(), "0A") == "9000");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(piv_keys)

BOOST_AUTO_TEST_CASE(rsa_signs_after_the_pin) {
    const auto card = shipped_card("piv");
    const auto block = padded_block(256);
    BOOST_TEST(status_of(use(*card, "079A", block)) == "6982");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    const auto signature = result_of(use(*card, "079A", block));
    BOOST_TEST(to_hex(rsa_public_operation(shipped_key("rsa-9a"), signature)) == to_hex(block));
    BOOST_TEST(status_of(use(*card, "079A", Bytes(256, 0xFF))) == "6A80"); // not less than the modulus
    BOOST_TEST(status_of(use(*card, "079A", padded_block(255))) == "6A80");
    BOOST_TEST(status_of(use(*card, "069A", padded_block(128))) == "6A86");
}

BOOST_AUTO_TEST_CASE(rsa_decrypts) {
    const auto card = shipped_card("piv");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    auto plain = padded_block(256);
    plain[1] = 0x02;
    for (const auto* slot : {"9D", "82"}) {
        const auto key = shipped_key(std::string(slot) == "9D" ? "rsa-9d" : "rsa-82");
        BOOST_TEST(to_hex(result_of(use(*card, "07" + std::string(slot),
                                        rsa_public_operation(key, plain)))) == to_hex(plain));
    }
}

BOOST_AUTO_TEST_CASE(long_input_may_come_in_a_chain) {
    const auto card = shipped_card("piv");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    const auto data = tlv(0x7C, "8200" + tlv(0x81, to_hex(padded_block(256))));
    BOOST_TEST(send(*card, "1087079A FF" + data.substr(0, 510)) == "9000");
    const auto rest = data.substr(510);
    const auto last =
        send(*card, "0087079A" + to_hex(Bytes{static_cast<std::uint8_t>(rest.size() / 2)}) + rest + "00");
    BOOST_TEST(last.substr(last.size() - 4) == "6108"); // 8 of 264 bytes are left
    BOOST_TEST(last.substr(0, 16) == "7C82010482820100");
    BOOST_TEST(status(*card, "00C0000008") == "9000");
}

BOOST_AUTO_TEST_CASE(signature_key_wants_the_pin_immediately_before) {
    const auto card = shipped_card("piv");
    const auto block = padded_block(256);
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    BOOST_TEST(status_of(use(*card, "079C", block)) == "9000");
    BOOST_TEST(status_of(use(*card, "079C", block)) == "6982");
    BOOST_TEST(status(*card, "00200080") == "9000"); // verified, and yet
    BOOST_TEST(status_of(use(*card, "079C", block)) == "6982");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    BOOST_TEST(status_of(object(*card, "5FC102")) == "9000");
    BOOST_TEST(status_of(use(*card, "079C", block)) == "6982");
    BOOST_TEST(status_of(use(*card, "079A", block)) == "9000"); // once is enough for 9A
}

BOOST_AUTO_TEST_CASE(card_authentication_key_wants_no_pin) {
    const auto card = shipped_card("piv");
    const Bytes digest(32, 0x42);
    const auto key = shipped_key("ec-9e");
    BOOST_TEST(ecdsa_verifies(key.handle(), digest, result_of(use(*card, "119E", digest))));
    BOOST_TEST(ecdsa_verifies(key.handle(), Bytes(20, 0x42), result_of(use(*card, "119E", Bytes(20, 0x42)))));
    BOOST_TEST(status_of(use(*card, "119E", Bytes(33, 0x42))) == "6A80");
}

BOOST_AUTO_TEST_CASE(key_management_key_agrees_and_the_others_do_not) {
    const auto card = shipped_card("piv-ec");
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    const auto own = PrivateKey::generate(KeyType::ec_p384).value();
    const auto point = own.public_key().value().point;
    const auto shared = result_of(use(*card, "149D", point, 0x85));
    const auto expected = own.agree(shipped_key("ec-9d").public_key().value().point).value();
    BOOST_TEST(to_hex(shared) == to_hex(expected));
    auto damaged = point;
    damaged.back() ^= 1U;
    BOOST_TEST(status_of(use(*card, "149D", damaged, 0x85)) == "6A80");
    BOOST_TEST(status_of(use(*card, "149D", Bytes(97, 0x04), 0x85)) == "6A80");
    const auto other = PrivateKey::generate(KeyType::ec_p256).value().public_key().value().point;
    BOOST_TEST(status_of(use(*card, "119A", other, 0x85)) == "6A80"); // SP 800-73-5: not with 9A
    BOOST_TEST(status_of(command(*card, "0087149D",
                                 tlv(0x7C, "8200" + tlv(0x85, to_hex(point)) + "810100"))) == "6A80");
}

BOOST_DATA_TEST_CASE(generated_keys_work, data::make(k_algorithms), algorithm) {
    const auto card = shipped_card("piv-empty");
    const std::string identifier = algorithm.identifier;
    BOOST_TEST(authenticate(*card) == "9000");
    const auto made = command(*card, "0047009D", tlv(0xAC, "8001" + identifier));
    BOOST_TEST(status_of(made) == "9000");
    const auto objects = iso7816::find_tlv(made.data, 0x7F49);
    BOOST_REQUIRE(objects);
    BOOST_TEST(objects->size() == algorithm.public_key);
    BOOST_TEST(to_hex(command(*card, "00F7009D").data) ==
               "0101" + identifier + "02020201030101" + tlv(0x04, to_hex(*objects)));
    BOOST_TEST(status(*card, k_verify_pin) == "9000");
    if (is_rsa(algorithm.type)) {
        const auto block = padded_block(size_in_bytes(algorithm.type));
        BOOST_TEST(result_of(use(*card, identifier + "9D", block)).size() == block.size());
    } else if (algorithm.type == KeyType::ed25519) {
        const Bytes message(100, 0x21);
        const auto point = iso7816::find_tlv(*objects, 0x86).value();
        const Pkey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, point.data(), point.size()));
        const card::crypto::DigestContext context(EVP_MD_CTX_new());
        const auto signature = result_of(use(*card, "E09D", message));
        BOOST_TEST(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
        BOOST_TEST(EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                    message.size()) == 1);
    } else {
        const auto own = PrivateKey::generate(algorithm.type).value();
        const auto shared = result_of(use(*card, identifier + "9D", own.public_key().value().point, 0x85));
        BOOST_TEST(to_hex(shared) == to_hex(own.agree(iso7816::find_tlv(*objects, 0x86).value()).value()));
    }
}

struct BadRequest {
    const char* header;
    const char* data;
    const char* status;
};
std::ostream& operator<<(std::ostream& out, const BadRequest& bad) {
    return out << bad.header << " " << bad.data << " -> " << bad.status;
}

const BadRequest k_bad_requests[] = {
    {"0047009A", "", "6A80"},
    {"0047009A", "AC00", "6A80"},
    {"0047009A", "AC03800109", "6A80"},            // unknown mechanism
    {"0047009A", "AC0480020711", "6A80"},          // two of them
    {"0047009A", "AC0380010781", "6A80"},          // something behind the template
    {"0047009A", "AC06800107AA0104", "6A80"},      // unknown PIN policy
    {"0047009A", "AC06800107AB020101", "6A80"},    // touch policy of two bytes
    {"0047009A", "AC06800107810103", "6A80"},      // another exponent
    {"0047009A", "AC08800111810301 0001", "6A80"}, // an exponent for a curve
    {"0047009A", "AC06800107800107", "6A80"},      // twice
    {"00470081", "AC03800111", "6A86"},
    {"00FE119A", "", "6A80"},
    {"00FE119A", "0620 0000000000000000000000000000000000000000000000000000000000000000", "6A80"}, // zero
    {"00FE119A", "0720 0000000000000000000000000000000000000000000000000000000000000001",
     "6A80"}, // Ed25519's tag
    {"00FEE09A", "071F 00000000000000000000000000000000000000000000000000000000000001", "6A80"}, // too short
    {"00FE079A", "0101030201050301020401020501 02", "6A80"}, // small primes
    {"00FE119B", "0620 0000000000000000000000000000000000000000000000000000000000000001", "6A86"},
};

BOOST_DATA_TEST_CASE(wrong_generations_and_imports_are_refused, data::make(k_bad_requests), bad) {
    const auto card = shipped_card("piv");
    const auto before = to_hex(command(*card, "00F7009A").data);
    BOOST_TEST(authenticate(*card) == "9000");
    BOOST_TEST(status_of(command(*card, bad.header, bad.data)) == bad.status);
    BOOST_TEST(to_hex(command(*card, "00F7009A").data) == before);
}

BOOST_AUTO_TEST_CASE(keys_are_imported) {
    const auto card = shipped_card("piv-empty");
    BOOST_TEST(authenticate(*card) == "9000");
    // RFC 5903 §8.1, RFC 8032 §7.1, RFC 7748 §6.1
    BOOST_TEST(status_of(command(*card, "00FE119A",
                                 "0620 C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433"
                                 "AA0101 AB0102")) == "9000");
    BOOST_TEST(to_hex(command(*card, "00F7009A").data) ==
               "0101110202010203010204438641"
               "04DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
               "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3");
    BOOST_TEST(status_of(use(*card, "119A", Bytes(32, 1))) == "9000"); // no PIN, and the touch is given
    BOOST_TEST(status_of(command(*card, "00FEE09C",
                                 "0720 4CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6FB"
                                 "AA0101")) == "9000");
    BOOST_TEST(to_hex(result_of(use(*card, "E09C", *from_hex("72")))) ==
               "92A009A9F0D4CAB8720E820B5F642540A2B27B5416503F8FB3762223EBDB69DA"
               "085AC1E43E15996E458F3613D0F11D8C387B2EAEB4302AEEB00D291612BB0C00");
    BOOST_TEST(status_of(command(*card, "00FEE19D",
                                 "0820 77076D0A7318A57D3C16C17251B26645DF4C2F87EBC0992AB177FBA51DB92C2A"
                                 "AA0101")) == "9000");
    BOOST_TEST(
        to_hex(result_of(use(*card, "E19D",
                             *from_hex("DE9EDB7D7B7DC1B4D35B61C2ECE435373F8343C85B78674DADFC7E146F882B4F"),
                             0x85))) == "4A5D9D5BA4CE2DE1728E3BF480350F25E07E21C947D19E3376F09B3C1E161742");
    // RSA, from its primes
    const auto rsa = shipped_key("rsa-9a");
    std::string primes;
    for (const auto& [tag, name] : {std::pair{0x01U, "rsa-factor1"}, std::pair{0x02U, "rsa-factor2"}}) {
        BIGNUM* value = nullptr;
        BOOST_REQUIRE(EVP_PKEY_get_bn_param(rsa.handle(), name, &value) == 1);
        const card::crypto::BigNumber owner(value);
        Bytes bytes(128);
        BN_bn2binpad(value, bytes.data(), 128);
        primes += tlv(tag, to_hex(bytes));
    }
    BOOST_TEST(status_of(command(*card, "00FE079E", primes)) == "9000");
    const auto block = padded_block(256);
    BOOST_TEST(to_hex(rsa_public_operation(rsa, result_of(use(*card, "079E", block)))) == to_hex(block));
}

BOOST_AUTO_TEST_CASE(a_refused_touch_is_a_security_status) {
    const auto card = card_of("touch = \"refused\"");
    BOOST_TEST(authenticate(*card) == "9000");
    BOOST_TEST(status_of(command(*card, "0047009E", "AC06800111AB0102")) == "9000");
    BOOST_TEST(status_of(use(*card, "119E", Bytes(32, 1))) == "6982");
    BOOST_TEST(status_of(command(*card, "0047009E", "AC03800111")) == "9000");
    BOOST_TEST(status_of(use(*card, "119E", Bytes(32, 1))) == "9000");
}

BOOST_AUTO_TEST_CASE(keys_are_moved_and_deleted) {
    const auto card = shipped_card("piv");
    const auto before = to_hex(command(*card, "00F7009A").data);
    BOOST_TEST(authenticate(*card) == "9000");
    BOOST_TEST(status(*card, "00F6839F") == "6A86");
    BOOST_TEST(status(*card, "00F68384") == "6A88");
    BOOST_TEST(status(*card, "00F6839A") == "9000");
    BOOST_TEST(to_hex(command(*card, "00F70083").data) == before);
    BOOST_TEST(status(*card, "00F7009A 00") == "6A88");
    BOOST_TEST(status(*card, "00F6FF83") == "9000");
    BOOST_TEST(status(*card, "00F70083 00") == "6A88");
    BOOST_TEST(status_of(object(*card, "5FC105")) == "9000"); // certificates stay
}

BOOST_AUTO_TEST_CASE(attestation_is_a_certificate_for_a_generated_key) {
    const auto card = shipped_card("piv");
    BOOST_TEST(authenticate(*card) == "9000");
    const auto made = command(*card, "00470083", "AC06800111AA0103");
    const auto point = iso7816::find_tlv(iso7816::find_tlv(made.data, 0x7F49).value(), 0x86).value();
    const auto attested = command(*card, "00F98300");
    BOOST_TEST(status_of(attested) == "9000");
    const auto* at = attested.data.data();
    const card::crypto::X509Certificate certificate(
        d2i_X509(nullptr, &at, static_cast<long>(attested.data.size())));
    BOOST_REQUIRE(certificate);
    BOOST_TEST(X509_verify(certificate.get(), shipped_key("f9").handle()) == 1);
    const auto* const key = X509_get0_pubkey(certificate.get());
    Bytes encoded(65);
    std::size_t size = 0;
    BOOST_TEST(EVP_PKEY_get_octet_string_param(key, "pub", encoded.data(), encoded.size(), &size) == 1);
    BOOST_TEST(to_hex(encoded) == to_hex(point));
    const auto text = to_hex(attested.data);
    // 1.3.6.1.4.1.41482.3.3, .7 and .8: version, serial number 1000001, PIN always, touch never
    BOOST_TEST(text.find("060A2B0601040182C40A0303"
                         "0403050701") != std::string::npos);
    BOOST_TEST(text.find("060A2B0601040182C40A0307"
                         "040502030F4241") != std::string::npos);
    BOOST_TEST(text.find("060A2B0601040182C40A0308"
                         "04020301") != std::string::npos);
    BOOST_TEST(text.find(to_hex(as_bytes("Cardlatch TEST PIV Attestation 83"))) != std::string::npos);
    // Every certificate has a number of its own.
    BOOST_TEST(to_hex(command(*card, "00F98300").data) != text);
}

BOOST_AUTO_TEST_SUITE_END()
