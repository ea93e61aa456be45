#pragma once

#include <cardlatch/base/bytes.hpp>

#include <utility>

namespace cardlatch::card {

/// Reference data such as a PIN: compared in constant time, wiped when it goes.
class Secret {
  public:
    Secret() = default;
    explicit Secret(Bytes value) noexcept
        : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept
        : value_(std::move(other.value_)) {}
    Secret& operator=(Secret other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Secret() { wipe(value_); }

    [[nodiscard]] std::size_t size() const { return value_.size(); }

    /// True when `candidate` is the secret. The time taken depends on neither, only on whether the lengths
    /// are legal: at most k_max_size bytes each.
    [[nodiscard]] bool matches(ByteView candidate) const;

    /// For the state file alone.
    [[nodiscard]] ByteView bytes() const { return value_; }

    bool operator==(const Secret& other) const { return matches(other.value_); }

    static constexpr std::size_t k_max_size = 64;

  private:
    Bytes value_;
};

} // namespace cardlatch::card
