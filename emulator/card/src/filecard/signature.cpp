#include "signature.hpp"

#include "../crypto/openssl.hpp"

#include <algorithm>
#include <array>

namespace cardlatch::card::filecard {

namespace sw = iso7816::sw;
using iso7816::ResponseApdu;

namespace {

struct Hash {
    HashAlgorithm algorithm;
    std::size_t size;
    const EVP_MD* (*function)();
    ByteView digest_info; ///< DER up to the hash. Source: RFC 8017 §9.2, note 1
};

constexpr std::array<std::uint8_t, 15> k_sha1_info{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E,
                                                   0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14};

constexpr std::array<std::uint8_t, 19> sha2_info(std::uint8_t number, std::uint8_t size) {
    return {0x30,   static_cast<std::uint8_t>(0x11 + size),
            0x30,   0x0D,
            0x06,   0x09,
            0x60,   0x86,
            0x48,   0x01,
            0x65,   0x03,
            0x04,   0x02,
            number, 0x05,
            0x00,   0x04,
            size};
}
constexpr auto k_sha256_info = sha2_info(1, 32);
constexpr auto k_sha384_info = sha2_info(2, 48);
constexpr auto k_sha512_info = sha2_info(3, 64);

const std::array k_hashes{
    Hash{HashAlgorithm::sha1, 20, &EVP_sha1, k_sha1_info},
    Hash{HashAlgorithm::sha256, 32, &EVP_sha256, k_sha256_info},
    Hash{HashAlgorithm::sha384, 48, &EVP_sha384, k_sha384_info},
    Hash{HashAlgorithm::sha512, 64, &EVP_sha512, k_sha512_info},
};

const Hash& hash_of(HashAlgorithm algorithm) {
    return *std::find_if(k_hashes.begin(), k_hashes.end(),
                         [&](const Hash& hash) { return hash.algorithm == algorithm; });
}

/// The answer, or the status word for why there is none.
template <class Bytes_>
ResponseApdu answer(Result<Bytes_> outcome) {
    if (outcome) {
        return {Bytes(outcome.value().begin(), outcome.value().end()), sw::k_ok};
    }
    if (outcome.error().code == std::errc::invalid_argument) {
        return sw::k_incorrect_data;
    }
    return outcome.error().code == std::errc::operation_not_supported ? sw::k_conditions_not_satisfied
                                                                      : sw::k_execution_error;
}

ResponseApdu sign_rsa(const crypto::PrivateKey& key, ByteView data, std::optional<HashAlgorithm> algorithm) {
    constexpr std::size_t k_padding = 11; // 00 01, eight FF at least, 00
    const auto prefix = algorithm ? hash_of(*algorithm).digest_info : ByteView{};
    const auto size = crypto::size_in_bytes(key.type());
    if (prefix.size() + data.size() + k_padding > size) {
        return sw::k_incorrect_data;
    }
    Bytes block(size, 0xFF);
    block[0] = 0x00;
    block[1] = 0x01;
    const auto begin = block.end() - static_cast<std::ptrdiff_t>(prefix.size() + data.size());
    *(begin - 1) = 0x00;
    std::copy(data.begin(), data.end(), std::copy(prefix.begin(), prefix.end(), begin));
    return answer(key.rsa_private_operation(block));
}

} // namespace

std::optional<HashAlgorithm> hash_algorithm(std::uint8_t reference) {
    if (reference < 0x01 || reference > 0x04) {
        return std::nullopt;
    }
    return static_cast<HashAlgorithm>(reference);
}

std::size_t hash_size(HashAlgorithm algorithm) {
    return hash_of(algorithm).size;
}

std::optional<Bytes> compute_hash(HashAlgorithm algorithm, ByteView message) {
    const auto& hash = hash_of(algorithm);
    Bytes out(hash.size);
    unsigned size = 0;
    if (EVP_Digest(message.data(), message.size(), out.data(), &size, hash.function(), nullptr) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    return out;
}

ResponseApdu sign(const crypto::PrivateKey& key, ByteView data, std::optional<HashAlgorithm> algorithm) {
    if (algorithm && data.size() != hash_of(*algorithm).size) {
        return sw::k_incorrect_data;
    }
    if (crypto::is_rsa(key.type())) {
        return sign_rsa(key, data, algorithm);
    }
    return crypto::is_ec(key.type()) ? answer(key.ecdsa_sign(data)) : answer(key.eddsa_sign(data));
}

ResponseApdu decipher_rsa(const crypto::PrivateKey& key, ByteView cryptogram) {
    if (!crypto::is_rsa(key.type())) {
        return sw::k_conditions_not_satisfied;
    }
    if (cryptogram.size() != crypto::size_in_bytes(key.type())) {
        return sw::k_incorrect_data;
    }
    auto block = key.rsa_private_operation(cryptogram);
    if (!block) {
        return answer(std::move(block));
    }
    auto& bytes = block.value();
    constexpr std::ptrdiff_t k_shortest = 10; // 00 02 and eight bytes that are not 00
    const auto end = std::find(bytes.begin() + 2, bytes.end(), std::uint8_t{0});
    const bool padded =
        bytes[0] == 0x00 && bytes[1] == 0x02 && end != bytes.end() && end - bytes.begin() >= k_shortest;
    ResponseApdu response = sw::k_incorrect_data;
    if (padded) {
        response = {Bytes(end + 1, bytes.end()), sw::k_ok};
    }
    wipe(bytes);
    return response;
}

} // namespace cardlatch::card::filecard
