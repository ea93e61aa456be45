#pragma once

#include "com_object.hpp"

#include <cardlatch/base/bytes.hpp>
#include <cardlatch/iscard/stream.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

extern "C" {
/// Known here alone: tells a MemoryStream from other streams.
extern const IID IID_CardlatchMemoryStream;
}

namespace cardlatch::iscard {

/// What a stream and its clones share.
struct SharedBytes {
    struct Region {
        const void* owner;
        std::uint64_t offset;
        std::uint64_t size;
        DWORD type;
        bool operator==(const Region&) const = default;
    };
    SharedBytes() = default;
    SharedBytes(const SharedBytes&) = delete;
    SharedBytes& operator=(const SharedBytes&) = delete;
    ~SharedBytes() { wipe(bytes); } // buffers carry PINs and commands with PINs
    std::mutex mutex;
    Bytes bytes;
    std::vector<Region> regions;
    unsigned pins = 0; ///< pointers into `bytes` that somebody holds; the size stays then
};

/// An IStream in memory, up to 2^31-1 bytes. Clones share the bytes and the region locks, each has its own
/// seek pointer. Thread-safe. Bytes that a growing stream gets are zero. Commit and Revert do nothing, as for
/// any direct stream.
// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and a virtual one would add vtable slots
class MemoryStream final
    : public ComObject<MemoryStream, IStream, IID_ISequentialStream, IID_IStream, IID_CardlatchMemoryStream> {
  public:
    static constexpr std::uint64_t k_max_size = 0x7FFFFFFF;

    explicit MemoryStream(Bytes bytes);
    MemoryStream(std::shared_ptr<SharedBytes> shared, std::uint64_t position);
    ~MemoryStream();

    /// The MemoryStream that `stream` is; empty for somebody else's.
    static ComPtr<MemoryStream> behind(IStream* stream) noexcept;
    /// The bytes where they lie. Until unpin(), whatever would change their number is STG_E_LOCKVIOLATION.
    std::span<BYTE> pin();
    /// Ends one pin() that gave `bytes`; false when there is none.
    bool unpin(const BYTE* bytes) noexcept;

    HRESULT STDMETHODCALLTYPE Read(void* pv, ULONG cb, ULONG* pcbRead) noexcept override;
    HRESULT STDMETHODCALLTYPE Write(const void* pv, ULONG cb, ULONG* pcbWritten) noexcept override;
    HRESULT STDMETHODCALLTYPE Seek(LARGE_INTEGER dlibMove, DWORD dwOrigin,
                                   ULARGE_INTEGER* plibNewPosition) noexcept override;
    HRESULT STDMETHODCALLTYPE SetSize(ULARGE_INTEGER libNewSize) noexcept override;
    HRESULT STDMETHODCALLTYPE CopyTo(IStream* pstm, ULARGE_INTEGER cb, ULARGE_INTEGER* pcbRead,
                                     ULARGE_INTEGER* pcbWritten) noexcept override;
    HRESULT STDMETHODCALLTYPE Commit(DWORD grfCommitFlags) noexcept override;
    HRESULT STDMETHODCALLTYPE Revert() noexcept override;
    HRESULT STDMETHODCALLTYPE LockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb,
                                         DWORD dwLockType) noexcept override;
    HRESULT STDMETHODCALLTYPE UnlockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb,
                                           DWORD dwLockType) noexcept override;
    HRESULT STDMETHODCALLTYPE Stat(STATSTG* pstatstg, DWORD grfStatFlag) noexcept override;
    HRESULT STDMETHODCALLTYPE Clone(IStream** ppstm) noexcept override;

  private:
    [[nodiscard]] bool locked_by_others(std::uint64_t offset, std::uint64_t size, bool for_writing) const;
    const std::shared_ptr<SharedBytes> shared_;
    std::uint64_t position_ = 0; // guarded by shared_->mutex
};

} // namespace cardlatch::iscard
