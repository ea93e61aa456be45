// ISCardManage, ISCardAuth, ISCardVerify, ISCardFileAccess.

#include "fake_winscard.hpp"
#include "iscard_golden.hpp"
#include "iscard_support.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>

using cardlatch::Bytes;
using cardlatch::ByteView;
using cardlatch::from_hex;
using cardlatch::to_hex;

namespace {

struct World {
    World() { fake::World::get().reset(); }
    Com com;
};

struct Attached : World {
    Attached() {
        const Text reader(L"Fake Reader 00 00");
        BOOST_REQUIRE_EQUAL(manage->AttachByIFD(reader.value), S_OK);
        BOOST_REQUIRE_EQUAL(manage->CreateFileAccess(files.out()), S_OK);
        BOOST_REQUIRE_EQUAL(manage->CreateCardAuth(auth.out()), S_OK);
        BOOST_REQUIRE_EQUAL(manage->CreateCHVerification(pin.out()), S_OK);
        fake::World::get().card = [this](ByteView command) {
            sent.push_back(to_hex(command));
            if (replies.empty()) {
                return Bytes{0x6F, 0x00};
            }
            const auto reply = from_hex(replies.front()).value();
            replies.pop_front();
            return reply;
        };
    }
    std::vector<std::string> sent;
    std::deque<std::string> replies;
    Ref<ISCardManage> manage{create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage)};
    Ref<ISCardFileAccess> files;
    Ref<ISCardAuth> auth;
    Ref<ISCardVerify> pin;
};

template <class T>
T* not_null() {
    static int anything = 0;
    return reinterpret_cast<T*>(&anything);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(provider, World)

BOOST_AUTO_TEST_CASE(sends_the_golden_commands) {
    run_golden("provider.golden");
}

BOOST_AUTO_TEST_SUITE_END()
BOOST_FIXTURE_TEST_SUITE(provider_interfaces, Attached)

BOOST_AUTO_TEST_CASE(status_and_protocol_come_together) {
    SCARD_STATES state{};
    SCARD_PROTOCOLS protocol{};
    BOOST_TEST(manage->Status(&state, &protocol) == S_OK);
    BOOST_TEST(state == SPECIFICMODE);
    BOOST_TEST((protocol == T0 || protocol == T1));
    BOOST_TEST(manage->Status(nullptr, &protocol) == E_POINTER);
    BOOST_TEST(protocol == 0);
    BOOST_TEST(manage->Detach() == S_OK);
    BOOST_TEST(manage->Status(&state, &protocol) == HRESULT_FROM_SCARD(SCARD_E_INVALID_HANDLE));
    BOOST_TEST(state == 0);
}

BOOST_AUTO_TEST_CASE(a_handle_of_somebody_else_s_is_taken_over) {
    const Ref<ISCard> card(create<ISCard>(CLSID_CSCard, IID_ISCard));
    const Text reader(L"Fake Reader 00 00");
    HSCARD handle = 0;
    BOOST_TEST(card->AttachByReader(reader.value, SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1)) == S_OK);
    BOOST_TEST(card->get_CardHandle(&handle) == S_OK);
    BOOST_TEST(manage->AttachByHandle(handle) == S_OK);
    BOOST_TEST(fake::World::get().handles.size() == 1U); // its own was disconnected
    replies = {"9000"};
    const Ref<IByteBuffer> code(buffer_of("31323334"));
    BOOST_TEST(pin->Verify(code.get(), 0, 1) == S_OK);
    BOOST_TEST(sent.back() == "002000010431323334");
    BOOST_TEST(manage->Detach() == S_OK);
    BOOST_TEST(fake::World::get().handles.empty());
    BOOST_TEST(card->LockSCard() == HRESULT_FROM_SCARD(SCARD_E_INVALID_HANDLE));
}

BOOST_AUTO_TEST_CASE(sub_interfaces_are_made_by_guid_and_refused_cleanly) {
    IUnknown* made = nullptr;
    GUID iid = IID_ISCardFileAccess;
    LONG data = 0;
    BOOST_TEST(manage->CreateInterface(&iid, nullptr, &data, &made) == S_OK);
    BOOST_REQUIRE(made != nullptr);
    ISCardFileAccess* found = nullptr;
    BOOST_TEST(made->QueryInterface(IID_ISCardFileAccess, reinterpret_cast<void**>(&found)) == S_OK);
    found->Release();
    made->Release();
    made = not_null<IUnknown>();
    iid = IID_IStream;
    BOOST_TEST(manage->CreateInterface(&iid, nullptr, &data, &made) == E_INVALIDARG);
    BOOST_TEST((made == nullptr));
    BOOST_TEST(manage->CreateInterface(&iid, nullptr, &data, nullptr) == E_POINTER);
    BOOST_TEST(manage->CreateCardAuth(nullptr) == E_POINTER);
    BOOST_TEST(manage->CreateCHVerification(nullptr) == E_POINTER);
    BOOST_TEST(manage->CreateFileAccess(nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_CASE(a_file_is_created_with_what_it_holds) {
    replies = {"9000", "9000", "9000"};
    TLV_TABLE rule{};
    rule.Tag = 0x8C;
    rule.Length = 2;
    rule.Value[0] = 0x01;
    const Text path(L"3F00/6000/6001");
    const Ref<IByteBuffer> data(buffer_of("CAFE"));
    BOOST_TEST(files->Create(SC_TYPE_BY_ID, path.value, rule, SC_FL_PREALLOCATED, data.get()) == S_OK);
    const std::vector<std::string> expected = {"00A4080402600000",
                                               "00E0000011620F8C02010082010183026001800200"
                                               "02",
                                               "00D6000002CAFE"};
    BOOST_TEST(sent == expected, boost::test_tools::per_element());
    BOOST_TEST(files->Create(SC_TYPE_BY_ID, path.value, rule, SC_FL_PREALLOCATED, nullptr) == E_POINTER);
    BOOST_TEST(files->Create(SC_TYPE_BY_SHORT, path.value, rule, 0, nullptr) == E_INVALIDARG);
    replies = {"6A82"};
    BOOST_TEST(files->Create(SC_TYPE_BY_ID, path.value, rule, 0, nullptr) ==
               HRESULT_FROM_SCARD(SCARD_E_DIR_NOT_FOUND));
}

BOOST_AUTO_TEST_CASE(properties_are_told_in_tables) {
    const std::string fcp = "620A 820101 80020080 88010B 9000";
    replies = {fcp, fcp};
    const Text path(L"3F00/5001");
    HSCARD_FILE file = 0;
    BOOST_TEST(files->Open(SC_TYPE_BY_ID, path.value, &file) == S_OK);
    TLV_TABLE* table = nullptr;
    LONG count = 0;
    BOOST_TEST(files->GetFileCapabilities(&table, &count, 0) == S_OK);
    BOOST_TEST(count == 3);
    BOOST_REQUIRE(table != nullptr);
    BOOST_TEST(table[1].Tag == 0x80U);
    BOOST_TEST(to_hex(ByteView(table[1].Value, table[1].Length)) == "0080");
    BOOST_TEST(table[3].Tag == 0U);
    count = 2;
    BOOST_TEST(files->GetFileCapabilities(&table, &count, 0) ==
               HRESULT_FROM_SCARD(SCARD_E_INSUFFICIENT_BUFFER));
    BOOST_TEST(count == 3);
    CoTaskMemFree(table);
    BOOST_TEST(files->GetFileCapabilities(nullptr, &count, 0) == E_POINTER);

    TLV_TABLE wanted[3] = {};
    wanted[0].Tag = 0x88;
    wanted[1].Tag = 0x84;
    auto* pointer = wanted;
    BOOST_TEST(files->GetProperties(SC_TYPE_BY_ID, path.value, 0, &pointer) == S_OK);
    BOOST_TEST(wanted[0].Valid != 0);
    BOOST_TEST(wanted[0].Value[0] == 0x0B);
    BOOST_TEST(wanted[1].Valid == 0);
    pointer = nullptr;
    BOOST_TEST(files->GetProperties(SC_TYPE_BY_ID, path.value, 0, &pointer) == E_INVALIDARG);
    BOOST_TEST(files->GetProperties(SC_TYPE_BY_ID, path.value, 0, nullptr) == E_POINTER);

    replies = {fcp, "9000"};
    sent.clear();
    wanted[0].Length = 1;
    wanted[1].Tag = 0;
    BOOST_TEST(files->SetProperties(SC_TYPE_BY_ID, path.value, 0, wanted) == S_OK);
    BOOST_TEST(sent.back() == "00DA0088010B");
    BOOST_TEST(files->SetProperties(SC_TYPE_BY_ID, path.value, 0, nullptr) == E_POINTER);
    wanted[0].Length = 257;
    BOOST_TEST(files->SetProperties(SC_TYPE_BY_ID, path.value, 0, wanted) == E_INVALIDARG);
}

BOOST_AUTO_TEST_CASE(outputs_are_cleared_on_failure) {
    const Text path(L"3F00/5001");
    HSCARD_FILE file = 7;
    replies = {"6A82"};
    BOOST_TEST(files->Open(SC_TYPE_BY_ID, path.value, &file) == HRESULT_FROM_SCARD(SCARD_E_FILE_NOT_FOUND));
    BOOST_TEST(file == 0U);
    BOOST_TEST(files->Open(SC_TYPE_BY_ID, nullptr, &file) == E_INVALIDARG);
    BOOST_TEST(files->Open(SC_TYPE_BY_ID, path.value, nullptr) == E_POINTER);
    auto* buffer = not_null<IByteBuffer>();
    LONG count = 4;
    BOOST_TEST(files->Read(1, &count, 0, &buffer) == E_INVALIDARG);
    BOOST_TEST((buffer == nullptr));
    BOOST_TEST(count == 0);
    BOOST_TEST(files->Read(1, nullptr, 0, &buffer) == E_POINTER);
    auto* list = not_null<SAFEARRAY>();
    BOOST_TEST(files->Directory(static_cast<FILETYPE>(99), &list) == E_INVALIDARG);
    BOOST_TEST((list == nullptr));
    BOOST_TEST(files->Directory(SC_TYPE_DIRECTORIES, nullptr) == E_POINTER);
    BOOST_TEST(files->GetCurrentDir(nullptr) == E_POINTER);
    BOOST_TEST(files->Seek(1, nullptr, 0) == E_POINTER);
    BOOST_TEST(files->Write(1, nullptr, 0) == E_POINTER);
    BOOST_TEST(auth->GetChallenge(0, 8, nullptr, nullptr) == E_POINTER);
    BOOST_TEST(auth->ICC_Auth(0, nullptr, nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_CASE(a_result_goes_into_the_buffer_that_was_given) {
    replies = {"01029000"};
    const Ref<IByteBuffer> given(buffer_of("FF"));
    auto* pointer = given.get();
    BOOST_TEST(auth->GetChallenge(0, 2, nullptr, &pointer) == S_OK);
    BOOST_TEST((pointer == given.get()));
    BOOST_TEST(rest_of(given.get()) == "0102");
}

BOOST_AUTO_TEST_CASE(the_card_is_left_unlocked) {
    replies = {"6A82"};
    HSCARD_FILE file = 0;
    const Text path(L"3F00/5001");
    files->Open(SC_TYPE_BY_ID, path.value, &file);
    BOOST_TEST(fake::World::get().readers[fake::k_reader].count == 0);
}

BOOST_AUTO_TEST_SUITE_END()
