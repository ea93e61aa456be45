#pragma once

#include <cardlatch/iscard/bytebuffer.h>

/// Command case of ISO/IEC 7816-4. The underlying type is fixed so that any number can be checked.
enum tagISO_APDU_TYPE : int {
    ISO_CASE_1 = 1,
    ISO_CASE_2 = 2,
    ISO_CASE_3 = 3,
    ISO_CASE_4 = 4,
};
using ISO_APDU_TYPE = tagISO_APDU_TYPE;

struct ISCardCmd;
using LPSCARDCMD = ISCardCmd*;

extern "C" {
extern const IID IID_ISCardCmd;
extern const CLSID CLSID_CSCardCmd;
}

/// A command APDU and the reply to it. Every IByteBuffer argument is copied from its first to its last byte,
/// wherever its seek pointer stands; every IByteBuffer result is a new copy that stands at its first byte.
/// docs/iscard.md has the rules.
struct ISCardCmd : public IDispatch {
    virtual HRESULT STDMETHODCALLTYPE get_Apdu(LPBYTEBUFFER* ppApdu) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_Apdu(LPBYTEBUFFER pApdu) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ApduLength(LONG* plSize) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ApduReply(LPBYTEBUFFER* ppReplyApdu) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_ApduReply(LPBYTEBUFFER pReplyApdu) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ApduReplyLength(LONG* plSize) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_ApduReplyLength(LONG lSize) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ClassId(BYTE* pbyClass) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_ClassId(BYTE byClass = 0) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_Data(LPBYTEBUFFER* ppData) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_Data(LPBYTEBUFFER pData) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_InstructionId(BYTE* pbyIns) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_InstructionId(BYTE byIns) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_LeField(LONG* plSize) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_P1(BYTE* pbyP1) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_P1(BYTE byP1) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_P2(BYTE* pbyP2) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_P2(BYTE byP2) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_P3(BYTE* pbyP3) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ReplyStatus(WORD* pwStatus) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_ReplyStatus(WORD wStatus) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ReplyStatusSW1(BYTE* pbySW1) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ReplyStatusSW2(BYTE* pbySW2) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_Type(ISO_APDU_TYPE* pType) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_Nad(BYTE* pbNad) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_Nad(BYTE bNad) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_ReplyNad(BYTE* pbNad) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_ReplyNad(BYTE bNad) = 0;
    virtual HRESULT STDMETHODCALLTYPE BuildCmd(BYTE byClassId, BYTE byInsId, BYTE byP1 = 0, BYTE byP2 = 0,
                                               LPBYTEBUFFER pbyData = nullptr, LONG* plLe = nullptr) = 0;
    virtual HRESULT STDMETHODCALLTYPE Clear() = 0;
    virtual HRESULT STDMETHODCALLTYPE Encapsulate(LPBYTEBUFFER pApdu, ISO_APDU_TYPE ApduType) = 0;
    virtual HRESULT STDMETHODCALLTYPE get_AlternateClassId(BYTE* pbyClass) = 0;
    virtual HRESULT STDMETHODCALLTYPE put_AlternateClassId(BYTE byClass) = 0;

  protected:
    ~ISCardCmd() = default;
};
