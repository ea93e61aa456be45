#include "scard_type_conv.hpp"

#include "byte_buffer.hpp"
#include "guard.hpp"
#include "memory_stream.hpp"
#include "safe_array.hpp"

#include <algorithm>

namespace cardlatch::iscard {

namespace {

constexpr std::size_t k_max_size = MemoryStream::k_max_size;

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class SCardTypeConv final : public DispatchObject<SCardTypeConv, ISCardTypeConv, IID_ISCardTypeConv> {
  public:
    HRESULT STDMETHODCALLTYPE ConvertByteArrayToByteBuffer(LPBYTE pbyArray, DWORD dwArraySize,
                                                           LPBYTEBUFFER* ppbyBuffer) noexcept override {
        if (ppbyBuffer == nullptr) {
            return E_POINTER;
        }
        *ppbyBuffer = nullptr;
        if (pbyArray == nullptr) {
            return E_POINTER;
        }
        if (dwArraySize > k_max_size) {
            return E_INVALIDARG;
        }
        return guard([&] { return give_bytes(ByteView(pbyArray, dwArraySize), ppbyBuffer); });
    }

    HRESULT STDMETHODCALLTYPE ConvertByteBufferToByteArray(LPBYTEBUFFER pbyBuffer,
                                                           LPBYTEARRAY* ppArray) noexcept override {
        return convert(pbyBuffer, ppArray, [&](ByteView bytes) -> HRESULT {
            auto* const array = static_cast<LPBYTEARRAY>(CoTaskMemAlloc(sizeof(BYTEARRAY)));
            auto* const memory =
                GlobalAlloc(GMEM_MOVEABLE | GMEM_ZEROINIT, std::max<std::size_t>(bytes.size(), 1));
            auto* const data = memory == nullptr ? nullptr : static_cast<BYTE*>(GlobalLock(memory));
            if (array == nullptr || data == nullptr) {
                GlobalFree(memory);
                CoTaskMemFree(array);
                return E_OUTOFMEMORY;
            }
            std::copy(bytes.begin(), bytes.end(), data);
            *array = {memory, static_cast<DWORD>(bytes.size()), data};
            *ppArray = array;
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE ConvertByteBufferToSafeArray(LPBYTEBUFFER pbyBuffer,
                                                           LPSAFEARRAY* ppbyArray) noexcept override {
        return convert(pbyBuffer, ppbyArray,
                       [&](ByteView bytes) { return give_byte_array(bytes, ppbyArray); });
    }

    HRESULT STDMETHODCALLTYPE ConvertSafeArrayToByteBuffer(LPSAFEARRAY pbyArray,
                                                           LPBYTEBUFFER* ppbyBuff) noexcept override {
        if (ppbyBuff == nullptr) {
            return E_POINTER;
        }
        *ppbyBuff = nullptr;
        if (pbyArray == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            Bytes bytes;
            const auto hr = take_byte_array(pbyArray, bytes);
            return FAILED(hr) ? hr : give_bytes(bytes, ppbyBuff);
        });
    }

    HRESULT STDMETHODCALLTYPE CreateByteArray(DWORD dwAllocSize, LPBYTE* ppbyArray) noexcept override {
        if (ppbyArray == nullptr) {
            return E_POINTER;
        }
        *ppbyArray = nullptr;
        if (dwAllocSize > k_max_size) {
            return E_INVALIDARG;
        }
        auto* const bytes = static_cast<LPBYTE>(CoTaskMemAlloc(dwAllocSize));
        if (bytes == nullptr) {
            return E_OUTOFMEMORY;
        }
        std::fill_n(bytes, dwAllocSize, BYTE{0});
        *ppbyArray = bytes;
        return S_OK;
    }

    HRESULT STDMETHODCALLTYPE CreateByteBuffer(DWORD dwAllocSize, LPBYTEBUFFER* ppbyBuff) noexcept override {
        if (ppbyBuff == nullptr) {
            return E_POINTER;
        }
        *ppbyBuff = nullptr;
        if (dwAllocSize > k_max_size) {
            return E_INVALIDARG;
        }
        return guard([&] { return give_bytes(Bytes(dwAllocSize), ppbyBuff); });
    }

    HRESULT STDMETHODCALLTYPE CreateSafeArray(UINT nAllocSize, LPSAFEARRAY* ppArray) noexcept override {
        if (ppArray == nullptr) {
            return E_POINTER;
        }
        *ppArray = nullptr;
        if (nAllocSize > k_max_size) {
            return E_INVALIDARG;
        }
        *ppArray = SafeArrayCreateVector(VT_UI1, 0, nAllocSize);
        return *ppArray == nullptr ? E_OUTOFMEMORY : S_OK;
    }

    HRESULT STDMETHODCALLTYPE FreeIStreamMemoryPtr(LPSTREAM pStrm, LPBYTE pMem) noexcept override {
        if (pStrm == nullptr || pMem == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            const auto stream = MemoryStream::behind(pStrm);
            if (!stream || !stream->unpin(pMem)) {
                return E_INVALIDARG;
            }
            pStrm->Release(); // the reference that GetAtIStreamMemory() added
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE GetAtIStreamMemory(LPSTREAM pStrm, LPBYTEARRAY* ppMem) noexcept override {
        if (ppMem == nullptr) {
            return E_POINTER;
        }
        *ppMem = nullptr;
        if (pStrm == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            const auto stream = MemoryStream::behind(pStrm);
            if (!stream) {
                return E_INVALIDARG; // somebody else's stream: what its bytes lie in is not known
            }
            auto* const array = static_cast<LPBYTEARRAY>(CoTaskMemAlloc(sizeof(BYTEARRAY)));
            if (array == nullptr) {
                return E_OUTOFMEMORY;
            }
            const auto bytes = stream->pin();
            pStrm->AddRef();
            *array = {nullptr, static_cast<DWORD>(bytes.size()), bytes.data()};
            *ppMem = array;
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE SizeOfIStream(LPSTREAM pStrm, ULARGE_INTEGER* puliSize) noexcept override {
        if (puliSize == nullptr) {
            return E_INVALIDARG; // the one page that assigns the codes to the parameters
        }
        puliSize->QuadPart = 0;
        if (pStrm == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            STATSTG stat{};
            if (FAILED(pStrm->Stat(&stat, STATFLAG_NONAME))) {
                return E_FAIL;
            }
            *puliSize = stat.cbSize;
            return S_OK;
        });
    }

  private:
    /// Clears the output and hands over the buffer's bytes.
    template <class T, class Give>
    HRESULT convert(LPBYTEBUFFER buffer, T** out, Give&& give) noexcept {
        if (out == nullptr) {
            return E_POINTER;
        }
        *out = nullptr;
        if (buffer == nullptr) {
            return E_POINTER;
        }
        return guard([&]() -> HRESULT {
            Bytes bytes;
            const auto hr = take_bytes(buffer, k_max_size, bytes);
            return FAILED(hr) ? hr : give(bytes);
        });
    }
};

} // namespace

ComPtr<ISCardTypeConv> new_scard_type_conv() {
    return ComPtr<ISCardTypeConv>(new SCardTypeConv());
}

} // namespace cardlatch::iscard
