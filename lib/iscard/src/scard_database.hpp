#pragma once

#include "com_object.hpp"

#include <cardlatch/base/result.hpp>
#include <cardlatch/iscard/scarddatabase.h>

namespace cardlatch::iscard {

/// The group that holds every reader, as pcsc-lite and Windows call it.
inline constexpr const char* k_default_group = "SCard$DefaultReaders";

/// A new CSCardDatabase. Throws std::bad_alloc.
ComPtr<ISCardDatabase> new_scard_database();

} // namespace cardlatch::iscard
