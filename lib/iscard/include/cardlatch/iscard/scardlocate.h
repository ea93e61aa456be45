#pragma once

#include <cardlatch/iscard/automation.h>
#include <cardlatch/iscard/scard.h>

#ifndef _WIN32
using LONG_PTR = std::intptr_t;
#define SC_DLG_MINIMAL_UI 0x01
#define SC_DLG_NO_UI 0x02
#define SC_DLG_FORCE_UI 0x04
#endif

/// The card that FindCard() opened.
struct tagSCARDINFO {
    HSCARD hCard;
    HSCARDCONTEXT hContext;
    SCARD_PROTOCOLS ActiveProtocol;
    SCARD_SHARE_MODES ShareMode;
    LONG_PTR hwndOwner;          ///< 0: there is no dialog
    LONG_PTR lpfnConnectProc;    ///< 0
    LONG_PTR lpfnCheckProc;      ///< 0
    LONG_PTR lpfnDisconnectProc; ///< 0
};
using SCARDINFO = tagSCARDINFO;
using PSCARDINFO = SCARDINFO*;
using LPSCARDINFO = SCARDINFO*;

struct ISCardLocate;
using LPSCARDLOCATE = ISCardLocate*;
using LPSCARDLOC = ISCardLocate*;

extern "C" {
extern const IID IID_ISCardLocate;
extern const CLSID CLSID_CSCardLocate;
}

/// Finds a card of a known kind and connects to it.
struct ISCardLocate : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE ConfigureCardGuidSearch(LPSAFEARRAY pCardGuids,
                                                              LPSAFEARRAY pGroupNames = nullptr,
                                                              BSTR bstrTitle = nullptr, LONG lFlags = 1) = 0;
    virtual HRESULT STDMETHODCALLTYPE ConfigureCardNameSearch(LPSAFEARRAY pCardNames,
                                                              LPSAFEARRAY pGroupNames = nullptr,
                                                              BSTR bstrTitle = nullptr, LONG lFlags = 1) = 0;
    virtual HRESULT STDMETHODCALLTYPE FindCard(SCARD_SHARE_MODES ShareMode, SCARD_PROTOCOLS Protocols,
                                               LONG lFlags, LPSCARDINFO* ppCardInfo) = 0;

  protected:
    ~ISCardLocate() = default;
};
