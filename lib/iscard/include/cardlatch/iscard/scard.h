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
    /// The ATR of the attached card.
    /// @param ppAtr a new buffer with 2 to 33 bytes that stands at the first; NULL on failure
    /// @return S_OK, E_POINTER, MEM, CARD
    /// Page: iscard-get-atr
    /// Silent on cached or asked: asked of the card's connection now; waits while another holds the card.
    virtual HRESULT STDMETHODCALLTYPE get_Atr(LPBYTEBUFFER* ppAtr) = 0;
    /// The resource manager's handle of the connection.
    /// @param pHandle 0 while nothing is attached
    /// @return S_OK, E_POINTER
    /// Page: iscard-get-cardhandle
    /// Silent on whose it is: the object's; calls of winscard.h beside it are allowed.
    virtual HRESULT STDMETHODCALLTYPE get_CardHandle(HSCARD* pHandle) = 0;
    /// The resource manager's context of the object.
    /// @param pContext never 0: a context is obtained at creation
    /// @return S_OK, E_POINTER
    /// Page: iscard-get-context
    /// Silent on after AttachByHandle: the object's own all the same.
    virtual HRESULT STDMETHODCALLTYPE get_Context(HSCARDCONTEXT* pContext) = 0;
    /// The protocol in use.
    /// @param pProtocol T0, T1, RAW, or 0 for a handle without protocol
    /// @return S_OK, E_POINTER, MEM, SCARD_E_INVALID_HANDLE
    /// Page: iscard-get-protocol
    /// Silent on freshness: as of the last attach or ReAttach(); nothing attached:
    ///   SCARD_E_INVALID_HANDLE.
    virtual HRESULT STDMETHODCALLTYPE get_Protocol(SCARD_PROTOCOLS* pProtocol) = 0;
    /// What the reader says of the card.
    /// @param pStatus ABSENT, SWALLOWED (mute or without power), SPECIFICMODE (a protocol in use), else
    ///   NEGOTIABLEMODE
    /// @return S_OK, E_POINTER, MEM, CARD
    /// Page: iscard-get-status
    /// Silent on somebody's lock, a pending reset: the reader is asked, so neither stands in the way.
    virtual HRESULT STDMETHODCALLTYPE get_Status(SCARD_STATES* pStatus) = 0;
    /// Takes over a connection that exists.
    /// @param hCard a handle of this process that the resource manager knows
    /// @return S_OK, E_INVALIDARG, MEM, CARD
    /// Page: iscard-attachbyhandle
    /// Silent on owner: Detach() disconnects the handle, Release() leaves it; an earlier attachment is
    ///   left, unless this one fails; waits while another holds the card.
    virtual HRESULT STDMETHODCALLTYPE AttachByHandle(HSCARD hCard) = 0;
    /// Connects to the card in a reader.
    /// @param bstrReaderName the reader's name as it is listed
    /// @param ShareMode EXCLUSIVE or SHARED
    /// @param PrefProtocol T0, T1, RAW or T0 | T1
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_UNKNOWN_READER, SCARD_E_SHARING_VIOLATION,
    ///   SCARD_E_PROTO_MISMATCH, CARD
    /// Page: iscard-attachbyreader
    /// Silent on an earlier attachment: left first, also when this one fails; a bad name or number:
    ///   E_INVALIDARG; waits while another holds the card.
    virtual HRESULT STDMETHODCALLTYPE AttachByReader(BSTR bstrReaderName,
                                                     SCARD_SHARE_MODES ShareMode = EXCLUSIVE,
                                                     SCARD_PROTOCOLS PrefProtocol = T0) = 0;
    /// Disconnects, ending every lock first.
    /// @param Disposition what happens to the card
    /// @return S_OK, E_INVALIDARG, MEM, CARD
    /// Page: iscard-detach
    /// Silent on nothing attached: SCARD_E_INVALID_HANDLE; a lock: every level ends, then the disposition
    ///   is applied; another thread's waiting LockSCard() returns.
    virtual HRESULT STDMETHODCALLTYPE Detach(SCARD_DISPOSITIONS Disposition = LEAVE) = 0;
    /// Claims exclusive access to the card. Waits without limit, in order among this library's users.
    /// @return S_OK, MEM, CARD
    /// Page: iscard-lockscard
    /// Silent on waiting, nesting, a reset by others: waits, nests, SCARD_W_RESET_CARD until ReAttach().
    virtual HRESULT STDMETHODCALLTYPE LockSCard() = 0;
    /// Connects anew, which acknowledges a reset or makes one.
    /// @param ShareMode EXCLUSIVE or SHARED
    /// @param InitState LEAVE, RESET, UNPOWER; EJECT is passed on
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_SHARING_VIOLATION, SCARD_E_PROTO_MISMATCH, CARD
    /// Page: iscard-reattach
    /// Silent on locks: all dropped after success, kept after failure; the protocol: any that was
    ///   preferred or is in use.
    virtual HRESULT STDMETHODCALLTYPE ReAttach(SCARD_SHARE_MODES ShareMode = EXCLUSIVE,
                                               SCARD_DISPOSITIONS InitState = LEAVE) = 0;
    /// Sends the command and stores the reply in it. Takes no lock.
    /// @param ppCmd the address of the command, any implementation of ISCardCmd
    /// @return S_OK, E_POINTER, E_INVALIDARG, MEM, SCARD_E_UNSUPPORTED_FEATURE, SCARD_E_PROTO_MISMATCH,
    ///   CARD, BUFFER
    /// Page: iscard-transaction
    /// Silent on the reply on failure: none, it is emptied first; T=0: 61xx and 6Cxx are followed; a node
    ///   address other than 0: SCARD_E_UNSUPPORTED_FEATURE.
    virtual HRESULT STDMETHODCALLTYPE Transaction(LPSCARDCMD* ppCmd) = 0;
    /// Ends one level of lock.
    /// @param Disposition what happens to the card
    /// @return S_OK, E_INVALIDARG, MEM, SCARD_E_NOT_TRANSACTED, SCARD_E_CANT_DISPOSE, CARD
    /// Page: iscard-unlockscard
    /// Silent on without a lock: SCARD_E_NOT_TRANSACTED, the disposition is not applied; a reset
    ///   meanwhile: SCARD_W_RESET_CARD once, the level is ended.
    virtual HRESULT STDMETHODCALLTYPE UnlockSCard(SCARD_DISPOSITIONS Disposition = LEAVE) = 0;

  protected:
    ~ISCard() = default;
};
