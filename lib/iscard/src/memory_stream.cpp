#include "memory_stream.hpp"

#include "guard.hpp"

#include <algorithm>

namespace cardlatch::iscard {

namespace {

bool overlaps(const SharedBytes::Region& region, std::uint64_t offset, std::uint64_t size) {
    // Written without sums, which could overflow for the regions that callers choose.
    return size > 0 && region.size > 0 &&
           (offset >= region.offset ? offset - region.offset < region.size : region.offset - offset < size);
}

} // namespace

MemoryStream::MemoryStream(Bytes bytes)
    : shared_(std::make_shared<SharedBytes>()) {
    shared_->bytes = std::move(bytes);
}

MemoryStream::MemoryStream(std::shared_ptr<SharedBytes> shared, std::uint64_t position)
    : shared_(std::move(shared))
    , position_(position) {}

MemoryStream::~MemoryStream() {
    const std::lock_guard lock(shared_->mutex);
    std::erase_if(shared_->regions, [&](const auto& region) { return region.owner == this; });
}

ComPtr<MemoryStream> MemoryStream::behind(IStream* stream) noexcept {
    void* found = nullptr;
    if (FAILED(stream->QueryInterface(IID_CardlatchMemoryStream, &found))) {
        return {};
    }
    // Nobody else answers to that IID. NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast)
    return ComPtr<MemoryStream>(static_cast<MemoryStream*>(static_cast<IStream*>(found)));
}

std::span<BYTE> MemoryStream::pin() {
    const std::lock_guard lock(shared_->mutex);
    shared_->bytes.reserve(1); // no bytes have an address as well
    ++shared_->pins;
    return shared_->bytes;
}

bool MemoryStream::unpin(const BYTE* bytes) noexcept {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->pins == 0 || bytes != shared_->bytes.data()) {
        return false;
    }
    --shared_->pins;
    return true;
}

bool MemoryStream::locked_by_others(std::uint64_t offset, std::uint64_t size, bool for_writing) const {
    return std::any_of(shared_->regions.begin(), shared_->regions.end(), [&](const auto& region) {
        return region.owner != this && (for_writing || region.type == LOCK_EXCLUSIVE) &&
               region.type != LOCK_ONLYONCE && overlaps(region, offset, size);
    });
}

HRESULT MemoryStream::Read(void* pv, ULONG cb, ULONG* pcbRead) noexcept {
    if (pcbRead != nullptr) {
        *pcbRead = 0;
    }
    if (pv == nullptr) {
        return STG_E_INVALIDPOINTER;
    }
    const std::lock_guard lock(shared_->mutex);
    const auto& bytes = shared_->bytes;
    const auto count = position_ < bytes.size() ? std::min<std::uint64_t>(cb, bytes.size() - position_) : 0;
    if (locked_by_others(position_, count, false)) {
        return STG_E_LOCKVIOLATION;
    }
    if (count > 0) {
        std::memcpy(pv, bytes.data() + position_, count);
        position_ += count;
    }
    if (pcbRead != nullptr) {
        *pcbRead = static_cast<ULONG>(count);
    }
    return S_OK;
}

HRESULT MemoryStream::Write(const void* pv, ULONG cb, ULONG* pcbWritten) noexcept {
    if (pcbWritten != nullptr) {
        *pcbWritten = 0;
    }
    if (pv == nullptr) {
        return STG_E_INVALIDPOINTER;
    }
    if (cb == 0) {
        return S_OK;
    }
    return guard([&]() -> HRESULT {
        const std::lock_guard lock(shared_->mutex);
        if (cb > k_max_size || position_ > k_max_size - cb) {
            return STG_E_MEDIUMFULL;
        }
        if (locked_by_others(position_, cb, true)) {
            return STG_E_LOCKVIOLATION;
        }
        auto& bytes = shared_->bytes;
        if (bytes.size() < position_ + cb) {
            if (shared_->pins > 0) {
                return STG_E_LOCKVIOLATION;
            }
            bytes.resize(position_ + cb);
        }
        std::memcpy(bytes.data() + position_, pv, cb);
        position_ += cb;
        if (pcbWritten != nullptr) {
            *pcbWritten = cb;
        }
        return S_OK;
    });
}

HRESULT MemoryStream::Seek(LARGE_INTEGER dlibMove, DWORD dwOrigin, ULARGE_INTEGER* plibNewPosition) noexcept {
    const std::lock_guard lock(shared_->mutex);
    std::uint64_t base = 0;
    switch (dwOrigin) {
    case STREAM_SEEK_SET:
        break;
    case STREAM_SEEK_CUR:
        base = position_;
        break;
    case STREAM_SEEK_END:
        base = shared_->bytes.size();
        break;
    default:
        return STG_E_INVALIDFUNCTION;
    }
    // Positions stay below 2^63, so a move before the start wraps to above it, and one too far ends there.
    const auto move = dlibMove.QuadPart;
    const auto target = base + static_cast<std::uint64_t>(move);
    if (target > static_cast<std::uint64_t>(INT64_MAX)) {
        return STG_E_INVALIDFUNCTION;
    }
    position_ = target;
    if (plibNewPosition != nullptr) {
        plibNewPosition->QuadPart = position_;
    }
    return S_OK;
}

HRESULT MemoryStream::SetSize(ULARGE_INTEGER libNewSize) noexcept {
    return guard([&]() -> HRESULT {
        if (libNewSize.QuadPart > k_max_size) {
            return STG_E_MEDIUMFULL;
        }
        const std::lock_guard lock(shared_->mutex);
        const std::uint64_t size = shared_->bytes.size();
        const auto low = std::min<std::uint64_t>(size, libNewSize.QuadPart);
        const auto high = std::max<std::uint64_t>(size, libNewSize.QuadPart);
        if (locked_by_others(low, high - low, true) || (shared_->pins > 0 && low != high)) {
            return STG_E_LOCKVIOLATION;
        }
        shared_->bytes.resize(libNewSize.QuadPart);
        return S_OK;
    });
}

HRESULT MemoryStream::CopyTo(IStream* pstm, ULARGE_INTEGER cb, ULARGE_INTEGER* pcbRead,
                             ULARGE_INTEGER* pcbWritten) noexcept {
    if (pcbRead != nullptr) {
        pcbRead->QuadPart = 0;
    }
    if (pcbWritten != nullptr) {
        pcbWritten->QuadPart = 0;
    }
    if (pstm == nullptr) {
        return STG_E_INVALIDPOINTER;
    }
    return guard([&]() -> HRESULT {
        // All is read before any is written, since the destination may be this stream or a clone.
        Bytes copy;
        {
            const std::lock_guard lock(shared_->mutex);
            const auto size = shared_->bytes.size();
            copy.resize(position_ < size ? std::min<std::uint64_t>(cb.QuadPart, size - position_) : 0);
        }
        copy.reserve(1); // a null data pointer would be refused
        ULONG count = 0;
        if (const auto hr = Read(copy.data(), static_cast<ULONG>(copy.size()), &count); FAILED(hr)) {
            return hr;
        }
        if (pcbRead != nullptr) {
            pcbRead->QuadPart = count;
        }
        ULONG written = 0;
        const auto hr = pstm->Write(copy.data(), count, &written);
        if (pcbWritten != nullptr) {
            pcbWritten->QuadPart = written;
        }
        return hr;
    });
}

HRESULT MemoryStream::Commit(DWORD /*grfCommitFlags*/) noexcept {
    return S_OK;
}

HRESULT MemoryStream::Revert() noexcept {
    return S_OK;
}

HRESULT MemoryStream::LockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType) noexcept {
    return guard([&]() -> HRESULT {
        if (dwLockType != LOCK_WRITE && dwLockType != LOCK_EXCLUSIVE && dwLockType != LOCK_ONLYONCE) {
            return STG_E_INVALIDFUNCTION;
        }
        const std::lock_guard lock(shared_->mutex);
        const bool refused =
            std::any_of(shared_->regions.begin(), shared_->regions.end(), [&](const auto& region) {
                const bool once = region.type == LOCK_ONLYONCE || dwLockType == LOCK_ONLYONCE;
                return (once || region.owner != this) && overlaps(region, libOffset.QuadPart, cb.QuadPart);
            });
        if (refused) {
            return STG_E_LOCKVIOLATION;
        }
        shared_->regions.push_back({this, libOffset.QuadPart, cb.QuadPart, dwLockType});
        return S_OK;
    });
}

HRESULT MemoryStream::UnlockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType) noexcept {
    const std::lock_guard lock(shared_->mutex);
    auto& regions = shared_->regions;
    const auto at = std::find(regions.begin(), regions.end(),
                              SharedBytes::Region{this, libOffset.QuadPart, cb.QuadPart, dwLockType});
    if (at == regions.end()) {
        return STG_E_LOCKVIOLATION;
    }
    regions.erase(at);
    return S_OK;
}

HRESULT MemoryStream::Stat(STATSTG* pstatstg, DWORD /*grfStatFlag*/) noexcept {
    if (pstatstg == nullptr) {
        return STG_E_INVALIDPOINTER;
    }
    const std::lock_guard lock(shared_->mutex);
    *pstatstg = STATSTG{};
    pstatstg->type = STGTY_STREAM;
    pstatstg->cbSize.QuadPart = shared_->bytes.size();
    pstatstg->grfMode = STGM_READWRITE;
    pstatstg->grfLocksSupported = LOCK_WRITE | LOCK_EXCLUSIVE | LOCK_ONLYONCE;
    return S_OK;
}

HRESULT MemoryStream::Clone(IStream** ppstm) noexcept {
    if (ppstm == nullptr) {
        return STG_E_INVALIDPOINTER;
    }
    *ppstm = nullptr;
    return guard([&]() -> HRESULT {
        const std::lock_guard lock(shared_->mutex);
        *ppstm = new MemoryStream(shared_, position_); // NOLINT(bugprone-unhandled-exception-at-new): guard
        return S_OK;
    });
}

} // namespace cardlatch::iscard
