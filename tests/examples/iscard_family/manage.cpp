// ISCardManage: one card, and the interfaces to it.

#include "provider.h"

namespace {

void use_manage(const Given& given) {
    ISCardManage* const manage = create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage);
    ISCardManage* const other = create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage);
    ISCard* const card = create<ISCard>(CLSID_CSCard, IID_ISCard);
    ISCardAuth* auth = NULL;
    ISCardVerify* pin = NULL;
    ISCardFileAccess* files = NULL;
    SCARD_STATES state{};
    SCARD_PROTOCOLS protocol{};
    IUnknown* made = NULL;
    GUID iid = IID_ISCardAuth;
    LONG data = 0;
    HSCARD handle = 0;
    BSTR directory = NULL;
    CALL(manage, ISCardManage, AttachByIFD, given.reader);
    CALL(manage, ISCardManage, Status, &state, &protocol);
    check(state == SPECIFICMODE && protocol == T1, "the status");
    CALL(manage, ISCardManage, SCardLock);
    CALL(manage, ISCardManage, CreateCardAuth, &auth);
    CALL(manage, ISCardManage, CreateCHVerification, &pin);
    CALL(manage, ISCardManage, CreateFileAccess, &files);
    CALL(manage, ISCardManage, CreateInterface, &iid, NULL, &data, &made);
    made->Release();
    check(files->GetCurrentDir(&directory) == S_OK && SysStringLen(directory) == 4, "3F00");
    SysFreeString(directory);
    check(pin->Verify(NULL, given.piv ? SC_FL_IHV_LOCAL : 0, given.piv ? 0 : 1) ==
              static_cast<HRESULT>(0x8010006BU), // SCARD_W_WRONG_CHV: a code is needed
          "asked for the tries");
    CALL(manage, ISCardManage, SCardUnlock, LEAVE);

    // A connection of somebody else's.
    check(card->AttachByReader(given.reader, SHARED, any_protocol) == S_OK, "attached");
    card->get_CardHandle(&handle);
    CALL(other, ISCardManage, AttachByHandle, handle);
    // ... which resets the card, so that this one has to connect anew.
    check(card->ReAttach(SHARED, RESET) == S_OK, "reset");
    CALL_EXPECT(0x80100068U, manage, ISCardManage, SCardLock); // SCARD_W_RESET_CARD
    CALL(manage, ISCardManage, Reconnect);
    CALL(manage, ISCardManage, Detach);
    auth->Release();
    pin->Release();
    files->Release();
    other->Release();
    card->Release();
    manage->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_manage);
}
