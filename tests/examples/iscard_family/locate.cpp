// Finds a card of a known kind with ISCardDatabase and ISCardLocate. Usage: locate "CARD NAME"

#include "family.h"

namespace {

SAFEARRAY* list_of(BSTR text) {
    SAFEARRAY* const list = SafeArrayCreateVector(VT_BSTR, 0, 1);
    LONG at = 0;
    SafeArrayPutElement(list, &at, text);
    return list;
}

bool holds(SAFEARRAY* list, BSTR text) {
    LONG low = 0;
    LONG high = -1;
    bool found = false;
    SafeArrayGetLBound(list, 1, &low);
    SafeArrayGetUBound(list, 1, &high);
    for (LONG i = low; i <= high; ++i) {
        BSTR entry = NULL;
        SafeArrayGetElement(list, &i, static_cast<void*>(&entry));
        found = found || (SysStringByteLen(entry) == SysStringByteLen(text) &&
                          std::memcmp(entry, text, SysStringByteLen(text)) == 0);
        SysFreeString(entry);
    }
    return found;
}

} // namespace

int main(int argc, char* argv[]) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s \"CARD NAME\"\n", argv[0]);
        return 1;
    }
    CoInitialize(NULL);
    {
        const Text name(argv[1]);
        ISCardDatabase* const database = create<ISCardDatabase>(CLSID_CSCardDatabase, IID_ISCardDatabase);
        ISCardLocate* const locate = create<ISCardLocate>(CLSID_CSCardLocate, IID_ISCardLocate);
        ISCard* const card = create<ISCard>(CLSID_CSCard, IID_ISCard);
        SAFEARRAY* list = NULL;
        GUID* provider = NULL;
        CALL(database, ISCardDatabase, ListReaders, 0x409, &list);
        SafeArrayDestroy(list);
        CALL(database, ISCardDatabase, ListReaderGroups, 0x409, &list);
        SafeArrayDestroy(list);
        CALL(database, ISCardDatabase, GetProviderCardId, name, &provider);
        check(provider != NULL && *provider == CLSID_CSCardManage, "the provider");
        CoTaskMemFree(provider);
        SAFEARRAY* interfaces = NULL;
        CALL(database, ISCardDatabase, ListCardInterfaces, name, &interfaces);

        SAFEARRAY* const names = list_of(name);
        SCARDINFO* info = NULL;
        CALL(locate, ISCardLocate, ConfigureCardGuidSearch, interfaces);
        CALL(locate, ISCardLocate, ConfigureCardNameSearch, names, NULL, NULL, SC_DLG_NO_UI);
        CALL(locate, ISCardLocate, FindCard, SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1), SC_DLG_NO_UI,
             &info);
        if (info != NULL) {
            Buffer atr;
            CALL(card, ISCard, AttachByHandle, info->hCard);
            CALL(card, ISCard, get_Atr, atr.out());
            CALL(database, ISCardDatabase, ListCards, atr, interfaces, 0, &list);
            check(holds(list, name), "the card is known by its ATR");
            SafeArrayDestroy(list);
            CALL(card, ISCard, Detach, LEAVE);
            CoTaskMemFree(info);
        }
        SafeArrayDestroy(names);
        SafeArrayDestroy(interfaces);
        card->Release();
        locate->Release();
        database->Release();
    }
    CoUninitialize();
    return g_failures == 0 ? 0 : 1;
}
