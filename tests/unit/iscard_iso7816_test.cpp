#include "fake_winscard.hpp"
#include "iscard_golden.hpp"
#include "iscard_support.hpp"

#include <boost/test/unit_test.hpp>

namespace {

struct Fixture {
    Fixture() { fake::World::get().reset(); }
    Com com;
    Ref<ISCardISO7816> iso{create<ISCardISO7816>(CLSID_CSCardISO7816, IID_ISCardISO7816)};
};

std::string apdu_of(ISCardCmd* command) {
    Ref<IByteBuffer> apdu;
    BOOST_REQUIRE_EQUAL(command->get_Apdu(apdu.out()), S_OK);
    return rest_of(apdu.get());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(iso7816, Fixture)

BOOST_AUTO_TEST_CASE(builds_the_golden_commands) {
    run_golden("iso7816.golden");
}

BOOST_AUTO_TEST_CASE(commands_have_the_golden_parts) {
    run_golden("cmd.golden");
}

BOOST_AUTO_TEST_CASE(makes_a_command_where_there_is_none_and_keeps_one_that_is_there) {
    ISCardCmd* command = nullptr;
    BOOST_TEST(iso->GetChallenge(8, &command) == S_OK);
    const Ref<ISCardCmd> owner(command);
    BOOST_REQUIRE(command != nullptr);
    BOOST_TEST(apdu_of(command) == "0084000008");
    BOOST_TEST(iso->ReadBinary(0, 0, 1, &command) == S_OK);
    BOOST_TEST((command == owner.get()));
    BOOST_TEST(apdu_of(command) == "00B0000001");
}

BOOST_AUTO_TEST_CASE(a_failure_makes_no_command) {
    ISCardCmd* command = nullptr;
    BOOST_TEST(iso->GetChallenge(-1, &command) == E_INVALIDARG);
    BOOST_TEST((command == nullptr));
    BOOST_TEST(iso->UpdateBinary(0, 0, nullptr, &command) == E_POINTER);
    const Ref<IByteBuffer> uninitialised(new_buffer());
    BOOST_TEST(iso->UpdateBinary(0, 0, uninitialised.get(), &command) == E_UNEXPECTED);
    BOOST_TEST(iso->Verify(0, uninitialised.get(), &command) == E_UNEXPECTED);
    BOOST_TEST((command == nullptr));
}

BOOST_AUTO_TEST_CASE(every_builder_wants_a_place_for_its_command) {
    const Ref<IByteBuffer> data(buffer_of("01"));
    BOOST_TEST(iso->AppendRecord(0, data.get(), nullptr) == E_POINTER);
    BOOST_TEST(iso->EraseBinary(0, 0, nullptr, nullptr) == E_POINTER);
    BOOST_TEST(iso->ExternalAuthenticate(0, 0, data.get(), nullptr) == E_POINTER);
    BOOST_TEST(iso->GetChallenge(8, nullptr) == E_POINTER);
    BOOST_TEST(iso->GetData(0, 0x40, 0, nullptr) == E_POINTER);
    BOOST_TEST(iso->GetResponse(0, 0, 0, nullptr) == E_POINTER);
    BOOST_TEST(iso->InternalAuthenticate(0, 0, data.get(), 0, nullptr) == E_POINTER);
    BOOST_TEST(iso->ManageChannel(0, 0, nullptr) == E_POINTER);
    BOOST_TEST(iso->PutData(0, 0x40, data.get(), nullptr) == E_POINTER);
    BOOST_TEST(iso->ReadBinary(0, 0, 0, nullptr) == E_POINTER);
    BOOST_TEST(iso->ReadRecord(1, 4, 0, nullptr) == E_POINTER);
    BOOST_TEST(iso->SelectFile(0, 0, data.get(), 0, nullptr) == E_POINTER);
    BOOST_TEST(iso->UpdateBinary(0, 0, data.get(), nullptr) == E_POINTER);
    BOOST_TEST(iso->UpdateRecord(1, 4, data.get(), nullptr) == E_POINTER);
    BOOST_TEST(iso->Verify(1, data.get(), nullptr) == E_POINTER);
    BOOST_TEST(iso->WriteBinary(0, 0, data.get(), nullptr) == E_POINTER);
    BOOST_TEST(iso->WriteRecord(1, 4, data.get(), nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_SUITE_END()
