// A service provider's interfaces: files, codes and authentication. Usage: provider filecard|piv "READER
// NAME"

#include "family.h"

namespace {

struct Objects {
    ISCardManage* manage = NULL;
    ISCardAuth* auth = NULL;
    ISCardFileAccess* files = NULL;
    ISCardVerify* pin = NULL;
};

void attach(Objects& use, BSTR reader) {
    SCARD_STATES state{};
    SCARD_PROTOCOLS protocol{};
    IUnknown* made = NULL;
    GUID iid = IID_ISCardAuth;
    LONG data = 0;
    CALL(use.manage, ISCardManage, AttachByIFD, reader);
    CALL(use.manage, ISCardManage, Status, &state, &protocol);
    check(state == SPECIFICMODE && protocol == T1, "the status");
    CALL(use.manage, ISCardManage, Reconnect);
    CALL(use.manage, ISCardManage, CreateCardAuth, &use.auth);
    CALL(use.manage, ISCardManage, CreateCHVerification, &use.pin);
    CALL(use.manage, ISCardManage, CreateFileAccess, &use.files);
    CALL(use.manage, ISCardManage, CreateInterface, &iid, NULL, &data, &made);
    made->Release();
    ISCard* const card = create<ISCard>(CLSID_CSCard, IID_ISCard);
    ISCardManage* const other = create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage);
    HSCARD handle = 0;
    card->AttachByReader(reader, SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1));
    card->get_CardHandle(&handle);
    CALL(other, ISCardManage, AttachByHandle, handle);
    other->Release();
    card->Release();
    CALL(use.manage, ISCardManage, SCardLock);
    CALL(use.manage, ISCardManage, SCardUnlock, LEAVE);
}

void use_files(Objects& use) {
    ISCardFileAccess* const files = use.files;
    HSCARD_FILE file = 0;
    LONG count = 0;
    SEEKTYPE from = SC_SEEK_FROM_BEGINNING;
    Buffer content;
    BSTR directory = NULL;
    CALL(files, ISCardFileAccess, ChangeDir, SC_TYPE_BY_ID, Text("3F00/5000"));
    CALL(files, ISCardFileAccess, GetCurrentDir, &directory);
    check(SysStringLen(directory) == 9, "3F00/5000");
    SysFreeString(directory);
    CALL(files, ISCardFileAccess, Open, SC_TYPE_BY_ID, Text("5001"), &file);
    count = 5;
    CALL(files, ISCardFileAccess, Read, file, &count, 0, content.out());
    check(content.bytes() == std::vector<BYTE>({'H', 'e', 'l', 'l', 'o'}), "Hello");
    CALL(files, ISCardFileAccess, Seek, file, &from, 0);
    CALL_EXPECT(static_cast<HRESULT>(0x8010006AU), files, ISCardFileAccess, Write, file, Buffer("Howdy"), 0);
    CALL(use.pin, ISCardVerify, Verify, Buffer("123456"), 0, 1);
    CALL(files, ISCardFileAccess, Write, file, Buffer("Howdy"), 0);
    CALL(files, ISCardFileAccess, Seek, file, &from, 0);
    count = 5;
    CALL(files, ISCardFileAccess, Read, file, &count, 0, content.out());
    check(content.bytes()[1] == 'o', "Howdy");

    LPTLV_TABLE table = NULL;
    CALL(files, ISCardFileAccess, GetFileCapabilities, &table, &count, 0);
    check(count > 2, "properties");
    CoTaskMemFree(table);
    TLV_TABLE entries[2] = {};
    table = entries;
    entries[0].Tag = 0x80;
    CALL(files, ISCardFileAccess, GetProperties, SC_TYPE_BY_ID, Text("5001"), 0, &table);
    check(entries[0].Valid != 0 && entries[0].Value[1] == 128, "128 bytes");
    entries[0].Tag = 0xC1;
    CALL(files, ISCardFileAccess, SetProperties, SC_TYPE_BY_ID, Text("5001"), 0, entries);
    CALL(files, ISCardFileAccess, Close, file);

    CALL(files, ISCardFileAccess, Open, SC_TYPE_BY_ID, Text("5003"), &file); // records
    count = 0;
    CALL(files, ISCardFileAccess, Read, file, &count, 0, content.out());
    check(count == 16, "a record of 16 bytes");
    CALL(files, ISCardFileAccess, Close, file);
    CALL(files, ISCardFileAccess, Open, SC_TYPE_BY_SHORT, Text("2"), &file);
    count = 0;
    CALL(files, ISCardFileAccess, Read, file, &count, 0, content.out());
    check(count == 600, "600 bytes in three commands");
    CALL(files, ISCardFileAccess, Close, file);

    CALL(files, ISCardFileAccess, Invalidate, Text("500A"), 0);
    CALL_EXPECT(static_cast<HRESULT>(0x80100027U), files, ISCardFileAccess, Open, SC_TYPE_BY_ID, Text("500A"),
                &file);
    CALL(files, ISCardFileAccess, Rehabilitate, Text("500A"), 0);
    TLV_TABLE none = {};
    CALL(files, ISCardFileAccess, Create, SC_TYPE_BY_ID, Text("3F00/6000/6001"), none, SC_FL_PREALLOCATED,
         Buffer("made at run time"));
    CALL(files, ISCardFileAccess, Open, SC_TYPE_BY_ID, Text("3F00/6000/6001"), &file);
    count = 0;
    CALL(files, ISCardFileAccess, Read, file, &count, 0, content.out());
    check(count == 16, "what was made");
    CALL(files, ISCardFileAccess, Close, file);
    CALL(files, ISCardFileAccess, Delete, SC_TYPE_BY_ID, Text("3F00/6000/6001"), 0);
    SAFEARRAY* list = NULL;
    CALL(files, ISCardFileAccess, ChangeDir, SC_TYPE_BY_ID, Text("3F00"));
    CALL(files, ISCardFileAccess, Directory, SC_TYPE_DIRECTORIES, &list);
    LONG high = 0;
    SafeArrayGetUBound(list, 1, &high);
    check(high >= 1, "directories");
    SafeArrayDestroy(list);
}

void use_codes(Objects& use) {
    CALL_EXPECT(static_cast<HRESULT>(0x8010006BU), use.pin, ISCardVerify, Verify, Buffer("0000"), 0, 2);
    CALL(use.pin, ISCardVerify, ChangeCode, Buffer("1234"), Buffer("4321"), 0, 2);
    CALL(use.pin, ISCardVerify, ChangeCode, Buffer("4321"), NULL, SC_FL_IHV_DISABLE, 2);
    CALL(use.pin, ISCardVerify, ChangeCode, Buffer("4321"), NULL, SC_FL_IHV_ENABLE, 2);
    CALL(use.pin, ISCardVerify, Unblock, Buffer("12345678"), Buffer("1234"), 0, 2);
    CALL(use.pin, ISCardVerify, Verify, Buffer("1234"), 0, 2);
    CALL(use.pin, ISCardVerify, ResetSecurityState);
    CALL_EXPECT(static_cast<HRESULT>(0x8010006BU), use.pin, ISCardVerify, Verify, NULL, 0, 2);
}

void use_keys(Objects& use) {
    const Buffer key({0x01});
    Buffer buffer;
    CALL(use.auth, ISCardAuth, User_Auth, 0, key, Buffer("123456"));
    CALL(use.auth, ISCardAuth, GetChallenge, 0, 16, NULL, buffer.in_out());
    check(buffer.bytes().size() == 16, "a challenge");
    // The card's key is symmetric and a test key: the card itself can encipher its challenge.
    CALL(use.auth, ISCardAuth, ICC_Auth, 0, key, buffer.in_out());
    check(buffer.bytes().size() == 16, "a cryptogram");
    CALL(use.auth, ISCardAuth, APP_Auth, 0, key, buffer);
}

void use_piv(Objects& use) {
    BSTR directory = NULL;
    CALL(use.files, ISCardFileAccess, ChangeDir, SC_TYPE_BY_NAME, Text("A000000308000010000100"));
    CALL(use.files, ISCardFileAccess, GetCurrentDir, &directory);
    SysFreeString(directory);
    const Buffer pin({'1', '2', '3', '4', '5', '6', 0xFF, 0xFF});
    const Buffer other({'6', '5', '4', '3', '2', '1', 0xFF, 0xFF});
    CALL(use.pin, ISCardVerify, Verify, pin, SC_FL_IHV_LOCAL, 0);
    CALL_EXPECT(static_cast<HRESULT>(0x8010006BU), use.pin, ISCardVerify, Verify, other, SC_FL_IHV_LOCAL, 0);
    CALL(use.pin, ISCardVerify, ChangeCode, pin, other, SC_FL_IHV_LOCAL, 0);
    CALL(use.pin, ISCardVerify, Unblock, Buffer("12345678"), pin, SC_FL_IHV_LOCAL, 0);
    CALL(use.auth, ISCardAuth, User_Auth, 0, Buffer({0x80}), pin);
    // GENERAL AUTHENTICATE with the card authentication key: a signature over 32 bytes.
    std::vector<BYTE> request = {0x7C, 0x24, 0x82, 0x00, 0x81, 0x20};
    request.resize(request.size() + 32, 0x5A);
    Buffer buffer(request);
    CALL(use.auth, ISCardAuth, ICC_Auth, 0x11, Buffer({0x9E, 0x87}), buffer.in_out());
    check(buffer.bytes().size() > 64 && buffer.bytes()[0] == 0x7C, "a signature");
    CALL(use.pin, ISCardVerify, ResetSecurityState);
}

} // namespace

int main(int argc, char* argv[]) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s filecard|piv \"READER NAME\"\n", argv[0]);
        return 1;
    }
    CoInitialize(NULL);
    {
        Objects use;
        use.manage = create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage);
        attach(use, Text(argv[2]));
        if (std::strcmp(argv[1], "piv") == 0) {
            use_piv(use);
        } else {
            use_files(use);
            use_codes(use);
            use_keys(use);
        }
        CALL(use.manage, ISCardManage, Detach);
        use.auth->Release();
        use.files->Release();
        use.pin->Release();
        use.manage->Release();
    }
    CoUninitialize();
    return g_failures == 0 ? 0 : 1;
}
