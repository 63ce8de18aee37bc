#pragma once

#include "supervisor/entry.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string_view>

namespace zproc {
class context;
}

namespace zproc::supervision {

/// What a spawned process is, and runs: reads the call from the channel (the first descriptor of
/// `start.fds`), runs its function on a loop of its own, reports the outcome. Does not return:
/// flushes stdio and ends by `_exit`, so that neither static destructors nor exit handlers of the
/// program that was forked ever run.
int function_entry(const child_start& start);

/// What every spawned process would find out, set up and have the dynamic linker look up for itself:
/// done once, in the process that forks them. Changes nothing that anybody could see.
void rehearse();

/// Makes the context of a spawned process, when its function first asks for it. `settings` are
/// what the owner gave to `process_core::open_channel`.
using context_maker = std::shared_ptr<context> (*)(boost::asio::io_context& io,
                                                   const child_start& start,
                                                   std::string_view settings);

/// Said once, at static initialisation, by the room above: the supervisor knows no state.
void set_context_maker(context_maker maker) noexcept;

} // namespace zproc::supervision
