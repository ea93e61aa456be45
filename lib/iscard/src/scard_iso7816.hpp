#pragma once

#include "com_object.hpp"

#include <cardlatch/iscard/scardiso7816.h>

namespace cardlatch::iscard {

/// A new CSCardISO7816. Throws std::bad_alloc.
ComPtr<ISCardISO7816> new_scard_iso7816();

} // namespace cardlatch::iscard
