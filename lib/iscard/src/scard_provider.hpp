#pragma once

#include "com_object.hpp"

#include <cardlatch/base/result.hpp>
#include <cardlatch/iscard/scardmanage.h>

namespace cardlatch::iscard {

class CardSession;

/// A new CSCardManage with an ISCard of its own. Errors: those of new_scard().
Result<ComPtr<ISCardManage>> new_scard_manage();

// The interfaces of a provider, on the card that `session` is attached to whenever they are called. They
// throw std::bad_alloc.
ComPtr<ISCardAuth> new_scard_auth(const CardSession& session);
ComPtr<ISCardFileAccess> new_scard_file_access(const CardSession& session);
ComPtr<ISCardVerify> new_scard_verify(const CardSession& session);

} // namespace cardlatch::iscard
