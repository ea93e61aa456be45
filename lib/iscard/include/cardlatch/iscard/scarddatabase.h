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
    virtual HRESULT STDMETHODCALLTYPE GetProviderCardId(BSTR bstrCardName, LPGUID* ppguidProviderId) = 0;
    virtual HRESULT STDMETHODCALLTYPE ListCardInterfaces(BSTR bstrCardName,
                                                         LPSAFEARRAY* ppInterfaceGuids) = 0;
    virtual HRESULT STDMETHODCALLTYPE ListCards(LPBYTEBUFFER pAtr, LPSAFEARRAY pInterfaceGuids, LONG localeId,
                                                LPSAFEARRAY* ppCardNames) = 0;
    virtual HRESULT STDMETHODCALLTYPE ListReaderGroups(LONG localeId, LPSAFEARRAY* ppReaderGroups) = 0;
    virtual HRESULT STDMETHODCALLTYPE ListReaders(LONG localeId, LPSAFEARRAY* ppReaders) = 0;

  protected:
    ~ISCardDatabase() = default;
};
