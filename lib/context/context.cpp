#include "context/context_core.hpp"
#include "supervisor/prepare.hpp"

#include <zproc/context.hpp>

#include <ostream>
#include <utility>

namespace zproc {

namespace detail {

std::shared_ptr<const state_identity> with_namespace(const state_identity& id, std::string name)
{
    if (name.empty())
        throw system_error(errc::empty_namespace);
    return std::make_shared<const state_identity>(id.engine, std::move(name), id.handle);
}

context_base::executor_type context_base::get_executor() const
{
    return core_->get_executor();
}

const context_options& context_base::options() const noexcept
{
    return core_->options();
}

const std::string& context_base::default_namespace() const noexcept
{
    return name_space_.empty() ? options().default_namespace() : name_space_;
}

void context_base::launch(spawn_options options, call what, std::shared_ptr<watch_plan> plan,
                          std::unique_ptr<pending_spawn> p) const
{
    core_->spawn(
        {std::move(options), std::move(what), std::move(plan), default_namespace(), {}, {}},
        std::move(p));
}

watcher watch_planned(const context& own, const watch_plan& plan, watch_condition&& condition)
{
    return own.state(plan.name_space).watch(std::move(condition), plan.options);
}

} // namespace detail

context::context(asio::any_io_executor executor, context_options options)
    : context_swarms(detail::context_core::make(std::move(executor), std::move(options)))
{
}

state context::state() const
{
    return state(default_namespace());
}

state context::state(std::string name_space) const
{
    // As a state's engine, the context lives as long as the state.
    const detail::state_identity fresh{{core(), core()->engine().get()}, {}, core()->next_handle()};
    return zproc::state(detail::with_namespace(fresh, std::move(name_space)));
}

context context::with_namespace(std::string name) const
{
    if (name.empty())
        throw system_error(errc::empty_namespace);
    return context(*this, std::move(name));
}

error_code context::notify_ready() const noexcept
{
    return supervision::notify_ready();
}

std::string context::address() const
{
    return core()->address();
}

void context::sync(const std::shared_ptr<detail::context_core>& core,
                   detail::handler<void(error_code)> done)
{
    core->engine()->sync(std::move(done), core);
}

std::uint64_t context::reconnections() const noexcept
{
    return core()->engine()->reconnections();
}

std::vector<std::string> context::addresses() const
{
    return core()->addresses();
}

void context::namespaces(const std::shared_ptr<detail::context_core>& core,
                         detail::handler<void(error_code, std::vector<namespace_info>)> done)
{
    using convert = detail::to_namespaces;
    using pending = detail::typed_pending<void(error_code, std::vector<namespace_info>), convert>;
    const detail::state_identity all{{core, core->engine().get()}, {}, 0};
    all.engine->submit(all, {detail::operation::namespaces, {}, {}, {}},
                       std::make_unique<pending>(std::move(done), convert{}, nullptr));
}

void context::ping(const std::shared_ptr<detail::context_core>& core,
                   detail::handler<void(error_code, pong)> done)
{
    core->engine()->ping(std::move(done), core);
}

void context::who(const std::shared_ptr<detail::context_core>& core, const origin& of,
                  detail::handler<void(error_code, peer)> done)
{
    core->engine()->who(of, std::move(done), core);
}

void context::wait(const std::shared_ptr<detail::context_core>& core,
                   detail::handler<void(error_code)> done)
{
    core->wait(std::move(done));
}

void context::shutdown(const std::shared_ptr<detail::context_core>& core,
                       std::chrono::nanoseconds grace, detail::handler<void(error_code)> done)
{
    core->shutdown(grace, std::move(done));
}

std::ostream& operator<<(std::ostream& out, const context& c)
{
    const auto address = c.address();
    return out << "zproc::context - address: "
               << (address.empty() ? std::string("none yet") : address)
               << " - namespace: " << c.default_namespace();
}

std::ostream& operator<<(std::ostream& out, const state& s)
{
    return out << "zproc::state - namespace: " << s.name();
}

isolation_level context::isolation() const noexcept
{
    const auto* own = supervision::current();
    return own ? own->isolation : isolation_level::standard;
}

durability_level context::durability() const noexcept
{
    return core()->engine()->durability();
}

error_code prepare(diagnostics* why)
{
    return supervision::prepare(why);
}

error_code prepare(isolation_level isolation, diagnostics* why)
{
    return supervision::prepare(isolation, why);
}

} // namespace zproc
