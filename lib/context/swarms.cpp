#include "context/context_core.hpp"
#include "context/task_shelf.hpp"
#include "swarm/core.hpp"

#include <zproc/context.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <utility>

#include <sched.h>

namespace zproc {

namespace {

std::size_t usable_cores()
{
    cpu_set_t cores;
    if (::sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    return static_cast<std::size_t>(std::max(CPU_COUNT(&cores), 1));
}

/// A swarm until its workers are up: then it is its user's.
struct creation {
    asio::any_io_executor io;
    detail::handler<void(std::exception_ptr, swarm)> done;
    swarm made;

    using executor_type = asio::any_io_executor;
    executor_type get_executor() const noexcept { return io; }
    using cancellation_slot_type = asio::cancellation_slot;
    cancellation_slot_type get_cancellation_slot() const noexcept
    {
        return done.cancellation_slot();
    }

    void operator()(const std::exception_ptr& error)
    {
        done.complete(io, error, error ? swarm() : std::move(made));
    }
};

} // namespace

void context_swarms::make_swarm(const std::shared_ptr<detail::context_core>& core,
                                const std::string& name_space, swarm_options options,
                                detail::handler<void(std::exception_ptr, swarm)> done)
{
    const auto refuse = [&](errc why) {
        done.complete(core->get_executor(), std::make_exception_ptr(system_error(why)), swarm());
    };
    if (core->is_loop_gone())
        return refuse(errc::context_gone);
    if (!core->engine()->is_here())
        return refuse(errc::wrong_process);
    if (!options.size())
        options.size(usable_cores());
    auto made = swarming::core::make(
        core->get_executor(), std::move(options), core->options().grace(),
        [core, name_space](spawn_options with, detail::call what,
                           std::shared_ptr<std::vector<descriptor>> handed,
                           std::unique_ptr<detail::pending_spawn> p) {
            core->spawn(
                {std::move(with), std::move(what), nullptr, name_space, {}, std::move(handed)},
                std::move(p));
        });
    made->keep_results_on(std::make_shared<detail::kept_tasks>(core));
    const auto io = core->get_executor();
    swarm handle(made);
    made->when_ready(detail::handler<void(std::exception_ptr)>(
        creation{io, std::move(done), std::move(handle)}));
}

void context_results::take_result(const std::shared_ptr<detail::context_core>& core, task_id id,
                                  std::string type, std::unique_ptr<detail::pending_task> waiting)
{
    const auto refuse = [&](errc why) {
        waiting->complete(core->get_executor(), std::make_exception_ptr(system_error(why)), {});
    };
    if (core->is_loop_gone())
        return refuse(errc::context_gone);
    if (!core->engine()->is_here())
        return refuse(errc::wrong_process);
    std::make_shared<detail::kept_tasks>(core)->take(id, std::move(type), std::move(waiting));
}

} // namespace zproc
