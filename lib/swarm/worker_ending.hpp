#pragma once

#include "swarm/scheduler.hpp"

#include <zproc/exit_info.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace zproc::swarming {

/// What a host tells of the end of a worker: how its process has ended, as its owner would know of
/// one of its own, and what it was at.
struct worker_ending {
    last_sign sign; ///< chunk 0: it had not begun any
    exit_info info;
};

std::string encode_ending(const worker_ending& ending);
/// Nothing when it is not exactly that.
std::optional<worker_ending> decode_ending(std::string_view bytes);

} // namespace zproc::swarming
