// ISCardLocate: finds a card of a known kind, wherever it is, and connects to it.

#include "lists.h"

namespace {

void find(ISCardLocate* locate) {
    SCARDINFO* info = NULL;
    SCARD_STATES state{};
    CALL(locate, ISCardLocate, FindCard, SHARED, any_protocol, SC_DLG_NO_UI, &info);
    if (info == NULL) {
        return;
    }
    check(info->ActiveProtocol == T1 && info->ShareMode == SHARED, "what was found");
    ISCard* const card = create<ISCard>(CLSID_CSCard, IID_ISCard);
    check(card->AttachByHandle(info->hCard) == S_OK, "attached");
    check(card->get_Status(&state) == S_OK && state == SPECIFICMODE, "a card in use");
    check(card->Detach(LEAVE) == S_OK, "detached");
    card->Release();
    CoTaskMemFree(info);
}

void use_locate(const Given& given) {
    const Text name(card_name(given));
    ISCardDatabase* const database = create<ISCardDatabase>(CLSID_CSCardDatabase, IID_ISCardDatabase);
    ISCardLocate* const locate = create<ISCardLocate>(CLSID_CSCardLocate, IID_ISCardLocate);
    SAFEARRAY* interfaces = NULL;
    SAFEARRAY* const names = list_of(name);
    database->ListCardInterfaces(name, &interfaces);
    CALL(locate, ISCardLocate, ConfigureCardGuidSearch, interfaces);
    find(locate);
    CALL(locate, ISCardLocate, ConfigureCardNameSearch, names, NULL, NULL, SC_DLG_NO_UI);
    find(locate);
    SafeArrayDestroy(names);
    SafeArrayDestroy(interfaces);
    locate->Release();
    database->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_locate);
}
