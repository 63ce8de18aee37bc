#include "context/swarms.hpp"

#include "context/task_shelf.hpp"
#include "protocol/address.hpp"
#include "supervisor/modules.hpp"
#include "swarm/core.hpp"
#include "tcp.hpp"

#include <zproc/context.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <sched.h>

namespace zproc {

namespace detail {

std::size_t usable_cores()
{
    cpu_set_t cores;
    if (::sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    return static_cast<std::size_t>(std::max(CPU_COUNT(&cores), 1));
}

swarming::launcher spawn_for_swarms(const std::shared_ptr<context_core>& core,
                                    const std::string& name_space)
{
    return [core, name_space](spawn_options with, call what,
                              std::shared_ptr<std::vector<descriptor>> handed,
                              std::unique_ptr<pending_spawn> p) {
        core->spawn({std::move(with), std::move(what), nullptr, name_space, {}, std::move(handed)},
                    std::move(p));
    };
}

} // namespace detail

namespace {

/// The socket of a swarm that others can join, and whom it lets in.
error_code open_door(const detail::context_core& core, const swarm_options& options,
                     swarming::door_plan& plan, std::string& text)
{
    protocol::address at;
    if (const auto ec = protocol::parse_address(options.listen(), protocol::side::server, at, text))
        return ec;
    if (!at.is_tcp()) {
        text = "a swarm listens at tcp://host:port; workers of this machine are those of its size";
        return errc::bad_address;
    }
    tls::identity identity;
    if (const auto ec = core.show(tls::role::server, plan.secret, identity, plan.tls, text))
        return ec;
    plan.build = supervision::program_build();
    if (plan.build.empty())
        return errc::no_build_id;
    const bool knows = !plan.secret.empty() || !identity.authorities.empty();
    error_code ec;
    plan.listener = tcp::listen(at, knows, at, ec, text);
    plan.address = protocol::to_string(at);
    using std::chrono::seconds;
    plan.silence = seconds(std::clamp<std::int64_t>(
        std::chrono::ceil<seconds>(
            std::min<std::chrono::nanoseconds>(options.silence(), swarming::longest_silence))
            .count(),
        1, seconds(swarming::longest_silence).count()));
    plan.name = options.name();
    return ec;
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
    const auto refuse = [&](const error_code& why, const std::string& text = {}) {
        done.complete(
            core->get_executor(),
            std::make_exception_ptr(text.empty() ? system_error(why) : system_error(why, text)),
            swarm());
    };
    if (core->is_loop_gone())
        return refuse(errc::context_gone);
    if (!core->engine()->is_here())
        return refuse(errc::wrong_process);
    if (!options.size())
        options.size(detail::usable_cores());
    std::optional<swarming::door_plan> plan;
    if (!options.listen().empty()) {
        std::string text;
        if (const auto ec = open_door(*core, options, plan.emplace(), text))
            return refuse(ec, text);
    }
    auto made =
        swarming::core::make(core->get_executor(), std::move(options), core->options().grace(),
                             detail::spawn_for_swarms(core, name_space), std::move(plan));
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
