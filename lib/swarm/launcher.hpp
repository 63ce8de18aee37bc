#pragma once

#include "descriptor.hpp"

#include <zproc/context/base.hpp>
#include <zproc/detail/call.hpp>
#include <zproc/spawn_options.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace zproc::swarming {

/// Spawns a process of the context that is handed these descriptors.
using launcher =
    std::function<void(spawn_options, detail::call, std::shared_ptr<std::vector<descriptor>>,
                       std::unique_ptr<detail::pending_spawn>)>;

} // namespace zproc::swarming
