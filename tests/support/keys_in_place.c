/* What yubico-piv-tool 2.2.0 misses with OpenSSL 3, for LD_PRELOAD.
 *
 * To sign certificates and requests, the tool gives the key that it read from a file a method of its own,
 * which asks the card. Since OpenSSL 3 a key that was read lives in a provider, and EVP_PKEY_get0_RSA() and
 * EVP_PKEY_get0_EC_KEY() return a copy of it: the method goes to the copy, the signature is asked of the
 * provider, which has the public key only, and the tool fails before it sends a command. Here the copy
 * becomes the key, as it was before OpenSSL 3; its method is a foreign one from the beginning, as OpenSSL
 * decides then whether to ask the key or a provider. What was replaced is not freed: the tool ends soon. */

#define OPENSSL_SUPPRESS_DEPRECATED /* these functions are the subject */

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

const struct rsa_st* EVP_PKEY_get0_RSA(const EVP_PKEY* key) {
    RSA* const own = EVP_PKEY_get1_RSA((EVP_PKEY*)key);
    if (own == NULL || RSA_set_method(own, RSA_meth_dup(RSA_get_method(own))) != 1 ||
        EVP_PKEY_assign_RSA((EVP_PKEY*)key, own) != 1) {
        return NULL;
    }
    return own;
}

const struct ec_key_st* EVP_PKEY_get0_EC_KEY(const EVP_PKEY* key) {
    EC_KEY* const own = EVP_PKEY_get1_EC_KEY((EVP_PKEY*)key);
    if (own == NULL || EC_KEY_set_method(own, EC_KEY_METHOD_new(EC_KEY_get_method(own))) != 1 ||
        EVP_PKEY_assign_EC_KEY((EVP_PKEY*)key, own) != 1) {
        return NULL;
    }
    return own;
}
