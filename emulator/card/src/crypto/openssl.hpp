#pragma once

// Private to the rooms that call OpenSSL: owners for its objects, and its errors as ours.

#include <cardlatch/base/result.hpp>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <string>

namespace cardlatch::card::crypto {

template <auto Free>
struct OpensslFree {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

template <class T, auto Free>
using OpensslOwner = std::unique_ptr<T, OpensslFree<Free>>;

using BigNumber = OpensslOwner<BIGNUM, BN_clear_free>;
using BigNumberContext = OpensslOwner<BN_CTX, BN_CTX_free>;
using Bio = OpensslOwner<BIO, BIO_free_all>;
using CipherContext = OpensslOwner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using DigestContext = OpensslOwner<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcGroup = OpensslOwner<EC_GROUP, EC_GROUP_free>;
using EcPoint = OpensslOwner<EC_POINT, EC_POINT_clear_free>;
using ParameterBuilder = OpensslOwner<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = OpensslOwner<OSSL_PARAM, OSSL_PARAM_free>;
using Pkey = OpensslOwner<EVP_PKEY, EVP_PKEY_free>;
using PkeyContext = OpensslOwner<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using X509Certificate = OpensslOwner<X509, X509_free>;

/// The newest error of OpenSSL's queue, which is emptied, behind "`what`: ".
inline Error openssl_error(std::errc code, const std::string& what) {
    std::array<char, 256> text{};
    const auto number = ERR_peek_last_error();
    ERR_clear_error();
    if (number == 0) {
        return fail(code, what);
    }
    ERR_error_string_n(number, text.data(), text.size());
    return fail(code, what + ": " + text.data());
}

} // namespace cardlatch::card::crypto
