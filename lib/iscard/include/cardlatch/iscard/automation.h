#pragma once

// The automation types that the smart card interfaces use: SAFEARRAY and VARIANT, and what
// IDispatch::Invoke() takes and gives. Names, members and numbers are those of oaidl.h and oleauto.h. Only
// arrays of one dimension exist here, and only the element types that the interfaces name: VT_UI1, VT_I4,
// VT_BSTR and VT_VARIANT.

#include <cardlatch/iscard/com.h>

#ifndef _WIN32

using VARTYPE = unsigned short;
using VARIANT_BOOL = short;
using SHORT = short;
using LONGLONG = std::int64_t;
using ULONGLONG = std::uint64_t;
#define VARIANT_TRUE ((VARIANT_BOOL)-1)
#define VARIANT_FALSE ((VARIANT_BOOL)0)

enum VARENUM {
    VT_EMPTY = 0,
    VT_NULL = 1,
    VT_I2 = 2,
    VT_I4 = 3,
    VT_BSTR = 8,
    VT_DISPATCH = 9,
    VT_ERROR = 10,
    VT_BOOL = 11,
    VT_VARIANT = 12,
    VT_UNKNOWN = 13,
    VT_I1 = 16,
    VT_UI1 = 17,
    VT_UI2 = 18,
    VT_UI4 = 19,
    VT_I8 = 20,
    VT_UI8 = 21,
    VT_INT = 22,
    VT_UINT = 23,
    VT_ARRAY = 0x2000,
    VT_BYREF = 0x4000,
};

struct SAFEARRAYBOUND {
    ULONG cElements;
    LONG lLbound;
};
/// An array that knows its length. The element type stands before it, out of sight: SafeArrayGetVartype().
struct tagSAFEARRAY {
    USHORT cDims;
    USHORT fFeatures;
    ULONG cbElements;
    ULONG cLocks;
    void* pvData;
    SAFEARRAYBOUND rgsabound[1];
};
using SAFEARRAY = tagSAFEARRAY;
using LPSAFEARRAY = SAFEARRAY*;

/// One value with its type. A VT_I4 is read and written through lVal, which is as wide as LONG.
struct tagVARIANT {
    VARTYPE vt;
    WORD wReserved1;
    WORD wReserved2;
    WORD wReserved3;
    union {
        LONGLONG llVal;
        LONG lVal;
        BYTE bVal;
        SHORT iVal;
        VARIANT_BOOL boolVal;
        SCODE scode;
        BSTR bstrVal;
        IUnknown* punkVal;
        IDispatch* pdispVal;
        SAFEARRAY* parray;
        BYTE* pbVal;
        SHORT* piVal;
        LONG* plVal;
        LONGLONG* pllVal;
        VARIANT_BOOL* pboolVal;
        BSTR* pbstrVal;
        IUnknown** ppunkVal;
        IDispatch** ppdispVal;
        SAFEARRAY** pparray;
        tagVARIANT* pvarVal;
        void* byref;
        char cVal;
        USHORT uiVal;
        ULONG ulVal;
        ULONGLONG ullVal;
        INT intVal;
        UINT uintVal;
        USHORT* puiVal;
        ULONG* pulVal;
        ULONGLONG* pullVal;
        INT* pintVal;
        UINT* puintVal;
    };
};
using VARIANTARG = VARIANT;

struct tagDISPPARAMS {
    VARIANTARG* rgvarg; ///< last argument first
    DISPID* rgdispidNamedArgs;
    UINT cArgs;
    UINT cNamedArgs;
};
/// Why a method failed that Invoke() called: scode is what the method returned, bstrSource the interface,
/// bstrDescription the method and the reason. The strings are the caller's. The rest stays zero.
struct tagEXCEPINFO {
    WORD wCode;
    WORD wReserved;
    BSTR bstrSource;
    BSTR bstrDescription;
    BSTR bstrHelpFile;
    DWORD dwHelpContext;
    void* pvReserved;
    HRESULT (*pfnDeferredFillIn)(tagEXCEPINFO*);
    SCODE scode;
};

#define DISPATCH_METHOD 0x1
#define DISPATCH_PROPERTYGET 0x2
#define DISPATCH_PROPERTYPUT 0x4
#define DISPATCH_PROPERTYPUTREF 0x8
#define DISPID_UNKNOWN (-1)
#define DISPID_PROPERTYPUT (-3)

using HGLOBAL = void*;
#define GMEM_FIXED 0x0000
#define GMEM_MOVEABLE 0x0002
#define GMEM_ZEROINIT 0x0040

extern "C" {
extern const IID IID_NULL;

/// An array of `cElements` empty elements; NULL for an element type that is not offered and when memory is
/// out.
SAFEARRAY* WINAPI SafeArrayCreateVector(VARTYPE vt, LONG lLbound, ULONG cElements);
/// As above, with cDims 1; NULL for any other number of dimensions.
SAFEARRAY* WINAPI SafeArrayCreate(VARTYPE vt, UINT cDims, SAFEARRAYBOUND* rgsabound);
/// Frees the array and its strings, objects and variants. DISP_E_ARRAYISLOCKED while data are being accessed.
HRESULT WINAPI SafeArrayDestroy(SAFEARRAY* psa);
/// A copy with copies of the elements. E_POINTER, E_INVALIDARG, E_OUTOFMEMORY.
HRESULT WINAPI SafeArrayCopy(SAFEARRAY* psa, SAFEARRAY** ppsaOut);
/// The elements, until SafeArrayUnaccessData(). Counts. E_INVALIDARG, E_POINTER.
HRESULT WINAPI SafeArrayAccessData(SAFEARRAY* psa, void** ppvData);
/// E_INVALIDARG; E_UNEXPECTED when nobody accesses the data.
HRESULT WINAPI SafeArrayUnaccessData(SAFEARRAY* psa);
/// Number of dimensions: 1; 0 for NULL.
UINT WINAPI SafeArrayGetDim(SAFEARRAY* psa);
/// Bytes of one element; 0 for NULL.
UINT WINAPI SafeArrayGetElemsize(SAFEARRAY* psa);
/// First and last index (the last is below the first in an empty array) of dimension 1. DISP_E_BADINDEX.
HRESULT WINAPI SafeArrayGetLBound(SAFEARRAY* psa, UINT nDim, LONG* plLbound);
HRESULT WINAPI SafeArrayGetUBound(SAFEARRAY* psa, UINT nDim, LONG* plUbound);
HRESULT WINAPI SafeArrayGetVartype(SAFEARRAY* psa, VARTYPE* pvt);
/// A copy of one element out of or into the array; strings and objects are copied and counted.
/// DISP_E_BADINDEX, E_INVALIDARG, E_OUTOFMEMORY.
HRESULT WINAPI SafeArrayGetElement(SAFEARRAY* psa, LONG* rgIndices, void* pv);
HRESULT WINAPI SafeArrayPutElement(SAFEARRAY* psa, LONG* rgIndices, void* pv);

void WINAPI VariantInit(VARIANTARG* pvarg);
/// Frees what the variant owns; what a VT_BYREF points at is not its own. DISP_E_BADVARTYPE, E_INVALIDARG.
HRESULT WINAPI VariantClear(VARIANTARG* pvarg);
/// Clears *pvargDest, then copies. DISP_E_BADVARTYPE, E_INVALIDARG, E_OUTOFMEMORY.
HRESULT WINAPI VariantCopy(VARIANTARG* pvargDest, const VARIANTARG* pvargSrc);

/// A block of `dwBytes` bytes behind a handle; zero with GMEM_ZEROINIT. NULL when memory is out.
HGLOBAL WINAPI GlobalAlloc(UINT uFlags, std::size_t dwBytes);
/// The block's address, which does not move; NULL for NULL.
LPVOID WINAPI GlobalLock(HGLOBAL hMem);
/// Does nothing here, as blocks do not move; 0.
BOOL WINAPI GlobalUnlock(HGLOBAL hMem);
std::size_t WINAPI GlobalSize(HGLOBAL hMem);
/// NULL when the block was freed.
HGLOBAL WINAPI GlobalFree(HGLOBAL hMem);
}

#endif // _WIN32
