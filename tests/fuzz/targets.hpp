#pragma once

#include <cardlatch/base/bytes.hpp>

#include <span>

namespace cardlatch::fuzz {

/// One entry point that takes any bytes and may neither crash, nor hang, nor break a promise (which aborts).
struct Target {
    const char* name; ///< also the corpus folder in fixtures/fuzz
    void (*run)(ByteView input);
};

/// Every target; ./dev fuzz and the replay of the corpus know them by name.
std::span<const Target> targets();

/// Those of them that are cards (card_targets.cpp).
std::span<const Target> card_targets();

} // namespace cardlatch::fuzz
