#pragma once

#include <cardlatch/iscard/automation.h>
#include <cardlatch/iscard/bytebuffer.h>

struct ISCardDatabase;
using LPSCARDDATABASE = ISCardDatabase*;

extern "C" {
extern const IID IID_ISCardDatabase;
extern const CLSID CLSID_CSCardDatabase;
}

/// What the machine knows of cards (docs/iscard.md, "Card database") and of readers. All results are the
/// caller's: SafeArrayDestroy(), and CoTaskMemFree() for the GUID. They are NULL on failure. localeId has no
/// effect.
struct ISCardDatabase : public IDispatch {
    /// The class of a card's primary service provider.
    /// @param bstrCardName name of a known card
    /// @param ppguidProviderId its CLSID, freed with CoTaskMemFree(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_UNKNOWN_CARD, SCARD_E_ICC_INSTALLATION,
    ///   DATABASE
    /// Page: iscarddatabase-getprovidercardid
    /// Silent on no provider: SCARD_E_ICC_INSTALLATION; the allocator: CoTaskMemAlloc().
    virtual HRESULT STDMETHODCALLTYPE GetProviderCardId(BSTR bstrCardName, LPGUID* ppguidProviderId) = 0;
    /// The interfaces that a card's provider offers.
    /// @param bstrCardName name of a known card
    /// @param ppInterfaceGuids BSTRs "{...}", freed with SafeArrayDestroy(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_UNKNOWN_CARD, DATABASE
    /// Page: iscarddatabase-listcardinterfaces
    /// Silent on the element type: BSTR, as ListCards() takes it.
    virtual HRESULT STDMETHODCALLTYPE ListCardInterfaces(BSTR bstrCardName,
                                                         LPSAFEARRAY* ppInterfaceGuids) = 0;
    /// The cards that fit.
    /// @param pAtr an ATR of 0 to 33 bytes; NULL for any
    /// @param pInterfaceGuids BSTRs "{...}", all of which a card has to offer; NULL for any
    /// @param localeId no effect
    /// @param ppCardNames BSTRs, freed with SafeArrayDestroy(); NULL on failure
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, DATABASE, BUFFER
    /// Page: iscarddatabase-listcards
    /// Silent on both given: both must hold; no match: an empty array.
    virtual HRESULT STDMETHODCALLTYPE ListCards(LPBYTEBUFFER pAtr, LPSAFEARRAY pInterfaceGuids, LONG localeId,
                                                LPSAFEARRAY* ppCardNames) = 0;
    /// The reader groups.
    /// @param localeId no effect
    /// @param ppReaderGroups BSTRs, SCard$DefaultReaders first; NULL on failure
    /// @return S_OK, E_POINTER, MEM, DATABASE
    /// Page: iscarddatabase-listreadergroups
    /// Silent on where they come from: cards.conf; the default group holds every reader.
    virtual HRESULT STDMETHODCALLTYPE ListReaderGroups(LONG localeId, LPSAFEARRAY* ppReaderGroups) = 0;
    /// The readers that the resource manager knows now.
    /// @param localeId no effect
    /// @param ppReaders BSTRs; NULL on failure
    /// @return S_OK, E_POINTER, MEM, SCARD_E_NO_READERS_AVAILABLE, MANAGER
    /// Page: iscarddatabase-listreaders
    /// Silent on none: SCARD_E_NO_READERS_AVAILABLE.
    virtual HRESULT STDMETHODCALLTYPE ListReaders(LONG localeId, LPSAFEARRAY* ppReaders) = 0;

  protected:
    ~ISCardDatabase() = default;
};
