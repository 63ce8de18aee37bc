#pragma once

#include "integration/forked_root.hpp"

#include <functional>
#include <string>
#include <utility>

// Children of the supervisor, one at a time, in a test that is a root itself.

namespace zproc::test {

using supervision_link = supervision::link; // link(2) is in the way
using start_handler = detail::handler<void(error_code, supervision::started_child)>;

/// Runs one child to its end on a loop of its own.
struct outcome {
    error_code failed;
    pid_t pid = -1;
    bool pidfd = false;
    supervision::exit_report exit;
    unsigned attempts = 0;
    int restarts = 0;
    bool gone = false;
};

inline outcome
run_to_end(const supervision::spawn_request& request,
           const std::function<void(supervision_link&, supervision::child_id)>& when_started = {})
{
    boost::asio::io_context io;
    outcome result;
    const auto supervisor = supervision_link::make(io.get_executor(), result.failed);
    if (result.failed)
        return result;
    auto listening = supervisor->listen();
    supervisor->start(
        request,
        [&](supervision::notice n) {
            if (n.what == supervision::notice::kind::exited) {
                result.exit = n.exit;
                result.attempts = n.attempt;
            }
            result.restarts += n.what == supervision::notice::kind::progress && n.pidfd;
            using kind = supervision::notice::kind;
            if (n.what == kind::gone || n.what == kind::lost) {
                result.gone = n.what == kind::gone;
                listening.reset();
            }
        },
        start_handler([&](error_code ec, supervision::started_child child) {
            result.failed = ec;
            result.pid = child.pid;
            result.pidfd = static_cast<bool>(child.pidfd);
            if (ec)
                listening.reset();
            else if (when_started)
                when_started(*supervisor, child.id);
        }));
    io.run();
    return result;
}

} // namespace zproc::test
