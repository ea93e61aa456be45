#pragma once

#include <cardlatch/base/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace cardlatch::card::crypto {

/// Hands memory back only after it was overwritten, also when a container grows.
template <class T>
struct WipingAllocator {
    using value_type = T;

    WipingAllocator() = default;
    template <class U>
    WipingAllocator(const WipingAllocator<U>&) noexcept {} // NOLINT(google-explicit-constructor)

    [[nodiscard]] T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
    void deallocate(T* memory, std::size_t count) noexcept {
        wipe({reinterpret_cast<std::uint8_t*>(memory), count * sizeof(T)});
        std::allocator<T>().deallocate(memory, count);
    }
    template <class U>
    bool operator==(const WipingAllocator<U>&) const noexcept {
        return true;
    }
};

/// Owned bytes of a key, a PIN or a shared secret: wiped when they go. Converts to ByteView.
using SecretBytes = std::vector<std::uint8_t, WipingAllocator<std::uint8_t>>;

/// A wiped-at-the-end copy of `bytes`.
inline SecretBytes to_secret(ByteView bytes) {
    return {bytes.begin(), bytes.end()};
}

/// True when both are alike. The time taken depends on the lengths alone.
[[nodiscard]] bool equal_in_constant_time(ByteView left, ByteView right);

} // namespace cardlatch::card::crypto
