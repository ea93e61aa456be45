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
    /// The command as bytes.
    /// @param ppApdu a new buffer, empty for an empty command; NULL on failure
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-apdu
    /// Silent on copy or alias: a copy.
    virtual HRESULT STDMETHODCALLTYPE get_Apdu(LPBYTEBUFFER* ppApdu) = 0;
    /// Takes a whole command APDU.
    /// @param pApdu 4 to 65,544 bytes, short or extended form
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, BUFFER
    /// Page: iscardcmd-put-apdu
    /// Silent on bytes that are no command: E_INVALIDARG, the object keeps its own.
    virtual HRESULT STDMETHODCALLTYPE put_Apdu(LPBYTEBUFFER pApdu) = 0;
    /// Length of the command.
    /// @param plSize bytes; 0 for an empty command
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-apdulength
    /// Silent on nothing.
    virtual HRESULT STDMETHODCALLTYPE get_ApduLength(LONG* plSize) = 0;
    /// The reply, SW1-SW2 included.
    /// @param ppReplyApdu a new buffer; NULL before any reply, and on failure
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-apdureply
    /// Silent on before any reply: NULL and S_OK.
    virtual HRESULT STDMETHODCALLTYPE get_ApduReply(LPBYTEBUFFER* ppReplyApdu) = 0;
    /// Sets the reply.
    /// @param pReplyApdu 0 to 65,538 bytes
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, BUFFER
    /// Page: iscardcmd-put-apdureply
    /// Silent on a length below 2: kept; the status then reads as 0.
    virtual HRESULT STDMETHODCALLTYPE put_ApduReply(LPBYTEBUFFER pReplyApdu) = 0;
    /// Length of the reply.
    /// @param plSize bytes, SW1-SW2 included; 0 before any reply
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-apdureplylength
    /// Silent on whether SW1-SW2 count: they do.
    virtual HRESULT STDMETHODCALLTYPE get_ApduReplyLength(LONG* plSize) = 0;
    /// Cuts the reply, or lengthens it with zeros.
    /// @param lSize bytes, 0 to 65,538
    /// @return S_OK, E_INVALIDARG, MEM
    /// Page: none (scardssp.h alone has it)
    /// Silent on everything.
    virtual HRESULT STDMETHODCALLTYPE put_ApduReplyLength(LONG lSize) = 0;
    /// CLA.
    /// @param pbyClass 0 in an empty command
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-classid
    /// Silent on an empty command: 0.
    virtual HRESULT STDMETHODCALLTYPE get_ClassId(BYTE* pbyClass) = 0;
    /// Sets CLA.
    /// @param byClass 0 to 255, passed on unchecked
    /// @return S_OK, MEM
    /// Page: iscardcmd-put-classid
    /// Silent on an empty command: becomes one, its other fields 0.
    virtual HRESULT STDMETHODCALLTYPE put_ClassId(BYTE byClass = 0) = 0;
    /// The command's data field.
    /// @param ppData a new buffer, empty without data; NULL on failure
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-data
    /// Silent on no data: an empty buffer.
    virtual HRESULT STDMETHODCALLTYPE get_Data(LPBYTEBUFFER* ppData) = 0;
    /// Sets the data field; Lc follows.
    /// @param pData 0 to 65,535 bytes; above 255 the extended form
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, BUFFER
    /// Page: iscardcmd-put-data
    /// Silent on more than 255 bytes: extended form.
    virtual HRESULT STDMETHODCALLTYPE put_Data(LPBYTEBUFFER pData) = 0;
    /// INS.
    /// @param pbyIns 0 in an empty command
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-instructionid
    /// Silent on an empty command: 0.
    virtual HRESULT STDMETHODCALLTYPE get_InstructionId(BYTE* pbyIns) = 0;
    /// Sets INS.
    /// @param byIns 0 to 255, passed on unchecked
    /// @return S_OK, MEM
    /// Page: iscardcmd-put-instructionid
    /// Silent on an empty command: becomes one.
    virtual HRESULT STDMETHODCALLTYPE put_InstructionId(BYTE byIns) = 0;
    /// How long a reply the command asks for.
    /// @param plSize bytes, 256 for Le 00; 0 without Le
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-lefield
    /// Silent on no Le: 0; Le 00: 256, or 65,536 in extended form.
    virtual HRESULT STDMETHODCALLTYPE get_LeField(LONG* plSize) = 0;
    /// P1.
    /// @param pbyP1 0 in an empty command
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-p1
    /// Silent on an empty command: 0.
    virtual HRESULT STDMETHODCALLTYPE get_P1(BYTE* pbyP1) = 0;
    /// Sets P1.
    /// @param byP1 0 to 255
    /// @return S_OK, MEM
    /// Page: iscardcmd-put-p1
    /// Silent on an empty command: becomes one.
    virtual HRESULT STDMETHODCALLTYPE put_P1(BYTE byP1) = 0;
    /// P2.
    /// @param pbyP2 0 in an empty command
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-p2
    /// Silent on an empty command: 0.
    virtual HRESULT STDMETHODCALLTYPE get_P2(BYTE* pbyP2) = 0;
    /// Sets P2.
    /// @param byP2 0 to 255
    /// @return S_OK, MEM
    /// Page: iscardcmd-put-p2
    /// Silent on an empty command: becomes one.
    virtual HRESULT STDMETHODCALLTYPE put_P2(BYTE byP2) = 0;
    /// The fifth byte: Lc, or Le without data.
    /// @param pbyP3 0 when there is none, and in extended form
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-p3
    /// Silent on no data, extended form: Le, 0.
    virtual HRESULT STDMETHODCALLTYPE get_P3(BYTE* pbyP3) = 0;
    /// SW1-SW2 of the reply.
    /// @param pwStatus SW1 in the high byte; 0 before any reply
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-replystatus
    /// Silent on before any reply: 0.
    virtual HRESULT STDMETHODCALLTYPE get_ReplyStatus(WORD* pwStatus) = 0;
    /// Sets SW1-SW2 of the reply.
    /// @param wStatus SW1 in the high byte
    /// @return S_OK, MEM
    /// Page: iscardcmd-put-replystatus
    /// Silent on before any reply: the status becomes the whole reply.
    virtual HRESULT STDMETHODCALLTYPE put_ReplyStatus(WORD wStatus) = 0;
    /// SW1 of the reply.
    /// @param pbySW1 0 before any reply
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-replystatussw1
    /// Silent on before any reply: 0.
    virtual HRESULT STDMETHODCALLTYPE get_ReplyStatusSW1(BYTE* pbySW1) = 0;
    /// SW2 of the reply.
    /// @param pbySW2 0 before any reply
    /// @return S_OK, E_POINTER, MEM
    /// Page: iscardcmd-get-replystatussw2
    /// Silent on before any reply: 0.
    virtual HRESULT STDMETHODCALLTYPE get_ReplyStatusSW2(BYTE* pbySW2) = 0;
    /// The command's case in ISO/IEC 7816-3.
    /// @param pType ISO_CASE_1 to ISO_CASE_4
    /// @return S_OK, E_POINTER, MEM
    /// Page: none (scardssp.h alone has it)
    /// Silent on "reserved for future use": the case of the command.
    virtual HRESULT STDMETHODCALLTYPE get_Type(ISO_APDU_TYPE* pType) = 0;
    /// The node address that the command is for.
    /// @param pbNad 0 until put
    /// @return S_OK, E_POINTER, MEM
    /// Page: none (scardssp.h alone has it)
    /// Silent on everything.
    virtual HRESULT STDMETHODCALLTYPE get_Nad(BYTE* pbNad) = 0;
    /// Sets the node address (T=1).
    /// @param bNad 0; another is kept, and ISCard::Transaction refuses it
    /// @return S_OK, MEM
    /// Page: iscardcmd-put-nad
    /// Silent on other values: SCARD_E_UNSUPPORTED_FEATURE from Transaction().
    virtual HRESULT STDMETHODCALLTYPE put_Nad(BYTE bNad) = 0;
    /// The node address of the reply.
    /// @param pbNad what was put
    /// @return S_OK, E_POINTER, E_ACCESSDENIED, MEM
    /// Page: iscardcmd-get-replynad
    /// Silent on when it is known: the resource manager does not tell it, so only after a put.
    virtual HRESULT STDMETHODCALLTYPE get_ReplyNad(BYTE* pbNad) = 0;
    /// Sets the node address of the reply.
    /// @param bNad 0 to 255
    /// @return S_OK, MEM
    /// Page: none (scardssp.h alone has it)
    /// Silent on everything.
    virtual HRESULT STDMETHODCALLTYPE put_ReplyNad(BYTE bNad) = 0;
    /// Builds a command in place of the present one.
    /// @param byClassId CLA
    /// @param byInsId INS
    /// @param byP1 P1
    /// @param byP2 P2
    /// @param pbyData data field, 0 to 65,535 bytes; NULL for none
    /// @param plLe bytes expected, 0 to 65,536; NULL for no Le field
    /// @return S_OK, E_INVALIDARG, MEM, BUFFER
    /// Page: iscardcmd-buildcmd
    /// Silent on NULL, 0 and 256: no Le; as much as there is; Le 00.
    virtual HRESULT STDMETHODCALLTYPE BuildCmd(BYTE byClassId, BYTE byInsId, BYTE byP1 = 0, BYTE byP2 = 0,
                                               LPBYTEBUFFER pbyData = nullptr, LONG* plLe = nullptr) = 0;
    /// Empties command and reply.
    /// @return S_OK, MEM
    /// Page: iscardcmd-clear
    /// Silent on node address and alternate class: stay; S_FALSE never comes.
    virtual HRESULT STDMETHODCALLTYPE Clear() = 0;
    /// Makes an ENVELOPE of the object's class around another command.
    /// @param pApdu the inner command, 1 to 65,535 bytes
    /// @param ApduType ISO_CASE_1 to ISO_CASE_4 of the outer one; 2 and 4 ask for a reply
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, BUFFER
    /// Page: iscardcmd-encapsulate
    /// Silent on the instruction: ENVELOPE (C2), P1-P2 0; Le: 00 for the cases 2 and 4.
    virtual HRESULT STDMETHODCALLTYPE Encapsulate(LPBYTEBUFFER pApdu, ISO_APDU_TYPE ApduType) = 0;
    /// The class of what T=0 makes necessary (GET RESPONSE).
    /// @param pbyClass what was put
    /// @return S_OK, E_POINTER, E_ACCESSDENIED, MEM
    /// Page: iscardcmd-get-alternateclassid
    /// Silent on before the first put: E_ACCESSDENIED, although a default of 0 is documented.
    virtual HRESULT STDMETHODCALLTYPE get_AlternateClassId(BYTE* pbyClass) = 0;
    /// Sets the class of what T=0 makes necessary.
    /// @param byClass 0 to 255
    /// @return S_OK, MEM
    /// Page: iscardcmd-put-alternateclassid
    /// Silent on nothing.
    virtual HRESULT STDMETHODCALLTYPE put_AlternateClassId(BYTE byClass) = 0;

  protected:
    ~ISCardCmd() = default;
};
