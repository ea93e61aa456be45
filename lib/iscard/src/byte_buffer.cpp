#include "byte_buffer.hpp"

#include "guard.hpp"
#include "memory_stream.hpp"

#include <algorithm>
#include <limits>
#include <mutex>

namespace cardlatch::iscard {

namespace {

/// The automation face of an IStream: signed 32-bit sizes become unsigned ones, everything else passes
/// through.
// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class ByteBuffer final : public DispatchObject<ByteBuffer, IByteBuffer, IID_IByteBuffer> {
  public:
    ByteBuffer() = default;
    explicit ByteBuffer(ComPtr<IStream> stream)
        : stream_(std::move(stream)) {}

    HRESULT STDMETHODCALLTYPE get_Stream(LPSTREAM* ppStream) noexcept override {
        if (ppStream == nullptr) {
            return E_POINTER;
        }
        *ppStream = stream().detach();
        return *ppStream != nullptr ? S_OK : E_UNEXPECTED;
    }

    HRESULT STDMETHODCALLTYPE put_Stream(LPSTREAM pStream) noexcept override {
        if (pStream == nullptr) {
            return E_POINTER;
        }
        set_stream(ComPtr<IStream>::share(pStream));
        return S_OK;
    }

    HRESULT STDMETHODCALLTYPE Clone(LPBYTEBUFFER* ppByteBuffer) noexcept override {
        if (ppByteBuffer == nullptr) {
            return E_POINTER;
        }
        *ppByteBuffer = nullptr;
        return with_stream([&](IStream& stream) -> HRESULT {
            ComPtr<IStream> clone;
            if (const auto hr = stream.Clone(clone.receive()); FAILED(hr)) {
                return hr;
            }
            *ppByteBuffer =
                new ByteBuffer(std::move(clone)); // NOLINT(bugprone-unhandled-exception-at-new): guard
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE Commit(LONG grfCommitFlags) noexcept override {
        return with_stream(
            [&](IStream& stream) { return stream.Commit(static_cast<DWORD>(grfCommitFlags)); });
    }

    HRESULT STDMETHODCALLTYPE CopyTo(LPBYTEBUFFER* ppByteBuffer, LONG cb, LONG* pcbRead,
                                     LONG* pcbWritten) noexcept override {
        put(pcbRead, 0);
        put(pcbWritten, 0);
        if (ppByteBuffer == nullptr) {
            return E_POINTER;
        }
        if (*ppByteBuffer == nullptr || cb < 0) {
            return E_INVALIDARG;
        }
        return with_stream([&](IStream& stream) -> HRESULT {
            ComPtr<IStream> target;
            if (const auto hr = (*ppByteBuffer)->get_Stream(target.receive()); FAILED(hr)) {
                return hr;
            }
            ULARGE_INTEGER count{};
            count.QuadPart = static_cast<std::uint64_t>(cb);
            ULARGE_INTEGER read{};
            ULARGE_INTEGER written{};
            const auto hr = stream.CopyTo(target.get(), count, &read, &written);
            put(pcbRead, read.QuadPart);
            put(pcbWritten, written.QuadPart);
            return hr;
        });
    }

    HRESULT STDMETHODCALLTYPE Initialize(LONG lSize, BYTE* pData) noexcept override {
        if (lSize < 0 || static_cast<std::uint64_t>(lSize) > MemoryStream::k_max_size) {
            return E_INVALIDARG;
        }
        return guard([&]() -> HRESULT {
            Bytes bytes(static_cast<std::size_t>(lSize));
            if (pData != nullptr) {
                std::copy_n(pData, bytes.size(), bytes.begin());
            }
            ComPtr<IStream> fresh(
                new MemoryStream(std::move(bytes))); // NOLINT(bugprone-unhandled-exception-at-new): guard
            set_stream(std::move(fresh));
            return S_OK;
        });
    }

    HRESULT STDMETHODCALLTYPE LockRegion(LONG libOffset, LONG cb, LONG dwLockType) noexcept override {
        return region(&IStream::LockRegion, libOffset, cb, dwLockType);
    }

    HRESULT STDMETHODCALLTYPE Read(BYTE* pByte, LONG cb, LONG* pcbRead) noexcept override {
        return transfer(&IStream::Read, pByte, cb, pcbRead);
    }

    HRESULT STDMETHODCALLTYPE Revert() noexcept override {
        return with_stream([&](IStream& stream) { return stream.Revert(); });
    }

    HRESULT STDMETHODCALLTYPE Seek(LONG dLibMove, LONG dwOrigin, LONG* pLibnewPosition) noexcept override {
        put(pLibnewPosition, 0);
        return with_stream([&](IStream& stream) {
            LARGE_INTEGER move{};
            // From the start, the 32 bits of the offset are an unsigned number.
            move.QuadPart =
                dwOrigin == STREAM_SEEK_SET && dLibMove < 0 ? unsigned_offset(dLibMove) : dLibMove;
            ULARGE_INTEGER position{};
            const auto hr = stream.Seek(move, static_cast<DWORD>(dwOrigin), &position);
            if (SUCCEEDED(hr)) {
                put(pLibnewPosition, position.QuadPart);
            }
            return hr;
        });
    }

    HRESULT STDMETHODCALLTYPE SetSize(LONG libNewSize) noexcept override {
        if (libNewSize < 0) {
            return E_INVALIDARG;
        }
        return with_stream([&](IStream& stream) {
            ULARGE_INTEGER size{};
            size.QuadPart = static_cast<std::uint64_t>(libNewSize);
            return stream.SetSize(size);
        });
    }

    HRESULT STDMETHODCALLTYPE Stat(LPSTATSTRUCT pstatstg, LONG /*grfStatFlag*/) noexcept override {
        if (pstatstg == nullptr) {
            return E_POINTER;
        }
        *pstatstg = STATSTRUCT{};
        return with_stream([&](IStream& stream) {
            STATSTG full{};
            const auto hr = stream.Stat(&full, STATFLAG_NONAME); // there is no place for a name
            if (SUCCEEDED(hr)) {
                pstatstg->type = static_cast<LONG>(full.type);
                put(&pstatstg->cbSize, full.cbSize.QuadPart);
                pstatstg->grfMode = static_cast<LONG>(full.grfMode);
                pstatstg->grfLocksSupported = static_cast<LONG>(full.grfLocksSupported);
                pstatstg->grfStateBits = static_cast<LONG>(full.grfStateBits);
            }
            return hr;
        });
    }

    HRESULT STDMETHODCALLTYPE UnlockRegion(LONG libOffset, LONG cb, LONG dwLockType) noexcept override {
        return region(&IStream::UnlockRegion, libOffset, cb, dwLockType);
    }

    HRESULT STDMETHODCALLTYPE Write(BYTE* pByte, LONG cb, LONG* pcbWritten) noexcept override {
        return transfer(&IStream::Write, pByte, cb, pcbWritten);
    }

  private:
    using RegionCall = HRESULT (IStream::*)(ULARGE_INTEGER, ULARGE_INTEGER, DWORD);

    /// LONG has 32 bits in the documentation; where it has more, a larger value is kept.
    static void put(LONG* out, std::uint64_t value) {
        if (out != nullptr) {
            *out = static_cast<LONG>(std::min<std::uint64_t>(value, std::numeric_limits<LONG>::max()));
        }
    }

    static std::int64_t unsigned_offset(LONG offset) { return static_cast<std::uint32_t>(offset); }

    template <class Data>
    HRESULT transfer(HRESULT (STDMETHODCALLTYPE ISequentialStream::*call)(Data*, ULONG, ULONG*), BYTE* bytes,
                     LONG size, LONG* transferred) noexcept {
        put(transferred, 0);
        if (bytes == nullptr) {
            return E_POINTER;
        }
        if (size < 0) {
            return E_INVALIDARG;
        }
        return with_stream([&](IStream& stream) {
            ULONG count = 0;
            const auto hr = (stream.*call)(bytes, static_cast<ULONG>(size), &count);
            put(transferred, count);
            return hr;
        });
    }

    HRESULT region(RegionCall call, LONG offset, LONG size, LONG type) noexcept {
        if (offset < 0 || size < 0) {
            return E_INVALIDARG;
        }
        return with_stream([&](IStream& stream) {
            ULARGE_INTEGER from{};
            ULARGE_INTEGER count{};
            from.QuadPart = static_cast<std::uint64_t>(offset);
            count.QuadPart = static_cast<std::uint64_t>(size);
            return (stream.*call)(from, count, static_cast<DWORD>(type));
        });
    }

    template <class Body>
    HRESULT with_stream(Body&& body) noexcept {
        const auto present = stream();
        return present ? guard([&]() -> HRESULT { return body(*present.get()); }) : E_UNEXPECTED;
    }

    ComPtr<IStream> stream() const {
        const std::lock_guard lock(mutex_);
        return stream_;
    }

    void set_stream(ComPtr<IStream> stream) {
        const std::lock_guard lock(mutex_);
        std::swap(stream_, stream);
        // The old stream is released by the parameter, after the lock: it may be anybody's object.
    }

    mutable std::mutex mutex_;
    ComPtr<IStream> stream_;
};

} // namespace

ComPtr<IByteBuffer> new_byte_buffer() {
    return ComPtr<IByteBuffer>(new ByteBuffer());
}

HRESULT give_bytes(ByteView bytes, IByteBuffer** out) {
    ComPtr<IStream> stream(new MemoryStream(Bytes(bytes.begin(), bytes.end())));
    *out = new ByteBuffer(std::move(stream));
    return S_OK;
}

HRESULT take_bytes(IByteBuffer* buffer, std::size_t longest, Bytes& out) {
    STATSTRUCT stat{};
    if (const auto hr = buffer->Stat(&stat, STATFLAG_NONAME); FAILED(hr)) {
        return hr;
    }
    if (stat.cbSize < 0 || static_cast<std::size_t>(stat.cbSize) > longest) {
        return E_INVALIDARG;
    }
    out.assign(static_cast<std::size_t>(stat.cbSize), 0);
    if (out.empty()) {
        return S_OK;
    }
    LONG stood_at = 0;
    if (const auto hr = buffer->Seek(0, STREAM_SEEK_CUR, &stood_at); FAILED(hr)) {
        return hr;
    }
    LONG count = 0;
    auto hr = buffer->Seek(0, STREAM_SEEK_SET);
    if (SUCCEEDED(hr)) {
        hr = buffer->Read(out.data(), static_cast<LONG>(out.size()), &count);
    }
    const auto back = buffer->Seek(stood_at, STREAM_SEEK_SET);
    if (FAILED(hr)) {
        return hr;
    }
    out.resize(static_cast<std::size_t>(std::clamp<LONG>(count, 0, stat.cbSize)));
    return FAILED(back) ? back : S_OK;
}

} // namespace cardlatch::iscard
