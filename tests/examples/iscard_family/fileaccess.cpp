// ISCardFileAccess: directories, files, records and their properties.

#include "provider.h"

namespace {

#define FILES(method, ...) CALL(files, ISCardFileAccess, method, __VA_ARGS__)
#define FILES_EXPECT(hr, method, ...) CALL_EXPECT(hr, files, ISCardFileAccess, method, __VA_ARGS__)

/// Reads what `count` says from a file that is opened for it; 0 is all.
std::vector<BYTE> contents(ISCardFileAccess* files, REFTYPE type, const char* path, LONG count) {
    HSCARD_FILE file = 0;
    Buffer content;
    FILES(Open, type, Text(path), &file);
    FILES(Read, file, &count, 0, content.out());
    FILES(Close, file);
    check(static_cast<LONG>(content.bytes().size()) == count, "as many bytes as it says");
    return content.bytes();
}

void read_and_write(ISCardFileAccess* files, ISCardVerify* pin) {
    HSCARD_FILE file = 0;
    LONG count = 5;
    SEEKTYPE from = SC_SEEK_FROM_BEGINNING;
    BSTR directory = NULL;
    Buffer content;
    FILES(ChangeDir, SC_TYPE_BY_ID, Text("3F00/5000"));
    FILES(GetCurrentDir, &directory);
    check(SysStringLen(directory) == 9, "3F00/5000");
    SysFreeString(directory);
    FILES(Open, SC_TYPE_BY_ID, Text("5001"), &file);
    FILES(Read, file, &count, 0, content.out());
    check(content.bytes() == std::vector<BYTE>({'H', 'e', 'l', 'l', 'o'}), "Hello");
    FILES(Seek, file, &from, 0);
    FILES_EXPECT(0x8010006AU, Write, file, Buffer("Howdy"), 0); // SCARD_W_SECURITY_VIOLATION
    check(pin->Verify(Buffer("123456"), 0, 1) == S_OK, "verified");
    FILES(Write, file, Buffer("Howdy"), 0);
    FILES(Close, file);
    check(contents(files, SC_TYPE_BY_ID, "5001", 5)[1] == 'o', "Howdy");
    check(contents(files, SC_TYPE_BY_ID, "5003", 0).size() == 16, "a record of 16 bytes");
    check(contents(files, SC_TYPE_BY_SHORT, "2", 0).size() == 600, "600 bytes in three commands");
}

void properties(ISCardFileAccess* files) {
    HSCARD_FILE file = 0;
    LONG count = 0;
    LPTLV_TABLE table = NULL;
    FILES(Open, SC_TYPE_BY_ID, Text("5001"), &file);
    FILES(GetFileCapabilities, &table, &count, 0);
    check(count > 2, "properties");
    CoTaskMemFree(table);
    TLV_TABLE entries[2] = {};
    table = entries;
    entries[0].Tag = 0x80;
    FILES(GetProperties, SC_TYPE_BY_ID, Text("5001"), 0, &table);
    check(entries[0].Valid != 0 && entries[0].Value[1] == 128, "128 bytes");
    entries[0].Tag = 0xC1;
    FILES(SetProperties, SC_TYPE_BY_ID, Text("5001"), 0, entries);
    FILES(Close, file);
}

void life_cycle(ISCardFileAccess* files) {
    HSCARD_FILE file = 0;
    TLV_TABLE none = {};
    SAFEARRAY* list = NULL;
    LONG high = 0;
    FILES(Invalidate, Text("500A"), 0);
    FILES_EXPECT(0x80100027U, Open, SC_TYPE_BY_ID, Text("500A"), &file); // SCARD_E_NO_ACCESS
    FILES(Rehabilitate, Text("500A"), 0);
    FILES(Create, SC_TYPE_BY_ID, Text("3F00/6000/6001"), none, SC_FL_PREALLOCATED,
          Buffer("made at run time"));
    check(contents(files, SC_TYPE_BY_ID, "3F00/6000/6001", 0).size() == 16, "what was made");
    FILES(Delete, SC_TYPE_BY_ID, Text("3F00/6000/6001"), 0);
    FILES(ChangeDir, SC_TYPE_BY_ID, Text("3F00"));
    FILES(Directory, SC_TYPE_DIRECTORIES, &list);
    SafeArrayGetUBound(list, 1, &high);
    check(high >= 1, "directories");
    SafeArrayDestroy(list);
}

/// A PIV card is an application without files: its name can be entered, and that is all.
void use_piv(ISCardFileAccess* files) {
    const HRESULT unsupported = static_cast<HRESULT>(0x80100022U);
    const HRESULT not_found = static_cast<HRESULT>(0x80100024U);
    HSCARD_FILE file = 0;
    LONG count = 0;
    SEEKTYPE from = SC_SEEK_FROM_BEGINNING;
    BSTR directory = NULL;
    SAFEARRAY* list = NULL;
    LPTLV_TABLE table = NULL;
    TLV_TABLE entries[2] = {};
    Buffer content;
    FILES(ChangeDir, SC_TYPE_BY_NAME, Text("A000000308000010000100"));
    FILES(GetCurrentDir, &directory);
    check(SysStringLen(directory) == 22, "the name of the application");
    SysFreeString(directory);
    FILES(GetFileCapabilities, &table, &count, 0);
    check(count > 0 && table[0].Tag == 0x61, "the application property template");
    CoTaskMemFree(table);
    table = entries;
    entries[0].Tag = 0x61;
    FILES(GetProperties, SC_TYPE_BY_NAME, Text("A000000308000010000100"), 0, &table);
    check(entries[0].Valid != 0, "the same by its tag");
    FILES_EXPECT(unsupported, SetProperties, SC_TYPE_BY_NAME, Text("A000000308000010000100"), 0, entries);
    FILES_EXPECT(not_found, Open, SC_TYPE_BY_ID, Text("5001"), &file);
    FILES_EXPECT(E_INVALIDARG, Read, file, &count, 0, content.out());
    FILES_EXPECT(E_INVALIDARG, Write, file, Buffer("x"), 0);
    FILES_EXPECT(E_INVALIDARG, Seek, file, &from, 0);
    FILES_EXPECT(E_INVALIDARG, Close, file);
    FILES_EXPECT(not_found, Directory, SC_TYPE_DIRECTORIES, &list);
    FILES_EXPECT(unsupported, Create, SC_TYPE_BY_ID, Text("5001"), TLV_TABLE{}, 0, NULL);
    FILES_EXPECT(not_found, Delete, SC_TYPE_BY_ID, Text("5001"), 0);
    FILES_EXPECT(not_found, Invalidate, Text("5001"), 0);
    FILES_EXPECT(not_found, Rehabilitate, Text("5001"), 0);
}

void use_fileaccess(const Given& given) {
    const Provider provider(given.reader);
    ISCardFileAccess* files = NULL;
    ISCardVerify* pin = NULL;
    provider.manage->CreateFileAccess(&files);
    provider.manage->CreateCHVerification(&pin);
    if (given.piv) {
        use_piv(files);
    } else {
        read_and_write(files, pin);
        properties(files);
        life_cycle(files);
    }
    files->Release();
    pin->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_fileaccess);
}
