#pragma once

#include "supervisor/link.hpp"

namespace zproc::supervision {

/// Remembers environment, working directory, umask and rights as the supervisor is forked with
/// them: children begin with these. For prepare(), just before it forks.
void remember_surroundings();

/// Operation_not_permitted when this process has other rights by now: a child would have those
/// of the supervisor.
error_code check_rights();

/// Adds to the request where this process's differ by now.
///
/// Reads `environ`: as with getenv(3), no other thread may change it meanwhile.
void add_surroundings(spawn_request& request);

} // namespace zproc::supervision
