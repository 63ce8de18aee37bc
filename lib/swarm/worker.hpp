#pragma once

#include "swarm/dial.hpp"
#include "tls.hpp"

#include <zproc/detail/call.hpp>

#include <optional>
#include <string>

namespace zproc::swarming {

/// What a worker is told when it is spawned. Two descriptors are handed to it: its end of the
/// wire, and the control page.
struct worker_plan {
    std::optional<detail::call> initialiser;
    std::optional<detail::call> finaliser;
};

/// The call that makes a process a worker.
detail::call worker_call(const worker_plan& plan);

/// The call that makes a process a worker of a swarm elsewhere: it goes there by itself. A control
/// page is handed to it, which it shares with its host.
detail::call remote_worker_call(const dial_plan& door, const tls::identity& shown);
/// What such a worker is told then, in a frame `prepare`.
std::string encode_plan(const worker_plan& plan);

/// What a worker is told of a job, for `detail::call`.
std::string encode_job(const detail::call& work);

} // namespace zproc::swarming
