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
    /// Bytes into a new buffer.
    /// @param pbyArray dwArraySize bytes
    /// @param dwArraySize bytes, 0 to 2,147,483,647
    /// @param ppbyBuffer the buffer, at its first byte; NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM
    /// Page: iscardtypeconv-convertbytearraytobytebuffer
    /// Silent on 0 bytes: an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE ConvertByteArrayToByteBuffer(LPBYTE pbyArray, DWORD dwArraySize,
                                                                   LPBYTEBUFFER* ppbyBuffer) = 0;
    /// A buffer into a structure with memory.
    /// @param pbyBuffer copied from first to last byte
    /// @param ppArray GlobalFree(hMem), then CoTaskMemFree(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, BUFFER
    /// Page: iscardtypeconv-convertbytebuffertobytearray
    /// Silent on who frees what: the caller, as said.
    virtual HRESULT STDMETHODCALLTYPE ConvertByteBufferToByteArray(LPBYTEBUFFER pbyBuffer,
                                                                   LPBYTEARRAY* ppArray) = 0;
    /// A buffer into an array of VT_UI1.
    /// @param pbyBuffer copied from first to last byte
    /// @param ppbyArray freed with SafeArrayDestroy(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, BUFFER
    /// Page: iscardtypeconv-convertbytebuffertosafearray
    /// Silent on its lower bound: 0.
    virtual HRESULT STDMETHODCALLTYPE ConvertByteBufferToSafeArray(LPBYTEBUFFER pbyBuffer,
                                                                   LPSAFEARRAY* ppbyArray) = 0;
    /// An array of VT_UI1 into a new buffer.
    /// @param pbyArray one dimension
    /// @param ppbyBuff the buffer, at its first byte; NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM
    /// Page: iscardtypeconv-convertsafearraytobytebuffer
    /// Silent on other element types: E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE ConvertSafeArrayToByteBuffer(LPSAFEARRAY pbyArray,
                                                                   LPBYTEBUFFER* ppbyBuff) = 0;
    /// Zeros.
    /// @param dwAllocSize bytes, 0 to 2,147,483,647
    /// @param ppbyArray freed with CoTaskMemFree(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, E_OUTOFMEMORY
    /// Page: iscardtypeconv-createbytearray
    /// Silent on the allocator: CoTaskMemAlloc(); 0 bytes: an address as well.
    virtual HRESULT STDMETHODCALLTYPE CreateByteArray(DWORD dwAllocSize, LPBYTE* ppbyArray) = 0;
    /// A buffer of zeros.
    /// @param dwAllocSize bytes, 0 to 2,147,483,647
    /// @param ppbyBuff the buffer, at its first byte; NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM
    /// Page: iscardtypeconv-createbytebuffer
    /// Silent on the content: zeros.
    virtual HRESULT STDMETHODCALLTYPE CreateByteBuffer(DWORD dwAllocSize, LPBYTEBUFFER* ppbyBuff) = 0;
    /// An array of VT_UI1, zeros.
    /// @param nAllocSize elements, 0 to 2,147,483,647
    /// @param ppArray freed with SafeArrayDestroy(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, E_OUTOFMEMORY
    /// Page: iscardtypeconv-createsafearray
    /// Silent on the content: zeros.
    virtual HRESULT STDMETHODCALLTYPE CreateSafeArray(UINT nAllocSize, LPSAFEARRAY* ppArray) = 0;
    /// Gives back what GetAtIStreamMemory() lent.
    /// @param pStrm the stream
    /// @param pMem pbyData of what was lent
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM
    /// Page: iscardtypeconv-freeistreammemoryptr
    /// Silent on a pointer that was not lent: E_INVALIDARG; the structure: the caller's
    ///   (CoTaskMemFree()).
    virtual HRESULT STDMETHODCALLTYPE FreeIStreamMemoryPtr(LPSTREAM pStrm, LPBYTE pMem) = 0;
    /// The stream's bytes where they lie. The stream is counted, and keeps its size, until they are given
    ///   back.
    /// @param pStrm a stream of this library's
    /// @param ppMem hMem is NULL; freed with CoTaskMemFree(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM
    /// Page: iscardtypeconv-getatistreammemory
    /// Silent on somebody else's stream: E_INVALIDARG; a change of size meanwhile: STG_E_LOCKVIOLATION.
    virtual HRESULT STDMETHODCALLTYPE GetAtIStreamMemory(LPSTREAM pStrm, LPBYTEARRAY* ppMem) = 0;
    /// Length of a stream.
    /// @param pStrm any IStream
    /// @param puliSize bytes
    /// @return S_OK, E_POINTER, E_INVALIDARG, E_FAIL, MEM
    /// Page: iscardtypeconv-sizeofistream
    /// Silent on nothing: the one page that says which code is whose.
    virtual HRESULT STDMETHODCALLTYPE SizeOfIStream(LPSTREAM pStrm, ULARGE_INTEGER* puliSize) = 0;

  protected:
    ~ISCardTypeConv() = default;
};
