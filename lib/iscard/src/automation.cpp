#include <cardlatch/iscard/automation.h>

#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr USHORT k_have_vartype = 0x0080; // FADF_HAVEVARTYPE

/// An array together with the element type that stands before it.
struct Allocation {
    std::uint64_t vartype; // as wide as the alignment of what follows
    SAFEARRAY array;
};

Allocation* allocation_of(SAFEARRAY* array) {
    return reinterpret_cast<Allocation*>(reinterpret_cast<char*>(array) - offsetof(Allocation, array));
}
VARTYPE vartype_of(SAFEARRAY* array) {
    return static_cast<VARTYPE>(allocation_of(array)->vartype);
}

ULONG element_size(VARTYPE vt) {
    switch (vt) {
    case VT_UI1:
        return 1;
    case VT_I4:
        return sizeof(LONG);
    case VT_BSTR:
        return sizeof(BSTR);
    case VT_VARIANT:
        return sizeof(VARIANT);
    default:
        return 0;
    }
}

void* element(SAFEARRAY* array, ULONG index) {
    return static_cast<char*>(array->pvData) + std::size_t{index} * array->cbElements;
}

/// Copies one element over an empty one.
HRESULT copy_element(VARTYPE vt, ULONG size, void* to, const void* from) {
    if (vt == VT_BSTR) {
        auto* const string = *static_cast<const BSTR*>(from);
        auto* const copy = SysAllocStringByteLen(reinterpret_cast<LPCSTR>(string), SysStringByteLen(string));
        *static_cast<BSTR*>(to) = copy;
        return copy == nullptr ? E_OUTOFMEMORY : S_OK;
    }
    if (vt == VT_VARIANT) {
        VariantInit(static_cast<VARIANT*>(to));
        return VariantCopy(static_cast<VARIANT*>(to), static_cast<const VARIANT*>(from));
    }
    std::memcpy(to, from, size);
    return S_OK;
}

void clear_element(VARTYPE vt, void* at) {
    if (vt == VT_BSTR) {
        SysFreeString(*static_cast<BSTR*>(at));
        *static_cast<BSTR*>(at) = nullptr;
    } else if (vt == VT_VARIANT) {
        VariantClear(static_cast<VARIANT*>(at));
    }
}

/// The position of an index; false when there is none.
bool position(SAFEARRAY* array, const LONG* index, ULONG& out) {
    const auto& bound = array->rgsabound[0];
    const auto at = static_cast<std::int64_t>(*index) - static_cast<std::int64_t>(bound.lLbound);
    out = static_cast<ULONG>(at);
    return at >= 0 && static_cast<ULONG>(at) < bound.cElements;
}

/// A block of GlobalAlloc(): its size, then its bytes.
struct alignas(std::max_align_t) Block {
    std::size_t size;
};

bool owns_nothing(VARTYPE vt) {
    switch (vt) {
    case VT_EMPTY:
    case VT_NULL:
    case VT_I1:
    case VT_I2:
    case VT_I4:
    case VT_I8:
    case VT_INT:
    case VT_UI1:
    case VT_UI2:
    case VT_UI4:
    case VT_UI8:
    case VT_UINT:
    case VT_BOOL:
    case VT_ERROR:
        return true;
    default:
        return (vt & VT_BYREF) != 0;
    }
}

} // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc): these are the allocators that COM names
extern "C" {

SAFEARRAY* WINAPI SafeArrayCreateVector(VARTYPE vt, LONG lLbound, ULONG cElements) {
    const auto size = element_size(vt);
    if (size == 0 || cElements > std::numeric_limits<std::int32_t>::max() / size) {
        return nullptr;
    }
    auto* const made = static_cast<Allocation*>(std::calloc(1, sizeof(Allocation)));
    if (made == nullptr) {
        return nullptr;
    }
    // One byte more, so that the data of an empty array have an address as well.
    void* const data = std::calloc(1, std::size_t{cElements} * size + 1);
    if (data == nullptr) {
        std::free(made);
        return nullptr;
    }
    made->vartype = vt;
    made->array.cDims = 1;
    made->array.fFeatures = k_have_vartype;
    made->array.cbElements = size;
    made->array.pvData = data;
    made->array.rgsabound[0] = {cElements, lLbound};
    return &made->array;
}

SAFEARRAY* WINAPI SafeArrayCreate(VARTYPE vt, UINT cDims, SAFEARRAYBOUND* rgsabound) {
    if (cDims != 1 || rgsabound == nullptr) {
        return nullptr;
    }
    return SafeArrayCreateVector(vt, rgsabound->lLbound, rgsabound->cElements);
}

HRESULT WINAPI SafeArrayDestroy(SAFEARRAY* psa) {
    if (psa == nullptr) {
        return S_OK;
    }
    if (psa->cLocks > 0) {
        return DISP_E_ARRAYISLOCKED;
    }
    for (ULONG i = 0; i < psa->rgsabound[0].cElements; ++i) {
        clear_element(vartype_of(psa), element(psa, i));
    }
    std::free(psa->pvData);
    std::free(allocation_of(psa));
    return S_OK;
}

HRESULT WINAPI SafeArrayCopy(SAFEARRAY* psa, SAFEARRAY** ppsaOut) {
    if (ppsaOut == nullptr) {
        return E_POINTER;
    }
    *ppsaOut = nullptr;
    if (psa == nullptr) {
        return S_OK;
    }
    const auto& bound = psa->rgsabound[0];
    auto* const copy = SafeArrayCreateVector(vartype_of(psa), bound.lLbound, bound.cElements);
    if (copy == nullptr) {
        return E_OUTOFMEMORY;
    }
    for (ULONG i = 0; i < bound.cElements; ++i) {
        if (const auto hr = copy_element(vartype_of(psa), psa->cbElements, element(copy, i), element(psa, i));
            FAILED(hr)) {
            SafeArrayDestroy(copy);
            return hr;
        }
    }
    *ppsaOut = copy;
    return S_OK;
}

HRESULT WINAPI SafeArrayAccessData(SAFEARRAY* psa, void** ppvData) {
    if (ppvData == nullptr) {
        return E_POINTER;
    }
    *ppvData = nullptr;
    if (psa == nullptr) {
        return E_INVALIDARG;
    }
    ++psa->cLocks;
    *ppvData = psa->pvData;
    return S_OK;
}

HRESULT WINAPI SafeArrayUnaccessData(SAFEARRAY* psa) {
    if (psa == nullptr) {
        return E_INVALIDARG;
    }
    if (psa->cLocks == 0) {
        return E_UNEXPECTED;
    }
    --psa->cLocks;
    return S_OK;
}

UINT WINAPI SafeArrayGetDim(SAFEARRAY* psa) {
    return psa == nullptr ? 0 : psa->cDims;
}

UINT WINAPI SafeArrayGetElemsize(SAFEARRAY* psa) {
    return psa == nullptr ? 0 : static_cast<UINT>(psa->cbElements);
}

HRESULT WINAPI SafeArrayGetLBound(SAFEARRAY* psa, UINT nDim, LONG* plLbound) {
    if (psa == nullptr || plLbound == nullptr) {
        return E_INVALIDARG;
    }
    if (nDim != 1) {
        return DISP_E_BADINDEX;
    }
    *plLbound = psa->rgsabound[0].lLbound;
    return S_OK;
}

HRESULT WINAPI SafeArrayGetUBound(SAFEARRAY* psa, UINT nDim, LONG* plUbound) {
    if (const auto hr = SafeArrayGetLBound(psa, nDim, plUbound); FAILED(hr)) {
        return hr;
    }
    *plUbound += static_cast<LONG>(psa->rgsabound[0].cElements) - 1;
    return S_OK;
}

HRESULT WINAPI SafeArrayGetVartype(SAFEARRAY* psa, VARTYPE* pvt) {
    if (psa == nullptr || pvt == nullptr) {
        return E_INVALIDARG;
    }
    *pvt = vartype_of(psa);
    return S_OK;
}

HRESULT WINAPI SafeArrayGetElement(SAFEARRAY* psa, LONG* rgIndices, void* pv) {
    if (psa == nullptr || rgIndices == nullptr || pv == nullptr) {
        return E_INVALIDARG;
    }
    ULONG at = 0;
    if (!position(psa, rgIndices, at)) {
        return DISP_E_BADINDEX;
    }
    return copy_element(vartype_of(psa), psa->cbElements, pv, element(psa, at));
}

HRESULT WINAPI SafeArrayPutElement(SAFEARRAY* psa, LONG* rgIndices, void* pv) {
    if (psa == nullptr || rgIndices == nullptr) {
        return E_INVALIDARG;
    }
    ULONG at = 0;
    if (!position(psa, rgIndices, at)) {
        return DISP_E_BADINDEX;
    }
    const auto vt = vartype_of(psa);
    void* const value = vt == VT_BSTR ? static_cast<void*>(&pv) : pv; // a BSTR is given as itself
    if (value == nullptr) {
        return E_INVALIDARG;
    }
    clear_element(vt, element(psa, at));
    return copy_element(vt, psa->cbElements, element(psa, at), value);
}

void WINAPI VariantInit(VARIANTARG* pvarg) {
    if (pvarg != nullptr) {
        *pvarg = VARIANT{};
    }
}

HRESULT WINAPI VariantClear(VARIANTARG* pvarg) {
    if (pvarg == nullptr) {
        return E_INVALIDARG;
    }
    HRESULT hr = S_OK;
    if ((pvarg->vt & VT_BYREF) == 0) {
        if ((pvarg->vt & VT_ARRAY) != 0) {
            hr = SafeArrayDestroy(pvarg->parray);
        } else if (pvarg->vt == VT_BSTR) {
            SysFreeString(pvarg->bstrVal);
        } else if (pvarg->vt == VT_DISPATCH || pvarg->vt == VT_UNKNOWN) {
            if (pvarg->punkVal != nullptr) {
                pvarg->punkVal->Release();
            }
        } else if (!owns_nothing(pvarg->vt)) {
            hr = DISP_E_BADVARTYPE;
        }
    }
    if (SUCCEEDED(hr)) {
        VariantInit(pvarg);
    }
    return hr;
}

HRESULT WINAPI VariantCopy(VARIANTARG* pvargDest, const VARIANTARG* pvargSrc) {
    if (pvargDest == nullptr || pvargSrc == nullptr) {
        return E_INVALIDARG;
    }
    if (pvargDest == pvargSrc) {
        return S_OK;
    }
    VARIANT copy = *pvargSrc;
    if ((copy.vt & VT_BYREF) == 0) {
        if ((copy.vt & VT_ARRAY) != 0) {
            if (const auto hr = SafeArrayCopy(pvargSrc->parray, &copy.parray); FAILED(hr)) {
                return hr;
            }
        } else if (copy.vt == VT_BSTR) {
            if (const auto hr = copy_element(VT_BSTR, 0, &copy.bstrVal, &pvargSrc->bstrVal); FAILED(hr)) {
                return hr;
            }
        } else if (copy.vt == VT_DISPATCH || copy.vt == VT_UNKNOWN) {
            if (copy.punkVal != nullptr) {
                copy.punkVal->AddRef();
            }
        } else if (!owns_nothing(copy.vt)) {
            return DISP_E_BADVARTYPE;
        }
    }
    if (const auto hr = VariantClear(pvargDest); FAILED(hr)) {
        VariantClear(&copy);
        return hr;
    }
    *pvargDest = copy;
    return S_OK;
}

HGLOBAL WINAPI GlobalAlloc(UINT /*uFlags*/, std::size_t dwBytes) {
    if (dwBytes > std::numeric_limits<std::size_t>::max() - sizeof(Block)) {
        return nullptr;
    }
    auto* const block = static_cast<Block*>(std::calloc(1, sizeof(Block) + dwBytes));
    if (block == nullptr) {
        return nullptr;
    }
    block->size = dwBytes;
    return block + 1;
}

LPVOID WINAPI GlobalLock(HGLOBAL hMem) {
    return hMem;
}

BOOL WINAPI GlobalUnlock(HGLOBAL /*hMem*/) {
    return 0;
}

std::size_t WINAPI GlobalSize(HGLOBAL hMem) {
    return hMem == nullptr ? 0 : (static_cast<Block*>(hMem) - 1)->size;
}

HGLOBAL WINAPI GlobalFree(HGLOBAL hMem) {
    if (hMem != nullptr) {
        std::free(static_cast<Block*>(hMem) - 1);
    }
    return nullptr;
}

LPVOID WINAPI CoTaskMemAlloc(std::size_t cb) {
    return std::malloc(cb == 0 ? 1 : cb);
}

void WINAPI CoTaskMemFree(LPVOID pv) {
    std::free(pv);
}
}
// NOLINTEND(cppcoreguidelines-no-malloc)
