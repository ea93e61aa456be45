#pragma once

#include <cardlatch/base/bytes.hpp>

#include <utility>

namespace cardlatch::iscard {

/// Bytes that are overwritten when they go.
struct Secret {
    Secret() = default;
    explicit Secret(Bytes secret)
        : bytes(std::move(secret)) {}
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(bytes); }
    Bytes bytes;
};

} // namespace cardlatch::iscard
