// ISCardDatabase: what is known of a card that sits in a reader.

#include "lists.h"

namespace {

void use_database(const Given& given) {
    const Text name(card_name(given));
    ISCardDatabase* const database = create<ISCardDatabase>(CLSID_CSCardDatabase, IID_ISCardDatabase);
    SAFEARRAY* list = NULL;
    SAFEARRAY* interfaces = NULL;
    GUID* provider = NULL;
    Buffer atr;
    CALL(database, ISCardDatabase, ListReaders, 0x409, &list);
    check(holds(list, given.reader), "the reader");
    SafeArrayDestroy(list);
    CALL(database, ISCardDatabase, ListReaderGroups, 0x409, &list);
    check(holds(list, Text("SCard$DefaultReaders")), "the group of all readers");
    SafeArrayDestroy(list);
    {
        LockedCard locked(given.reader);
        locked.card->get_Atr(atr.out());
    }
    CALL(database, ISCardDatabase, ListCardInterfaces, name, &interfaces);
    CALL(database, ISCardDatabase, ListCards, atr, interfaces, 0, &list);
    check(holds(list, name), "the card is known by its ATR and its interfaces");
    SafeArrayDestroy(list);
    SafeArrayDestroy(interfaces);
    CALL(database, ISCardDatabase, GetProviderCardId, name, &provider);
    check(provider != NULL && *provider == CLSID_CSCardManage, "the provider");

    // The provider makes what the card's interfaces are for.
    ISCardManage* manage = NULL;
    check(CoCreateInstance(*provider, NULL, CLSCTX_ALL, IID_ISCardManage,
                           reinterpret_cast<LPVOID*>(&manage)) == S_OK,
          "an object of the provider");
    CoTaskMemFree(provider);
    check(manage->AttachByIFD(given.reader) == S_OK && manage->Detach() == S_OK, "on the card");
    manage->Release();
    database->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_database);
}
