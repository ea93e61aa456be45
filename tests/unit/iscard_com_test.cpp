#include "iscard_support.hpp"

#include <cardlatch/iscard/scarderr.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cwchar>
#include <thread>
#include <vector>

namespace fake_service {
void reset();
void stop();
int contexts();
} // namespace fake_service

namespace data = boost::unit_test::data;

namespace {

struct ClassUnderTest {
    const char* name;
    const CLSID* clsid;
    const IID* iid;
};
std::ostream& operator<<(std::ostream& out, const ClassUnderTest& c) {
    return out << c.name;
}
const ClassUnderTest k_classes[] = {
    {"CSCard", &CLSID_CSCard, &IID_ISCard},
    {"CSCardCmd", &CLSID_CSCardCmd, &IID_ISCardCmd},
    {"CByteBuffer", &CLSID_CByteBuffer, &IID_IByteBuffer},
    {"CSCardISO7816", &CLSID_CSCardISO7816, &IID_ISCardISO7816},
    {"CSCardTypeConv", &CLSID_CSCardTypeConv, &IID_ISCardTypeConv},
    {"CSCardDatabase", &CLSID_CSCardDatabase, &IID_ISCardDatabase},
    {"CSCardLocate", &CLSID_CSCardLocate, &IID_ISCardLocate},
    {"CSCardManage", &CLSID_CSCardManage, &IID_ISCardManage},
};

struct Fixture {
    Fixture() { fake_service::reset(); }
    Com com;
};

/// First pointer of the object's vtable and the slot that a member function pointer names (Itanium C++ ABI).
template <class Method>
std::size_t slot_of(Method method) {
    std::ptrdiff_t parts[2];
    static_assert(sizeof(method) == sizeof(parts));
    std::memcpy(&parts[0], &method, sizeof(parts));
    return static_cast<std::size_t>(parts[0] - 1) / sizeof(void*);
}

} // namespace

BOOST_AUTO_TEST_SUITE(identity)

BOOST_AUTO_TEST_CASE(numbers_are_microsofts) {
    const GUID card = {0x1461AAC3, 0x6810, 0x11D0, {0x91, 0x8F, 0x00, 0xAA, 0x00, 0xC1, 0x80, 0x68}};
    const GUID command = {0xD5778AE3, 0x43DE, 0x11D0, {0x91, 0x71, 0x00, 0xAA, 0x00, 0xC1, 0x80, 0x68}};
    const GUID buffer = {0xE126F8FE, 0xA7AF, 0x11D0, {0xB8, 0x8A, 0x00, 0xC0, 0x4F, 0xD4, 0x24, 0xB9}};
    BOOST_TEST((IID_ISCard == card));
    BOOST_TEST((IID_ISCardCmd == command));
    BOOST_TEST((IID_IByteBuffer == buffer));
    BOOST_TEST(CLSID_CSCard.Data1 == 0x1461AAC7U);
    BOOST_TEST(CLSID_CSCardCmd.Data1 == 0xD5778AE7U);
    BOOST_TEST(CLSID_CByteBuffer.Data1 == 0xE126F8FFU);
    BOOST_TEST(static_cast<std::uint32_t>(SCARD_W_RESET_CARD) == 0x80100068U);
    BOOST_TEST(FAILED(SCARD_W_RESET_CARD));
    BOOST_TEST(sizeof(HRESULT) == 4U);
}

BOOST_AUTO_TEST_CASE(vtable_slots_are_microsofts) {
    using Query = HRESULT (STDMETHODCALLTYPE IUnknown::*)(REFIID, void**); // Windows' headers have two
    BOOST_TEST(slot_of(static_cast<Query>(&IUnknown::QueryInterface)) == 0U);
    BOOST_TEST(slot_of(&IUnknown::Release) == 2U);
    BOOST_TEST(slot_of(&IDispatch::Invoke) == 6U);
    BOOST_TEST(slot_of(&ISCard::get_Atr) == 7U);
    BOOST_TEST(slot_of(&ISCard::AttachByReader) == 13U);
    BOOST_TEST(slot_of(&ISCard::LockSCard) == 15U);
    BOOST_TEST(slot_of(&ISCard::UnlockSCard) == 18U);
    BOOST_TEST(slot_of(&ISCardCmd::get_Apdu) == 7U);
    BOOST_TEST(slot_of(&ISCardCmd::put_ApduReplyLength) == 13U);
    BOOST_TEST(slot_of(&ISCardCmd::get_LeField) == 20U);
    BOOST_TEST(slot_of(&ISCardCmd::get_Type) == 30U);
    BOOST_TEST(slot_of(&ISCardCmd::BuildCmd) == 35U);
    BOOST_TEST(slot_of(&ISCardCmd::put_AlternateClassId) == 39U);
    BOOST_TEST(slot_of(&IByteBuffer::get_Stream) == 7U);
    BOOST_TEST(slot_of(&IByteBuffer::Initialize) == 12U);
    BOOST_TEST(slot_of(&IByteBuffer::Seek) == 16U);
    BOOST_TEST(slot_of(&IByteBuffer::Write) == 20U);
    BOOST_TEST(slot_of(&ISCardISO7816::AppendRecord) == 7U);
    BOOST_TEST(slot_of(&ISCardISO7816::SetDefaultClassId) == 19U);
    BOOST_TEST(slot_of(&ISCardISO7816::WriteRecord) == 24U);
    BOOST_TEST(slot_of(&ISCardTypeConv::CreateByteArray) == 11U);
    BOOST_TEST(slot_of(&ISCardTypeConv::SizeOfIStream) == 16U);
    BOOST_TEST(slot_of(&ISCardDatabase::GetProviderCardId) == 7U);
    BOOST_TEST(slot_of(&ISCardDatabase::ListReaders) == 11U);
    BOOST_TEST(slot_of(&ISCardLocate::ConfigureCardGuidSearch) == 7U);
    BOOST_TEST(slot_of(&ISCardLocate::FindCard) == 9U);
    BOOST_TEST(slot_of(&IClassFactory::LockServer) == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_FIXTURE_TEST_SUITE(creation, Fixture)

BOOST_DATA_TEST_CASE(object_answers_to_its_interfaces_and_no_other, data::make(k_classes), tested) {
    Ref<IUnknown> unknown(create<IUnknown>(*tested.clsid, IID_IUnknown));
    Ref<IDispatch> dispatch;
    Ref<IUnknown> own;
    Ref<IUnknown> again;
    BOOST_TEST(unknown->QueryInterface(IID_IDispatch, reinterpret_cast<void**>(dispatch.out())) == S_OK);
    BOOST_TEST(unknown->QueryInterface(*tested.iid, reinterpret_cast<void**>(own.out())) == S_OK);
    BOOST_TEST(dispatch->QueryInterface(IID_IUnknown, reinterpret_cast<void**>(again.out())) == S_OK);
    BOOST_TEST(again.get() == unknown.get()); // one identity
    void* other = &other;
    BOOST_TEST(unknown->QueryInterface(IID_IStream, &other) == E_NOINTERFACE);
    BOOST_TEST(other == nullptr);
    BOOST_TEST(unknown->QueryInterface(IID_IUnknown, nullptr) == E_POINTER);
}

BOOST_DATA_TEST_CASE(aggregation_is_refused, data::make(k_classes), tested) {
    const Ref<IUnknown> outer(new_buffer());
    void* object = &object;
    BOOST_TEST(CoCreateInstance(*tested.clsid, outer.get(), CLSCTX_ALL, IID_IUnknown, &object) ==
               CLASS_E_NOAGGREGATION);
    BOOST_TEST(object == nullptr);
}

BOOST_DATA_TEST_CASE(an_interface_that_the_class_lacks_creates_nothing, data::make(k_classes), tested) {
    void* object = &object;
    BOOST_TEST(CoCreateInstance(*tested.clsid, nullptr, CLSCTX_ALL, IID_IStream, &object) == E_NOINTERFACE);
    BOOST_TEST(object == nullptr);
    BOOST_TEST(fake_service::contexts() == 0);
}

BOOST_AUTO_TEST_CASE(unknown_classes_and_servers_are_not_registered) {
    void* object = &object;
    BOOST_TEST(CoCreateInstance(IID_IUnknown, nullptr, CLSCTX_ALL, IID_IUnknown, &object) ==
               REGDB_E_CLASSNOTREG);
    BOOST_TEST(CoCreateInstance(CLSID_CSCard, nullptr, CLSCTX_LOCAL_SERVER, IID_ISCard, &object) ==
               REGDB_E_CLASSNOTREG);
    BOOST_TEST(CoCreateInstance(CLSID_CSCard, nullptr, CLSCTX_ALL, IID_ISCard, nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_CASE(a_card_needs_the_resource_manager_and_a_command_does_not) {
    fake_service::stop();
    void* object = &object;
    BOOST_TEST(CoCreateInstance(CLSID_CSCard, nullptr, CLSCTX_ALL, IID_ISCard, &object) ==
               SCARD_E_NO_SERVICE);
    BOOST_TEST(object == nullptr);
    const Ref<ISCardCmd> command(create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd));
}

BOOST_DATA_TEST_CASE(references_count_from_many_threads, data::make(k_classes), tested) {
    auto* const object = create<IUnknown>(*tested.clsid, IID_IUnknown);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 10000; ++n) {
                void* more = nullptr;
                object->QueryInterface(IID_IDispatch, &more);
                object->AddRef();
                object->Release();
                static_cast<IDispatch*>(more)->Release();
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    BOOST_TEST(object->AddRef() == 2U);
    BOOST_TEST(object->Release() == 1U);
    BOOST_TEST(object->Release() == 0U);
    BOOST_TEST(fake_service::contexts() == 0);
}

BOOST_AUTO_TEST_SUITE_END()

#ifndef _WIN32 // where this is the system's

BOOST_AUTO_TEST_SUITE(initialisation)

BOOST_AUTO_TEST_CASE(counts_per_thread_and_rejects_a_change_of_model) {
    std::thread([] {
        void* object = nullptr;
        BOOST_TEST(CoCreateInstance(CLSID_CSCardCmd, nullptr, CLSCTX_ALL, IID_IUnknown, &object) ==
                   CO_E_NOTINITIALIZED);
        BOOST_TEST(CoInitialize(&object) == E_INVALIDARG);
        BOOST_TEST(CoInitialize(nullptr) == S_OK);
        BOOST_TEST(CoInitializeEx(nullptr, COINIT_APARTMENTTHREADED) == S_FALSE);
        BOOST_TEST(CoInitializeEx(nullptr, COINIT_MULTITHREADED) == RPC_E_CHANGED_MODE);
        CoUninitialize();
        const Ref<IUnknown> still(create<IUnknown>(CLSID_CSCardCmd, IID_IUnknown));
        CoUninitialize();
        CoUninitialize(); // one too many does no harm
        BOOST_TEST(CoCreateInstance(CLSID_CSCardCmd, nullptr, CLSCTX_ALL, IID_IUnknown, &object) ==
                   CO_E_NOTINITIALIZED);
    }).join();
}

BOOST_AUTO_TEST_CASE(one_multithreaded_thread_serves_the_others) {
    BOOST_TEST(CoInitializeEx(nullptr, COINIT_MULTITHREADED) == S_OK);
    std::thread([] { const Ref<IUnknown> made(create<IUnknown>(CLSID_CSCardCmd, IID_IUnknown)); }).join();
    CoUninitialize();
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(bstr)

BOOST_AUTO_TEST_CASE(carries_its_length_before_the_characters) {
    BSTR text = SysAllocString(L"Leser");
    BOOST_TEST(SysStringLen(text) == 5U);
    BOOST_TEST(SysStringByteLen(text) == 5U * sizeof(OLECHAR));
    BOOST_TEST(std::wcscmp(text, L"Leser") == 0);
    BOOST_TEST(SysReAllocString(&text, text + 2) == 1);
    BOOST_TEST(std::wcscmp(text, L"ser") == 0);
    SysFreeString(text);
}

BOOST_AUTO_TEST_CASE(null_is_an_empty_string) {
    BOOST_TEST((SysAllocString(nullptr) == nullptr));
    BOOST_TEST(SysStringLen(nullptr) == 0U);
    SysFreeString(nullptr);
    BOOST_TEST(SysReAllocString(nullptr, L"x") == 0);
}

BOOST_AUTO_TEST_CASE(counted_strings_may_hold_zeros) {
    BSTR const text = SysAllocStringLen(L"a\0b", 3);
    BOOST_TEST(SysStringLen(text) == 3U);
    BOOST_TEST((text[2] == L'b'));
    BOOST_TEST((text[3] == L'\0'));
    SysFreeString(text);
    BSTR const bytes = SysAllocStringByteLen("abc", 3);
    BOOST_TEST(SysStringByteLen(bytes) == 3U);
    BOOST_TEST(std::memcmp(bytes, "abc", 3) == 0);
    SysFreeString(bytes);
}

BOOST_AUTO_TEST_SUITE_END()

#endif
