// Class factories and late binding.

#include "fake_winscard.hpp"
#include "iscard_support.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cwchar>
#include <string>
#include <thread>
#include <vector>

namespace data = boost::unit_test::data;

namespace {

struct ClassUnderTest {
    const char* name;
    const CLSID* clsid;
    const IID* iid;
    const wchar_t* member; ///< one of its methods
};
std::ostream& operator<<(std::ostream& out, const ClassUnderTest& c) {
    return out << c.name;
}
const ClassUnderTest k_classes[] = {
    {"CSCard", &CLSID_CSCard, &IID_ISCard, L"LockSCard"},
    {"CSCardCmd", &CLSID_CSCardCmd, &IID_ISCardCmd, L"BuildCmd"},
    {"CByteBuffer", &CLSID_CByteBuffer, &IID_IByteBuffer, L"Initialize"},
    {"CSCardISO7816", &CLSID_CSCardISO7816, &IID_ISCardISO7816, L"SelectFile"},
    {"CSCardTypeConv", &CLSID_CSCardTypeConv, &IID_ISCardTypeConv, L"SizeOfIStream"},
    {"CSCardDatabase", &CLSID_CSCardDatabase, &IID_ISCardDatabase, L"ListReaders"},
    {"CSCardLocate", &CLSID_CSCardLocate, &IID_ISCardLocate, L"FindCard"},
    {"CSCardManage", &CLSID_CSCardManage, &IID_ISCardManage, L"SCardLock"},
};

struct Fixture {
    Fixture() { fake::World::get().reset(); }
    Com com;
};

IClassFactory* factory_of(REFCLSID clsid) {
    void* found = nullptr;
    BOOST_REQUIRE_EQUAL(DllGetClassObject(clsid, IID_IClassFactory, &found), S_OK);
    return static_cast<IClassFactory*>(found);
}

DISPID id_of(IDispatch* object, std::wstring name, HRESULT expected = S_OK) {
    LPOLESTR names = name.data();
    DISPID id = 0;
    BOOST_TEST(object->GetIDsOfNames(IID_NULL, &names, 1, 0, &id) == expected);
    return id;
}

/// Arguments in the order of the method's parameters.
template <std::size_t n>
HRESULT invoke(IDispatch* object, const wchar_t* name, WORD kind, const std::array<VARIANT, n>& arguments,
               VARIANT* result = nullptr, UINT* bad = nullptr) {
    std::vector<VARIANT> reversed(arguments.rbegin(), arguments.rend());
    DISPPARAMS parameters{reversed.data(), nullptr, static_cast<UINT>(n), 0};
    return object->Invoke(id_of(object, name), IID_NULL, 0, kind, &parameters, result, nullptr, bad);
}

VARIANT number(LONG value) {
    VARIANT out{};
    out.vt = VT_I4;
    out.lVal = value;
    return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(class_factory, Fixture)

BOOST_DATA_TEST_CASE(makes_objects_of_its_class, data::make(k_classes), tested) {
    const Ref<IClassFactory> factory(factory_of(*tested.clsid));
    Ref<IUnknown> made;
    BOOST_TEST(factory->CreateInstance(nullptr, *tested.iid, reinterpret_cast<void**>(made.out())) == S_OK);
    BOOST_TEST((made.get() != nullptr));
    void* none = &none;
    BOOST_TEST(factory->CreateInstance(made.get(), IID_IUnknown, &none) == CLASS_E_NOAGGREGATION);
    BOOST_TEST(none == nullptr);
    none = &none;
    BOOST_TEST(factory->CreateInstance(nullptr, IID_IStream, &none) == E_NOINTERFACE);
    BOOST_TEST(none == nullptr);
    BOOST_TEST(factory->CreateInstance(nullptr, *tested.iid, nullptr) == E_POINTER);
}

BOOST_DATA_TEST_CASE(is_not_needed_from_cpp, data::make(k_classes), tested) {
    Ref<IUnknown> made;
    BOOST_TEST(cardlatch::iscard::create_object(*tested.clsid, *tested.iid,
                                                reinterpret_cast<void**>(made.out())) == S_OK);
    void* none = &none;
    BOOST_TEST(cardlatch::iscard::create_object(IID_IUnknown, IID_IUnknown, &none) == REGDB_E_CLASSNOTREG);
    BOOST_TEST(none == nullptr);
    BOOST_TEST(cardlatch::iscard::create_object(*tested.clsid, *tested.iid, nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_CASE(unknown_classes_and_interfaces_are_refused) {
    void* none = &none;
    BOOST_TEST(DllGetClassObject(IID_IUnknown, IID_IClassFactory, &none) == CLASS_E_CLASSNOTAVAILABLE);
    BOOST_TEST(none == nullptr);
    none = &none;
    BOOST_TEST(DllGetClassObject(CLSID_CSCardCmd, IID_IStream, &none) == E_NOINTERFACE);
    BOOST_TEST(none == nullptr);
    BOOST_TEST(DllGetClassObject(CLSID_CSCardCmd, IID_IClassFactory, nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_CASE(the_library_may_go_when_nothing_is_left) {
    BOOST_TEST(DllCanUnloadNow() == S_OK);
    {
        const Ref<IClassFactory> factory(factory_of(CLSID_CSCardCmd));
        BOOST_TEST(DllCanUnloadNow() == S_FALSE);
        BOOST_TEST(factory->LockServer(1) == S_OK);
    }
    BOOST_TEST(DllCanUnloadNow() == S_FALSE);
    {
        const Ref<IClassFactory> factory(factory_of(CLSID_CSCardCmd));
        BOOST_TEST(factory->LockServer(0) == S_OK);
        BOOST_TEST(factory->LockServer(0) == E_UNEXPECTED);
    }
    BOOST_TEST(DllCanUnloadNow() == S_OK);
    {
        const Ref<IByteBuffer> buffer(buffer_of("01"));
        Ref<IStream> stream;
        buffer->get_Stream(stream.out());
        BOOST_TEST(DllCanUnloadNow() == S_FALSE);
    }
    BOOST_TEST(DllCanUnloadNow() == S_OK);
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_FIXTURE_TEST_SUITE(late_binding, Fixture)

BOOST_DATA_TEST_CASE(finds_members_by_name_and_no_others, data::make(k_classes), tested) {
    const Ref<IDispatch> object(create<IDispatch>(*tested.clsid, IID_IDispatch));
    std::wstring name = tested.member;
    const auto id = id_of(object.get(), name);
    BOOST_TEST(id > 0);
    for (auto& c : name) {
        c = static_cast<wchar_t>(std::towupper(static_cast<std::wint_t>(c)));
    }
    BOOST_TEST(id_of(object.get(), name) == id); // names have no case
    BOOST_TEST(id_of(object.get(), L"Nonsense", DISP_E_UNKNOWNNAME) == DISPID_UNKNOWN);
    BOOST_TEST(id_of(object.get(), L"QueryInterface", DISP_E_UNKNOWNNAME) == DISPID_UNKNOWN);
    std::wstring parameter = L"pData";
    std::array<LPOLESTR, 2> both = {name.data(), parameter.data()};
    std::array<DISPID, 2> ids = {};
    BOOST_TEST(object->GetIDsOfNames(IID_NULL, both.data(), 2, 0, ids.data()) == DISP_E_UNKNOWNNAME);
    BOOST_TEST(ids[0] == id);
    BOOST_TEST(ids[1] == DISPID_UNKNOWN);
    BOOST_TEST(object->GetIDsOfNames(IID_IUnknown, both.data(), 1, 0, ids.data()) == DISP_E_UNKNOWNINTERFACE);
    BOOST_TEST(object->GetIDsOfNames(IID_NULL, nullptr, 1, 0, ids.data()) == E_POINTER);
    BOOST_TEST(object->GetIDsOfNames(IID_NULL, both.data(), 1, 0, nullptr) == E_POINTER);
    BOOST_TEST(object->GetIDsOfNames(IID_NULL, both.data(), 0, 0, ids.data()) == E_INVALIDARG);
}

BOOST_DATA_TEST_CASE(type_information_is_there_on_windows_alone_and_it_is_said, data::make(k_classes),
                     tested) {
    const Ref<IDispatch> object(create<IDispatch>(*tested.clsid, IID_IDispatch));
    UINT count = 7;
    BOOST_TEST(object->GetTypeInfoCount(&count) == S_OK);
    BOOST_TEST(object->GetTypeInfoCount(nullptr) == E_POINTER);
    BOOST_TEST(object->GetTypeInfo(0, 0, nullptr) == E_POINTER);
    auto* info = reinterpret_cast<ITypeInfo*>(&count);
#ifdef _WIN32
    BOOST_TEST(count == 1U);
    BOOST_TEST(object->GetTypeInfo(1, 0, &info) == DISP_E_BADINDEX);
    BOOST_TEST((info == nullptr));
    BOOST_TEST(object->GetTypeInfo(0, 0, &info) == S_OK);
    BOOST_REQUIRE((info != nullptr));
    std::wstring name = tested.member;
    LPOLESTR names = name.data();
    DISPID id = 0;
    BOOST_TEST(info->GetIDsOfNames(&names, 1, &id) == S_OK);
    BOOST_TEST(id == id_of(object.get(), name));
    info->Release();
#else
    BOOST_TEST(count == 0U);
    BOOST_TEST(object->GetTypeInfo(0, 0, &info) == E_NOTIMPL);
    BOOST_TEST((info == nullptr));
#endif
}

BOOST_AUTO_TEST_CASE(a_failure_of_the_method_is_described) {
    const Ref<ISCard> card(create<ISCard>(CLSID_CSCard, IID_ISCard));
    const auto call = [&](const wchar_t* name, VARIANT* argument, EXCEPINFO* why) {
        DISPPARAMS parameters{argument, nullptr, argument == nullptr ? 0U : 1U, 0};
        return card->Invoke(id_of(card.get(), name), IID_NULL, 0, DISPATCH_METHOD, &parameters, nullptr, why,
                            nullptr);
    };
    EXCEPINFO why{};
    BOOST_TEST(call(L"LockSCard", nullptr, &why) == DISP_E_EXCEPTION);
    BOOST_TEST(why.scode == HRESULT_FROM_SCARD(SCARD_E_INVALID_HANDLE));
    BOOST_TEST((std::wstring(why.bstrSource) == L"Cardlatch.ISCard"));
    BOOST_TEST((std::wstring(why.bstrDescription) == L"LockSCard: SCARD_E_INVALID_HANDLE (0x80100003)"));
    SysFreeString(why.bstrSource);
    SysFreeString(why.bstrDescription);
    auto bad = number(17);
    BOOST_TEST(call(L"Detach", &bad, &why) == DISP_E_EXCEPTION);
    BOOST_TEST(why.scode == E_INVALIDARG);
    BOOST_TEST((std::wstring(why.bstrDescription) == L"Detach: an argument is not valid"));
    SysFreeString(why.bstrSource);
    SysFreeString(why.bstrDescription);
    // Who does not ask for a description gets the method's own code, and a call that never came to the method
    // has nothing to describe.
    BOOST_TEST(call(L"LockSCard", nullptr, nullptr) == HRESULT_FROM_SCARD(SCARD_E_INVALID_HANDLE));
    VARIANT text{};
    text.vt = VT_BSTR;
    why = EXCEPINFO{};
    BOOST_TEST(call(L"Detach", &text, &why) == DISP_E_TYPEMISMATCH);
    BOOST_TEST((why.bstrSource == nullptr));
}

BOOST_DATA_TEST_CASE(bad_calls_are_refused, data::make(k_classes), tested) {
    const Ref<IDispatch> object(create<IDispatch>(*tested.clsid, IID_IDispatch));
    DISPPARAMS none{};
    BOOST_TEST(object->Invoke(9999, IID_NULL, 0, DISPATCH_METHOD, &none, nullptr, nullptr, nullptr) ==
               DISP_E_MEMBERNOTFOUND);
    const auto id = id_of(object.get(), tested.member);
    BOOST_TEST(object->Invoke(id, IID_NULL, 0, DISPATCH_PROPERTYPUT, &none, nullptr, nullptr, nullptr) ==
               DISP_E_MEMBERNOTFOUND);
    BOOST_TEST(object->Invoke(id, IID_IUnknown, 0, DISPATCH_METHOD, &none, nullptr, nullptr, nullptr) ==
               DISP_E_UNKNOWNINTERFACE);
    BOOST_TEST(object->Invoke(id, IID_NULL, 0, DISPATCH_METHOD, nullptr, nullptr, nullptr, nullptr) ==
               E_POINTER);
    DISPPARAMS lying{nullptr, nullptr, 1, 0};
    BOOST_TEST(object->Invoke(id, IID_NULL, 0, DISPATCH_METHOD, &lying, nullptr, nullptr, nullptr) ==
               E_POINTER);
    std::array<VARIANT, 12> many = {};
    DISPPARAMS too_many{many.data(), nullptr, 12, 0};
    BOOST_TEST(object->Invoke(id, IID_NULL, 0, DISPATCH_METHOD, &too_many, nullptr, nullptr, nullptr) ==
               DISP_E_BADPARAMCOUNT);
    DISPID named = 1;
    DISPPARAMS with_name{many.data(), &named, 1, 1};
    BOOST_TEST(object->Invoke(id, IID_NULL, 0, DISPATCH_METHOD, &with_name, nullptr, nullptr, nullptr) ==
               DISP_E_NONAMEDARGS);
}

BOOST_AUTO_TEST_CASE(properties_are_written_and_read) {
    const Ref<ISCardCmd> command(create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd));
    auto value = number(0x80);
    DISPID put = DISPID_PROPERTYPUT;
    DISPPARAMS parameters{&value, &put, 1, 1};
    const auto id = id_of(command.get(), L"ClassId");
    BOOST_TEST(command->Invoke(id, IID_NULL, 0, DISPATCH_PROPERTYPUT, &parameters, nullptr, nullptr,
                               nullptr) == S_OK);
    VARIANT result{};
    BOOST_TEST(invoke<0>(command.get(), L"ClassId", DISPATCH_PROPERTYGET, {}, &result) == S_OK);
    BOOST_TEST(result.vt == VT_UI1);
    BOOST_TEST(result.bVal == 0x80);
    // Into a variable of the caller's own type.
    LONG wide = 0;
    VARIANT reference{};
    reference.vt = VT_BYREF | VT_I4;
    reference.plVal = &wide;
    BOOST_TEST(invoke<1>(command.get(), L"ClassId", DISPATCH_PROPERTYGET, {reference}) == S_OK);
    BOOST_TEST(wide == 0x80);
    double wrong = 0;
    reference.vt = VT_BYREF | 5; // VT_R8
    reference.byref = &wrong;
    UINT bad = 99;
    BOOST_TEST(invoke<1>(command.get(), L"ClassId", DISPATCH_PROPERTYGET, {reference}, nullptr, &bad) ==
               DISP_E_TYPEMISMATCH);
    BOOST_TEST(bad == 0U);
}

BOOST_AUTO_TEST_CASE(arguments_out_of_range_or_of_the_wrong_type_are_named) {
    const Ref<ISCardISO7816> iso(create<ISCardISO7816>(CLSID_CSCardISO7816, IID_ISCardISO7816));
    UINT bad = 99;
    BOOST_TEST(invoke<3>(iso.get(), L"ReadBinary", DISPATCH_METHOD, {number(0), number(256), number(0)},
                         nullptr, &bad) == DISP_E_OVERFLOW);
    BOOST_TEST(bad == 1U); // counted from the last argument
    VARIANT text{};
    text.vt = VT_BSTR;
    BOOST_TEST(invoke<3>(iso.get(), L"ReadBinary", DISPATCH_METHOD, {text, number(0), number(0)}, nullptr,
                         &bad) == DISP_E_TYPEMISMATCH);
    BOOST_TEST(bad == 2U);
    BOOST_TEST(invoke<1>(iso.get(), L"ReadBinary", DISPATCH_METHOD, {number(0)}) == DISP_E_PARAMNOTOPTIONAL);
}

BOOST_AUTO_TEST_CASE(objects_are_passed_returned_and_freed) {
    const Ref<ISCardISO7816> iso(create<ISCardISO7816>(CLSID_CSCardISO7816, IID_ISCardISO7816));
    const auto id = number(8);
    VARIANT result{};
    BOOST_TEST(invoke<1>(iso.get(), L"GetChallenge", DISPATCH_METHOD, {id}, &result) == S_OK);
    BOOST_TEST(result.vt == VT_DISPATCH);
    BOOST_TEST((result.pdispVal != nullptr));
    VariantClear(&result);
    BOOST_TEST(invoke<1>(iso.get(), L"GetChallenge", DISPATCH_METHOD, {id}) ==
               S_OK); // wanted by nobody: freed
    IDispatch* command = nullptr;
    VARIANT reference{};
    reference.vt = VT_BYREF | VT_DISPATCH;
    reference.ppdispVal = &command;
    BOOST_TEST(invoke<2>(iso.get(), L"GetChallenge", DISPATCH_METHOD, {id, reference}) == S_OK);
    BOOST_REQUIRE((command != nullptr));
    auto* const first = command;
    BOOST_TEST(invoke<2>(iso.get(), L"GetChallenge", DISPATCH_METHOD, {id, reference}) == S_OK);
    BOOST_TEST((command == first)); // [in, out]: reused
    BOOST_TEST(command->AddRef() == 2U);
    command->Release();
    command->Release();
}

BOOST_AUTO_TEST_CASE(bytes_travel_as_safearrays) {
    const Ref<IByteBuffer> buffer(new_buffer());
    VARIANT array{};
    array.vt = VT_ARRAY | VT_UI1;
    array.parray = SafeArrayCreateVector(VT_UI1, 0, 3);
    std::memcpy(array.parray->pvData, "\x01\x02\x03", 3);
    BOOST_TEST(invoke<2>(buffer.get(), L"Initialize", DISPATCH_METHOD, {number(4), array}) == E_INVALIDARG);
    BOOST_TEST(invoke<2>(buffer.get(), L"Initialize", DISPATCH_METHOD, {number(3), array}) == S_OK);
    BOOST_TEST(invoke<2>(buffer.get(), L"Write", DISPATCH_METHOD, {array, number(4)}) == E_INVALIDARG);
    VARIANT written{};
    BOOST_TEST(invoke<1>(buffer.get(), L"Write", DISPATCH_METHOD, {array}, &written) == S_OK);
    BOOST_TEST(written.lVal == 3);
    BOOST_TEST(buffer->Seek(0, STREAM_SEEK_SET) == S_OK);
    VARIANT read{};
    VARIANT reference{};
    reference.vt = VT_BYREF | VT_VARIANT;
    reference.pvarVal = &read;
    BOOST_TEST(invoke<2>(buffer.get(), L"Read", DISPATCH_METHOD, {reference, number(1000000000)}) == S_OK);
    BOOST_TEST(read.vt == (VT_ARRAY | VT_UI1));
    BOOST_TEST(read.parray->rgsabound[0].cElements == 3U);
    BOOST_TEST(invoke<2>(buffer.get(), L"Read", DISPATCH_METHOD, {reference, number(-1)}) == E_INVALIDARG);
    VariantClear(&read);
    VariantClear(&array);
}

BOOST_AUTO_TEST_CASE(methods_without_automation_types_say_so) {
    const Ref<ISCardTypeConv> conv(create<ISCardTypeConv>(CLSID_CSCardTypeConv, IID_ISCardTypeConv));
    BOOST_TEST(invoke<1>(conv.get(), L"CreateByteArray", DISPATCH_METHOD, {number(4)}) == DISP_E_BADVARTYPE);
}

BOOST_AUTO_TEST_SUITE_END()
