#include "block_cipher.hpp"

#include "openssl.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>

namespace cardlatch::card::crypto {

namespace {

constexpr std::size_t k_des_part = 8;

enum class Direction : int { decrypt = 0, encrypt = 1 };

const EVP_CIPHER* evp_cipher(Cipher cipher, bool cbc) {
    switch (cipher) {
    case Cipher::tdes:
        return cbc ? EVP_des_ede3_cbc() : EVP_des_ede3_ecb();
    case Cipher::aes_128:
        return cbc ? EVP_aes_128_cbc() : EVP_aes_128_ecb();
    case Cipher::aes_192:
        return cbc ? EVP_aes_192_cbc() : EVP_aes_192_ecb();
    case Cipher::aes_256:
        return cbc ? EVP_aes_256_cbc() : EVP_aes_256_ecb();
    }
    return nullptr;
}

/// `iv` is empty for ECB.
Result<Bytes> run(const SymmetricKey& key, bool cbc, ByteView iv, ByteView input, Direction direction) {
    const auto block = block_size(key.cipher());
    if (input.empty() || input.size() % block != 0 || (cbc && iv.size() != block)) {
        return fail(std::errc::invalid_argument,
                    fmt::format("the cipher works on blocks of {} bytes", block));
    }
    const CipherContext context(EVP_CIPHER_CTX_new());
    Bytes out(input.size() + block);
    int written = 0;
    int rest = 0;
    const bool done =
        context &&
        EVP_CipherInit_ex2(context.get(), evp_cipher(key.cipher(), cbc), key.value().data(),
                           cbc ? iv.data() : nullptr, static_cast<int>(direction), nullptr) == 1 &&
        EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
        EVP_CipherUpdate(context.get(), out.data(), &written, input.data(), static_cast<int>(input.size())) ==
            1 &&
        EVP_CipherFinal_ex(context.get(), out.data() + written, &rest) == 1;
    if (!done || written < 0 || rest != 0 || static_cast<std::size_t>(written) != input.size()) {
        wipe(out);
        return openssl_error(std::errc::io_error, "block cipher");
    }
    out.resize(input.size());
    return out;
}

} // namespace

bool equal_in_constant_time(ByteView left, ByteView right) {
    return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::size_t key_size(Cipher cipher) {
    return static_cast<std::size_t>(EVP_CIPHER_get_key_length(evp_cipher(cipher, false)));
}

std::size_t block_size(Cipher cipher) {
    return cipher == Cipher::tdes ? 8 : 16;
}

Result<SymmetricKey> SymmetricKey::from(Cipher cipher, ByteView value) {
    if (value.size() != key_size(cipher)) {
        return fail(std::errc::invalid_argument,
                    fmt::format("the key has {} bytes; it needs {}", value.size(), key_size(cipher)));
    }
    return SymmetricKey(cipher, value);
}

Result<Bytes> SymmetricKey::encrypt_ecb(ByteView input) const {
    return run(*this, false, {}, input, Direction::encrypt);
}

Result<Bytes> SymmetricKey::decrypt_ecb(ByteView input) const {
    return run(*this, false, {}, input, Direction::decrypt);
}

Result<Bytes> SymmetricKey::encrypt_cbc(ByteView iv, ByteView input) const {
    return run(*this, true, iv, input, Direction::encrypt);
}

Result<Bytes> SymmetricKey::decrypt_cbc(ByteView iv, ByteView input) const {
    return run(*this, true, iv, input, Direction::decrypt);
}

bool has_equal_parts(ByteView tdes_key) {
    const auto same = [&](std::size_t left, std::size_t right) {
        return std::equal(tdes_key.begin() + static_cast<std::ptrdiff_t>(left * k_des_part),
                          tdes_key.begin() + static_cast<std::ptrdiff_t>((left + 1) * k_des_part),
                          tdes_key.begin() + static_cast<std::ptrdiff_t>(right * k_des_part),
                          [](unsigned a, unsigned b) { return (a & 0xFEU) == (b & 0xFEU); });
    };
    return tdes_key.size() == 3 * k_des_part && (same(0, 1) || same(1, 2));
}

} // namespace cardlatch::card::crypto
