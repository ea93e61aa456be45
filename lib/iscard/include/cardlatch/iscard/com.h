#pragma once

// The part of COM that the smart card interfaces need, under Microsoft's names, so that a program written for
// them compiles unchanged. Integer types are pcsc-lite's, as a program may include winscard.h beside this:
// LONG and DWORD are as wide as `long` on Linux. HRESULT has 32 bits everywhere. OLECHAR is wchar_t, 32 bits
// on Linux.
//
// All functions are safe to call from every thread.

#ifdef _WIN32

#include <objbase.h>
#include <oleauto.h>

#define HRESULT_FROM_SCARD(code) ((HRESULT)(code))
#define CARDLATCH_HRESULT(value) ((HRESULT)(value##U))

#else

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
#define HRESULT_FACILITY(hr) (((hr) >> 16) & 0x1FFF)
#define FACILITY_DISPATCH 2
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
#define DISP_E_UNKNOWNINTERFACE CARDLATCH_HRESULT(0x80020001)
#define DISP_E_MEMBERNOTFOUND CARDLATCH_HRESULT(0x80020003)
#define DISP_E_PARAMNOTFOUND CARDLATCH_HRESULT(0x80020004)
#define DISP_E_TYPEMISMATCH CARDLATCH_HRESULT(0x80020005)
#define DISP_E_UNKNOWNNAME CARDLATCH_HRESULT(0x80020006)
#define DISP_E_NONAMEDARGS CARDLATCH_HRESULT(0x80020007)
#define DISP_E_BADVARTYPE CARDLATCH_HRESULT(0x80020008)
#define DISP_E_EXCEPTION CARDLATCH_HRESULT(0x80020009)
#define DISP_E_OVERFLOW CARDLATCH_HRESULT(0x8002000A)
#define DISP_E_BADINDEX CARDLATCH_HRESULT(0x8002000B)
#define DISP_E_ARRAYISLOCKED CARDLATCH_HRESULT(0x8002000D)
#define DISP_E_BADPARAMCOUNT CARDLATCH_HRESULT(0x8002000E)
#define DISP_E_PARAMNOTOPTIONAL CARDLATCH_HRESULT(0x8002000F)
#define CLASS_E_NOAGGREGATION CARDLATCH_HRESULT(0x80040110)
#define CLASS_E_CLASSNOTAVAILABLE CARDLATCH_HRESULT(0x80040111)
#define CO_E_CLASSSTRING CARDLATCH_HRESULT(0x800401F3)
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
extern const IID IID_IClassFactory;
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

/// The base of all smart card interfaces. GetIDsOfNames() and Invoke() serve every method whose parameters
/// are automation types (docs/iscard.md, "Late binding"). There is no type information object here, only on
/// Windows: GetTypeInfoCount() says 0 and GetTypeInfo() answers E_NOTIMPL, as IDispatch's contract wants it
/// then.
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

/// Makes objects of one class.
struct IClassFactory : public IUnknown {
    /// CLASS_E_NOAGGREGATION unless pUnkOuter is NULL, E_POINTER, E_NOINTERFACE, and what the class says.
    virtual HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown* pUnkOuter, REFIID riid, void** ppvObject) = 0;
    /// Keeps DllCanUnloadNow() at S_FALSE while the balance of TRUE and FALSE is above zero; E_UNEXPECTED for
    /// a FALSE too many.
    virtual HRESULT STDMETHODCALLTYPE LockServer(BOOL fLock) = 0;

  protected:
    ~IClassFactory() = default;
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

/// Creates an object of this library, of any class in <cardlatch/scardssp.h>.
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

/// The class object of rclsid: its IClassFactory. Errors as CoCreateInstance(); E_INVALIDARG unless
/// pvReserved is NULL.
HRESULT WINAPI CoGetClassObject(REFCLSID rclsid, DWORD dwClsContext, LPVOID pvReserved, REFIID riid,
                                LPVOID* ppv);

/// `cb` bytes for a result that the caller frees; NULL when memory is out.
LPVOID WINAPI CoTaskMemAlloc(std::size_t cb);
/// Frees what CoTaskMemAlloc() gave; NULL is allowed.
void WINAPI CoTaskMemFree(LPVOID pv);

/// Writes "{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}" and a zero. Returns 39, or 0 when cchMax is less.
int WINAPI StringFromGUID2(REFGUID rguid, LPOLESTR lpsz, int cchMax);
/// Reads what StringFromGUID2() writes, in any case. CO_E_CLASSSTRING, and *pclsid is zero then; E_POINTER.
HRESULT WINAPI CLSIDFromString(LPCOLESTR lpsz, CLSID* pclsid);
}

#endif // _WIN32

extern "C" {
/// What a COM server in a dynamic library exports: the class factory of rclsid. E_POINTER,
/// CLASS_E_CLASSNOTAVAILABLE, E_NOINTERFACE; *ppv is NULL on failure. Needs no CoInitialize().
HRESULT WINAPI DllGetClassObject(REFCLSID rclsid, REFIID riid, LPVOID* ppv);
/// S_OK while there is no object and no lock of a factory, else S_FALSE.
HRESULT WINAPI DllCanUnloadNow();
}

namespace cardlatch::iscard {
/// CoCreateInstance() for programs that do not care about COM: no CoInitialize(), the same errors otherwise.
HRESULT create_object(REFCLSID clsid, REFIID iid, void** out) noexcept;
} // namespace cardlatch::iscard
