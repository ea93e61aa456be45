#pragma once

#include <cardlatch/iscard/scardcmd.h>

using HSCARD = ULONG_PTR;
using PHSCARD = HSCARD*;
using LPHSCARD = HSCARD*;
using HSCARDCONTEXT = ULONG_PTR;
using PHSCARDCONTEXT = HSCARDCONTEXT*;
using LPHSCARDCONTEXT = HSCARDCONTEXT*;

// The underlying type is fixed so that any number a caller passes is a value that can be checked.
enum tagSCARD_SHARE_MODES : int { EXCLUSIVE = 1, SHARED = 2 };
using SCARD_SHARE_MODES = tagSCARD_SHARE_MODES;
enum tagSCARD_DISPOSITIONS : int { LEAVE = 0, RESET = 1, UNPOWER = 2, EJECT = 3 };
using SCARD_DISPOSITIONS = tagSCARD_DISPOSITIONS;
enum tagSCARD_STATES : int {
    ABSENT = 1,
    PRESENT = 2,
    SWALLOWED = 3,
    POWERED = 4,
    NEGOTIABLEMODE = 5,
    SPECIFICMODE = 6,
};
using SCARD_STATES = tagSCARD_STATES;
enum tagSCARD_PROTOCOLS : int { T0 = 0x1, T1 = 0x2, RAW = 0xFF };
using SCARD_PROTOCOLS = tagSCARD_PROTOCOLS;

struct ISCard;
using LPSCARD = ISCard*;
using LPSMARTCARD = ISCard*;

extern "C" {
extern const IID IID_ISCard;
extern const CLSID CLSID_CSCard;
}

/// One connection to a card. Failures of the resource manager come back as their SCARD_ code;
/// SCARD_E_INVALID_HANDLE where no card is attached. What the other documentation leaves open (waiting,
/// nesting, ownership, threads) is decided in docs/iscard.md.
struct ISCard : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE get_Atr(LPBYTEBUFFER* ppAtr) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_CardHandle(HSCARD* pHandle) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_Context(HSCARDCONTEXT* pContext) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_Protocol(SCARD_PROTOCOLS* pProtocol) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_Status(SCARD_STATES* pStatus) = 0;
    virtual HRESULT STDMETHODCALLTYPE AttachByHandle(HSCARD hCard) = 0;
    virtual HRESULT STDMETHODCALLTYPE AttachByReader(BSTR bstrReaderName,
                                                     SCARD_SHARE_MODES ShareMode = EXCLUSIVE,
                                                     SCARD_PROTOCOLS PrefProtocol = T0) = 0;
    virtual HRESULT STDMETHODCALLTYPE Detach(SCARD_DISPOSITIONS Disposition = LEAVE) = 0;
    virtual HRESULT STDMETHODCALLTYPE LockSCard() = 0;
    virtual HRESULT STDMETHODCALLTYPE ReAttach(SCARD_SHARE_MODES ShareMode = EXCLUSIVE,
                                               SCARD_DISPOSITIONS InitState = LEAVE) = 0;
    virtual HRESULT STDMETHODCALLTYPE Transaction(LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE UnlockSCard(SCARD_DISPOSITIONS Disposition = LEAVE) = 0;

  protected:
    ~ISCard() = default;
};
