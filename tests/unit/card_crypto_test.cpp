#include "crypto/block_cipher.hpp"
#include "crypto/openssl.hpp"
#include "crypto/private_key.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <ostream>
#include <string>

namespace data = boost::unit_test::data;
using namespace cardlatch;
using namespace cardlatch::card::crypto;

namespace cardlatch::card::crypto {
std::ostream& operator<<(std::ostream& out, KeyType type) {
    return out << name_of(type);
}
} // namespace cardlatch::card::crypto

namespace {

Bytes hex(const std::string& text) {
    return from_hex(text).value();
}

std::string shown(ByteView bytes) {
    return to_hex(bytes);
}

bool verifies(const PrivateKey& key, ByteView digest, ByteView signature) {
    const PkeyContext context(EVP_PKEY_CTX_new(key.handle(), nullptr));
    return EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()) ==
               1;
}

/// `block` to the power of the public exponent.
Bytes rsa_public_operation(const PrivateKey& key, ByteView block) {
    const PkeyContext context(EVP_PKEY_CTX_new(key.handle(), nullptr));
    Bytes out(block.size());
    auto size = out.size();
    BOOST_REQUIRE(EVP_PKEY_encrypt_init(context.get()) == 1);
    BOOST_REQUIRE(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1);
    BOOST_REQUIRE(EVP_PKEY_encrypt(context.get(), out.data(), &size, block.data(), block.size()) == 1);
    return out;
}

Bytes bytes_of(const EVP_PKEY* key, const char* name) {
    BIGNUM* value = nullptr;
    BOOST_REQUIRE(EVP_PKEY_get_bn_param(key, name, &value) == 1);
    const BigNumber owner(value);
    Bytes out(static_cast<std::size_t>(BN_num_bytes(value)));
    BN_bn2bin(value, out.data());
    return out;
}

template <class T>
std::errc condition(const Result<T>& result) {
    BOOST_REQUIRE(!result);
    BOOST_TEST(!result.error().detail.empty());
    return static_cast<std::errc>(result.error().code.value());
}

struct CipherVector {
    const char* source;
    Cipher cipher;
    const char* key;
    const char* iv; ///< empty: ECB
    const char* plain;
    const char* encrypted;
};
std::ostream& operator<<(std::ostream& out, const CipherVector& vector) {
    return out << vector.source;
}

const CipherVector k_ciphers[] = {
    {"SP 800-67 appendix B", Cipher::tdes, "0123456789ABCDEF 23456789ABCDEF01 456789ABCDEF0123", "",
     "5468652071756663 6B2062726F776E20 666F78206A756D70",
     "A826FD8CE53B855F CCE21C8112256FE6 68D5C05DD9B6B900"},
    {"FIPS 197 C.1", Cipher::aes_128, "000102030405060708090A0B0C0D0E0F", "",
     "00112233445566778899AABBCCDDEEFF", "69C4E0D86A7B0430D8CDB78070B4C55A"},
    {"FIPS 197 C.2", Cipher::aes_192, "000102030405060708090A0B0C0D0E0F1011121314151617", "",
     "00112233445566778899AABBCCDDEEFF", "DDA97CA4864CDFE06EAF70A0EC0D7191"},
    {"FIPS 197 C.3", Cipher::aes_256, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "",
     "00112233445566778899AABBCCDDEEFF", "8EA2B7CA516745BFEAFC49904B496089"},
    {"SP 800-38A F.2.1", Cipher::aes_128, "2B7E151628AED2A6ABF7158809CF4F3C",
     "000102030405060708090A0B0C0D0E0F", "6BC1BEE22E409F96E93D7E117393172A",
     "7649ABAC8119B246CEE98E9B12E9197D"},
};

constexpr KeyType k_all_types[] = {KeyType::rsa_1024, KeyType::rsa_2048, KeyType::ec_p256,
                                   KeyType::ec_p384,  KeyType::ed25519,  KeyType::x25519};

} // namespace

BOOST_AUTO_TEST_SUITE(block_cipher)

BOOST_DATA_TEST_CASE(standard_vectors_go_both_ways, data::make(k_ciphers), vector) {
    const auto key = SymmetricKey::from(vector.cipher, hex(vector.key)).value();
    const auto iv = hex(vector.iv);
    const auto plain = hex(vector.plain);
    const auto encrypted = hex(vector.encrypted);
    BOOST_TEST(shown((iv.empty() ? key.encrypt_ecb(plain) : key.encrypt_cbc(iv, plain)).value()) ==
               shown(encrypted));
    BOOST_TEST(shown((iv.empty() ? key.decrypt_ecb(encrypted) : key.decrypt_cbc(iv, encrypted)).value()) ==
               shown(plain));
}

BOOST_AUTO_TEST_CASE(lengths_that_do_not_fit_are_refused) {
    BOOST_TEST((condition(SymmetricKey::from(Cipher::aes_192, Bytes(16))) == std::errc::invalid_argument));
    BOOST_TEST((condition(SymmetricKey::from(Cipher::tdes, Bytes(16))) == std::errc::invalid_argument));
    const auto key = SymmetricKey::from(Cipher::aes_128, Bytes(16)).value();
    BOOST_TEST((condition(key.encrypt_ecb({})) == std::errc::invalid_argument));
    BOOST_TEST((condition(key.decrypt_ecb(Bytes(8))) == std::errc::invalid_argument));
    BOOST_TEST((condition(key.encrypt_cbc(Bytes(8), Bytes(16))) == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(triple_des_keys_with_equal_parts_are_recognised) {
    BOOST_TEST(!has_equal_parts(hex("0123456789ABCDEF 23456789ABCDEF01 456789ABCDEF0123")));
    BOOST_TEST(has_equal_parts(hex("0102030405060708 0102030405060708 0102030405060708")));
    BOOST_TEST(has_equal_parts(hex("0123456789ABCDEF 0022456688AACCEE 456789ABCDEF0123"))); // parity apart
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(private_key)

BOOST_DATA_TEST_CASE(generated_keys_come_back_from_der, data::make(k_all_types), type) {
    const auto key = PrivateKey::generate(type).value();
    BOOST_TEST(key.type() == type);
    const auto der = key.to_der().value();
    const auto again = PrivateKey::from_der(der).value();
    BOOST_TEST(again.type() == type);
    BOOST_TEST((again == key));
    BOOST_TEST((again.public_key().value() == key.public_key().value()));
    BOOST_TEST((key == PrivateKey::generate(type).value()) == false);
    const auto part = key.public_key().value();
    BOOST_TEST((is_rsa(type) ? part.modulus.size() : part.point.size()) ==
               (is_ec(type) ? 1 + 2 * size_in_bytes(type) : size_in_bytes(type)));
}

BOOST_AUTO_TEST_CASE(rsa_private_operation_undoes_the_public_one) {
    const auto key = PrivateKey::generate(KeyType::rsa_1024).value();
    Bytes block(128, 0xA5);
    block[0] = 0;
    BOOST_TEST(shown(rsa_public_operation(key, key.rsa_private_operation(block).value())) == shown(block));
    BOOST_TEST(shown(key.public_key().value().exponent) == "010001");
    // As large as the modulus, or of another length: no representative.
    BOOST_TEST((condition(key.rsa_private_operation(Bytes(128, 0xFF))) == std::errc::invalid_argument));
    BOOST_TEST((condition(key.rsa_private_operation(Bytes(127, 0x01))) == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(rsa_is_rebuilt_from_its_primes) {
    const auto key = PrivateKey::generate(KeyType::rsa_1024).value();
    const auto p = bytes_of(key.handle(), OSSL_PKEY_PARAM_RSA_FACTOR1);
    const auto q = bytes_of(key.handle(), OSSL_PKEY_PARAM_RSA_FACTOR2);
    const auto rebuilt = PrivateKey::from_rsa_primes(KeyType::rsa_1024, p, q).value();
    BOOST_TEST((rebuilt == key));
    Bytes block(128, 0x11);
    BOOST_TEST(shown(rebuilt.rsa_private_operation(block).value()) ==
               shown(key.rsa_private_operation(block).value()));
    const Bytes even(64, 0xFE);
    BOOST_TEST(
        (condition(PrivateKey::from_rsa_primes(KeyType::rsa_1024, even, q)) == std::errc::invalid_argument));
    BOOST_TEST(
        (condition(PrivateKey::from_rsa_primes(KeyType::rsa_1024, p, p)) == std::errc::invalid_argument));
    BOOST_TEST(
        (condition(PrivateKey::from_rsa_primes(KeyType::rsa_2048, p, q)) == std::errc::invalid_argument));
    BOOST_TEST(
        (condition(PrivateKey::from_rsa_primes(KeyType::rsa_1024, p, q, 4)) == std::errc::invalid_argument));
    BOOST_TEST((condition(PrivateKey::from_rsa_primes(KeyType::ec_p256, p, q)) ==
                std::errc::operation_not_supported));
}

// RFC 5903 §8.1
BOOST_AUTO_TEST_CASE(p256_agrees_as_in_rfc_5903) {
    const auto key =
        PrivateKey::from_ec_scalar(KeyType::ec_p256,
                                   hex("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433"))
            .value();
    BOOST_TEST(shown(key.public_key().value().point) ==
               "04DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
               "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3");
    auto peer = hex("04D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
                    "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB");
    BOOST_TEST(shown(key.agree(peer).value()) ==
               "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE");
    peer.back() ^= 1U; // not on the curve
    BOOST_TEST((condition(key.agree(peer)) == std::errc::invalid_argument));
    BOOST_TEST((condition(key.agree(Bytes(64))) == std::errc::invalid_argument));
    BOOST_TEST((condition(key.agree(Bytes{})) == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(ecdsa_signatures_verify) {
    for (const auto type : {KeyType::ec_p256, KeyType::ec_p384}) {
        const auto key = PrivateKey::generate(type).value();
        Bytes digest(size_in_bytes(type), 0x42);
        const auto signature = key.ecdsa_sign(digest).value();
        BOOST_TEST(verifies(key, digest, signature));
        digest[0] ^= 1U;
        BOOST_TEST(!verifies(key, digest, signature));
    }
}

BOOST_AUTO_TEST_CASE(ec_scalars_outside_the_group_are_refused) {
    const auto scalar = [](const std::string& text) {
        return PrivateKey::from_ec_scalar(KeyType::ec_p256, hex(text));
    };
    BOOST_TEST((condition(scalar("00")) == std::errc::invalid_argument));
    // the order of the group. Source: FIPS 186-4 §D.1.2.3
    BOOST_TEST((condition(scalar("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551")) ==
                std::errc::invalid_argument));
    BOOST_TEST(scalar("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550").has_value());
    BOOST_TEST((condition(PrivateKey::from_ec_scalar(KeyType::ec_p384, Bytes(49, 1))) ==
                std::errc::invalid_argument));
    BOOST_TEST((condition(PrivateKey::from_ec_scalar(KeyType::x25519, Bytes(32, 1))) ==
                std::errc::operation_not_supported));
}

// RFC 8032 §7.1, test 2
BOOST_AUTO_TEST_CASE(ed25519_signs_as_in_rfc_8032) {
    const auto key =
        PrivateKey::from_raw(KeyType::ed25519,
                             hex("4CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6FB"))
            .value();
    BOOST_TEST(shown(key.public_key().value().point) ==
               "3D4017C3E843895A92B70AA74D1B7EBC9C982CCF2EC4968CC0CD55F12AF4660C");
    BOOST_TEST(shown(key.eddsa_sign(hex("72")).value()) ==
               "92A009A9F0D4CAB8720E820B5F642540A2B27B5416503F8FB3762223EBDB69DA"
               "085AC1E43E15996E458F3613D0F11D8C387B2EAEB4302AEEB00D291612BB0C00");
}

// RFC 7748 §6.1
BOOST_AUTO_TEST_CASE(x25519_agrees_as_in_rfc_7748) {
    const auto key =
        PrivateKey::from_raw(KeyType::x25519,
                             hex("77076D0A7318A57D3C16C17251B26645DF4C2F87EBC0992AB177FBA51DB92C2A"))
            .value();
    BOOST_TEST(shown(key.public_key().value().point) ==
               "8520F0098930A754748B7DDCB43EF75A0DBF3A0D26381AF4EBA4A98EAA9B4E6A");
    BOOST_TEST(
        shown(key.agree(hex("DE9EDB7D7B7DC1B4D35B61C2ECE435373F8343C85B78674DADFC7E146F882B4F")).value()) ==
        "4A5D9D5BA4CE2DE1728E3BF480350F25E07E21C947D19E3376F09B3C1E161742");
    BOOST_TEST((condition(key.agree(Bytes(32))) == std::errc::invalid_argument)); // of small order
    BOOST_TEST((condition(key.agree(Bytes(31, 9))) == std::errc::invalid_argument));
    BOOST_TEST((condition(PrivateKey::from_raw(KeyType::x25519, Bytes(31))) == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_CASE(operations_of_other_types_are_refused) {
    const auto rsa = PrivateKey::generate(KeyType::rsa_1024).value();
    const auto ed = PrivateKey::generate(KeyType::ed25519).value();
    BOOST_TEST((condition(rsa.ecdsa_sign(Bytes(32))) == std::errc::operation_not_supported));
    BOOST_TEST((condition(rsa.eddsa_sign(Bytes(32))) == std::errc::operation_not_supported));
    BOOST_TEST((condition(rsa.agree(Bytes(32))) == std::errc::operation_not_supported));
    BOOST_TEST((condition(ed.agree(Bytes(32))) == std::errc::operation_not_supported));
    BOOST_TEST((condition(ed.rsa_private_operation(Bytes(128))) == std::errc::operation_not_supported));
}

BOOST_AUTO_TEST_CASE(pem_is_read_and_what_is_no_supported_key_is_refused) {
    const auto key = PrivateKey::generate(KeyType::ec_p256).value();
    const auto pem = [](const EVP_PKEY* pkey, bool encrypted) {
        const Bio bio(BIO_new(BIO_s_mem()));
        std::string secret = "secret";
        BOOST_REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), pkey, encrypted ? EVP_aes_128_cbc() : nullptr,
                                                    encrypted ? secret.data() : nullptr,
                                                    encrypted ? static_cast<int>(secret.size()) : 0, nullptr,
                                                    nullptr) == 1);
        char* text = nullptr;
        const auto length = BIO_get_mem_data(bio.get(), &text);
        return std::string(text, static_cast<std::size_t>(length));
    };
    BOOST_TEST((PrivateKey::from_pem("A comment\n" + pem(key.handle(), false)).value() == key));
    BOOST_TEST((condition(PrivateKey::from_pem(pem(key.handle(), true))) == std::errc::invalid_argument));
    BOOST_TEST((condition(PrivateKey::from_pem("")) == std::errc::invalid_argument));
    BOOST_TEST((condition(PrivateKey::from_der(Bytes{0x30, 0x00})) == std::errc::invalid_argument));
    const Pkey odd(EVP_EC_gen("secp521r1"));
    BOOST_TEST((condition(PrivateKey::from_pem(pem(odd.get(), false))) == std::errc::not_supported));
}

BOOST_AUTO_TEST_CASE(a_private_part_with_a_foreign_public_part_is_refused) {
    const auto der = PrivateKey::generate(KeyType::rsa_1024).value().to_der().value();
    const auto modulus = PrivateKey::from_der(der).value().public_key().value().modulus;
    auto damaged = der;
    const auto at = std::search(damaged.begin(), damaged.end(), modulus.begin(), modulus.end());
    BOOST_REQUIRE((at != damaged.end()));
    *(at + 60) ^= 0x10U;
    BOOST_TEST((condition(PrivateKey::from_der(damaged)) == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_SUITE_END()
