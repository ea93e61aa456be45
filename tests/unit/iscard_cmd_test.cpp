#include "iscard_support.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace data = boost::unit_test::data;

namespace {

struct Fixture {
    Com com;
    Ref<ISCardCmd> command{create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd)};

    std::string apdu() const {
        Ref<IByteBuffer> buffer;
        BOOST_REQUIRE_EQUAL(command->get_Apdu(buffer.out()), S_OK);
        return rest_of(buffer.get());
    }
    std::string reply() const {
        Ref<IByteBuffer> buffer;
        BOOST_REQUIRE_EQUAL(command->get_ApduReply(buffer.out()), S_OK);
        return buffer.get() == nullptr ? "none" : rest_of(buffer.get());
    }
    HRESULT put(const std::string& hex) const {
        const Ref<IByteBuffer> buffer(buffer_of(hex));
        return command->put_Apdu(buffer.get());
    }
    BYTE get(HRESULT (ISCardCmd::*getter)(BYTE*)) const {
        BYTE value = 0xEE;
        BOOST_REQUIRE_EQUAL((command.get()->*getter)(&value), S_OK);
        return value;
    }
    LONG get(HRESULT (ISCardCmd::*getter)(LONG*)) const {
        LONG value = -1;
        BOOST_REQUIRE_EQUAL((command.get()->*getter)(&value), S_OK);
        return value;
    }
};

struct Built {
    const char* data;
    LONG le; ///< -1: no pointer
    const char* apdu;
    int type;
    LONG le_field;
    int p3;
};
std::ostream& operator<<(std::ostream& out, const Built& built) {
    return out << built.apdu;
}
const Built k_built[] = {
    {"", -1, "00A40102", 1, 0, 0x00},
    {"", 0, "00A4010200", 2, 256, 0x00},
    {"", 1, "00A4010201", 2, 1, 0x01},
    {"", 255, "00A40102FF", 2, 255, 0xFF},
    {"", 256, "00A4010200", 2, 256, 0x00},
    {"", 257, "00A40102000101", 2, 257, 0x00},
    {"", 65536, "00A40102000000", 2, 65536, 0x00},
    {"3F00", -1, "00A40102023F00", 3, 0, 0x02},
    {"3F00", 0, "00A40102023F0000", 4, 256, 0x02},
    {"3F00", 256, "00A40102023F0000", 4, 256, 0x02},
    {"3F00", 300, "00A401020000023F00012C", 4, 300, 0x00},
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(scard_cmd, Fixture)

BOOST_DATA_TEST_CASE(build_gives_the_bytes_of_the_standard, data::make(k_built), built) {
    const Fixture fixture;
    const Ref<IByteBuffer> buffer(buffer_of(built.data));
    LONG le = built.le;
    BOOST_TEST(fixture.command->BuildCmd(0x00, 0xA4, 0x01, 0x02, *built.data != '\0' ? buffer.get() : nullptr,
                                         le < 0 ? nullptr : &le) == S_OK);
    BOOST_TEST(fixture.apdu() == built.apdu);
    ISO_APDU_TYPE type{};
    BOOST_TEST(fixture.command->get_Type(&type) == S_OK);
    BOOST_TEST(static_cast<int>(type) == built.type);
    BOOST_TEST(fixture.get(&ISCardCmd::get_LeField) == built.le_field);
    BOOST_TEST(static_cast<int>(fixture.get(&ISCardCmd::get_P3)) == built.p3);
    BOOST_TEST(fixture.get(&ISCardCmd::get_ApduLength) ==
               static_cast<LONG>(std::string(built.apdu).size() / 2));
}

BOOST_AUTO_TEST_CASE(build_defaults_to_zeros_and_no_body) {
    BOOST_TEST(command->BuildCmd(0x80, 0x50) == S_OK);
    BOOST_TEST(apdu() == "80500000");
}

BOOST_AUTO_TEST_CASE(build_makes_long_data_extended_with_the_longest_le) {
    const Ref<IByteBuffer> buffer(new_buffer());
    LONG le = 0;
    BOOST_TEST(buffer->Initialize(256) == S_OK);
    BOOST_TEST(command->BuildCmd(0, 0xD6, 0, 0, buffer.get(), &le) == S_OK);
    BOOST_TEST(apdu().substr(0, 14) == "00D60000000100");
    BOOST_TEST(get(&ISCardCmd::get_ApduLength) == 4 + 3 + 256 + 2);
    BOOST_TEST(get(&ISCardCmd::get_LeField) == 65536);
    BOOST_TEST(buffer->Initialize(65535) == S_OK);
    BOOST_TEST(command->BuildCmd(0, 0xD6, 0, 0, buffer.get()) == S_OK);
    BOOST_TEST(buffer->Initialize(65536) == S_OK);
    BOOST_TEST(command->BuildCmd(0, 0xD6, 0, 0, buffer.get()) == E_INVALIDARG);
    BOOST_TEST(get(&ISCardCmd::get_ApduLength) == 4 + 3 + 65535); // the failed call changed nothing
}

BOOST_DATA_TEST_CASE(build_refuses_impossible_le, data::make({-1L, 65537L}), wanted) {
    const Fixture fixture;
    LONG le = wanted;
    BOOST_TEST(fixture.command->BuildCmd(0, 0xB0, 0, 0, nullptr, &le) == E_INVALIDARG);
    BOOST_TEST(fixture.apdu().empty());
}

BOOST_AUTO_TEST_CASE(arguments_are_copied_whole_and_stay_where_they_stand) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    BOOST_TEST(buffer->Seek(2, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(command->BuildCmd(0, 0xDA, 0, 0, buffer.get()) == S_OK);
    BOOST_TEST(apdu() == "00DA000003010203");
    BOOST_TEST(rest_of(buffer.get()) == "03");
    BYTE byte = 0xFF;
    BOOST_TEST(buffer->Seek(0, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(buffer->Write(&byte, 1, nullptr) == S_OK);
    BOOST_TEST(apdu() == "00DA000003010203");
}

BOOST_AUTO_TEST_CASE(an_uninitialised_buffer_is_no_data) {
    const Ref<IByteBuffer> buffer(new_buffer());
    BOOST_TEST(command->BuildCmd(0, 0xDA, 0, 0, buffer.get()) == E_UNEXPECTED);
    BOOST_TEST(command->put_Apdu(buffer.get()) == E_UNEXPECTED);
}

BOOST_AUTO_TEST_CASE(put_apdu_is_taken_apart) {
    BOOST_TEST(put("80CB3FFF055C035FC10200") == S_OK);
    BOOST_TEST(get(&ISCardCmd::get_ClassId) == 0x80);
    BOOST_TEST(get(&ISCardCmd::get_InstructionId) == 0xCB);
    BOOST_TEST(get(&ISCardCmd::get_P1) == 0x3F);
    BOOST_TEST(get(&ISCardCmd::get_P2) == 0xFF);
    BOOST_TEST(get(&ISCardCmd::get_P3) == 0x05);
    BOOST_TEST(get(&ISCardCmd::get_LeField) == 256);
    Ref<IByteBuffer> field;
    BOOST_TEST(command->get_Data(field.out()) == S_OK);
    BOOST_TEST(rest_of(field.get()) == "5C035FC102");
}

BOOST_DATA_TEST_CASE(put_apdu_refuses_what_is_none, data::make({"", "00A404", "00A4040002AA"}), hex) {
    const Fixture fixture;
    BOOST_TEST(fixture.put(hex) == E_INVALIDARG);
    BOOST_TEST(fixture.apdu().empty());
}

BOOST_AUTO_TEST_CASE(header_fields_and_data_are_set_one_by_one) {
    BOOST_TEST(command->put_ClassId(0x0C) == S_OK);
    BOOST_TEST(command->put_InstructionId(0xB2) == S_OK);
    BOOST_TEST(command->put_P1(0x01) == S_OK);
    BOOST_TEST(command->put_P2(0x04) == S_OK);
    BOOST_TEST(apdu() == "0CB20104");
    const Ref<IByteBuffer> field(buffer_of("AABB"));
    BOOST_TEST(command->put_Data(field.get()) == S_OK);
    BOOST_TEST(apdu() == "0CB2010402AABB");
    BOOST_TEST(field->Initialize(0) == S_OK);
    BOOST_TEST(command->put_Data(field.get()) == S_OK);
    BOOST_TEST(apdu() == "0CB20104");
    BOOST_TEST(command->put_ClassId() == S_OK);
    BOOST_TEST(apdu() == "00B20104");
}

BOOST_AUTO_TEST_CASE(empty_object_has_no_bytes_and_no_reply) {
    BOOST_TEST(apdu().empty());
    BOOST_TEST(reply() == "none");
    BOOST_TEST(get(&ISCardCmd::get_ApduLength) == 0);
    BOOST_TEST(get(&ISCardCmd::get_ApduReplyLength) == 0);
    BOOST_TEST(get(&ISCardCmd::get_P3) == 0);
    WORD status = 1;
    BOOST_TEST(command->get_ReplyStatus(&status) == S_OK);
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(reply_counts_its_status_word) {
    const Ref<IByteBuffer> buffer(buffer_of("0102 6283"));
    BOOST_TEST(command->put_ApduReply(buffer.get()) == S_OK);
    BOOST_TEST(get(&ISCardCmd::get_ApduReplyLength) == 4);
    BOOST_TEST(get(&ISCardCmd::get_ReplyStatusSW1) == 0x62);
    BOOST_TEST(get(&ISCardCmd::get_ReplyStatusSW2) == 0x83);
    WORD status = 0;
    BOOST_TEST(command->get_ReplyStatus(&status) == S_OK);
    BOOST_TEST(status == 0x6283);
    BOOST_TEST(command->put_ReplyStatus(0x9000) == S_OK);
    BOOST_TEST(reply() == "01029000");
    BOOST_TEST(command->put_ApduReplyLength(3) == S_OK);
    BOOST_TEST(reply() == "010290");
    BOOST_TEST(command->put_ApduReplyLength(0) == S_OK);
    BOOST_TEST(reply().empty());
    BOOST_TEST(command->put_ReplyStatus(0x6A82) == S_OK);
    BOOST_TEST(reply() == "6A82");
    BOOST_TEST(command->put_ApduReplyLength(-1) == E_INVALIDARG);
    BOOST_TEST(command->put_ApduReplyLength(65539) == E_INVALIDARG);
}

BOOST_AUTO_TEST_CASE(clear_empties_both_buffers_and_keeps_the_settings) {
    BOOST_TEST(put("00A40000") == S_OK);
    BOOST_TEST(command->put_ReplyStatus(0x9000) == S_OK);
    BOOST_TEST(command->put_AlternateClassId(0x80) == S_OK);
    BOOST_TEST(command->Clear() == S_OK);
    BOOST_TEST(apdu().empty());
    BOOST_TEST(reply() == "none");
    BOOST_TEST(get(&ISCardCmd::get_ClassId) == 0);
    BOOST_TEST(get(&ISCardCmd::get_AlternateClassId) == 0x80);
}

BOOST_AUTO_TEST_CASE(nad_and_alternate_class_are_denied_until_known) {
    BYTE value = 0xEE;
    BOOST_TEST(get(&ISCardCmd::get_Nad) == 0);
    BOOST_TEST(command->put_Nad(0x12) == S_OK);
    BOOST_TEST(get(&ISCardCmd::get_Nad) == 0x12);
    BOOST_TEST(command->get_ReplyNad(&value) == E_ACCESSDENIED);
    BOOST_TEST(value == 0);
    BOOST_TEST(command->put_ReplyNad(0x21) == S_OK);
    BOOST_TEST(get(&ISCardCmd::get_ReplyNad) == 0x21);
    BOOST_TEST(command->get_AlternateClassId(&value) == E_ACCESSDENIED);
    BOOST_TEST(command->put_AlternateClassId(0x00) == S_OK);
    BOOST_TEST(get(&ISCardCmd::get_AlternateClassId) == 0x00);
}

BOOST_AUTO_TEST_CASE(encapsulate_wraps_into_envelope) {
    BOOST_TEST(command->put_ClassId(0x10) == S_OK);
    const Ref<IByteBuffer> inner(buffer_of("00B0000000"));
    BOOST_TEST(command->Encapsulate(inner.get(), ISO_CASE_2) == S_OK);
    BOOST_TEST(apdu() == "10C200000500B000000000");
    BOOST_TEST(command->Encapsulate(inner.get(), ISO_CASE_3) == S_OK);
    BOOST_TEST(apdu() == "10C200000500B0000000");
    BOOST_TEST(command->Encapsulate(inner.get(), static_cast<ISO_APDU_TYPE>(5)) == E_INVALIDARG);
    BOOST_TEST(command->Encapsulate(nullptr, ISO_CASE_1) == E_POINTER);
    BOOST_TEST(inner->Initialize(0) == S_OK);
    BOOST_TEST(command->Encapsulate(inner.get(), ISO_CASE_1) == E_INVALIDARG);
}

BOOST_AUTO_TEST_CASE(null_pointers_are_refused) {
    for (const auto getter : {&ISCardCmd::get_Apdu, &ISCardCmd::get_ApduReply, &ISCardCmd::get_Data}) {
        BOOST_TEST((command.get()->*getter)(nullptr) == E_POINTER);
    }
    for (const auto putter : {&ISCardCmd::put_Apdu, &ISCardCmd::put_ApduReply, &ISCardCmd::put_Data}) {
        BOOST_TEST((command.get()->*putter)(nullptr) == E_POINTER);
    }
    for (const auto getter :
         {&ISCardCmd::get_ApduLength, &ISCardCmd::get_ApduReplyLength, &ISCardCmd::get_LeField}) {
        BOOST_TEST((command.get()->*getter)(nullptr) == E_POINTER);
    }
    for (const auto getter :
         {&ISCardCmd::get_ClassId, &ISCardCmd::get_InstructionId, &ISCardCmd::get_P1, &ISCardCmd::get_P2,
          &ISCardCmd::get_P3, &ISCardCmd::get_ReplyStatusSW1, &ISCardCmd::get_ReplyStatusSW2,
          &ISCardCmd::get_Nad, &ISCardCmd::get_ReplyNad, &ISCardCmd::get_AlternateClassId}) {
        BOOST_TEST((command.get()->*getter)(nullptr) == E_POINTER);
    }
    BOOST_TEST(command->get_ReplyStatus(nullptr) == E_POINTER);
    BOOST_TEST(command->get_Type(nullptr) == E_POINTER);
}

BOOST_AUTO_TEST_SUITE_END()
