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

value negative(value v)
{
    value minus = 0;
    minus -= v;
    return minus;
}

} // namespace detail

context::context(asio::any_io_executor executor, context_options options)
    : core_(detail::context_core::make(std::move(executor), std::move(options)))
{
}

context::executor_type context::get_executor() const
{
    return core_->get_executor();
}

state context::state() const
{
    return state(options().default_namespace());
}

state context::state(std::string name_space) const
{
    // As a state's engine, the context lives as long as the state.
    const detail::state_identity fresh{{core_, core_->engine().get()}, {}, core_->next_handle()};
    return zproc::state(detail::with_namespace(fresh, std::move(name_space)));
}

std::string context::address() const
{
    return core_->address();
}

const context_options& context::options() const noexcept
{
    return core_->options();
}

void context::launch(const std::shared_ptr<detail::context_core>& core, spawn_options options,
                     detail::call call, std::unique_ptr<detail::pending_spawn> p)
{
    core->spawn(std::move(options), std::move(call), std::move(p));
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
               << " - namespace: " << c.options().default_namespace();
}

std::ostream& operator<<(std::ostream& out, const state& s)
{
    return out << "zproc::state - namespace: " << s.name();
}

error_code prepare(diagnostics* why)
{
    return supervision::prepare(why);
}

} // namespace zproc
