#include "context/certificates.hpp"
#include "context/context_core.hpp"
#include "context/swarms.hpp"
#include "io_executor.hpp"
#include "protocol/address.hpp"
#include "supervisor/modules.hpp"
#include "swarm/hosting.hpp"

#include <zproc/context.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <memory>
#include <utility>

/// Workers for the swarms of others.
namespace zproc {

namespace detail {

error_code context_core::show(tls::role side, std::string& secret, tls::identity& identity,
                              std::shared_ptr<const tls::terms>& terms, std::string& text) const
{
    if (shown_failure_) {
        text = shown_text_;
        return shown_failure_;
    }
    secret = shown_.secret;
    if (!options_.tls())
        return {};
    const auto most = side == tls::role::server ? most_of_a_server : most_of_a_client;
    if (const auto ec = read_identity(*options_.tls(), most, identity, text))
        return ec;
    error_code ec;
    terms = tls::terms::make(side, identity, ec, text);
    return ec;
}

namespace {

/// What a coroutine completes with is the user's handler's, where that wants it.
struct joining {
    struct cancellation {
        asio::any_io_executor strand;
        asio::cancellation_signal signal;
    };

    asio::any_io_executor io;
    handler<void(std::exception_ptr)> done;
    std::shared_ptr<cancellation> cancelled;

    void operator()(const std::exception_ptr& error) { done.complete(io, error); }
};

error_code make_plan(const context_core& core, const std::string& address,
                     swarming::hosting_plan& plan, std::string& text)
{
    auto& door = plan.door;
    if (const auto ec = protocol::parse_address(address, protocol::side::client, door.where, text))
        return ec;
    if (!door.where.is_tcp()) {
        text = "a swarm is joined at tcp://host:port, which swarm::address gives";
        return errc::bad_address;
    }
    door.build = supervision::program_build();
    if (door.build.empty())
        return errc::no_build_id;
    if (core.options().tls())
        door.server_name = core.options().tls()->server_name;
    return core.show(tls::role::client, door.secret, plan.identity, door.tls, text);
}

} // namespace
} // namespace detail

void context_swarms::join(const std::shared_ptr<detail::context_core>& core,
                          const std::string& name_space, const std::string& address,
                          const join_options& options,
                          detail::handler<void(std::exception_ptr)> done)
{
    const auto io = core->get_executor();
    const auto refuse = [&](const error_code& why, const std::string& text = {}) {
        done.complete(io, std::make_exception_ptr(text.empty() ? system_error(why)
                                                               : system_error(why, text)));
    };
    if (core->is_loop_gone())
        return refuse(errc::context_gone);
    if (!core->engine()->is_here())
        return refuse(errc::wrong_process);
    swarming::hosting_plan plan;
    std::string text;
    if (const auto ec = detail::make_plan(*core, address, plan, text))
        return refuse(ec, text);
    plan.workers = std::max<std::size_t>(options.workers().value_or(detail::usable_cores()), 1);
    plan.patience = options.patience();
    plan.launch = detail::spawn_for_swarms(core, name_space);
    auto slot = done.cancellation_slot();
    const asio::any_io_executor strand = strand_of(io);
    // What co_spawn would put into the user's slot need not be there any more when it has its turn on
    // the strand.
    const auto cancelled = std::make_shared<detail::joining::cancellation>();
    cancelled->strand = strand;
    if (slot.is_connected())
        slot.assign([weak = std::weak_ptr(cancelled)](asio::cancellation_type type) {
            if (const auto alive = weak.lock())
                asio::post(alive->strand, [weak, type] {
                    if (const auto still = weak.lock())
                        still->signal.emit(type);
                });
        });
    asio::co_spawn(
        strand,
        swarming::hosting::serve(std::make_shared<swarming::hosting>(strand, std::move(plan))),
        asio::bind_cancellation_slot(cancelled->signal.slot(),
                                     detail::joining{io, std::move(done), cancelled}));
}

} // namespace zproc
