// ISCard: attach, ask, lock, transact, unlock, detach.

#include "family.h"

namespace {

void use_card(const Given& given) {
    ISCard* const card = create<ISCard>(CLSID_CSCard, IID_ISCard);
    ISCard* const other = create<ISCard>(CLSID_CSCard, IID_ISCard);
    ISCardCmd* command = create<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd);
    HSCARD handle = 0;
    HSCARDCONTEXT context = 0;
    SCARD_PROTOCOLS protocol{};
    SCARD_STATES state{};
    Buffer atr;
    WORD status = 0;
    CALL(card, ISCard, AttachByReader, given.reader, SHARED, any_protocol);
    CALL(card, ISCard, get_CardHandle, &handle);
    CALL(card, ISCard, get_Context, &context);
    CALL(card, ISCard, get_Protocol, &protocol);
    CALL(card, ISCard, get_Status, &state);
    check(handle != 0 && context != 0 && protocol == T1 && state == SPECIFICMODE, "the attachment");
    CALL(card, ISCard, get_Atr, atr.out());
    check(atr.bytes()[0] == 0x3B, "an ATR");
    CALL(other, ISCard, AttachByHandle, handle);
    other->Release(); // leaves the connection alone

    CALL(card, ISCard, ReAttach, SHARED, RESET);
    CALL(card, ISCard, LockSCard);
    const Buffer name(given.piv ? piv_aid : std::vector<BYTE>{0x3F, 0x00});
    LONG all = 0;
    command->BuildCmd(0x00, 0xA4, given.piv ? 0x04 : 0x00, 0x00, name, &all);
    CALL(card, ISCard, Transaction, &command);
    command->get_ReplyStatus(&status);
    check(status == 0x9000, "SELECT");
    CALL(card, ISCard, UnlockSCard, LEAVE);
    CALL(card, ISCard, Detach, LEAVE);
    command->Release();
    card->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_card);
}
