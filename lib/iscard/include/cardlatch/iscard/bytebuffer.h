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
    /// The stream under the buffer, with the buffer's own seek pointer.
    /// @param ppStream the stream, counted; NULL on failure
    /// @return S_OK, E_POINTER, E_UNEXPECTED
    /// Page: none (scardssp.h alone has it)
    /// Silent on everything: an IStream in the full sense, not a copy.
    virtual HRESULT STDMETHODCALLTYPE get_Stream(LPSTREAM* ppStream) = 0;
    /// Puts the buffer on a stream of the caller's.
    /// @param pStream any IStream; counted, and used from where it stands
    /// @return S_OK, E_POINTER
    /// Page: none (scardssp.h alone has it)
    /// Silent on everything: what was there before is released, its clones live on.
    virtual HRESULT STDMETHODCALLTYPE put_Stream(LPSTREAM pStream) = 0;
    /// A second buffer on the same bytes with a seek pointer of its own, which stands where this one's
    ///   does.
    /// @param ppByteBuffer the new buffer; NULL on failure
    /// @return S_OK, E_POINTER, MEM, STREAM
    /// Page: ibytebuffer-clone
    /// Silent on writing and locks: seen by both at once, region locks are shared.
    virtual HRESULT STDMETHODCALLTYPE Clone(LPBYTEBUFFER* ppByteBuffer) = 0;
    /// Makes changes of a transacted stream final.
    /// @param grfCommitFlags STGC_ flags; without effect on memory
    /// @return S_OK, MEM, STREAM
    /// Page: ibytebuffer-commit
    /// Silent on memory: nothing to do, S_OK.
    virtual HRESULT STDMETHODCALLTYPE Commit(LONG grfCommitFlags) = 0;
    /// Copies bytes from where this buffer stands to where the other stands; both pointers move.
    /// @param ppByteBuffer the address of the target
    /// @param cb bytes to copy, 0 or more; fewer are copied at the end of the stream
    /// @param pcbRead bytes read; may be NULL
    /// @param pcbWritten bytes written; may be NULL
    /// @return S_OK, E_POINTER, E_INVALIDARG, STG_E_LOCKVIOLATION, STG_E_MEDIUMFULL, MEM, STREAM
    /// Page: ibytebuffer-copyto
    /// Silent on a NULL target behind the pointer, a negative count: E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE CopyTo(LPBYTEBUFFER* ppByteBuffer, LONG cb, LONG* pcbRead = nullptr,
                                             LONG* pcbWritten = nullptr) = 0;
    /// Gives the buffer bytes of its own; it then stands at the first.
    /// @param lSize bytes, 0 to 2,147,483,647
    /// @param pData where lSize bytes are copied from; NULL for zeros
    /// @return S_OK, E_INVALIDARG, MEM
    /// Page: ibytebuffer-initialize
    /// Silent on calling it again: a new stream, clones keep the old bytes; the seek pointer afterwards:
    ///   0.
    virtual HRESULT STDMETHODCALLTYPE Initialize(LONG lSize = 1, BYTE* pData = nullptr) = 0;
    /// Shuts clones out of a range.
    /// @param libOffset first byte, from the start of the stream; may lie beyond its end
    /// @param cb bytes
    /// @param dwLockType LOCK_WRITE, LOCK_EXCLUSIVE or LOCK_ONLYONCE
    /// @return S_OK, E_INVALIDARG, STG_E_INVALIDFUNCTION, STG_E_LOCKVIOLATION, MEM, STREAM
    /// Page: ibytebuffer-lockregion
    /// Silent on whom it binds: clones, not the stream that holds the lock; it goes with its stream.
    virtual HRESULT STDMETHODCALLTYPE LockRegion(LONG libOffset, LONG cb, LONG dwLockType) = 0;
    /// Reads from where the buffer stands and moves on by what was read.
    /// @param pByte room for cb bytes
    /// @param cb bytes wanted, 0 or more
    /// @param pcbRead bytes read; may be NULL
    /// @return S_OK, E_POINTER, E_INVALIDARG, STG_E_LOCKVIOLATION, MEM, STREAM
    /// Page: ibytebuffer-read
    /// Silent on the end of the stream: S_OK with a short count.
    virtual HRESULT STDMETHODCALLTYPE Read(BYTE* pByte, LONG cb, LONG* pcbRead = nullptr) = 0;
    /// Drops what was changed in a transacted stream since it was committed.
    /// @return S_OK, MEM, STREAM
    /// Page: ibytebuffer-revert
    /// Silent on memory: nothing to do, S_OK.
    virtual HRESULT STDMETHODCALLTYPE Revert() = 0;
    /// Moves the seek pointer.
    /// @param dLibMove bytes; unsigned with STREAM_SEEK_SET, else signed
    /// @param dwOrigin STREAM_SEEK_SET, _CUR or _END
    /// @param pLibnewPosition bytes from the start; may be NULL
    /// @return S_OK, STG_E_INVALIDFUNCTION, MEM, STREAM
    /// Page: ibytebuffer-seek
    /// Silent on before the start, an unknown origin: STG_E_INVALIDFUNCTION, the pointer stays.
    virtual HRESULT STDMETHODCALLTYPE Seek(LONG dLibMove, LONG dwOrigin, LONG* pLibnewPosition = nullptr) = 0;
    /// Cuts or lengthens the stream; the seek pointer stays.
    /// @param libNewSize bytes, 0 to 2,147,483,647
    /// @return S_OK, E_INVALIDARG, STG_E_LOCKVIOLATION, STG_E_MEDIUMFULL, MEM, STREAM
    /// Page: ibytebuffer-setsize
    /// Silent on new bytes: zero; a negative size: E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE SetSize(LONG libNewSize) = 0;
    /// Tells about the stream.
    /// @param pstatstg type STGTY_STREAM, cbSize in bytes, grfMode, the locks supported
    /// @param grfStatFlag STATFLAG_; without effect, there is no name
    /// @return S_OK, E_POINTER, MEM, STREAM
    /// Page: ibytebuffer-stat
    /// Silent on a size beyond 32 bits (a stream of the caller's): the largest LONG.
    virtual HRESULT STDMETHODCALLTYPE Stat(LPSTATSTRUCT pstatstg, LONG grfStatFlag) = 0;
    /// Ends one LockRegion() with the same arguments.
    /// @param libOffset as locked
    /// @param cb as locked
    /// @param dwLockType as locked
    /// @return S_OK, E_INVALIDARG, STG_E_LOCKVIOLATION, MEM, STREAM
    /// Page: ibytebuffer-unlockregion
    /// Silent on a range that was not locked so: STG_E_LOCKVIOLATION.
    virtual HRESULT STDMETHODCALLTYPE UnlockRegion(LONG libOffset, LONG cb, LONG dwLockType) = 0;
    /// Writes where the buffer stands and moves on.
    /// @param pByte cb bytes; valid also when cb is 0
    /// @param cb bytes, 0 or more; 0 changes nothing
    /// @param pcbWritten bytes written; may be NULL
    /// @return S_OK, E_POINTER, E_INVALIDARG, STG_E_LOCKVIOLATION, STG_E_MEDIUMFULL, MEM, STREAM
    /// Page: ibytebuffer-write
    /// Silent on fill bytes of a gap: zero.
    virtual HRESULT STDMETHODCALLTYPE Write(BYTE* pByte, LONG cb, LONG* pcbWritten) = 0;

  protected:
    ~IByteBuffer() = default;
};
