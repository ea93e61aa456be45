#pragma once

#include "com_object.hpp"

#include <cardlatch/iscard/scardtypeconv.h>

namespace cardlatch::iscard {

/// A new CSCardTypeConv. Throws std::bad_alloc.
ComPtr<ISCardTypeConv> new_scard_type_conv();

} // namespace cardlatch::iscard
