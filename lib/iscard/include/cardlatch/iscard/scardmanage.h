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
    virtual HRESULT STDMETHODCALLTYPE APP_Auth(LONG lAlgoID, LPBYTEBUFFER pParam, LPBYTEBUFFER pBuffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetChallenge(LONG lAlgoID, LONG lLengthOfChallenge, LPBYTEBUFFER pParam,
                                                   LPBYTEBUFFER* pBuffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE ICC_Auth(LONG lAlgoID, LPBYTEBUFFER pParam, LPBYTEBUFFER* pBuffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE User_Auth(LONG lAlgorID, LPBYTEBUFFER pParam, LPBYTEBUFFER pBuffer) = 0;

  protected:
    ~ISCardAuth() = default;
};

/// The card's file system. Positions and lengths are in bytes for transparent files, in records for others.
struct ISCardFileAccess : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE ChangeDir(REFTYPE refType, BSTR bstrNewDir) = 0;
    virtual HRESULT STDMETHODCALLTYPE Close(HSCARD_FILE hFile) = 0;
    virtual HRESULT STDMETHODCALLTYPE Create(REFTYPE refType, BSTR bstrPathSpec, TLV_TABLE TLV,
                                             SCARD_FLAGS flags, LPBYTEBUFFER pDataBuffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE Delete(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags) = 0;
    virtual HRESULT STDMETHODCALLTYPE Directory(FILETYPE fileType, LPSAFEARRAY* ppFileList) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetCurrentDir(BSTR* pbstrPathSpec) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetFileCapabilities(LPTLV_TABLE* ppProperties, LONG* plProperties,
                                                          SCARD_FLAGS Flags) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetProperties(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags,
                                                    LPTLV_TABLE* ppTLV) = 0;
    virtual HRESULT STDMETHODCALLTYPE Invalidate(BSTR bstrPathSpec, SCARD_FLAGS flags) = 0;
    virtual HRESULT STDMETHODCALLTYPE Open(REFTYPE refType, BSTR bstrPathSpec, HSCARD_FILE* phFile) = 0;
    virtual HRESULT STDMETHODCALLTYPE Read(HSCARD_FILE hFile, LONG* lBytesToRead, SCARD_FLAGS flags,
                                           LPBYTEBUFFER* ppBuffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE Rehabilitate(BSTR bstrPathSpec, SCARD_FLAGS flags) = 0;
    virtual HRESULT STDMETHODCALLTYPE Seek(HSCARD_FILE hFile, SEEKTYPE* Seek, LONG lOffset) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetProperties(REFTYPE refType, BSTR bstrPathSpec, SCARD_FLAGS flags,
                                                    LPTLV_TABLE pTable) = 0;
    virtual HRESULT STDMETHODCALLTYPE Write(HSCARD_FILE hFile, LPBYTEBUFFER pData, SCARD_FLAGS flags) = 0;

  protected:
    ~ISCardFileAccess() = default;
};

/// One card and the interfaces to it.
struct ISCardManage : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE AttachByHandle(HSCARD hICC) = 0;
    virtual HRESULT STDMETHODCALLTYPE AttachByIFD(BSTR bstrIFDName) = 0;
    virtual HRESULT STDMETHODCALLTYPE CreateCardAuth(ISCardAuth** ppISCardAuth) = 0;
    virtual HRESULT STDMETHODCALLTYPE CreateCHVerification(ISCardVerify** ppISCardVerify) = 0;
    virtual HRESULT STDMETHODCALLTYPE CreateFileAccess(ISCardFileAccess** ppISCardFileAccess) = 0;
    virtual HRESULT STDMETHODCALLTYPE CreateInterface(LPGUID pguidInterface, BSTR bstrName, LONG* pUserData,
                                                      LPUNKNOWN* ppInterface) = 0;
    virtual HRESULT STDMETHODCALLTYPE Detach() = 0;
    virtual HRESULT STDMETHODCALLTYPE Reconnect() = 0;
    virtual HRESULT STDMETHODCALLTYPE SCardLock() = 0;
    virtual HRESULT STDMETHODCALLTYPE SCardUnlock(SCARD_DISPOSITIONS Disposition = LEAVE) = 0;
    virtual HRESULT STDMETHODCALLTYPE Status(SCARD_STATES* pStatus, SCARD_PROTOCOLS* pProtocols) = 0;

  protected:
    ~ISCardManage() = default;
};

/// The card holder's codes.
struct ISCardVerify : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE ChangeCode(LPBYTEBUFFER pOldCode, LPBYTEBUFFER pNewCode,
                                                 SCARD_FLAGS Flags, LONG lRef) = 0;
    virtual HRESULT STDMETHODCALLTYPE ResetSecurityState() = 0;
    virtual HRESULT STDMETHODCALLTYPE Unblock(LPBYTEBUFFER pUnblockCode, LPBYTEBUFFER pNewCode,
                                              SCARD_FLAGS Flags, LONG lRef) = 0;
    virtual HRESULT STDMETHODCALLTYPE Verify(LPBYTEBUFFER pCode, SCARD_FLAGS Flags, LONG lRef) = 0;

  protected:
    ~ISCardVerify() = default;
};
