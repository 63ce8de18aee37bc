#pragma once

#include "context/context_core.hpp"
#include "swarm/launcher.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace zproc::detail {

/// That this process may use; one at least.
std::size_t usable_cores();

/// Spawns workers as processes of the context.
swarming::launcher spawn_for_swarms(const std::shared_ptr<context_core>& core,
                                    const std::string& name_space);

} // namespace zproc::detail
