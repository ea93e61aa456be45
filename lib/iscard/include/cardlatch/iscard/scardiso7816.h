#pragma once

#include <cardlatch/iscard/scardcmd.h>

struct ISCardISO7816;
using LPSCARDISO = ISCardISO7816*;
using LPSCARDISO7816 = ISCardISO7816*;

extern "C" {
extern const IID IID_ISCardISO7816;
extern const CLSID CLSID_CSCardISO7816;
}

/// Builds the interindustry commands of ISO/IEC 7816-4 in an ISCardCmd; nothing is sent. Every builder takes
/// `ppCmd`: the address of an ISCardCmd, or of a NULL, which becomes a new ISCardCmd. Lengths are in bytes, 0
/// to 65,536, and 0 stands for "all there is" (Le 00 or 0000). E_POINTER, E_INVALIDARG, E_OUTOFMEMORY.
struct ISCardISO7816 : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE AppendRecord(BYTE byRefCtrl, LPBYTEBUFFER pData, LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE EraseBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                                  LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE ExternalAuthenticate(BYTE byAlgorithmRef, BYTE bySecretRef,
                                                           LPBYTEBUFFER pChallenge, LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetChallenge(LONG lBytesExpected, LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetData(BYTE byP1, BYTE byP2, LONG lBytesToGet, LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetResponse(BYTE byP1, BYTE byP2, LONG lDataLength,
                                                  LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE InternalAuthenticate(BYTE byAlgorithmRef, BYTE bySecretRef,
                                                           LPBYTEBUFFER pChallenge, LONG lReplyBytes,
                                                           LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE ManageChannel(BYTE byChannelState, BYTE byChannel,
                                                    LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE PutData(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                              LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE ReadBinary(BYTE byP1, BYTE byP2, LONG lBytesToRead,
                                                 LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE ReadRecord(BYTE byRecordId, BYTE byRefCtrl, LONG lBytesToRead,
                                                 LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE SelectFile(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData, LONG lBytesToRead,
                                                 LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetDefaultClassId(BYTE byClass) = 0;
    virtual HRESULT STDMETHODCALLTYPE UpdateBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                                   LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE UpdateRecord(BYTE byRecordId, BYTE byRefCtrl, LPBYTEBUFFER pData,
                                                   LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE Verify(BYTE byRefCtrl, LPBYTEBUFFER pData, LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE WriteBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                                  LPSCARDCMD* ppCmd) = 0;
    virtual HRESULT STDMETHODCALLTYPE WriteRecord(BYTE byRecordId, BYTE byRefCtrl, LPBYTEBUFFER pData,
                                                  LPSCARDCMD* ppCmd) = 0;

  protected:
    ~ISCardISO7816() = default;
};
