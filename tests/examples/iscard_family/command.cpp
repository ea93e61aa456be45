// ISCardCmd: a SELECT put together field by field, sent, and its reply taken apart.

#include "family.h"

namespace {

void use_command(const Given& given) {
    LockedCard locked(given.reader);
    ISCardCmd* const cmd = locked.command;
    const std::vector<BYTE> name = given.piv ? piv_aid : std::vector<BYTE>{0x3F, 0x00};
    LONG le = 0;
    LONG number = 0;
    BYTE byte = 0;
    WORD word = 0;
    ISO_APDU_TYPE type{};
    Buffer out;
    CALL(cmd, ISCardCmd, Clear);
    CALL_EXPECT(E_ACCESSDENIED, cmd, ISCardCmd, get_AlternateClassId, &byte);
    CALL(cmd, ISCardCmd, put_AlternateClassId, 0);
    CALL(cmd, ISCardCmd, get_AlternateClassId, &byte);
    CALL(cmd, ISCardCmd, BuildCmd, 0x80, 0xB0, 0xFF, 0xFF, Buffer(std::vector<BYTE>(1)), &le);
    CALL(cmd, ISCardCmd, put_ClassId, 0x00);
    CALL(cmd, ISCardCmd, get_ClassId, &byte);
    CALL(cmd, ISCardCmd, put_InstructionId, 0xA4);
    CALL(cmd, ISCardCmd, get_InstructionId, &byte);
    check(byte == 0xA4, "INS");
    CALL(cmd, ISCardCmd, put_P1, given.piv ? 4 : 0);
    CALL(cmd, ISCardCmd, get_P1, &byte);
    CALL(cmd, ISCardCmd, put_P2, 0);
    CALL(cmd, ISCardCmd, get_P2, &byte);
    CALL(cmd, ISCardCmd, put_Data, Buffer(name));
    CALL(cmd, ISCardCmd, get_Data, out.out());
    check(out.bytes() == name, "the data");
    CALL(cmd, ISCardCmd, get_P3, &byte);
    check(byte == name.size(), "P3");
    CALL(cmd, ISCardCmd, get_LeField, &number);
    CALL(cmd, ISCardCmd, get_Type, &type);
    check(number == 256 && type == ISO_CASE_4, "case");
    CALL(cmd, ISCardCmd, put_Nad, 0);
    CALL(cmd, ISCardCmd, get_Nad, &byte);
    CALL(cmd, ISCardCmd, get_Apdu, out.out());
    SEND(0x9000, locked, cmd, ISCardCmd, put_Apdu, out);
    CALL(cmd, ISCardCmd, get_ApduLength, &number);
    check(number == static_cast<LONG>(name.size()) + 6, "length");
    CALL(cmd, ISCardCmd, get_ReplyStatus, &word);
    CALL(cmd, ISCardCmd, get_ReplyStatusSW1, &byte);
    check(word == 0x9000 && byte == 0x90, "the status word");
    CALL(cmd, ISCardCmd, get_ReplyStatusSW2, &byte);
    CALL(cmd, ISCardCmd, get_ApduReplyLength, &number);
    check(number > 2, "reply");
    CALL_EXPECT(E_ACCESSDENIED, cmd, ISCardCmd, get_ReplyNad, &byte);
    CALL(cmd, ISCardCmd, put_ReplyNad, 1);
    CALL(cmd, ISCardCmd, get_ReplyNad, &byte);
    CALL(cmd, ISCardCmd, get_ApduReply, out.out());
    check(static_cast<LONG>(out.bytes().size()) == number, "its length");
    CALL(cmd, ISCardCmd, put_ApduReply, out);
    CALL(cmd, ISCardCmd, put_ApduReplyLength, 2);
    CALL(cmd, ISCardCmd, put_ReplyStatus, 0x9000);
    // Neither card has ENVELOPE; what arrives is a command all the same.
    SEND(0x6D00, locked, cmd, ISCardCmd, Encapsulate, Buffer({0x00, 0x84, 0x00, 0x00, 0x08}), ISO_CASE_2);
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_command);
}
