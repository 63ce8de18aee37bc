#pragma once

#include "supervisor/link.hpp"

namespace zproc::supervision {

/// Remembers environment and working directory as the supervisor is forked with them: children
/// begin with these. For prepare(), just before it forks.
void remember_surroundings();

/// Adds to the request where this process's differ by now.
///
/// Reads `environ`: as with getenv(3), no other thread may change it meanwhile.
void add_surroundings(spawn_request& request);

} // namespace zproc::supervision
