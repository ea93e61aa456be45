// IByteBuffer: what a card answered, read, copied and changed.

#include "family.h"

namespace {

void use_buffer(const Given& given) {
    LockedCard locked(given.reader);
    Buffer atr;
    Buffer clone;
    IStream* stream = NULL;
    BYTE bytes[40] = {};
    LONG count = 0;
    LONG position = 0;
    STATSTRUCT stat = {};
    locked.card->get_Atr(atr.out());
    CALL(atr, IByteBuffer, Stat, &stat, STATFLAG_NONAME);
    CALL(atr, IByteBuffer, Read, bytes, sizeof(bytes), &count);
    check(count == stat.cbSize && bytes[0] == 0x3B, "the ATR");
    CALL(atr, IByteBuffer, Seek, 0, STREAM_SEEK_SET, &position);
    check(position == 0, "at its first byte again");
    CALL(atr, IByteBuffer, Clone, clone.out());
    CALL(clone, IByteBuffer, LockRegion, 0, 2, LOCK_WRITE);
    CALL_EXPECT(STG_E_LOCKVIOLATION, atr, IByteBuffer, Write, bytes, 1, &count);
    CALL(clone, IByteBuffer, UnlockRegion, 0, 2, LOCK_WRITE);

    Buffer copy(std::vector<BYTE>(1));
    CALL(copy, IByteBuffer, Initialize, 1, NULL);
    CALL(atr, IByteBuffer, CopyTo, copy.in_out(), stat.cbSize, &count);
    check(count == stat.cbSize && copy.bytes() == atr.bytes(), "the ATR copied");
    CALL(copy, IByteBuffer, SetSize, 2);
    CALL(copy, IByteBuffer, Seek, 0, STREAM_SEEK_END);
    CALL(copy, IByteBuffer, Write, bytes + 2, stat.cbSize - 2, &count);
    check(copy.bytes() == atr.bytes(), "cut and written again");
    CALL(copy, IByteBuffer, Commit, STGC_DEFAULT);
    CALL(copy, IByteBuffer, Revert);
    CALL(atr, IByteBuffer, get_Stream, &stream);
    CALL(copy, IByteBuffer, put_Stream, stream);
    check(copy.bytes() == atr.bytes(), "two buffers on one stream");
    stream->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_buffer);
}
