#pragma once

#include "server/host.hpp"

#include <zproc/options.hpp>

namespace zproc::detail {

/// What options say of a server, whoever runs it; but for the secret, which may be in a file.
serving::host_options serving_options(const context_options& options);

} // namespace zproc::detail
