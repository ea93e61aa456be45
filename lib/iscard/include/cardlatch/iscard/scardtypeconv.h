#pragma once

#include <cardlatch/iscard/automation.h>
#include <cardlatch/iscard/bytebuffer.h>

/// Bytes with their length. `hMem` owns them, or is NULL when something else does.
struct tagBYTEARRAY {
    HGLOBAL hMem;
    DWORD dwSize;
    LPBYTE pbyData;
};
using BYTEARRAY = tagBYTEARRAY;
using PBYTEARRAY = BYTEARRAY*;
using LPBYTEARRAY = BYTEARRAY*;
using PCBYTEARRAY = const BYTEARRAY*;
using LPCBYTEARRAY = const BYTEARRAY*;
#define CB_BYTEARRAY (sizeof(BYTEARRAY))

struct ISCardTypeConv;
using LPSCARDTYPECONV = ISCardTypeConv*;

extern "C" {
extern const IID IID_ISCardTypeConv;
extern const CLSID CLSID_CSCardTypeConv;
}

/// Conversions between the family's ways to hold bytes. Sizes are in bytes. Who frees what: docs/iscard.md.
struct ISCardTypeConv : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE ConvertByteArrayToByteBuffer(LPBYTE pbyArray, DWORD dwArraySize,
                                                                   LPBYTEBUFFER* ppbyBuffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE ConvertByteBufferToByteArray(LPBYTEBUFFER pbyBuffer,
                                                                   LPBYTEARRAY* ppArray) = 0;
    virtual HRESULT STDMETHODCALLTYPE ConvertByteBufferToSafeArray(LPBYTEBUFFER pbyBuffer,
                                                                   LPSAFEARRAY* ppbyArray) = 0;
    virtual HRESULT STDMETHODCALLTYPE ConvertSafeArrayToByteBuffer(LPSAFEARRAY pbyArray,
                                                                   LPBYTEBUFFER* ppbyBuff) = 0;
    virtual HRESULT STDMETHODCALLTYPE CreateByteArray(DWORD dwAllocSize, LPBYTE* ppbyArray) = 0;
    virtual HRESULT STDMETHODCALLTYPE CreateByteBuffer(DWORD dwAllocSize, LPBYTEBUFFER* ppbyBuff) = 0;
    virtual HRESULT STDMETHODCALLTYPE CreateSafeArray(UINT nAllocSize, LPSAFEARRAY* ppArray) = 0;
    virtual HRESULT STDMETHODCALLTYPE FreeIStreamMemoryPtr(LPSTREAM pStrm, LPBYTE pMem) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetAtIStreamMemory(LPSTREAM pStrm, LPBYTEARRAY* ppMem) = 0;
    virtual HRESULT STDMETHODCALLTYPE SizeOfIStream(LPSTREAM pStrm, ULARGE_INTEGER* puliSize) = 0;

  protected:
    ~ISCardTypeConv() = default;
};
