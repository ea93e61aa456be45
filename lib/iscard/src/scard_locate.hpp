#pragma once

#include "com_object.hpp"

#include <cardlatch/iscard/scardlocate.h>

namespace cardlatch::iscard {

/// A new CSCardLocate. Throws std::bad_alloc.
ComPtr<ISCardLocate> new_scard_locate();

} // namespace cardlatch::iscard
