#pragma once

#include <cardlatch/iscard/automation.h>
#include <cardlatch/iscard/scard.h>

#ifndef _WIN32
using LONG_PTR = std::intptr_t;
#endif
#ifndef SC_DLG_MINIMAL_UI // winscard.h of Windows has them as well
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
    /// Looks for cards whose provider offers all these interfaces.
    /// @param pCardGuids BSTRs "{...}", one at least
    /// @param pGroupNames BSTRs: readers of these groups; NULL: all
    /// @param bstrTitle no effect, there is no dialog
    /// @param lFlags SC_DLG_MINIMAL_UI, SC_DLG_NO_UI or SC_DLG_FORCE_UI
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM
    /// Page: none (member table: reserved for future use)
    /// Silent on everything.
    virtual HRESULT STDMETHODCALLTYPE ConfigureCardGuidSearch(LPSAFEARRAY pCardGuids,
                                                              LPSAFEARRAY pGroupNames = nullptr,
                                                              BSTR bstrTitle = nullptr, LONG lFlags = 1) = 0;
    /// Looks for known cards by name.
    /// @param pCardNames BSTRs, one at least
    /// @param pGroupNames BSTRs: readers of these groups; NULL: all
    /// @param bstrTitle no effect, there is no dialog
    /// @param lFlags SC_DLG_MINIMAL_UI, SC_DLG_NO_UI or SC_DLG_FORCE_UI
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM
    /// Page: iscardlocate-configurecardnamesearch
    /// Silent on unknown names: FindCard() says so.
    virtual HRESULT STDMETHODCALLTYPE ConfigureCardNameSearch(LPSAFEARRAY pCardNames,
                                                              LPSAFEARRAY pGroupNames = nullptr,
                                                              BSTR bstrTitle = nullptr, LONG lFlags = 1) = 0;
    /// Finds such a card in a reader and connects to it.
    /// @param ShareMode EXCLUSIVE or SHARED
    /// @param Protocols T0, T1, RAW or T0 | T1
    /// @param lFlags as above; these decide
    /// @param ppCardInfo the connection, freed with CoTaskMemFree(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, E_UNEXPECTED, MEM, SCARD_E_UNSUPPORTED_FEATURE,
    ///   SCARD_E_UNKNOWN_CARD, SCARD_E_NO_READERS_AVAILABLE, SCARD_E_NO_SMARTCARD,
    ///   SCARD_E_SHARING_VIOLATION, SCARD_E_PROTO_MISMATCH, DATABASE, CARD
    /// Page: iscardlocate-findcard
    /// Silent on nothing configured: E_UNEXPECTED; whose the connection is: the library's, until
    ///   ISCard::AttachByHandle() takes it over.
    virtual HRESULT STDMETHODCALLTYPE FindCard(SCARD_SHARE_MODES ShareMode, SCARD_PROTOCOLS Protocols,
                                               LONG lFlags, LPSCARDINFO* ppCardInfo) = 0;

  protected:
    ~ISCardLocate() = default;
};
