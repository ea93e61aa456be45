#pragma once

#include <sys/types.h>

namespace cardlatch::harness {

/// What the child that becomes pcscd reports about how it got a /run of its own.
enum class IsolationOutcome : unsigned char { name_space, shim, failed };

/// Gives the calling process a /run of its own: new mount namespace (inside a new user namespace when
/// `user_namespace`), an empty tmpfs on /run, and /run/pcscd in it. Async-signal-safe: called between fork
/// and exec. Returns 0, or the errno of the step that failed; the process is unchanged when the first step
/// failed.
int enter_private_run(bool user_namespace, uid_t uid, gid_t gid) noexcept;

} // namespace cardlatch::harness
