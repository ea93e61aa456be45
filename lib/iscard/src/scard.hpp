#pragma once

#include "com_object.hpp"

#include <cardlatch/base/result.hpp>
#include <cardlatch/iscard/scard.h>

namespace cardlatch::iscard {

/// A new CSCard with a resource manager context of its own. Errors: those of pcsc::Context::establish().
Result<ComPtr<ISCard>> new_scard();

} // namespace cardlatch::iscard
