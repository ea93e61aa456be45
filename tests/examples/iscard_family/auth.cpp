// ISCardAuth: the application proves itself to the card, the card to the application.

#include "provider.h"

#include <openssl/evp.h>

namespace {

/// Eight bytes enciphered with triple DES, key 010203...08 three times: the management key of test cards.
std::vector<BYTE> encipher(const std::vector<BYTE>& block) {
    std::vector<BYTE> key;
    for (int i = 0; i < 24; ++i) {
        key.push_back(static_cast<BYTE>(i % 8 + 1));
    }
    std::vector<BYTE> out(block.size());
    int length = 0;
    EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    check(EVP_EncryptInit_ex(context, EVP_des_ede3_ecb(), NULL, key.data(), NULL) == 1 &&
              EVP_EncryptUpdate(context, out.data(), &length, block.data(), static_cast<int>(block.size())) ==
                  1,
          "enciphered");
    EVP_CIPHER_CTX_free(context);
    return out;
}

/// Challenge and answer with a symmetric test key, which the card itself can encipher with.
void use_filecard(ISCardAuth* auth) {
    const Buffer key({0x01});
    Buffer buffer;
    CALL(auth, ISCardAuth, User_Auth, 0, key, Buffer("123456"));
    CALL(auth, ISCardAuth, GetChallenge, 0, 16, NULL, buffer.in_out());
    check(buffer.bytes().size() == 16, "a challenge");
    CALL(auth, ISCardAuth, ICC_Auth, 0, key, buffer.in_out());
    check(buffer.bytes().size() == 16, "a cryptogram");
    CALL(auth, ISCardAuth, APP_Auth, 0, key, buffer);
    CALL(auth, ISCardAuth, GetChallenge, 0, 16, NULL, buffer.in_out());
    CALL_EXPECT(0x8010006BU, auth, ISCardAuth, APP_Auth, 0, key, Buffer(std::vector<BYTE>(16)));
}

/// PIV does all of it with GENERAL AUTHENTICATE, which byte 1 of pParam chooses. Source: SP 800-73-5 part 2,
/// 3.2.4
void use_piv(ISCardAuth* auth, ISCardFileAccess* files) {
    const Buffer management({0x9B, 0x87});
    check(files->ChangeDir(SC_TYPE_BY_NAME, Text("A000000308000010000100")) == S_OK, "the application");
    CALL(auth, ISCardAuth, User_Auth, 0, Buffer({0x80}), Buffer(piv_pin("123456")));
    // A signature over 32 bytes with the card authentication key.
    std::vector<BYTE> request = {0x7C, 0x24, 0x82, 0x00, 0x81, 0x20};
    request.resize(request.size() + 32, 0x5A);
    Buffer buffer(request);
    CALL(auth, ISCardAuth, ICC_Auth, 0x11, Buffer({0x9E, 0x87}), buffer.in_out());
    check(buffer.bytes().size() > 64 && buffer.bytes()[0] == 0x7C, "a signature");
    // A challenge for the management key, and a right and a wrong answer to it.
    for (const bool right : {true, false}) {
        Buffer challenge(std::vector<BYTE>({0x7C, 0x02, 0x81, 0x00}));
        CALL(auth, ISCardAuth, ICC_Auth, 0x03, management, challenge.in_out());
        auto given = challenge.bytes();
        check(given.size() == 12, "a challenge of 8 bytes");
        std::vector<BYTE> answer = {0x7C, 0x0A, 0x82, 0x08};
        const auto block = encipher({given.begin() + 4, given.end()});
        answer.insert(answer.end(), block.begin(), block.end());
        if (right) {
            CALL(auth, ISCardAuth, APP_Auth, 0x03, management, Buffer(answer));
        } else {
            answer.back() ^= 1;
            CALL_EXPECT(0x8010006AU, auth, ISCardAuth, APP_Auth, 0x03, management, Buffer(answer));
        }
    }
    // PIV has no GET CHALLENGE.
    Buffer none;
    CALL_EXPECT(0x80100022U, auth, ISCardAuth, GetChallenge, 0, 8, NULL, none.in_out());
}

void use_auth(const Given& given) {
    const Provider provider(given.reader);
    ISCardAuth* auth = NULL;
    ISCardFileAccess* files = NULL;
    provider.manage->CreateCardAuth(&auth);
    provider.manage->CreateFileAccess(&files);
    given.piv ? use_piv(auth, files) : use_filecard(auth);
    auth->Release();
    files->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_auth);
}
