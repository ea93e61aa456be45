#include "iscard_support.hpp"

#include <boost/test/unit_test.hpp>

#include <cwchar>

using cardlatch::ByteView;
using cardlatch::to_hex;

namespace {

struct Fixture {
    Com com;
    Ref<ISCardTypeConv> conv{create<ISCardTypeConv>(CLSID_CSCardTypeConv, IID_ISCardTypeConv)};
};

std::string bytes_of(const SAFEARRAY* array) {
    return to_hex(ByteView(static_cast<const BYTE*>(array->pvData), array->rgsabound[0].cElements));
}

template <class T>
T* not_null() {
    static int anything = 0;
    return reinterpret_cast<T*>(&anything);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(type_conv, Fixture)

BOOST_AUTO_TEST_CASE(bytes_become_a_buffer_and_come_back) {
    BYTE bytes[] = {0xDE, 0xAD, 0xBE, 0xEF};
    Ref<IByteBuffer> buffer;
    BOOST_TEST(conv->ConvertByteArrayToByteBuffer(bytes, 4, buffer.out()) == S_OK);
    BYTEARRAY* array = nullptr;
    BOOST_TEST(conv->ConvertByteBufferToByteArray(buffer.get(), &array) == S_OK);
    BOOST_REQUIRE(array != nullptr);
    BOOST_TEST(array->dwSize == 4U);
    BOOST_TEST(to_hex(ByteView(array->pbyData, array->dwSize)) == "DEADBEEF");
    BOOST_TEST(GlobalSize(array->hMem) == 4U);
    GlobalUnlock(array->hMem);
    BOOST_TEST((GlobalFree(array->hMem) == nullptr));
    CoTaskMemFree(array);
    BOOST_TEST(rest_of(buffer.get()) == "DEADBEEF"); // the seek pointer was left alone
}

BOOST_AUTO_TEST_CASE(a_buffer_becomes_a_safearray_and_comes_back) {
    const Ref<IByteBuffer> buffer(buffer_of("00112233"));
    SAFEARRAY* array = nullptr;
    BOOST_TEST(conv->ConvertByteBufferToSafeArray(buffer.get(), &array) == S_OK);
    BOOST_REQUIRE(array != nullptr);
    BOOST_TEST(bytes_of(array) == "00112233");
    Ref<IByteBuffer> again;
    BOOST_TEST(conv->ConvertSafeArrayToByteBuffer(array, again.out()) == S_OK);
    BOOST_TEST(rest_of(again.get()) == "00112233");
    BOOST_TEST(SafeArrayDestroy(array) == S_OK);
    SAFEARRAY* const strings = SafeArrayCreateVector(VT_BSTR, 0, 1);
    IByteBuffer* none = not_null<IByteBuffer>();
    BOOST_TEST(conv->ConvertSafeArrayToByteBuffer(strings, &none) == E_INVALIDARG);
    BOOST_TEST((none == nullptr));
    SafeArrayDestroy(strings);
}

BOOST_AUTO_TEST_CASE(creates_zeros_of_every_kind) {
    BYTE* bytes = nullptr;
    BOOST_TEST(conv->CreateByteArray(3, &bytes) == S_OK);
    BOOST_TEST(to_hex(ByteView(bytes, 3)) == "000000");
    CoTaskMemFree(bytes);
    BOOST_TEST(conv->CreateByteArray(0, &bytes) == S_OK);
    BOOST_TEST((bytes != nullptr));
    CoTaskMemFree(bytes);
    Ref<IByteBuffer> buffer;
    BOOST_TEST(conv->CreateByteBuffer(3, buffer.out()) == S_OK);
    BOOST_TEST(rest_of(buffer.get()) == "000000");
    SAFEARRAY* array = nullptr;
    BOOST_TEST(conv->CreateSafeArray(3, &array) == S_OK);
    BOOST_TEST(bytes_of(array) == "000000");
    SafeArrayDestroy(array);
}

BOOST_AUTO_TEST_CASE(sizes_beyond_a_buffer_are_refused) {
    BYTE* bytes = not_null<BYTE>();
    IByteBuffer* buffer = not_null<IByteBuffer>();
    SAFEARRAY* array = not_null<SAFEARRAY>();
    BOOST_TEST(conv->CreateByteArray(0x80000000U, &bytes) == E_INVALIDARG);
    BOOST_TEST(conv->CreateByteBuffer(0x80000000U, &buffer) == E_INVALIDARG);
    BOOST_TEST(conv->CreateSafeArray(0x80000000U, &array) == E_INVALIDARG);
    BOOST_TEST((bytes == nullptr && buffer == nullptr && array == nullptr));
    BYTE one = 0;
    buffer = not_null<IByteBuffer>();
    BOOST_TEST(conv->ConvertByteArrayToByteBuffer(&one, 0x80000000U, &buffer) == E_INVALIDARG);
    BOOST_TEST((buffer == nullptr));
}

BOOST_AUTO_TEST_CASE(null_pointers_are_refused_and_outputs_cleared) {
    IByteBuffer* buffer = not_null<IByteBuffer>();
    BYTEARRAY* bytes = not_null<BYTEARRAY>();
    SAFEARRAY* array = not_null<SAFEARRAY>();
    BYTE one = 0;
    BOOST_TEST(conv->ConvertByteArrayToByteBuffer(nullptr, 1, &buffer) == E_POINTER);
    BOOST_TEST((buffer == nullptr));
    BOOST_TEST(conv->ConvertByteArrayToByteBuffer(&one, 1, nullptr) == E_POINTER);
    BOOST_TEST(conv->ConvertByteBufferToByteArray(nullptr, &bytes) == E_POINTER);
    BOOST_TEST((bytes == nullptr));
    BOOST_TEST(conv->ConvertByteBufferToSafeArray(nullptr, &array) == E_POINTER);
    BOOST_TEST((array == nullptr));
    buffer = not_null<IByteBuffer>();
    BOOST_TEST(conv->ConvertSafeArrayToByteBuffer(nullptr, &buffer) == E_POINTER);
    BOOST_TEST((buffer == nullptr));
    BOOST_TEST(conv->CreateByteArray(1, nullptr) == E_POINTER);
    BOOST_TEST(conv->CreateByteBuffer(1, nullptr) == E_POINTER);
    BOOST_TEST(conv->CreateSafeArray(1, nullptr) == E_POINTER);
    const Ref<IByteBuffer> uninitialised(new_buffer());
    BOOST_TEST(conv->ConvertByteBufferToByteArray(uninitialised.get(), &bytes) == E_UNEXPECTED);
    bytes = not_null<BYTEARRAY>();
    BOOST_TEST(conv->GetAtIStreamMemory(nullptr, &bytes) == E_POINTER);
    BOOST_TEST((bytes == nullptr));
    BOOST_TEST(conv->FreeIStreamMemoryPtr(nullptr, &one) == E_POINTER);
}

BOOST_AUTO_TEST_CASE(a_stream_s_memory_is_lent_with_a_reference) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    Ref<IStream> stream;
    BOOST_REQUIRE_EQUAL(buffer->get_Stream(stream.out()), S_OK);
    const auto before = stream->AddRef();
    stream->Release();
    BYTEARRAY* memory = nullptr;
    BOOST_TEST(conv->GetAtIStreamMemory(stream.get(), &memory) == S_OK);
    BOOST_REQUIRE(memory != nullptr);
    BOOST_TEST(stream->AddRef() == before + 1);
    stream->Release();
    BOOST_TEST(memory->dwSize == 3U);
    memory->pbyData[0] = 0xFF; // it is the memory itself
    BOOST_TEST(rest_of(buffer.get()) == "FF0203");

    // While it is lent, it stays where it is.
    BYTE more = 0x04;
    LONG written = 0;
    BOOST_TEST(buffer->Write(&more, 1, &written) == STG_E_LOCKVIOLATION);
    BOOST_TEST(buffer->SetSize(2) == STG_E_LOCKVIOLATION);

    BYTE elsewhere = 0;
    BOOST_TEST(conv->FreeIStreamMemoryPtr(stream.get(), &elsewhere) == E_INVALIDARG);
    BOOST_TEST(conv->FreeIStreamMemoryPtr(stream.get(), memory->pbyData) == S_OK);
    BOOST_TEST(conv->FreeIStreamMemoryPtr(stream.get(), memory->pbyData) == E_INVALIDARG);
    BOOST_TEST(stream->AddRef() == before);
    stream->Release();
    CoTaskMemFree(memory);
    BOOST_TEST(buffer->SetSize(2) == S_OK);
}

BOOST_AUTO_TEST_CASE(a_stream_tells_its_size) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    Ref<IStream> stream;
    BOOST_REQUIRE_EQUAL(buffer->get_Stream(stream.out()), S_OK);
    ULARGE_INTEGER size{};
    BOOST_TEST(conv->SizeOfIStream(stream.get(), &size) == S_OK);
    BOOST_TEST(size.QuadPart == 3U);
    BOOST_TEST(conv->SizeOfIStream(stream.get(), nullptr) == E_INVALIDARG);
    BOOST_TEST(conv->SizeOfIStream(nullptr, &size) == E_POINTER);
    BOOST_TEST(size.QuadPart == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(automation)

BOOST_AUTO_TEST_CASE(safearrays_own_their_strings) {
    SAFEARRAY* const array = SafeArrayCreateVector(VT_BSTR, 5, 2);
    BOOST_REQUIRE(array != nullptr);
    LONG low = 0;
    LONG high = 0;
    BOOST_TEST(SafeArrayGetLBound(array, 1, &low) == S_OK);
    BOOST_TEST(SafeArrayGetUBound(array, 1, &high) == S_OK);
    BOOST_TEST(low == 5);
    BOOST_TEST(high == 6);
    BSTR text = SysAllocString(L"Leser");
    LONG at = 6;
    BOOST_TEST(SafeArrayPutElement(array, &at, text) == S_OK);
    BOOST_TEST(SafeArrayPutElement(array, &at, text) == S_OK); // the first copy is freed
    SysFreeString(text);
    SAFEARRAY* copy = nullptr;
    BOOST_TEST(SafeArrayCopy(array, &copy) == S_OK);
    BOOST_TEST(SafeArrayDestroy(array) == S_OK);
    BOOST_TEST(SafeArrayGetElement(copy, &at, static_cast<void*>(&text)) == S_OK);
    BOOST_TEST((std::wcscmp(text, L"Leser") == 0));
    SysFreeString(text);
    at = 7;
    BOOST_TEST(SafeArrayGetElement(copy, &at, static_cast<void*>(&text)) == DISP_E_BADINDEX);
    at = 4;
    BOOST_TEST(SafeArrayPutElement(copy, &at, nullptr) == DISP_E_BADINDEX);
    void* data = nullptr;
    BOOST_TEST(SafeArrayAccessData(copy, &data) == S_OK);
    BOOST_TEST(SafeArrayDestroy(copy) == DISP_E_ARRAYISLOCKED);
    BOOST_TEST(SafeArrayUnaccessData(copy) == S_OK);
    BOOST_TEST(SafeArrayUnaccessData(copy) == E_UNEXPECTED);
    BOOST_TEST(SafeArrayDestroy(copy) == S_OK);
#ifndef _WIN32 // whose own arrays hold more kinds
    BOOST_TEST((SafeArrayCreateVector(VT_DISPATCH, 0, 1) == nullptr));
#endif
}

BOOST_AUTO_TEST_CASE(variants_own_what_they_hold) {
    const Com com;
    VARIANT value{};
    value.vt = VT_DISPATCH;
    value.pdispVal = new_buffer();
    VARIANT copy{};
    BOOST_TEST(VariantCopy(&copy, &value) == S_OK);
    BOOST_TEST(VariantClear(&value) == S_OK);
    BOOST_TEST(value.vt == VT_EMPTY);
    value.vt = VT_BSTR;
    value.bstrVal = SysAllocString(L"x");
    BOOST_TEST(VariantCopy(&copy, &value) == S_OK); // and the buffer is released
    BOOST_TEST((copy.bstrVal != value.bstrVal));
    VariantClear(&copy);
    VariantClear(&value);
    value.vt = 0x0ABC;
    BOOST_TEST(VariantClear(&value) == DISP_E_BADVARTYPE);
}

BOOST_AUTO_TEST_CASE(guids_are_written_and_read) {
    OLECHAR text[39] = {};
    BOOST_TEST(StringFromGUID2(IID_ISCard, text, 39) == 39);
    BOOST_TEST((std::wcscmp(text, L"{1461AAC3-6810-11D0-918F-00AA00C18068}") == 0));
    BOOST_TEST(StringFromGUID2(IID_ISCard, text, 38) == 0);
    CLSID read{};
    BOOST_TEST(CLSIDFromString(L"{1461aac3-6810-11d0-918f-00aa00c18068}", &read) == S_OK);
    BOOST_TEST((read == IID_ISCard));
    for (const auto* bad :
         {L"", L"{", L"1461aac3-6810-11d0-918f-00aa00c18068", L"{1461aac3-6810-11d0-918f-00aa00c1806}",
          L"{1461aac3-6810-11d0-918f-00aa00c18068}x", L"{1461aac3+6810-11d0-918f-00aa00c18068}"}) {
        BOOST_TEST(CLSIDFromString(bad, &read) == CO_E_CLASSSTRING);
    }
}

BOOST_AUTO_TEST_SUITE_END()
