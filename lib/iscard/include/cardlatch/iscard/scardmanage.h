#pragma once

// The interfaces that a card's service provider offers, as Microsoft specified them for vendors. No header of
// them was ever published: the numbers of the IIDs, CLSIDs and symbols, and the order of the methods, are
// Cardlatch's (docs/iscard.md, "Service provider").

#include <cardlatch/iscard/automation.h>
#include <cardlatch/iscard/scard.h>

using HSCARD_FILE = ULONG_PTR;
using SCARD_FLAGS = LONG;

/// How a path names a file.
enum REFTYPE : int {
    SC_TYPE_BY_NAME = 0, ///< a DF name, in hexadecimal or as text
    SC_TYPE_BY_ID =
        1, ///< file identifiers of four digits, "3F00/5000/5001"; from the current directory without 3F00
    SC_TYPE_BY_SHORT = 2, ///< a short EF identifier in the current directory, "1" to "30"
    SC_TYPE_BY_ANY = 3,   ///< identifiers if it looks like them, else a short one, else a name
};
enum FILETYPE : int {
    SC_TYPE_DIRECTORIES = 0,
    SC_TYPE_FILES = 1,
    SC_TYPE_ALL_FILES = 2,
    SC_TYPE_DIRECTORY_FILE = 3,
    SC_TYPE_TRANSPARENT_EF = 4,
    SC_TYPE_FIXED_EF = 5,
    SC_TYPE_CYCLIC_EF = 6,
    SC_TYPE_VARIABLE_EF = 7,
};
enum SEEKTYPE : int { SC_SEEK_FROM_BEGINNING = 0, SC_SEEK_FROM_END = 1, SC_SEEK_RELATIVE = 2 };

#define SC_FL_SECURE_MESSAGING 0x0001
#define SC_FL_PREALLOCATED 0x0002
#define SC_FL_IHV_GLOBAL 0x0010
#define SC_FL_IHV_LOCAL 0x0020
#define SC_FL_IHV_ENABLE 0x0040
#define SC_FL_IHV_DISABLE 0x0080

/// One property of a file: a BER-TLV data object.
struct TLV_TABLE {
    DWORD Tag; ///< 0 ends a table
    DWORD Length;
    BYTE Value[256];
    BOOL Valid; ///< the card has the property
};
using LPTLV_TABLE = TLV_TABLE*;

struct ISCardAuth;
struct ISCardFileAccess;
struct ISCardManage;
struct ISCardVerify;

extern "C" {
extern const IID IID_ISCardAuth;
extern const IID IID_ISCardFileAccess;
extern const IID IID_ISCardManage;
extern const IID IID_ISCardVerify;
extern const CLSID CLSID_CSCardManage;
}

/// Authentication of the application to the card and of the card to the application. Byte 0 of pParam is the
/// key's reference (none: 0), byte 1 the instruction in place of the usual one: 87 is GENERAL AUTHENTICATE.
struct ISCardAuth : public IDispatch {
    /// The application proves itself: EXTERNAL AUTHENTICATE.
    /// @param lAlgoID P1, 0 to 255
    /// @param pBuffer authentication data, 1 to 65,535 bytes
    /// @param pParam 0 to 2 bytes: the key's reference, the instruction; NULL: none, the usual one
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, CARD, SW, BUFFER
    /// Page: iscardauth-app-auth
    /// Silent on algorithms and pParam: P1; the key's reference and the instruction.
    virtual HRESULT STDMETHODCALLTYPE APP_Auth(LONG lAlgoID, LPBYTEBUFFER pParam, LPBYTEBUFFER pBuffer) = 0;
    /// A challenge from the card: GET CHALLENGE.
    /// @param lAlgoID P1, 0 to 255
    /// @param lLengthOfChallenge bytes, 1 to 65,536
    /// @param pBuffer a buffer that is filled anew, or a NULL that becomes one
    /// @param pParam 0 to 2 bytes: the key's reference, the instruction; NULL: none, the usual one
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, CARD, SW, BUFFER
    /// Page: iscardauth-getchallenge
    /// Silent on the key: P2 is 00 whatever pParam says.
    virtual HRESULT STDMETHODCALLTYPE GetChallenge(LONG lAlgoID, LONG lLengthOfChallenge, LPBYTEBUFFER pParam,
                                                   LPBYTEBUFFER* pBuffer) = 0;
    /// The card proves itself: INTERNAL AUTHENTICATE.
    /// @param lAlgoID P1, 0 to 255
    /// @param pBuffer data, 1 to 65,535 bytes; then the card's answer
    /// @param pParam 0 to 2 bytes: the key's reference, the instruction; NULL: none, the usual one
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, CARD, SW, BUFFER
    /// Page: iscardauth-icc-auth
    /// Silent on who checks the answer: the caller.
    virtual HRESULT STDMETHODCALLTYPE ICC_Auth(LONG lAlgoID, LPBYTEBUFFER pParam, LPBYTEBUFFER* pBuffer) = 0;
    /// The card holder proves himself: VERIFY.
    /// @param lAlgorID 0
    /// @param pBuffer the code as the card wants it, 1 to 65,535 bytes
    /// @param pParam 0 to 2 bytes: the key's reference, the instruction; NULL: none, the usual one
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, CARD, SW, BUFFER
    /// Page: iscardauth-user-auth
    /// Silent on an algorithm: VERIFY has none, E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE User_Auth(LONG lAlgorID, LPBYTEBUFFER pParam, LPBYTEBUFFER pBuffer) = 0;

  protected:
    ~ISCardAuth() = default;
};

/// The card's file system. Positions and lengths are in bytes for transparent files, in records for others.
struct ISCardFileAccess : public IDispatch {
    /// Makes a directory the current one.
    /// @param refType how bstrNewDir names it
    /// @param bstrNewDir the directory
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_DIR_NOT_FOUND, SCARD_E_NO_DIR, SCARD_E_NO_ACCESS, CARD,
    ///   SW
    /// Page: iscardfileaccess-changedir
    /// Silent on an elementary file: SCARD_E_NO_DIR; a deactivated directory: SCARD_E_NO_ACCESS.
    virtual HRESULT STDMETHODCALLTYPE ChangeDir(REFTYPE refType, BSTR bstrNewDir) = 0;
    /// Ends a handle. The card is not asked.
    /// @param hFile of Open()
    /// @return S_OK, E_INVALIDARG, MEM
    /// Page: iscardfileaccess-close
    /// Silent on an unknown handle: E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE Close(HSCARD_FILE hFile) = 0;
    /// Makes a file: CREATE FILE.
    /// @param refType SC_TYPE_BY_ID or SC_TYPE_BY_ANY
    /// @param bstrPathSpec its path; the last identifier is the new file's
    /// @param TLV one property, tag 62 for all of them, tag 0 for none
    /// @param flags SC_FL_PREALLOCATED: pDataBuffer is written into it
    /// @param pDataBuffer 0 to 65,535 bytes; NULL without SC_FL_PREALLOCATED
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_DIR_NOT_FOUND, SCARD_E_UNSUPPORTED_FEATURE,
    ///   CARD, SW, BUFFER
    /// Page: iscardfileaccess-create
    /// Silent on what is not given: a transparent file of the data's size.
    virtual HRESULT STDMETHODCALLTYPE Create(REFTYPE refType, BSTR bstrPathSpec, TLV_TABLE TLV,
                                             SCARD_FLAGS flags, LPBYTEBUFFER pDataBuffer) = 0;
    /// Removes a file: DELETE FILE.
    /// @param refType how bstrPathSpec names it
    /// @param bstrPathSpec the file
    /// @param flags 0
    /// @return S_OK, E_INVALIDARG, E_NOTIMPL, MEM, SCARD_E_UNSUPPORTED_FEATURE, CARD, SW
    /// Page: iscardfileaccess-delete
    /// Silent on a card without the command: E_NOTIMPL.
    virtual HRESULT STDMETHODCALLTYPE Delete(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags) = 0;
    /// Lists the directories in the current one, out of EF.DIR.
    /// @param fileType SC_TYPE_DIRECTORIES or SC_TYPE_DIRECTORY_FILE
    /// @param ppFileList BSTRs, freed with SafeArrayDestroy(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, E_NOTIMPL, MEM, CARD, SW
    /// Page: iscardfileaccess-directory
    /// Silent on elementary files, which ISO/IEC 7816-4 cannot list: E_NOTIMPL.
    virtual HRESULT STDMETHODCALLTYPE Directory(FILETYPE fileType, LPSAFEARRAY* ppFileList) = 0;
    /// The path of the current directory.
    /// @param pbstrPathSpec "3F00/5000", or a name in hexadecimal; freed with SysFreeString(); NULL on
    ///   failure
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardfileaccess-getcurrentdir
    /// Silent on at first: 3F00; somebody else's SELECT: no effect, every method selects anew.
    virtual HRESULT STDMETHODCALLTYPE GetCurrentDir(BSTR* pbstrPathSpec) = 0;
    /// The properties of what was opened or entered last.
    /// @param ppProperties a table of the caller's, or a NULL that becomes one (CoTaskMemFree()) that
    ///   ends with tag 0
    /// @param plProperties entries: of the table given, then of the properties
    /// @param Flags 0
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_NO_FILE, SCARD_E_INSUFFICIENT_BUFFER,
    ///   SCARD_E_UNSUPPORTED_FEATURE
    /// Page: iscardfileaccess-getfilecapabilities
    /// Silent on too short a table: SCARD_E_INSUFFICIENT_BUFFER and the number in plProperties.
    virtual HRESULT STDMETHODCALLTYPE GetFileCapabilities(LPTLV_TABLE* ppProperties, LONG* plProperties,
                                                          SCARD_FLAGS Flags) = 0;
    /// Fills in the properties that a table names.
    /// @param refType how bstrPathSpec names the file
    /// @param bstrPathSpec the file
    /// @param flags 0
    /// @param ppTLV a table of at most 64 entries that ends with tag 0; Valid says what the card has
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_FILE_NOT_FOUND, SCARD_E_UNSUPPORTED_FEATURE,
    ///   CARD, SW
    /// Page: iscardfileaccess-getproperties
    /// Silent on a property that the card lacks: Valid is FALSE, S_OK.
    virtual HRESULT STDMETHODCALLTYPE GetProperties(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags,
                                                    LPTLV_TABLE* ppTLV) = 0;
    /// Blocks a file: DEACTIVATE FILE.
    /// @param bstrPathSpec read as SC_TYPE_BY_ANY
    /// @param flags 0
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_UNSUPPORTED_FEATURE, CARD, SW
    /// Page: iscardfileaccess-invalidate
    /// Silent on a short identifier: E_INVALIDARG, as it cannot be selected.
    virtual HRESULT STDMETHODCALLTYPE Invalidate(BSTR bstrPathSpec, SCARD_FLAGS flags) = 0;
    /// Opens an elementary file at its beginning.
    /// @param refType how bstrPathSpec names it
    /// @param bstrPathSpec the file
    /// @param phFile the handle; 0 on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_FILE_NOT_FOUND, SCARD_E_NO_FILE,
    ///   SCARD_E_NO_ACCESS, CARD, SW
    /// Page: iscardfileaccess-open
    /// Silent on a directory: SCARD_E_NO_FILE; several handles of one file: each has its position.
    virtual HRESULT STDMETHODCALLTYPE Open(REFTYPE refType, BSTR bstrPathSpec, HSCARD_FILE* phFile) = 0;
    /// Reads from the handle's position, or one record.
    /// @param hFile of Open()
    /// @param lBytesToRead bytes wanted, 0: all, or a whole record; then bytes read
    /// @param flags 0
    /// @param ppBuffer a new buffer; NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_W_EOF, SCARD_E_UNSUPPORTED_FEATURE, CARD, SW
    /// Page: iscardfileaccess-read
    /// Silent on the end: SCARD_W_EOF.
    virtual HRESULT STDMETHODCALLTYPE Read(HSCARD_FILE hFile, LONG* lBytesToRead, SCARD_FLAGS flags,
                                           LPBYTEBUFFER* ppBuffer) = 0;
    /// Undoes Invalidate(): ACTIVATE FILE.
    /// @param bstrPathSpec read as SC_TYPE_BY_ANY
    /// @param flags 0
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_UNSUPPORTED_FEATURE, CARD, SW
    /// Page: iscardfileaccess-rehabilitate
    /// Silent on a short identifier: E_INVALIDARG.
    virtual HRESULT STDMETHODCALLTYPE Rehabilitate(BSTR bstrPathSpec, SCARD_FLAGS flags) = 0;
    /// Moves the handle's position. The card is not asked.
    /// @param hFile of Open()
    /// @param Seek where lOffset counts from
    /// @param lOffset bytes, or records
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_BAD_SEEK
    /// Page: iscardfileaccess-seek
    /// Silent on outside the file, the end of a file whose size is not known: SCARD_E_BAD_SEEK.
    virtual HRESULT STDMETHODCALLTYPE Seek(HSCARD_FILE hFile, SEEKTYPE* Seek, LONG lOffset) = 0;
    /// Writes properties of a file: PUT DATA for each.
    /// @param refType how bstrPathSpec names the file
    /// @param bstrPathSpec the file
    /// @param flags 0
    /// @param pTable 1 to 64 entries with tags to FFFF, then tag 0; Valid says which were written
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_FILE_NOT_FOUND, SCARD_E_UNSUPPORTED_FEATURE,
    ///   CARD, SW
    /// Page: iscardfileaccess-setproperties
    /// Silent on a refusal: the entries before it are written.
    virtual HRESULT STDMETHODCALLTYPE SetProperties(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags,
                                                    LPTLV_TABLE pTable) = 0;
    /// Writes at the handle's position, or one record.
    /// @param hFile of Open()
    /// @param pData 0 to 65,535 bytes, to 255 for a record
    /// @param flags 0
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_WRITE_TOO_MANY, SCARD_E_UNSUPPORTED_FEATURE,
    ///   CARD, SW, BUFFER
    /// Page: iscardfileaccess-write
    /// Silent on beyond the size: SCARD_E_WRITE_TOO_MANY before anything is written; after the last
    ///   record: appends.
    virtual HRESULT STDMETHODCALLTYPE Write(HSCARD_FILE hFile, LPBYTEBUFFER pData, SCARD_FLAGS flags) = 0;

  protected:
    ~ISCardFileAccess() = default;
};

/// One card and the interfaces to it.
struct ISCardManage : public IDispatch {
    /// Takes over a connection that exists.
    /// @param hICC a handle of this process
    /// @return S_OK, E_INVALIDARG, MEM, CARD
    /// Page: iscardmanage-attachbyhandle
    /// Silent on as ISCard::AttachByHandle().
    virtual HRESULT STDMETHODCALLTYPE AttachByHandle(HSCARD hICC) = 0;
    /// Connects to the card in a reader.
    /// @param bstrIFDName the reader's name
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_UNKNOWN_READER, SCARD_E_SHARING_VIOLATION,
    ///   SCARD_E_PROTO_MISMATCH, CARD
    /// Page: iscardmanage-attachbyifd
    /// Silent on share mode and protocol: shared, T=0 or T=1.
    virtual HRESULT STDMETHODCALLTYPE AttachByIFD(BSTR bstrIFDName) = 0;
    /// The authentication interface of the card.
    /// @param ppISCardAuth counted; NULL on failure
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardmanage-createcardauth
    /// Silent on before an attach: allowed, it works on whatever is attached when it is used.
    virtual HRESULT STDMETHODCALLTYPE CreateCardAuth(ISCardAuth** ppISCardAuth) = 0;
    /// The codes' interface of the card.
    /// @param ppISCardVerify counted; NULL on failure
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardmanage-createchverification
    /// Silent on before an attach: allowed.
    virtual HRESULT STDMETHODCALLTYPE CreateCHVerification(ISCardVerify** ppISCardVerify) = 0;
    /// The files' interface of the card.
    /// @param ppISCardFileAccess counted; NULL on failure
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardmanage-createfileaccess
    /// Silent on before an attach: allowed.
    virtual HRESULT STDMETHODCALLTYPE CreateFileAccess(ISCardFileAccess** ppISCardFileAccess) = 0;
    /// Any of them, by IID or by name.
    /// @param pguidInterface IID; NULL: bstrName decides
    /// @param bstrName "CardAuth", "CHVerification" or "FileAccess"
    /// @param pUserData not used
    /// @param ppInterface counted; NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_UNSUPPORTED_FEATURE
    /// Page: iscardmanage-createinterface
    /// Silent on "CryptoProvider": SCARD_E_UNSUPPORTED_FEATURE; the other names: ours.
    virtual HRESULT STDMETHODCALLTYPE CreateInterface(LPGUID pguidInterface, BSTR bstrName, LONG* pUserData,
                                                      LPUNKNOWN* ppInterface) = 0;
    /// Disconnects and leaves the card as it is.
    /// @return S_OK, MEM, CARD
    /// Page: iscardmanage-detach
    /// Silent on the disposition: LEAVE.
    virtual HRESULT STDMETHODCALLTYPE Detach() = 0;
    /// Connects anew, which acknowledges a reset.
    /// @return S_OK, MEM, SCARD_E_SHARING_VIOLATION, SCARD_E_PROTO_MISMATCH, CARD
    /// Page: iscardmanage-reconnect
    /// Silent on share mode and disposition: shared, LEAVE.
    virtual HRESULT STDMETHODCALLTYPE Reconnect() = 0;
    /// Claims exclusive access to the card, as ISCard::LockSCard().
    /// @return S_OK, MEM, CARD
    /// Page: iscardmanage-scardlock
    /// Silent on failure: the resource manager's code rather than E_FAIL.
    virtual HRESULT STDMETHODCALLTYPE SCardLock() = 0;
    /// Ends one level of lock.
    /// @param Disposition what happens to the card
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_NOT_TRANSACTED, SCARD_E_CANT_DISPOSE, CARD
    /// Page: iscardmanage-scardunlock
    /// Silent on as ISCard::UnlockSCard().
    virtual HRESULT STDMETHODCALLTYPE SCardUnlock(SCARD_DISPOSITIONS Disposition = LEAVE) = 0;
    /// State and protocol.
    /// @param pStatus as ISCard::get_Status()
    /// @param pProtocols as ISCard::get_Protocol()
    /// @return S_OK, E_POINTER, MEM, CARD
    /// Page: iscardmanage-status
    /// Silent on one pointer NULL: E_POINTER, the other output is cleared.
    virtual HRESULT STDMETHODCALLTYPE Status(SCARD_STATES* pStatus, SCARD_PROTOCOLS* pProtocols) = 0;

  protected:
    ~ISCardManage() = default;
};

/// The card holder's codes.
struct ISCardVerify : public IDispatch {
    /// Replaces a code: CHANGE REFERENCE DATA. With SC_FL_IHV_ENABLE or _DISABLE, switches it on or off.
    /// @param pOldCode 0 to 255 bytes; NULL where the card asks for none
    /// @param pNewCode 0 to 255 bytes; NULL with _ENABLE and _DISABLE
    /// @param Flags SC_FL_IHV_LOCAL sets bit 8 of P2, SC_FL_IHV_GLOBAL forbids it
    /// @param lRef P2: which code, 0 to 255
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_UNSUPPORTED_FEATURE, CARD, SW, BUFFER
    /// Page: iscardverify-changecode
    /// Silent on what the flags do: ENABLE, DISABLE VERIFICATION REQUIREMENT with the old code.
    virtual HRESULT STDMETHODCALLTYPE ChangeCode(LPBYTEBUFFER pOldCode, LPBYTEBUFFER pNewCode,
                                                 SCARD_FLAGS Flags, LONG lRef) = 0;
    /// Takes back every verification by resetting the card, also for others.
    /// @return S_OK, MEM, CARD
    /// Page: iscardverify-resetsecuritystate
    /// Silent on how: a reset, the one way that every card has.
    virtual HRESULT STDMETHODCALLTYPE ResetSecurityState() = 0;
    /// Lifts a code's blocking: RESET RETRY COUNTER.
    /// @param pUnblockCode 0 to 255 bytes; NULL: none
    /// @param pNewCode 0 to 255 bytes; NULL: the code stays
    /// @param Flags SC_FL_IHV_LOCAL sets bit 8 of P2, SC_FL_IHV_GLOBAL forbids it
    /// @param lRef P2: which code, 0 to 255
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_UNSUPPORTED_FEATURE, CARD, SW, BUFFER
    /// Page: none (the member table's link leads nowhere)
    /// Silent on everything: the parameters are ours.
    virtual HRESULT STDMETHODCALLTYPE Unblock(LPBYTEBUFFER pUnblockCode, LPBYTEBUFFER pNewCode,
                                              SCARD_FLAGS Flags, LONG lRef) = 0;
    /// Shows the card a code: VERIFY.
    /// @param pCode 0 to 255 bytes; NULL or empty: asks whether one is needed
    /// @param Flags SC_FL_IHV_LOCAL sets bit 8 of P2, SC_FL_IHV_GLOBAL forbids it
    /// @param lRef P2: which code, 0 to 255
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_UNSUPPORTED_FEATURE, CARD, SW, BUFFER
    /// Page: iscardverify-verify
    /// Silent on no code: SCARD_W_WRONG_CHV when it would be needed.
    virtual HRESULT STDMETHODCALLTYPE Verify(LPBYTEBUFFER pCode, SCARD_FLAGS Flags, LONG lRef) = 0;

  protected:
    ~ISCardVerify() = default;
};
