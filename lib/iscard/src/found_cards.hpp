#pragma once

#include <cardlatch/pcsc/card.hpp>
#include <cardlatch/pcsc/context.hpp>

#include <optional>

namespace cardlatch::iscard {

/// A connection together with the context that it lives in.
struct FoundCard {
    pcsc::Context context;
    pcsc::Card card;
};

/// Keeps what ISCardLocate::FindCard() opened until AttachByHandle() takes it, or the process ends.
void keep_found_card(FoundCard found);

/// The connection with this handle, no longer kept; nothing when FindCard() did not open it.
std::optional<FoundCard> take_found_card(pcsc::NativeHandle handle);

} // namespace cardlatch::iscard
