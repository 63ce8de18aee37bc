#include "state_service.hpp"

#include "server/state_process.hpp"
#include "supervisor/link.hpp"

#include <boost/asio/error.hpp>

#include <poll.h>

namespace zproc {

namespace {

/// A successor is only as good as what was kept: waits until the supervisor has taken it.
error_code keep(int control, std::string_view name, int file)
{
    constexpr int patience = 5000; // ms
    for (;;) {
        const auto ec = supervision::keep_descriptor(control, name, file);
        if (ec != asio::error::would_block)
            return ec;
        pollfd room{control, POLLOUT, 0};
        if (::poll(&room, 1, patience) <= 0)
            return ec;
    }
}

} // namespace

ZPROC_SUPERVISION_ENTRY(state_service_entry, state_service);

int state_service(const supervision::child_start& start)
{
    serving::state_process_start given;
    given.control = start.control;
    given.listener = start.descriptors.empty() ? -1 : start.descriptors.front();
    given.find_kept = [&start](std::string_view name) { return start.find_kept(name); };
    given.keep = [control = start.control](std::string_view name, int file) {
        return keep(control, name, file);
    };
    given.options = start.payload;
    return serving::run_state_process(given);
}

} // namespace zproc
