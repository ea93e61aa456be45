// ISCardVerify: the card holder's codes.

#include "provider.h"

namespace {

const HRESULT wrong_chv = static_cast<HRESULT>(0x8010006BU); // SCARD_W_WRONG_CHV

void use_filecard(ISCardVerify* pin) {
    CALL(pin, ISCardVerify, Verify, Buffer("1234"), 0, 2);
    CALL_EXPECT(wrong_chv, pin, ISCardVerify, Verify, Buffer("0000"), 0, 2);
    CALL(pin, ISCardVerify, ChangeCode, Buffer("1234"), Buffer("4321"), 0, 2);
    CALL(pin, ISCardVerify, ChangeCode, Buffer("4321"), NULL, SC_FL_IHV_DISABLE, 2);
    CALL(pin, ISCardVerify, ChangeCode, Buffer("4321"), NULL, SC_FL_IHV_ENABLE, 2);
    CALL(pin, ISCardVerify, Unblock, Buffer("12345678"), Buffer("1234"), 0, 2);
    CALL(pin, ISCardVerify, Verify, Buffer("1234"), 0, 2);
    CALL(pin, ISCardVerify, ResetSecurityState);
    CALL_EXPECT(wrong_chv, pin, ISCardVerify, Verify, NULL, 0, 2);
}

void use_piv(ISCardVerify* pin, ISCardFileAccess* files) {
    const Buffer old(piv_pin("123456"));
    const Buffer next(piv_pin("654321"));
    check(files->ChangeDir(SC_TYPE_BY_NAME, Text("A000000308000010000100")) == S_OK, "the application");
    CALL(pin, ISCardVerify, Verify, old, SC_FL_IHV_LOCAL, 0);
    CALL_EXPECT(wrong_chv, pin, ISCardVerify, Verify, next, SC_FL_IHV_LOCAL, 0);
    CALL(pin, ISCardVerify, ChangeCode, old, next, SC_FL_IHV_LOCAL, 0);
    CALL(pin, ISCardVerify, Unblock, Buffer("12345678"), old, SC_FL_IHV_LOCAL, 0);
    CALL(pin, ISCardVerify, Verify, old, SC_FL_IHV_LOCAL, 0);
    CALL(pin, ISCardVerify, ResetSecurityState);
    check(files->ChangeDir(SC_TYPE_BY_NAME, Text("A000000308000010000100")) == S_OK, "the application");
    CALL_EXPECT(wrong_chv, pin, ISCardVerify, Verify, NULL, SC_FL_IHV_LOCAL, 0);
}

void use_verify(const Given& given) {
    const Provider provider(given.reader);
    ISCardVerify* pin = NULL;
    ISCardFileAccess* files = NULL;
    provider.manage->CreateCHVerification(&pin);
    provider.manage->CreateFileAccess(&files);
    given.piv ? use_piv(pin, files) : use_filecard(pin);
    pin->Release();
    files->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_verify);
}
