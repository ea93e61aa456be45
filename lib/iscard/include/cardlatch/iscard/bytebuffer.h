#pragma once

#include <cardlatch/iscard/stream.h>

/// What IByteBuffer::Stat() tells.
struct tagSTATSTRUCT {
    LONG type;
    LONG cbSize;
    LONG grfMode;
    LONG grfLocksSupported;
    LONG grfStateBits;
};
using STATSTRUCT = tagSTATSTRUCT;
using LPSTATSTRUCT = STATSTRUCT*;
#define CB_STATSTRUCT (sizeof(STATSTRUCT))

struct IByteBuffer;
using LPBYTEBUFFER = IByteBuffer*;
using LPCBYTEBUFFER = const IByteBuffer*;

extern "C" {
extern const IID IID_IByteBuffer;
extern const CLSID CLSID_CByteBuffer;
}

/// A stream of bytes with a seek pointer. Initialize() or put_Stream() come first; before that everything
/// else answers E_UNEXPECTED. What the other documentation leaves open is decided in docs/iscard.md.
struct IByteBuffer : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE get_Stream(LPSTREAM* ppStream) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_Stream(LPSTREAM pStream) = 0;
    virtual HRESULT STDMETHODCALLTYPE Clone(LPBYTEBUFFER* ppByteBuffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE Commit(LONG grfCommitFlags) = 0;
    virtual HRESULT STDMETHODCALLTYPE CopyTo(LPBYTEBUFFER* ppByteBuffer, LONG cb, LONG* pcbRead = nullptr,
                                             LONG* pcbWritten = nullptr) = 0;
    virtual HRESULT STDMETHODCALLTYPE Initialize(LONG lSize = 1, BYTE* pData = nullptr) = 0;
    virtual HRESULT STDMETHODCALLTYPE LockRegion(LONG libOffset, LONG cb, LONG dwLockType) = 0;
    virtual HRESULT STDMETHODCALLTYPE Read(BYTE* pByte, LONG cb, LONG* pcbRead = nullptr) = 0;
    virtual HRESULT STDMETHODCALLTYPE Revert() = 0;
    virtual HRESULT STDMETHODCALLTYPE Seek(LONG dLibMove, LONG dwOrigin, LONG* pLibnewPosition = nullptr) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetSize(LONG libNewSize) = 0;
    virtual HRESULT STDMETHODCALLTYPE Stat(LPSTATSTRUCT pstatstg, LONG grfStatFlag) = 0;
    virtual HRESULT STDMETHODCALLTYPE UnlockRegion(LONG libOffset, LONG cb, LONG dwLockType) = 0;
    virtual HRESULT STDMETHODCALLTYPE Write(BYTE* pByte, LONG cb, LONG* pcbWritten) = 0;

  protected:
    ~IByteBuffer() = default;
};
