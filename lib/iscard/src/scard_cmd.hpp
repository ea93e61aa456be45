#pragma once

#include "com_object.hpp"

#include <cardlatch/iscard/scardcmd.h>

namespace cardlatch::iscard {

/// A new CSCardCmd. Throws std::bad_alloc.
ComPtr<ISCardCmd> new_scard_cmd();

} // namespace cardlatch::iscard
