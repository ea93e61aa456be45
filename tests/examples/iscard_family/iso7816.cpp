// ISCardISO7816: every command of ISO/IEC 7816-4 that the interface builds, sent to a card.

#include "family.h"

namespace {

#define ISO(sw, method, ...) SEND(sw, locked, iso, ISCardISO7816, method, __VA_ARGS__, &locked.command)

void use_filecard(LockedCard& locked, ISCardISO7816* iso) {
    ISO(0x9000, SelectFile, 0, 0, Buffer({0x50, 0x00}), 0);
    ISO(0x9000, Verify, 1, Buffer("123456"));
    ISO(0x9000, SelectFile, 0, 0x0C, Buffer({0x50, 0x07}), 0);
    ISO(0x9000, UpdateBinary, 0, 0, Buffer({0x01, 0x02, 0x04}));
    ISO(0x9000, WriteBinary, 0, 0, Buffer({0x10}));
    ISO(0x9000, ReadBinary, 0, 0, 3);
    Buffer reply;
    locked.command->get_ApduReply(reply.out());
    check(reply.bytes() == std::vector<BYTE>({0x11, 0x02, 0x04, 0x90, 0x00}), "what was written");
    ISO(0x9000, EraseBinary, 0, 0, NULL);
    ISO(0x9000, UpdateRecord, 1, 0x1C, Buffer("FIRST           "));
    ISO(0x9000, WriteRecord, 1, 0x1C, Buffer("first           "));
    ISO(0x9000, AppendRecord, 0x40, Buffer("four"));
    ISO(0x6190, ReadRecord, 1, 0x25, 0); // all of 5004, more than 256 bytes
    ISO(0x9000, GetResponse, 0, 0, 0x90);
    ISO(0x9000, GetData, 0x5F, 0x50, 0);
    ISO(0x9000, PutData, 0x00, 0xC1, Buffer({0xCA, 0xFE}));
    ISO(0x9000, InternalAuthenticate, 0, 1, Buffer(std::vector<BYTE>(16, 0x5A)), 16);
    ISO(0x9000, GetChallenge, 16);
    // The key is symmetric, so the card itself can encipher its challenge.
    locked.command->get_ApduReply(reply.out());
    auto challenge = reply.bytes();
    challenge.resize(16);
    ISO(0x9000, InternalAuthenticate, 0, 1, Buffer(challenge), 16);
    locked.command->get_ApduReply(reply.out());
    auto cryptogram = reply.bytes();
    cryptogram.resize(16);
    ISO(0x9000, ExternalAuthenticate, 0, 1, Buffer(cryptogram));
    ISO(0x9000, ManageChannel, 0, 0);
    ISO(0x9000, ManageChannel, 0x80, 1);
}

/// PIV selects, verifies and sends what is left of a long answer as ISO/IEC 7816-4 has it; the rest it does
/// in its own way or not at all. Source: SP 800-73-5 part 2, 3
void use_piv(LockedCard& locked, ISCardISO7816* iso) {
    Buffer reply;
    LONG all = 0;
    ISO(0x9000, SelectFile, 4, 0, Buffer(piv_aid), 0);
    locked.command->get_ApduReply(reply.out());
    check(reply.bytes()[0] == 0x61, "an application property template");
    ISO(0x63C3, Verify, 0x80, NULL); // the tries left
    ISO(0x9000, Verify, 0x80, Buffer({'1', '2', '3', '4', '5', '6', 0xFF, 0xFF}));
    // PIV's GET DATA has the odd instruction, so the command is built by hand.
    locked.command->BuildCmd(0x00, 0xCB, 0x3F, 0xFF, Buffer({0x5C, 0x03, 0x5F, 0xC1, 0x05}), &all);
    WORD status = locked.transact();
    locked.command->get_ApduReply(reply.out());
    check((status & 0xFF00) == 0x6100 && reply.bytes()[0] == 0x53, "a certificate, and a rest");
    for (int parts = 0; (status & 0xFF00) == 0x6100 && parts < 32; ++parts) {
        iso->GetResponse(0, 0, status & 0xFF, &locked.command);
        status = locked.transact();
    }
    check(status == 0x9000, "the whole certificate");
    locked.command->BuildCmd(0x00, 0xCB, 0x3F, 0xFF, Buffer({0x5C, 0x03, 0x5F, 0xC1, 0x05}), &all);
    status = locked.transact();
    ISO(0x6100, GetResponse, 0, 0, status & 0xFF);
    ISO(0x6D00, ReadBinary, 0, 0, 0);
    ISO(0x6D00, WriteBinary, 0, 0, Buffer({0x10}));
    ISO(0x6D00, UpdateBinary, 0, 0, Buffer({0x10}));
    ISO(0x6D00, EraseBinary, 0, 0, NULL);
    ISO(0x6D00, ReadRecord, 1, 4, 0);
    ISO(0x6D00, WriteRecord, 1, 4, Buffer({0x10}));
    ISO(0x6D00, UpdateRecord, 1, 4, Buffer({0x10}));
    ISO(0x6D00, AppendRecord, 0, Buffer({0x10}));
    ISO(0x6D00, GetData, 0x5F, 0x50, 0);
    ISO(0x6D00, PutData, 0x00, 0xC1, Buffer({0x10}));
    ISO(0x6D00, GetChallenge, 8);
    ISO(0x6D00, InternalAuthenticate, 0, 0x9B, Buffer(std::vector<BYTE>(16)), 16);
    ISO(0x6D00, ExternalAuthenticate, 0, 0x9B, Buffer(std::vector<BYTE>(16)));
    ISO(0x9000, ManageChannel, 0, 0);
    ISO(0x9000, ManageChannel, 0x80, 1);
}

void use_iso7816(const Given& given) {
    LockedCard locked(given.reader);
    ISCardISO7816* const iso = create<ISCardISO7816>(CLSID_CSCardISO7816, IID_ISCardISO7816);
    CALL(iso, ISCardISO7816, SetDefaultClassId, 0x00);
    given.piv ? use_piv(locked, iso) : use_filecard(locked, iso);
    iso->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_iso7816);
}
