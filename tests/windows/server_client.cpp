// A program that knows COM and the headers, and nothing else of Cardlatch: it asks for the classes as any
// program does that was written for scardssp.dll. Compiled twice: with our headers, and with MinGW-w64's own
// scardssp.h, which was there before them. Usage: server_client registered|unregistered

#ifdef CARDLATCH_TEST_MINGW_HEADERS
#include <objbase.h>
#include <oleauto.h>
#define _LPHSCARDCONTEXT_DEFINED // its typedef is no C++
#include <scardssp.h>
#else
#include <cardlatch/scardssp.h>
#endif

#include <cstdio>
#include <cstring>
#include <cwchar>

namespace {

int g_failures = 0;

void check(bool holds, const char* what, HRESULT hr = S_OK) {
    if (!holds) {
        std::printf("not as it should be: %s (%08X)\n", what, static_cast<unsigned>(hr));
        ++g_failures;
    }
}

struct Class {
    const CLSID& clsid;
    const IID& iid;
    const wchar_t* prog_id;
    UINT methods;
};
const Class k_classes[] = {
    {CLSID_CByteBuffer, IID_IByteBuffer, L"Cardlatch.CByteBuffer", 14},
    {CLSID_CSCardCmd, IID_ISCardCmd, L"Cardlatch.CSCardCmd", 33},
    {CLSID_CSCardISO7816, IID_ISCardISO7816, L"Cardlatch.CSCardISO7816", 18},
    {CLSID_CSCardTypeConv, IID_ISCardTypeConv, L"Cardlatch.CSCardTypeConv.1", 10},
    {CLSID_CSCardDatabase, IID_ISCardDatabase, L"Cardlatch.CSCardDatabase", 5},
    {CLSID_CSCardLocate, IID_ISCardLocate, L"Cardlatch.CSCardLocate", 3},
};

/// The type information agrees with what late binding says: names, DISPIDs, and the place in the vtable.
void check_type_info(IDispatch* object, const Class& known) {
    UINT count = 0;
    ITypeInfo* info = nullptr;
    TYPEATTR* attributes = nullptr;
    check(object->GetTypeInfoCount(&count) == S_OK && count == 1, "one type information");
    check(object->GetTypeInfo(1, 0, &info) == DISP_E_BADINDEX, "no second");
    auto hr = object->GetTypeInfo(0, 0, &info);
    check(SUCCEEDED(hr), "GetTypeInfo", hr);
    if (FAILED(hr)) {
        return;
    }
    info->GetTypeAttr(&attributes);
    check(IsEqualGUID(attributes->guid, known.iid) != 0, "its IID");
    check(attributes->cFuncs == known.methods, "its methods");
    for (UINT i = 0; i < attributes->cFuncs; ++i) {
        FUNCDESC* function = nullptr;
        BSTR name = nullptr;
        UINT names = 0;
        info->GetFuncDesc(i, &function);
        info->GetNames(function->memid, &name, 1, &names);
        LPOLESTR text = name;
        DISPID id = 0;
        check(object->GetIDsOfNames(IID_NULL, &text, 1, 0, &id) == S_OK && id == function->memid, "a DISPID");
        check(function->oVft == static_cast<SHORT>((7 + i) * sizeof(void*)), "a place in the vtable");
        SysFreeString(name);
        info->ReleaseFuncDesc(function);
    }
    info->ReleaseTypeAttr(attributes);
    info->Release();
}

/// A command built early-bound, read late-bound.
void use_command() {
    ISCardISO7816* iso = nullptr;
    ISCardCmd* command = nullptr;
    LONG length = 0;
    auto hr = CoCreateInstance(CLSID_CSCardISO7816, nullptr, CLSCTX_ALL, IID_ISCardISO7816,
                               reinterpret_cast<void**>(&iso));
    check(SUCCEEDED(hr), "CSCardISO7816", hr);
    if (FAILED(hr)) {
        return;
    }
    hr = iso->GetChallenge(8, &command);
    check(SUCCEEDED(hr) && command->get_ApduLength(&length) == S_OK && length == 5, "GET CHALLENGE", hr);

    // A late-bound failure says why.
    OLECHAR name[] = L"put_nothing";
    OLECHAR apdu[] = L"ReplyNad";
    LPOLESTR text = name;
    DISPID id = 0;
    check(command->GetIDsOfNames(IID_NULL, &text, 1, 0, &id) == DISP_E_UNKNOWNNAME, "an unknown name");
    text = apdu;
    check(command->GetIDsOfNames(IID_NULL, &text, 1, 0, &id) == S_OK, "a known name");
    DISPPARAMS none{};
    EXCEPINFO why{};
    VARIANT result;
    VariantInit(&result);
    hr = command->Invoke(id, IID_NULL, 0, DISPATCH_PROPERTYGET, &none, &result, &why, nullptr);
    check(hr == DISP_E_EXCEPTION && why.scode == E_ACCESSDENIED, "a late-bound failure", hr);
    check(why.bstrSource != nullptr && std::wcscmp(why.bstrSource, L"Cardlatch.ISCardCmd") == 0,
          "its source");
    SysFreeString(why.bstrSource);
    SysFreeString(why.bstrDescription);

    // From another apartment the pointer is the object's own.
    IStream* stream = nullptr;
    hr = CoMarshalInterThreadInterfaceInStream(IID_ISCardCmd, command, &stream);
    check(SUCCEEDED(hr), "marshalling", hr);
    struct Work {
        IStream* stream;
        ISCardCmd* expected;
        bool same;
    } work{stream, command, false};
    HANDLE const thread = CreateThread(
        nullptr, 0,
        [](void* given) -> DWORD {
            auto* const todo = static_cast<Work*>(given);
            ISCardCmd* here = nullptr;
            CoInitializeEx(nullptr, COINIT_MULTITHREADED);
            if (SUCCEEDED(CoGetInterfaceAndReleaseStream(todo->stream, IID_ISCardCmd,
                                                         reinterpret_cast<void**>(&here)))) {
                todo->same = here == todo->expected;
                here->Release();
            }
            CoUninitialize();
            return 0;
        },
        &work, 0, nullptr);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    check(work.same, "the same object in another apartment");
    check(command->Release() == 0, "balanced counts");
    check(iso->Release() == 0, "balanced counts");
}

/// Bytes from one interface to the next, and the built-in cards.
void use_others() {
    IByteBuffer* buffer = nullptr;
    IByteBuffer* second = nullptr;
    ISCardTypeConv* conv = nullptr;
    ISCardDatabase* database = nullptr;
    CoCreateInstance(CLSID_CByteBuffer, nullptr, CLSCTX_ALL, IID_IByteBuffer,
                     reinterpret_cast<void**>(&buffer));
    CoCreateInstance(CLSID_CSCardTypeConv, nullptr, CLSCTX_ALL, IID_ISCardTypeConv,
                     reinterpret_cast<void**>(&conv));
    CoCreateInstance(CLSID_CSCardDatabase, nullptr, CLSCTX_ALL, IID_ISCardDatabase,
                     reinterpret_cast<void**>(&database));
    check(buffer != nullptr && conv != nullptr && database != nullptr, "three objects");
    if (buffer == nullptr || conv == nullptr || database == nullptr) {
        return;
    }
    BYTE bytes[] = {1, 2, 3, 4};
    LONG count = 0;
    STATSTRUCT stat{};
    SAFEARRAY* array = nullptr;
    check(buffer->Initialize() == S_OK && buffer->Stat(&stat, STATFLAG_NONAME) == S_OK && stat.cbSize == 1,
          "a byte by default");
    check(buffer->Write(bytes, 4, &count) == S_OK && count == 4, "four bytes written");
    check(conv->ConvertByteBufferToSafeArray(buffer, &array) == S_OK, "an array of them");
    check(conv->ConvertSafeArrayToByteBuffer(array, &second) == S_OK && second != nullptr, "and back");
    BYTE read[8] = {};
    check(second->Seek(1, STREAM_SEEK_SET) == S_OK && second->Read(read, 8, &count) == S_OK && count == 3 &&
              std::memcmp(read, bytes + 1, 3) == 0,
          "the same bytes");
    SafeArrayDestroy(array);
    LPGUID provider = nullptr;
    BSTR const piv = SysAllocString(L"PIV");
    array = nullptr;
    check(database->GetProviderCardId(piv, &provider) == S_OK && provider != nullptr, "a card's provider");
    check(database->ListCards(nullptr, nullptr, 0, &array) == S_OK && array != nullptr &&
              array->rgsabound[0].cElements >= 3,
          "the cards that are known");
    CoTaskMemFree(provider);
    SafeArrayDestroy(array);
    SysFreeString(piv);
    check(second->Release() == 0 && buffer->Release() == 0 && conv->Release() == 0 &&
              database->Release() == 0,
          "balanced counts");
}

} // namespace

int main(int argc, char* argv[]) {
    const bool registered = argc == 2 && std::strcmp(argv[1], "registered") == 0;
    CoInitialize(nullptr);
    for (const auto& known : k_classes) {
        CLSID clsid{};
        IDispatch* object = nullptr;
        auto hr = CLSIDFromProgID(known.prog_id, &clsid);
        check(registered ? hr == S_OK && IsEqualGUID(clsid, known.clsid) != 0 : FAILED(hr), "the ProgID", hr);
        hr = CoCreateInstance(known.clsid, nullptr, CLSCTX_ALL, known.iid, reinterpret_cast<void**>(&object));
        check(registered ? hr == S_OK : hr == REGDB_E_CLASSNOTREG, "CoCreateInstance", hr);
        if (SUCCEEDED(hr)) {
            check_type_info(object, known);
            check(object->Release() == 0, "balanced counts");
        }
    }
    ITypeLib* library = nullptr;
    const GUID id = {0x82C38704, 0x19F1, 0x11D3, {0xA1, 0x1F, 0x00, 0xC0, 0x4F, 0x79, 0xF8, 0x00}};
    const auto hr = LoadRegTypeLib(id, 1, 0, 0, &library);
    check(registered ? hr == S_OK && library->GetTypeInfoCount() > 20 : FAILED(hr), "the type library", hr);
    if (library != nullptr) {
        library->Release();
    }
    if (registered) {
        use_command();
        use_others();
    }
    CoUninitialize();
    std::printf("%s: %d failures\n", argc == 2 ? argv[1] : "", g_failures);
    return g_failures == 0 ? 0 : 1;
}
