#include "private_key.hpp"

#include "key_facts.hpp"
#include "openssl.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <utility>

namespace cardlatch::card::crypto {

namespace {

Error wrong_type(KeyType type) {
    return fail(std::errc::operation_not_supported,
                fmt::format("the operation does not exist for {} keys", name_of(type)));
}

BigNumber number(ByteView big_endian) {
    return BigNumber(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr));
}

Result<Bytes> number_parameter(const EVP_PKEY* key, const char* name, std::size_t size) {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &value) != 1) {
        return openssl_error(std::errc::io_error, "public key");
    }
    const BigNumber owner(value);
    Bytes out(std::max(size, static_cast<std::size_t>(BN_num_bytes(value))));
    if (BN_bn2binpad(value, out.data(), static_cast<int>(out.size())) < 0) {
        return openssl_error(std::errc::io_error, "public key");
    }
    return out;
}

Result<EVP_PKEY*> from_parameters(const char* algorithm, OSSL_PARAM_BLD* builder) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
    const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) != 1) {
        EVP_PKEY_free(key);
        return openssl_error(std::errc::invalid_argument, "the parts are no key");
    }
    return key;
}

/// The other numbers of an RSA key. Source: RFC 8017 §3.2.
struct RsaNumbers {
    BigNumber n{BN_new()};
    BigNumber d{BN_secure_new()};
    BigNumber dp{BN_secure_new()};
    BigNumber dq{BN_secure_new()};
    BigNumber q_inverse;
};

Result<RsaNumbers> complete_rsa(const BIGNUM* p, const BIGNUM* q, const BIGNUM* e) {
    const BigNumberContext context(BN_CTX_secure_new());
    const BigNumber p1(BN_secure_new());
    const BigNumber q1(BN_secure_new());
    const BigNumber gcd(BN_secure_new());
    const BigNumber product(BN_secure_new());
    const BigNumber lambda(BN_secure_new());
    RsaNumbers numbers;
    auto* c = context.get();
    const bool done = c != nullptr && BN_mul(numbers.n.get(), p, q, c) == 1 &&
                      BN_sub(p1.get(), p, BN_value_one()) == 1 && BN_sub(q1.get(), q, BN_value_one()) == 1 &&
                      BN_gcd(gcd.get(), p1.get(), q1.get(), c) == 1 &&
                      BN_mul(product.get(), p1.get(), q1.get(), c) == 1 &&
                      BN_div(lambda.get(), nullptr, product.get(), gcd.get(), c) == 1 &&
                      BN_mod_inverse(numbers.d.get(), e, lambda.get(), c) != nullptr &&
                      BN_mod(numbers.dp.get(), numbers.d.get(), p1.get(), c) == 1 &&
                      BN_mod(numbers.dq.get(), numbers.d.get(), q1.get(), c) == 1;
    numbers.q_inverse.reset(done ? BN_mod_inverse(nullptr, q, p, c) : nullptr);
    if (!numbers.q_inverse) {
        return openssl_error(std::errc::invalid_argument, "the primes do not fit the exponent");
    }
    return numbers;
}

/// Private and public part belong together: tried out, as checking primes would take far longer.
Result<void> check_pair(KeyType type, EVP_PKEY* key) {
    const auto mismatch = [] {
        return openssl_error(std::errc::invalid_argument, "private and public part do not belong together");
    };
    if (is_rsa(type)) {
        const PkeyContext decryption(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
        const PkeyContext encryption(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
        Bytes plain(facts(type).bytes, 0x5A);
        plain[0] = 0; // smaller than any modulus of this length
        Bytes secret(plain.size());
        Bytes again(plain.size());
        auto size = secret.size();
        auto size_again = again.size();
        const bool same =
            decryption && encryption && EVP_PKEY_decrypt_init(decryption.get()) == 1 &&
            EVP_PKEY_CTX_set_rsa_padding(decryption.get(), RSA_NO_PADDING) == 1 &&
            EVP_PKEY_decrypt(decryption.get(), secret.data(), &size, plain.data(), plain.size()) == 1 &&
            EVP_PKEY_encrypt_init(encryption.get()) == 1 &&
            EVP_PKEY_CTX_set_rsa_padding(encryption.get(), RSA_NO_PADDING) == 1 &&
            EVP_PKEY_encrypt(encryption.get(), again.data(), &size_again, secret.data(), size) == 1 &&
            again == plain;
        return same ? Result<void>(ok()) : mismatch();
    }
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    return context && EVP_PKEY_pairwise_check(context.get()) == 1 ? Result<void>(ok()) : mismatch();
}

/// What a text in a memory BIO is; the BIO's own copy is wiped.
std::string take_text(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    OPENSSL_cleanse(data, static_cast<std::size_t>(size));
    return text;
}

/// OpenSSL calls it between the candidates for a prime.
int report_work(EVP_PKEY_CTX* context) {
    const auto* const working = static_cast<const std::function<void()>*>(EVP_PKEY_CTX_get_app_data(context));
    (*working)();
    return 1;
}

int no_passphrase(char*, int, int, void*) {
    return -1;
}

} // namespace

Result<PrivateKey> PrivateKey::adopt(evp_pkey_st* owned) {
    std::shared_ptr<evp_pkey_st> key(owned, EVP_PKEY_free);
    const auto type = key_type_of(owned);
    if (!type) {
        return fail(std::errc::not_supported, fmt::format("a key of {} bits of this kind is not supported; "
                                                          "supported are RSA 1024, 2048, 3072 and 4096, "
                                                          "P-256, P-384, Ed25519 and X25519",
                                                          EVP_PKEY_get_bits(owned)));
    }
    BOOST_OUTCOME_TRY(check_pair(*type, owned));
    return PrivateKey(*type, std::move(key));
}

Result<PrivateKey> PrivateKey::generate(KeyType type) {
    return generate(type, {});
}

Result<PrivateKey> PrivateKey::generate(KeyType type, const std::function<void()>& working) {
    const auto& wanted = facts(type);
    const PkeyContext context(EVP_PKEY_CTX_new_id(wanted.base_id, nullptr));
    EVP_PKEY* key = nullptr;
    bool done = context && EVP_PKEY_keygen_init(context.get()) == 1;
    if (is_rsa(type)) {
        done = done && EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), wanted.bits) == 1;
    } else if (is_ec(type)) {
        done = done && EVP_PKEY_CTX_set_group_name(context.get(), wanted.group) == 1;
    }
    auto report = working; // OpenSSL wants a pointer to what may change
    if (done && report) {
        EVP_PKEY_CTX_set_app_data(context.get(), &report);
        EVP_PKEY_CTX_set_cb(context.get(), report_work);
    }
    if (!done || EVP_PKEY_keygen(context.get(), &key) != 1) {
        EVP_PKEY_free(key);
        return openssl_error(std::errc::io_error, "generating a key pair");
    }
    return PrivateKey(type, std::shared_ptr<evp_pkey_st>(key, EVP_PKEY_free));
}

Result<PrivateKey> PrivateKey::from_rsa_primes(KeyType type, ByteView p_bytes, ByteView q_bytes,
                                               std::uint32_t exponent) {
    if (!is_rsa(type)) {
        return wrong_type(type);
    }
    const auto half = size_in_bytes(type) / 2;
    const BigNumberContext context(BN_CTX_secure_new());
    const BigNumber p(number(p_bytes));
    const BigNumber q(number(q_bytes));
    const BigNumber e(BN_new());
    if (!context || !p || !q || !e || BN_set_word(e.get(), exponent) != 1) {
        return openssl_error(std::errc::not_enough_memory, "RSA key");
    }
    const auto is_prime = [&](const BIGNUM* candidate) {
        return static_cast<std::size_t>(BN_num_bytes(candidate)) == half &&
               BN_check_prime(candidate, context.get(), nullptr) == 1;
    };
    if (exponent < 3 || exponent % 2 == 0 || !is_prime(p.get()) || !is_prime(q.get()) ||
        BN_cmp(p.get(), q.get()) == 0) {
        return fail(std::errc::invalid_argument,
                    fmt::format("{} needs two different primes of {} bytes and an odd exponent from 3",
                                name_of(type), half));
    }
    BOOST_OUTCOME_TRY(const auto numbers, complete_rsa(p.get(), q.get(), e.get()));
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    auto* b = builder.get();
    const bool built =
        b != nullptr && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, numbers.n.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_D, numbers.d.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_FACTOR1, p.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_FACTOR2, q.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers.dp.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers.dq.get()) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers.q_inverse.get()) == 1;
    if (!built) {
        return openssl_error(std::errc::not_enough_memory, "RSA key");
    }
    BOOST_OUTCOME_TRY(auto* const raw, from_parameters("RSA", b));
    BOOST_OUTCOME_TRY(auto key, adopt(raw));
    if (key.type() != type) {
        return fail(std::errc::invalid_argument, fmt::format("the primes make no {} key", name_of(type)));
    }
    return key;
}

Result<PrivateKey> PrivateKey::from_ec_scalar(KeyType type, ByteView scalar) {
    if (!is_ec(type)) {
        return wrong_type(type);
    }
    const auto& wanted = facts(type);
    const EcGroup group(EC_GROUP_new_by_curve_name(OBJ_sn2nid(wanted.group)));
    const BigNumber d(number(scalar));
    const EcPoint point(group ? EC_POINT_new(group.get()) : nullptr);
    if (!group || !d || !point) {
        return openssl_error(std::errc::not_enough_memory, "EC key");
    }
    if (scalar.size() > wanted.bytes || BN_is_zero(d.get()) ||
        BN_cmp(d.get(), EC_GROUP_get0_order(group.get())) >= 0) {
        return fail(std::errc::invalid_argument,
                    fmt::format("a private {} scalar is greater than zero and less than the group's order",
                                wanted.name));
    }
    std::array<std::uint8_t, 1 + 2 * 48> encoded{};
    const auto length = 1 + 2 * wanted.bytes;
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    auto* b = builder.get();
    const bool built =
        EC_POINT_mul(group.get(), point.get(), d.get(), nullptr, nullptr, nullptr) == 1 &&
        EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(), length,
                           nullptr) == length &&
        b != nullptr &&
        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, wanted.group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), length) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d.get()) == 1;
    if (!built) {
        return openssl_error(std::errc::io_error, "EC key");
    }
    BOOST_OUTCOME_TRY(auto* const raw, from_parameters("EC", b));
    return adopt(raw);
}

Result<PrivateKey> PrivateKey::from_raw(KeyType type, ByteView value) {
    if (type != KeyType::ed25519 && type != KeyType::x25519) {
        return wrong_type(type);
    }
    auto* const raw = EVP_PKEY_new_raw_private_key(facts(type).base_id, nullptr, value.data(), value.size());
    if (raw == nullptr) {
        return openssl_error(std::errc::invalid_argument, fmt::format("a private {} key has {} bytes",
                                                                      name_of(type), size_in_bytes(type)));
    }
    return PrivateKey(type, std::shared_ptr<evp_pkey_st>(raw, EVP_PKEY_free));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view text) {
    const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    auto* const raw = bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr;
    if (raw == nullptr) {
        return openssl_error(std::errc::invalid_argument, "no private key in PEM form without passphrase");
    }
    return adopt(raw);
}

Result<PrivateKey> PrivateKey::from_der(ByteView der) {
    const auto* at = der.data();
    auto* const raw = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
    if (raw == nullptr) {
        return openssl_error(std::errc::invalid_argument, "no private key in DER form");
    }
    ERR_clear_error(); // the forms that it is not
    return adopt(raw);
}

Result<PublicKey> PrivateKey::public_key() const {
    PublicKey out{.type = type_, .modulus = {}, .exponent = {}, .point = {}};
    const auto size = size_in_bytes(type_);
    if (is_rsa(type_)) {
        BOOST_OUTCOME_TRY(out.modulus, number_parameter(key_.get(), OSSL_PKEY_PARAM_RSA_N, size));
        BOOST_OUTCOME_TRY(out.exponent, number_parameter(key_.get(), OSSL_PKEY_PARAM_RSA_E, 1));
    } else if (is_ec(type_)) {
        BOOST_OUTCOME_TRY(const auto x, number_parameter(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, size));
        BOOST_OUTCOME_TRY(const auto y, number_parameter(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, size));
        out.point.push_back(POINT_CONVERSION_UNCOMPRESSED);
        out.point.insert(out.point.end(), x.begin(), x.end());
        out.point.insert(out.point.end(), y.begin(), y.end());
    } else {
        out.point.resize(size);
        auto length = size;
        if (EVP_PKEY_get_raw_public_key(key_.get(), out.point.data(), &length) != 1 || length != size) {
            return openssl_error(std::errc::io_error, "public key");
        }
    }
    return out;
}

Result<Bytes> PrivateKey::public_key_der() const {
    unsigned char* der = nullptr;
    const int length = i2d_PUBKEY(key_.get(), &der);
    if (length <= 0) {
        return openssl_error(std::errc::io_error, "public key");
    }
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
}

Result<SecretBytes> PrivateKey::to_der() const {
    const OpensslOwner<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(EVP_PKEY2PKCS8(key_.get()));
    unsigned char* der = nullptr;
    const int length = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der) : -1;
    if (length <= 0) {
        return openssl_error(std::errc::io_error, "private key");
    }
    SecretBytes out(der, der + length);
    OPENSSL_clear_free(der, static_cast<std::size_t>(length));
    return out;
}

Result<std::string> PrivateKey::to_pem() const {
    const Bio bio(BIO_new(BIO_s_secmem()));
    if (!bio ||
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return openssl_error(std::errc::io_error, "private key");
    }
    return take_text(bio.get());
}

Result<std::string> PrivateKey::public_key_pem() const {
    const Bio bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) {
        return openssl_error(std::errc::io_error, "public key");
    }
    return take_text(bio.get());
}

Result<Bytes> PrivateKey::rsa_private_operation(ByteView block) const {
    if (!is_rsa(type_)) {
        return wrong_type(type_);
    }
    if (block.size() != size_in_bytes(type_)) {
        return fail(std::errc::invalid_argument,
                    fmt::format("{} works on {} bytes", name_of(type_), size_in_bytes(type_)));
    }
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    Bytes out(block.size());
    auto size = out.size();
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1) {
        return openssl_error(std::errc::io_error, "RSA");
    }
    if (EVP_PKEY_decrypt(context.get(), out.data(), &size, block.data(), block.size()) != 1 ||
        size != out.size()) {
        return openssl_error(std::errc::invalid_argument, "RSA");
    }
    return out;
}

Result<Bytes> PrivateKey::ecdsa_sign(ByteView digest) const {
    if (!is_ec(type_)) {
        return wrong_type(type_);
    }
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    std::size_t size = 0;
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), nullptr, &size, digest.data(), digest.size()) != 1) {
        return openssl_error(std::errc::io_error, "ECDSA");
    }
    Bytes out(size);
    if (EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()) != 1) {
        return openssl_error(std::errc::io_error, "ECDSA");
    }
    out.resize(size);
    return out;
}

Result<Bytes> PrivateKey::eddsa_sign(ByteView message) const {
    constexpr std::size_t k_signature = 64;
    if (type_ != KeyType::ed25519) {
        return wrong_type(type_);
    }
    const DigestContext context(EVP_MD_CTX_new());
    Bytes out(k_signature);
    auto size = out.size();
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key_.get(), nullptr) != 1 ||
        EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1) {
        return openssl_error(std::errc::io_error, "Ed25519");
    }
    return out;
}

Result<SecretBytes> PrivateKey::agree(ByteView peer) const {
    if (!is_ec(type_) && type_ != KeyType::x25519) {
        return wrong_type(type_);
    }
    const auto size = size_in_bytes(type_);
    const bool fits = is_ec(type_) ? peer.size() == 1 + 2 * size && peer[0] == POINT_CONVERSION_UNCOMPRESSED
                                   : peer.size() == size;
    const auto not_a_peer = [&] {
        return openssl_error(std::errc::invalid_argument,
                             fmt::format("these bytes are no public {} key", name_of(type_)));
    };
    if (!fits) {
        return not_a_peer();
    }
    const Pkey other(is_ec(type_)
                         ? EVP_PKEY_new()
                         : EVP_PKEY_new_raw_public_key(facts(type_).base_id, nullptr, peer.data(), size));
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    if (!other || !context || EVP_PKEY_derive_init(context.get()) != 1) {
        return openssl_error(std::errc::io_error, "key agreement");
    }
    const bool read =
        !is_ec(type_) || (EVP_PKEY_copy_parameters(other.get(), key_.get()) == 1 &&
                          EVP_PKEY_set1_encoded_public_key(other.get(), peer.data(), peer.size()) == 1);
    if (!read || EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1) {
        return not_a_peer();
    }
    SecretBytes out(size);
    auto length = out.size();
    if (EVP_PKEY_derive(context.get(), out.data(), &length) != 1 || length != size) {
        return not_a_peer();
    }
    return out;
}

bool PrivateKey::operator==(const PrivateKey& other) const {
    return key_ == other.key_ || EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
}

} // namespace cardlatch::card::crypto
