#pragma once

#include "supervisor/entry.hpp"

namespace zproc {

/// The entry of the state process, a service of the supervisor. Payload:
/// `serving::pack_options`; the first descriptor sent with it: `serving::make_listener`, at
/// `serving::socket_name` in the runtime directory; the second, where its state is kept on disk:
/// `serving::open_data_directory`.
int state_service(const supervision::child_start& start);

} // namespace zproc
