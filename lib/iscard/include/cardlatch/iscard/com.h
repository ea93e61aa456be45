#pragma once

// The part of COM that the smart card interfaces need, under Microsoft's names, so that a program written for
// them compiles unchanged. Integer types are pcsc-lite's, as a program may include winscard.h beside this:
// LONG and DWORD are as wide as `long` on Linux. HRESULT has 32 bits everywhere. OLECHAR is wchar_t, 32 bits
// on Linux.
//
// All functions are safe to call from every thread.

#include <PCSC/wintypes.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifndef STDMETHODCALLTYPE
#define STDMETHODCALLTYPE
#endif
#ifndef WINAPI
#define WINAPI
#endif

using HRESULT = int;
using SCODE = HRESULT;
using INT = int;
using UINT = unsigned int;
using ULONG_PTR = std::uintptr_t;
using LCID = DWORD;
using DISPID = LONG;
using OLECHAR = wchar_t;
using LPOLESTR = OLECHAR*;
using LPCOLESTR = const OLECHAR*;
/// A counted string from SysAllocString(): the four bytes before the first character hold its length in
/// bytes.
using BSTR = OLECHAR*;

#define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#define FAILED(hr) ((HRESULT)(hr) < 0)
/// A code of pcsc-lite's headers as the HRESULT that the interfaces return. pcsc-lite's SCARD_ macros are
/// positive 64-bit numbers on 64-bit Linux, so `hr == SCARD_W_RESET_CARD` is never true there; this is right
/// everywhere. The header cardlatch/iscard/scarderr.h has the codes as HRESULTs for programs without
/// winscard.h.
#define HRESULT_FROM_SCARD(code) ((HRESULT)(code))

#define CARDLATCH_HRESULT(value) ((HRESULT)(value##U))
#define S_OK CARDLATCH_HRESULT(0x00000000)
#define S_FALSE CARDLATCH_HRESULT(0x00000001)
#define E_NOTIMPL CARDLATCH_HRESULT(0x80004001)
#define E_NOINTERFACE CARDLATCH_HRESULT(0x80004002)
#define E_POINTER CARDLATCH_HRESULT(0x80004003)
#define E_ABORT CARDLATCH_HRESULT(0x80004004)
#define E_FAIL CARDLATCH_HRESULT(0x80004005)
#define E_UNEXPECTED CARDLATCH_HRESULT(0x8000FFFF)
#define E_ACCESSDENIED CARDLATCH_HRESULT(0x80070005)
#define E_OUTOFMEMORY CARDLATCH_HRESULT(0x8007000E)
#define E_INVALIDARG CARDLATCH_HRESULT(0x80070057)
#define CLASS_E_NOAGGREGATION CARDLATCH_HRESULT(0x80040110)
#define REGDB_E_CLASSNOTREG CARDLATCH_HRESULT(0x80040154)
#define CO_E_NOTINITIALIZED CARDLATCH_HRESULT(0x800401F0)
#define RPC_E_CHANGED_MODE CARDLATCH_HRESULT(0x80010106)
#define STG_E_INVALIDFUNCTION CARDLATCH_HRESULT(0x80030001)
#define STG_E_INVALIDPOINTER CARDLATCH_HRESULT(0x80030009)
#define STG_E_LOCKVIOLATION CARDLATCH_HRESULT(0x80030021)
#define STG_E_MEDIUMFULL CARDLATCH_HRESULT(0x80030070)

struct GUID {
    std::uint32_t Data1;
    std::uint16_t Data2;
    std::uint16_t Data3;
    std::uint8_t Data4[8];
};
using IID = GUID;
using CLSID = GUID;
using REFGUID = const GUID&;
using REFIID = const IID&;
using REFCLSID = const CLSID&;
using LPGUID = GUID*;

inline bool operator==(REFGUID a, REFGUID b) {
    return std::memcmp(&a, &b, sizeof(GUID)) == 0;
}
inline bool operator!=(REFGUID a, REFGUID b) {
    return !(a == b);
}
inline bool IsEqualGUID(REFGUID a, REFGUID b) {
    return a == b;
}
inline bool IsEqualIID(REFIID a, REFIID b) {
    return a == b;
}

extern "C" {
extern const IID IID_IUnknown;
extern const IID IID_IDispatch;
}

struct ITypeInfo;
struct tagDISPPARAMS;
struct tagVARIANT;
struct tagEXCEPINFO;
using DISPPARAMS = tagDISPPARAMS;
using VARIANT = tagVARIANT;
using EXCEPINFO = tagEXCEPINFO;

struct IUnknown {
    virtual HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void** ppvObject) = 0;
    virtual ULONG STDMETHODCALLTYPE AddRef() = 0;
    virtual ULONG STDMETHODCALLTYPE Release() = 0;

  protected:
    ~IUnknown() = default; // Release() is the only way to end an object; nothing is added to the vtable
};
using LPUNKNOWN = IUnknown*;

/// The base of all smart card interfaces. Late binding is not offered yet: GetTypeInfoCount() says 0, and
/// GetTypeInfo(), GetIDsOfNames() and Invoke() answer E_NOTIMPL.
struct IDispatch : public IUnknown {
    virtual HRESULT STDMETHODCALLTYPE GetTypeInfoCount(UINT* pctinfo) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetTypeInfo(UINT iTInfo, LCID lcid, ITypeInfo** ppTInfo) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetIDsOfNames(REFIID riid, LPOLESTR* rgszNames, UINT cNames, LCID lcid,
                                                    DISPID* rgDispId) = 0;
    virtual HRESULT STDMETHODCALLTYPE Invoke(DISPID dispIdMember, REFIID riid, LCID lcid, WORD wFlags,
                                             DISPPARAMS* pDispParams, VARIANT* pVarResult,
                                             EXCEPINFO* pExcepInfo, UINT* puArgErr) = 0;

  protected:
    ~IDispatch() = default;
};

enum tagCLSCTX {
    CLSCTX_INPROC_SERVER = 0x1,
    CLSCTX_INPROC_HANDLER = 0x2,
    CLSCTX_LOCAL_SERVER = 0x4,
    CLSCTX_REMOTE_SERVER = 0x10,
};
#define CLSCTX_INPROC (CLSCTX_INPROC_SERVER | CLSCTX_INPROC_HANDLER)
#define CLSCTX_SERVER (CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER | CLSCTX_REMOTE_SERVER)
#define CLSCTX_ALL (CLSCTX_INPROC_HANDLER | CLSCTX_SERVER)

enum tagCOINIT {
    COINIT_MULTITHREADED = 0x0,
    COINIT_APARTMENTTHREADED = 0x2,
    COINIT_DISABLE_OLE1DDE = 0x4,
    COINIT_SPEED_OVER_MEMORY = 0x8,
};

extern "C" {

/// CoInitializeEx(pvReserved, COINIT_APARTMENTTHREADED).
HRESULT WINAPI CoInitialize(LPVOID pvReserved);

/// Allows this thread to create objects. S_OK the first time, S_FALSE when it already may; each is undone by
/// one CoUninitialize(). E_INVALIDARG unless pvReserved is NULL; RPC_E_CHANGED_MODE when the thread is
/// initialised for the other threading model. The model has no further meaning: objects are called directly
/// on every thread.
HRESULT WINAPI CoInitializeEx(LPVOID pvReserved, DWORD dwCoInit);

/// Undoes one successful CoInitialize() or CoInitializeEx() of this thread. Objects live on.
void WINAPI CoUninitialize();

/// Creates an object of this library: CLSID_CSCard, CLSID_CSCardCmd, CLSID_CByteBuffer.
/// E_POINTER; CO_E_NOTINITIALIZED when neither this thread is initialised nor any thread is for the
/// multithreaded model, as in Windows; REGDB_E_CLASSNOTREG; CLASS_E_NOAGGREGATION unless pUnkOuter is NULL;
/// E_NOINTERFACE; and what the class says, for CSCard a smart card code when there is no resource manager.
/// *ppv is NULL on failure.
HRESULT WINAPI CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid,
                                LPVOID* ppv);

/// A copy of a zero-terminated string; NULL for NULL and when memory is out.
BSTR WINAPI SysAllocString(const OLECHAR* psz);
/// A string of `ui` characters, copied from strIn unless that is NULL, with a zero after it.
BSTR WINAPI SysAllocStringLen(const OLECHAR* strIn, UINT ui);
/// A string of `len` bytes, copied from psz unless that is NULL, with a zero character after it.
BSTR WINAPI SysAllocStringByteLen(LPCSTR psz, UINT len);
/// Replaces *pbstr by a copy of psz (which may be part of *pbstr). Returns 0 when memory is out, and changes
/// nothing then.
INT WINAPI SysReAllocString(BSTR* pbstr, const OLECHAR* psz);
/// Frees a string; NULL is allowed.
void WINAPI SysFreeString(BSTR bstrString);
/// Length in characters, without the terminating zero; 0 for NULL.
UINT WINAPI SysStringLen(BSTR pbstr);
/// Length in bytes, without the terminating zero; 0 for NULL.
UINT WINAPI SysStringByteLen(BSTR bstr);
}
