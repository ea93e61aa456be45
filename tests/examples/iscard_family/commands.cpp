// Commands built with ISCardISO7816 and ISCardCmd, sent with ISCard. Usage: commands filecard|piv "READER
// NAME"

#include "family.h"

namespace {

struct Objects {
    ISCard* card;
    ISCardCmd* command;
    ISCardISO7816* iso;
};

/// Sends what is in the command; returns SW1-SW2.
WORD transact(Objects& use) {
    WORD status = 0;
    CALL(use.card, ISCard, Transaction, &use.command);
    CALL(use.command, ISCardCmd, get_ReplyStatus, &status);
    return status;
}

void expect(Objects& use, WORD wanted, const char* what) {
    const WORD status = transact(use);
    if (status != wanted) {
        std::fprintf(stderr, "%s: SW %04X\n", what, status);
    }
    check(status == wanted, what);
}

void use_builders(Objects& use) {
    ISCardCmd** cmd = &use.command;
    CALL(use.iso, ISCardISO7816, SetDefaultClassId, 0);
    CALL(use.iso, ISCardISO7816, SelectFile, 0, 0, Buffer({0x50, 0x00}), 0, cmd);
    expect(use, 0x9000, "SELECT 5000");
    CALL(use.iso, ISCardISO7816, Verify, 1, Buffer("123456"), cmd);
    expect(use, 0x9000, "VERIFY");
    CALL(use.iso, ISCardISO7816, SelectFile, 0, 0x0C, Buffer({0x50, 0x07}), 0, cmd);
    expect(use, 0x9000, "SELECT 5007");
    CALL(use.iso, ISCardISO7816, UpdateBinary, 0, 0, Buffer({0x01, 0x02, 0x04}), cmd);
    expect(use, 0x9000, "UPDATE BINARY");
    CALL(use.iso, ISCardISO7816, WriteBinary, 0, 0, Buffer({0x10}), cmd);
    expect(use, 0x9000, "WRITE BINARY");
    CALL(use.iso, ISCardISO7816, ReadBinary, 0, 0, 3, cmd);
    expect(use, 0x9000, "READ BINARY");
    Buffer reply;
    CALL(use.command, ISCardCmd, get_ApduReply, reply.out());
    check(reply.bytes() == std::vector<BYTE>({0x11, 0x02, 0x04, 0x90, 0x00}), "what was written");
    CALL(use.iso, ISCardISO7816, EraseBinary, 0, 0, NULL, cmd);
    expect(use, 0x9000, "ERASE BINARY");
    CALL(use.iso, ISCardISO7816, UpdateRecord, 1, 0x1C, Buffer("FIRST           "), cmd);
    expect(use, 0x9000, "UPDATE RECORD");
    CALL(use.iso, ISCardISO7816, WriteRecord, 1, 0x1C, Buffer("first           "), cmd);
    expect(use, 0x9000, "WRITE RECORD");
    CALL(use.iso, ISCardISO7816, AppendRecord, 0x40, Buffer("four"), cmd);
    expect(use, 0x9000, "APPEND RECORD");
    CALL(use.iso, ISCardISO7816, ReadRecord, 1, 0x25, 0, cmd); // all of 5004, more than 256 bytes
    check((transact(use) & 0xFF00) == 0x6100, "READ RECORD leaves a rest");
    CALL(use.iso, ISCardISO7816, GetResponse, 0, 0, 0x90, cmd);
    expect(use, 0x9000, "GET RESPONSE");
    CALL(use.iso, ISCardISO7816, GetData, 0x5F, 0x50, 0, cmd);
    expect(use, 0x9000, "GET DATA");
    CALL(use.iso, ISCardISO7816, PutData, 0x00, 0xC1, Buffer({0xCA, 0xFE}), cmd);
    expect(use, 0x9000, "PUT DATA");
    CALL(use.iso, ISCardISO7816, InternalAuthenticate, 0, 1, Buffer(std::vector<BYTE>(16, 0x5A)), 16, cmd);
    expect(use, 0x9000, "INTERNAL AUTHENTICATE");
    CALL(use.iso, ISCardISO7816, GetChallenge, 16, cmd);
    expect(use, 0x9000, "GET CHALLENGE");
    CALL(use.iso, ISCardISO7816, ExternalAuthenticate, 0, 1, Buffer(std::vector<BYTE>(16, 0x00)), cmd);
    expect(use, 0x63C4, "EXTERNAL AUTHENTICATE with a wrong answer");
    CALL(use.iso, ISCardISO7816, ManageChannel, 0, 0, cmd);
    expect(use, 0x9000, "MANAGE CHANNEL open");
    CALL(use.iso, ISCardISO7816, ManageChannel, 0x80, 1, cmd);
    transact(use); // which channel is closed is for the class to say
}

/// As the documentation's own walk-through does it: SELECT by name, VERIFY, read, answer a challenge.
void use_piv(Objects& use) {
    ISCardCmd** cmd = &use.command;
    const Buffer piv({0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00});
    Buffer reply;
    LONG all = 0;
    WORD status = 0;
    CALL(use.iso, ISCardISO7816, SetDefaultClassId, 0);
    CALL(use.iso, ISCardISO7816, SelectFile, 4, 0, piv, 0, cmd);
    expect(use, 0x9000, "SELECT PIV");
    CALL(use.command, ISCardCmd, get_ApduReply, reply.out());
    check(reply.bytes()[0] == 0x61, "an application property template");
    CALL(use.iso, ISCardISO7816, Verify, 0x80, NULL, cmd);
    check((transact(use) & 0xFFF0) == 0x63C0, "the tries left");
    CALL(use.iso, ISCardISO7816, Verify, 0x80, Buffer({'1', '2', '3', '4', '5', '6', 0xFF, 0xFF}), cmd);
    expect(use, 0x9000, "VERIFY");
    // PIV's GET DATA has the odd instruction, so the command is built by hand. SP 800-73-5 part 2, 3.1.2
    CALL(use.command, ISCardCmd, BuildCmd, 0x00, 0xCB, 0x3F, 0xFF, Buffer({0x5C, 0x03, 0x5F, 0xC1, 0x05}),
         &all);
    status = transact(use);
    check((status & 0xFF00) == 0x6100, "the certificate leaves a rest");
    CALL(use.command, ISCardCmd, get_ApduReply, reply.out());
    check(reply.bytes()[0] == 0x53, "a certificate");
    for (int parts = 0; (status & 0xFF00) == 0x6100 && parts < 32; ++parts) {
        CALL(use.iso, ISCardISO7816, GetResponse, 0, 0, status & 0xFF, cmd);
        status = transact(use);
    }
    check(status == 0x9000, "the whole certificate");
    CALL(use.iso, ISCardISO7816, ReadBinary, 0, 0, 0, cmd); // PIV has no files
    check(transact(use) == 0x6D00, "READ BINARY is not for this card");
}

void use_command(Objects& use) {
    ISCardCmd* const cmd = use.command;
    LONG le = 0;
    LONG number = 0;
    BYTE byte = 0;
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
    CALL(cmd, ISCardCmd, put_P1, 0);
    CALL(cmd, ISCardCmd, get_P1, &byte);
    CALL(cmd, ISCardCmd, put_P2, 0);
    CALL(cmd, ISCardCmd, get_P2, &byte);
    CALL(cmd, ISCardCmd, put_Data, Buffer({0x3F, 0x00}));
    CALL(cmd, ISCardCmd, get_Data, out.out());
    CALL(cmd, ISCardCmd, get_P3, &byte);
    check(byte == 2, "P3");
    CALL(cmd, ISCardCmd, get_LeField, &number);
    CALL(cmd, ISCardCmd, get_Type, &type);
    check(type == ISO_CASE_4, "case");
    CALL(cmd, ISCardCmd, put_Nad, 0);
    CALL(cmd, ISCardCmd, get_Nad, &byte);
    CALL(cmd, ISCardCmd, get_Apdu, out.out());
    CALL(cmd, ISCardCmd, put_Apdu, out);
    CALL(cmd, ISCardCmd, get_ApduLength, &number);
    check(number == 8, "length");
    expect(use, 0x9000, "SELECT 3F00");
    CALL(cmd, ISCardCmd, get_ReplyStatusSW1, &byte);
    CALL(cmd, ISCardCmd, get_ReplyStatusSW2, &byte);
    CALL(cmd, ISCardCmd, get_ApduReplyLength, &number);
    check(number > 2, "reply");
    CALL_EXPECT(E_ACCESSDENIED, cmd, ISCardCmd, get_ReplyNad, &byte);
    CALL(cmd, ISCardCmd, put_ReplyNad, 1);
    CALL(cmd, ISCardCmd, get_ReplyNad, &byte);
    CALL(cmd, ISCardCmd, get_ApduReply, out.out());
    CALL(cmd, ISCardCmd, put_ApduReply, out);
    CALL(cmd, ISCardCmd, put_ApduReplyLength, 2);
    CALL(cmd, ISCardCmd, put_ReplyStatus, 0x9000);
    CALL(cmd, ISCardCmd, Encapsulate, Buffer({0x00, 0x84, 0x00, 0x00, 0x08}), ISO_CASE_2);
    transact(use); // whether the card takes ENVELOPE is its affair
}

void use_buffer(ISCard* card) {
    Buffer atr;
    Buffer clone;
    IStream* stream = NULL;
    BYTE bytes[40] = {};
    LONG count = 0;
    STATSTRUCT stat = {};
    CALL(card, ISCard, get_Atr, atr.out());
    CALL(atr, IByteBuffer, Stat, &stat, STATFLAG_NONAME);
    CALL(atr, IByteBuffer, Read, bytes, sizeof(bytes), &count);
    check(count == stat.cbSize && bytes[0] == 0x3B, "ATR");
    CALL(atr, IByteBuffer, Seek, 0, STREAM_SEEK_SET);
    CALL(atr, IByteBuffer, Clone, clone.out());
    CALL(clone, IByteBuffer, LockRegion, 0, 2, LOCK_WRITE);
    CALL(clone, IByteBuffer, UnlockRegion, 0, 2, LOCK_WRITE);
    Buffer copy(std::vector<BYTE>(1));
    CALL(copy, IByteBuffer, Initialize, 1, NULL);
    CALL(atr, IByteBuffer, CopyTo, copy.in_out(), count);
    check(copy.bytes() == atr.bytes(), "copied ATR");
    CALL(copy, IByteBuffer, SetSize, 2);
    CALL(copy, IByteBuffer, Write, bytes, 2, &count);
    CALL(copy, IByteBuffer, Commit, STGC_DEFAULT);
    CALL(copy, IByteBuffer, Revert);
    CALL(atr, IByteBuffer, get_Stream, &stream);
    CALL(copy, IByteBuffer, put_Stream, stream);

    ISCardTypeConv* const conv = create<ISCardTypeConv>(CLSID_CSCardTypeConv, IID_ISCardTypeConv);
    Buffer made;
    BYTEARRAY* array = NULL;
    SAFEARRAY* safe = NULL;
    ULARGE_INTEGER size = {};
    BYTE* plain = NULL;
    CALL(conv, ISCardTypeConv, SizeOfIStream, stream, &size);
    CALL(conv, ISCardTypeConv, GetAtIStreamMemory, stream, &array);
    check(size.QuadPart == array->dwSize && array->pbyData[0] == 0x3B, "the ATR in memory");
    CALL(conv, ISCardTypeConv, FreeIStreamMemoryPtr, stream, array->pbyData);
    CoTaskMemFree(array);
    CALL(conv, ISCardTypeConv, ConvertByteBufferToByteArray, atr, &array);
    CALL(conv, ISCardTypeConv, ConvertByteArrayToByteBuffer, array->pbyData, array->dwSize, made.out());
    check(made.bytes() == atr.bytes(), "converted ATR");
    GlobalUnlock(array->hMem);
    GlobalFree(array->hMem);
    CoTaskMemFree(array);
    CALL(conv, ISCardTypeConv, ConvertByteBufferToSafeArray, atr, &safe);
    CALL(conv, ISCardTypeConv, ConvertSafeArrayToByteBuffer, safe, made.out());
    check(made.bytes() == atr.bytes(), "ATR out of an array");
    SafeArrayDestroy(safe);
    CALL(conv, ISCardTypeConv, CreateByteArray, 8, &plain);
    CoTaskMemFree(plain);
    CALL(conv, ISCardTypeConv, CreateByteBuffer, 8, made.out());
    CALL(conv, ISCardTypeConv, CreateSafeArray, 8, &safe);
    SafeArrayDestroy(safe);
    conv->Release();
    stream->Release();
}

void use_card(ISCard* card, BSTR reader) {
    HSCARD handle = 0;
    HSCARDCONTEXT context = 0;
    SCARD_PROTOCOLS protocol{};
    SCARD_STATES state{};
    CALL(card, ISCard, AttachByReader, reader, SHARED, static_cast<SCARD_PROTOCOLS>(T0 | T1));
    CALL(card, ISCard, get_CardHandle, &handle);
    CALL(card, ISCard, get_Context, &context);
    CALL(card, ISCard, get_Protocol, &protocol);
    CALL(card, ISCard, get_Status, &state);
    check(handle != 0 && context != 0 && protocol == T1 && state == SPECIFICMODE, "the attachment");
    ISCard* const other = create<ISCard>(CLSID_CSCard, IID_ISCard);
    CALL(other, ISCard, AttachByHandle, handle);
    other->Release(); // leaves the connection alone
    CALL(card, ISCard, ReAttach, SHARED, RESET);
    CALL(card, ISCard, LockSCard);
}

} // namespace

int main(int argc, char* argv[]) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s filecard|piv \"READER NAME\"\n", argv[0]);
        return 1;
    }
    const bool piv = std::strcmp(argv[1], "piv") == 0;
    CoInitialize(NULL);
    {
        const Text reader(argv[2]);
        Objects use = {create<ISCard>(CLSID_CSCard, IID_ISCard),
                       create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd),
                       create<ISCardISO7816>(CLSID_CSCardISO7816, IID_ISCardISO7816)};
        use_card(use.card, reader);
        use_buffer(use.card);
        if (piv) {
            use_piv(use);
        } else {
            use_builders(use);
            use_command(use);
        }
        CALL(use.card, ISCard, UnlockSCard, LEAVE);
        CALL(use.card, ISCard, Detach, LEAVE);
        use.iso->Release();
        use.command->Release();
        use.card->Release();
    }
    CoUninitialize();
    return g_failures == 0 ? 0 : 1;
}
