// ISCardTypeConv: a card's answer as buffer, array, SAFEARRAY and memory of a stream.

#include "family.h"

namespace {

void use_typeconv(const Given& given) {
    LockedCard locked(given.reader);
    ISCardTypeConv* const conv = create<ISCardTypeConv>(CLSID_CSCardTypeConv, IID_ISCardTypeConv);
    Buffer atr;
    Buffer made;
    IStream* stream = NULL;
    BYTEARRAY* array = NULL;
    SAFEARRAY* safe = NULL;
    ULARGE_INTEGER size = {};
    BYTE* plain = NULL;
    locked.card->get_Atr(atr.out());
    atr->get_Stream(&stream);
    CALL(conv, ISCardTypeConv, SizeOfIStream, stream, &size);
    CALL(conv, ISCardTypeConv, GetAtIStreamMemory, stream, &array);
    check(size.QuadPart == array->dwSize && array->pbyData[0] == 0x3B, "the ATR in memory");
    CALL(conv, ISCardTypeConv, FreeIStreamMemoryPtr, stream, array->pbyData);
    CoTaskMemFree(array);
    CALL(conv, ISCardTypeConv, ConvertByteBufferToByteArray, atr, &array);
    CALL(conv, ISCardTypeConv, ConvertByteArrayToByteBuffer, array->pbyData, array->dwSize, made.out());
    check(made.bytes() == atr.bytes(), "the ATR out of an array");
    GlobalUnlock(array->hMem);
    GlobalFree(array->hMem);
    CoTaskMemFree(array);
    CALL(conv, ISCardTypeConv, ConvertByteBufferToSafeArray, atr, &safe);
    CALL(conv, ISCardTypeConv, ConvertSafeArrayToByteBuffer, safe, made.out());
    check(made.bytes() == atr.bytes(), "the ATR out of a SAFEARRAY");
    SafeArrayDestroy(safe);
    CALL(conv, ISCardTypeConv, CreateByteArray, 8, &plain);
    CoTaskMemFree(plain);
    CALL(conv, ISCardTypeConv, CreateByteBuffer, 8, made.out());
    check(made.bytes() == std::vector<BYTE>(8), "eight zeros");
    CALL(conv, ISCardTypeConv, CreateSafeArray, 8, &safe);
    SafeArrayDestroy(safe);
    conv->Release();
    stream->Release();
}

} // namespace

int main(int argc, char* argv[]) {
    return run(argc, argv, use_typeconv);
}
