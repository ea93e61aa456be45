#pragma once

#include <cardlatch/iscard/scardcmd.h>

struct ISCardISO7816;
using LPSCARDISO = ISCardISO7816*;
using LPSCARDISO7816 = ISCardISO7816*;

extern "C" {
extern const IID IID_ISCardISO7816;
extern const CLSID CLSID_CSCardISO7816;
}

/// Builds the interindustry commands of ISO/IEC 7816-4 in an ISCardCmd; nothing is sent. Lengths are in
/// bytes, 0 to 65,536, and 0 stands for "all there is" (Le 00 or 0000).
struct ISCardISO7816 : public IDispatch {
    /// APPEND RECORD (E2), P1 00.
    /// @param byRefCtrl P2: the file
    /// @param pData the record, 1 to 65,535 bytes
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, DATA_COMMAND
    /// Page: iscardiso7816-appendrecord
    /// Silent on no data: E_POINTER for NULL, E_INVALIDARG for an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE AppendRecord(BYTE byRefCtrl, LPBYTEBUFFER pData, LPSCARDCMD* ppCmd) = 0;
    /// ERASE BINARY (0E).
    /// @param byP1 P1: offset or short identifier
    /// @param byP2 P2: offset
    /// @param pData the first data unit not erased; NULL or empty: to the end
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-erasebinary
    /// Silent on P1 and P2: passed on unchecked.
    virtual HRESULT STDMETHODCALLTYPE EraseBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                                  LPSCARDCMD* ppCmd) = 0;
    /// EXTERNAL AUTHENTICATE (82).
    /// @param byAlgorithmRef P1
    /// @param bySecretRef P2
    /// @param pChallenge authentication data; NULL or empty: none
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-externalauthenticate
    /// Silent on Le: none.
    virtual HRESULT STDMETHODCALLTYPE ExternalAuthenticate(BYTE byAlgorithmRef, BYTE bySecretRef,
                                                           LPBYTEBUFFER pChallenge, LPSCARDCMD* ppCmd) = 0;
    /// GET CHALLENGE (84), P1-P2 0000.
    /// @param lBytesExpected bytes, 0 to 65,536; 0: as many as the card likes
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-getchallenge
    /// Silent on 0 and above 256: Le 00; the extended form.
    virtual HRESULT STDMETHODCALLTYPE GetChallenge(LONG lBytesExpected, LPSCARDCMD* ppCmd) = 0;
    /// GET DATA (CA).
    /// @param byP1 P1 of the tag
    /// @param byP2 P2 of the tag
    /// @param lBytesToGet bytes, 0 to 65,536; 0: all
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-getdata
    /// Silent on ranges of tags: passed on unchecked.
    virtual HRESULT STDMETHODCALLTYPE GetData(BYTE byP1, BYTE byP2, LONG lBytesToGet, LPSCARDCMD* ppCmd) = 0;
    /// GET RESPONSE (C0).
    /// @param byP1 P1, 0
    /// @param byP2 P2, 0
    /// @param lDataLength bytes, 0 to 65,536; 0: all
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-getresponse
    /// Silent on P1 and P2 other than 0: passed on.
    virtual HRESULT STDMETHODCALLTYPE GetResponse(BYTE byP1, BYTE byP2, LONG lDataLength,
                                                  LPSCARDCMD* ppCmd) = 0;
    /// INTERNAL AUTHENTICATE (88).
    /// @param byAlgorithmRef P1
    /// @param bySecretRef P2
    /// @param pChallenge the challenge, 1 to 65,535 bytes
    /// @param lReplyBytes bytes, 0 to 65,536; 0: all
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, DATA_COMMAND
    /// Page: iscardiso7816-internalauthenticate
    /// Silent on no challenge: E_POINTER for NULL, E_INVALIDARG for an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE InternalAuthenticate(BYTE byAlgorithmRef, BYTE bySecretRef,
                                                           LPBYTEBUFFER pChallenge, LONG lReplyBytes,
                                                           LPSCARDCMD* ppCmd) = 0;
    /// MANAGE CHANNEL (70).
    /// @param byChannelState P1: 00 opens, 80 closes
    /// @param byChannel P2: the channel; 0 with P1 00: the card assigns one
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-managechannel
    /// Silent on Le: 01 when the card assigns, else none; the class: not adjusted to a channel.
    virtual HRESULT STDMETHODCALLTYPE ManageChannel(BYTE byChannelState, BYTE byChannel,
                                                    LPSCARDCMD* ppCmd) = 0;
    /// PUT DATA (DA).
    /// @param byP1 P1 of the tag
    /// @param byP2 P2 of the tag
    /// @param pData the value, 1 to 65,535 bytes
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, DATA_COMMAND
    /// Page: iscardiso7816-putdata
    /// Silent on ranges of tags, on which the page contradicts itself: passed on unchecked.
    virtual HRESULT STDMETHODCALLTYPE PutData(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                              LPSCARDCMD* ppCmd) = 0;
    /// READ BINARY (B0).
    /// @param byP1 P1: offset or short identifier
    /// @param byP2 P2: offset
    /// @param lBytesToRead bytes, 0 to 65,536; 0: to the end of the file
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-readbinary
    /// Silent on above 256: the extended form.
    virtual HRESULT STDMETHODCALLTYPE ReadBinary(BYTE byP1, BYTE byP2, LONG lBytesToRead,
                                                 LPSCARDCMD* ppCmd) = 0;
    /// READ RECORD (B2).
    /// @param byRecordId P1: number or identifier; 0: the current record
    /// @param byRefCtrl P2: the file and the meaning of P1
    /// @param lBytesToRead bytes, 0 to 65,536; 0: whole records
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-readrecord
    /// Silent on RFU values of P2: passed on.
    virtual HRESULT STDMETHODCALLTYPE ReadRecord(BYTE byRecordId, BYTE byRefCtrl, LONG lBytesToRead,
                                                 LPSCARDCMD* ppCmd) = 0;
    /// SELECT (A4).
    /// @param byP1 P1: how the file is named
    /// @param byP2 P2: which occurrence, what is answered
    /// @param pData identifier, path or name; NULL or empty: none
    /// @param lBytesToRead bytes, 0 to 65,536; 0: all there is
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-selectfile
    /// Silent on 0 when P2 says that nothing is answered (bits 4-3 set): no Le field.
    virtual HRESULT STDMETHODCALLTYPE SelectFile(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData, LONG lBytesToRead,
                                                 LPSCARDCMD* ppCmd) = 0;
    /// CLA of every command from now on; 00 at first.
    /// @param byClass 0 to 255, passed on unchecked
    /// @return S_OK
    /// Page: iscardiso7816-setdefaultclassid
    /// Silent on nothing.
    virtual HRESULT STDMETHODCALLTYPE SetDefaultClassId(BYTE byClass) = 0;
    /// UPDATE BINARY (D6).
    /// @param byP1 P1: offset or short identifier
    /// @param byP2 P2: offset
    /// @param pData the bytes, 1 to 65,535
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, DATA_COMMAND
    /// Page: iscardiso7816-updatebinary
    /// Silent on no data: E_POINTER for NULL, E_INVALIDARG for an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE UpdateBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                                   LPSCARDCMD* ppCmd) = 0;
    /// UPDATE RECORD (DC).
    /// @param byRecordId P1: the record; 0: the current one
    /// @param byRefCtrl P2: the file and the meaning of P1
    /// @param pData the record, 1 to 65,535 bytes
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, DATA_COMMAND
    /// Page: iscardiso7816-updaterecord
    /// Silent on no data: E_POINTER for NULL, E_INVALIDARG for an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE UpdateRecord(BYTE byRecordId, BYTE byRefCtrl, LPBYTEBUFFER pData,
                                                   LPSCARDCMD* ppCmd) = 0;
    /// VERIFY (20), P1 00.
    /// @param byRefCtrl P2: the reference data
    /// @param pData the code; NULL or empty: asks for the tries left
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, COMMAND
    /// Page: iscardiso7816-verify
    /// Silent on padding: none is added.
    virtual HRESULT STDMETHODCALLTYPE Verify(BYTE byRefCtrl, LPBYTEBUFFER pData, LPSCARDCMD* ppCmd) = 0;
    /// WRITE BINARY (D0).
    /// @param byP1 P1: offset or short identifier
    /// @param byP2 P2: offset
    /// @param pData the bytes, 1 to 65,535
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, DATA_COMMAND
    /// Page: iscardiso7816-writebinary
    /// Silent on no data: E_POINTER for NULL, E_INVALIDARG for an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE WriteBinary(BYTE byP1, BYTE byP2, LPBYTEBUFFER pData,
                                                  LPSCARDCMD* ppCmd) = 0;
    /// WRITE RECORD (D2).
    /// @param byRecordId P1: the record; 0: the current one
    /// @param byRefCtrl P2: the file and the meaning of P1
    /// @param pData the record, 1 to 65,535 bytes
    /// @param ppCmd the address of a command, or of a NULL that becomes one and stays NULL on failure
    /// @return S_OK, DATA_COMMAND
    /// Page: iscardiso7816-writerecord
    /// Silent on no data: E_POINTER for NULL, E_INVALIDARG for an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE WriteRecord(BYTE byRecordId, BYTE byRefCtrl, LPBYTEBUFFER pData,
                                                  LPSCARDCMD* ppCmd) = 0;

  protected:
    ~ISCardISO7816() = default;
};
