#include "context/context_core.hpp"

#include "context/certificates.hpp"
#include "context/secret.hpp"
#include "context/serving_options.hpp"
#include "engine/loop_service.hpp"
#include "server/state_process.hpp"
#include "state_service.hpp"
#include "supervisor/prepare.hpp"
#include "supervisor/surroundings.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace zproc::detail {

context_core::context_core(asio::any_io_executor io, context_options options)
    : io_(std::move(io)), options_(std::move(options))
{
    if (options_.starts_server())
        prepared_ = supervision::prepare(options_.isolation());
    // Another program can be the supervisor then; it is started when there is something to start.
    if (prepared_ == errc::threads_before_supervisor)
        prepared_ = {};
    shown_failure_ = read_secret(options_, shown_.secret, shown_text_);
    if (!shown_failure_ && options_.tls() && uses_tcp(options_))
        shown_failure_ = read_certificates();
}

/// A server's are tried here, too: who asks for it learns what is wrong with them.
error_code context_core::read_certificates()
{
    options_.tls(with_absolute_paths(*options_.tls()));
    const auto most = options_.starts_server() ? most_of_a_server : most_of_a_client;
    if (const auto ec = read_identity(*options_.tls(), most, identity_, shown_text_))
        return ec;
    const auto side = options_.starts_server() ? tls::role::server : tls::role::client;
    error_code ec;
    shown_.tls = tls::terms::make(side, identity_, ec, shown_text_);
    if (options_.starts_server())
        shown_.tls.reset(); // it comes by a Unix socket
    shown_.server_name = options_.tls()->server_name;
    return ec;
}

context_core::~context_core() = default;

std::shared_ptr<context_core> context_core::make(asio::any_io_executor io, context_options options)
{
    auto made = std::make_shared<context_core>(std::move(io), std::move(options));
    made->engine_ = zproc::engine::host::make(
        made->io_,
        [weak = made->weak_from_this()](located then) {
            if (const auto self = weak.lock())
                self->locate(then);
            else
                then(errc::context_gone, {}, {});
        },
        supervision::process_name(), made->options_.request_timeout(), made->shown_,
        !made->options_.starts_server() && uses_tcp(made->options_));
    asio::use_service<zproc::engine::loop_service>(asio::query(made->io_, asio::execution::context))
        .add(made->weak_from_this());
    return made;
}

asio::any_io_executor context_core::get_executor() const
{
    return engine_->get_executor();
}

std::string context_core::address() const
{
    const std::lock_guard lock(mutex_);
    if (!served_.empty())
        return protocol::to_string(served_.front());
    return where_ ? protocol::to_string(*where_) : options_.address();
}

std::vector<std::string> context_core::addresses() const
{
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& each : served_)
        all.push_back(protocol::to_string(each));
    return all;
}

// The server ------------------------------------------------------------------------------------

void context_core::locate(const located& then)
{
    error_code ec = shown_failure_;
    std::string text = shown_text_;
    if (!ec && options_.starts_server()) {
        // Nobody may be listening for the end of the supervisor.
        if (link_)
            link_->look();
        if (server_ == own_server::none)
            ec = start_server(text);
        else if (supervision::supervisor_lost())
            ec = errc::supervisor_lost;
        else if (server_ == own_server::gone)
            ec = why_gone_;
    } else if (!ec && !where_) {
        protocol::address where;
        ec = protocol::parse_address(options_.address(), protocol::side::client, where, text);
        if (!ec) {
            const std::lock_guard lock(mutex_);
            where_ = where;
        }
    }
    then(ec, where_.value_or(protocol::address()), text);
}

error_code context_core::open_link(bool functions)
{
    if (prepared_)
        return prepared_;
    if (!link_)
        if (const auto ec = functions ? supervision::prepare(options_.isolation())
                                      : supervision::prepare_for_programs(options_.isolation()))
            return ec;
    if (functions && link_ && !supervision::current()->functions)
        return errc::threads_before_supervisor;
    if (const auto ec = supervision::check_rights())
        return ec;
    if (link_)
        return {};
    error_code ec;
    auto made = supervision::link::make(engine_->strand(), ec);
    const std::lock_guard lock(mutex_);
    link_ = std::move(made);
    return ec;
}

/// Binds the sockets here, so that they can be connected to at once, and hands them to a service.
error_code context_core::start_server(std::string& text)
{
    if (const auto ec = open_link())
        return ec;
    error_code ec;
    // Locked here, so that whoever asks learns at once that another server has it.
    const auto data =
        options_.data().empty() ? descriptor() : serving::open_data_directory(options_.data(), ec);
    if (ec)
        return ec;
    std::vector<descriptor> listeners;
    ec = open_doors(listeners, text);
    if (ec)
        return ec;
    auto options = serving_options(options_);
    options.remove_socket = true;
    options.secret = shown_.secret;
    options.tls = identity_;

    supervision::spawn_request request;
    request.run = &state_service;
    request.name = "zproc state";
    request.payload = serving::pack_options(options);
    for (const auto& each : listeners)
        request.descriptors.push_back(each.get());
    request.service = true;
    request.restart = supervision::service_restarts();
    if (data) {
        request.descriptors.push_back(data.get());
        // What is wrong with a disk stays wrong: only other ends are worth a successor.
        request.restart.codes = {EXIT_FAILURE};
        for (int number = 1; number != NSIG; ++number)
            request.restart.signals.push_back(number);
    }
    using signature = void(error_code, supervision::started_child);
    link_->start(
        request,
        [weak = weak_from_this()](supervision::notice n) {
            if (const auto self = weak.lock())
                self->server_notice(n);
        },
        handler<signature>(asio::bind_executor(
            engine_->strand(),
            [weak = weak_from_this()](error_code failed, const supervision::started_child& s) {
                const auto self = weak.lock();
                if (!self)
                    return;
                self->server_child_ = s.id;
                if (failed) {
                    self->server_ = own_server::none;
                    self->engine_->condemn(failed);
                }
                self->proceed();
            })));
    server_ = own_server::running;
    return {};
}

void context_core::server_notice(const supervision::notice& n)
{
    using kind = supervision::notice::kind;
    if (server_ == own_server::gone)
        return;
    // There will be no other run then, and clients find out that nobody answers before it is gone.
    const auto final = n.what == kind::exited && !n.exit.signalled
                           ? serving::errc_of_exit(n.exit.number)
                           : std::nullopt;
    if (final)
        why_ended_ = *final;
    if (!final && n.what != kind::lost && n.what != kind::gone)
        return;
    server_ = own_server::gone;
    why_gone_ = n.what == kind::lost || n.leaving ? errc::supervisor_lost : why_ended_;
    engine_->condemn(why_gone_);
    proceed();
}

// The end ---------------------------------------------------------------------------------------

void context_core::wait(handler<void(error_code)> done)
{
    if (loop_gone_)
        return done.complete({}, error_code(errc::context_gone));
    if (!engine_->is_here())
        return done.complete(io_, error_code(errc::wrong_process));
    const auto id = cancellable_ending(done);
    asio::dispatch(engine_->strand(),
                   [self = shared_from_this(), id, done = std::move(done)]() mutable {
                       self->end(false, id, std::move(done));
                   });
}

void context_core::shutdown(std::chrono::nanoseconds grace, handler<void(error_code)> done)
{
    if (loop_gone_)
        return done.complete({}, error_code(errc::context_gone));
    if (!engine_->is_here())
        return done.complete(io_, error_code(errc::wrong_process));
    const auto id = cancellable_ending(done);
    asio::dispatch(engine_->strand(),
                   [self = shared_from_this(), grace, id, done = std::move(done)]() mutable {
                       self->ending_grace_ = whole_milliseconds(grace);
                       for (const auto& [child, process] : self->children_)
                           self->link_->stop(child, self->ending_grace_);
                       self->end(true, id, std::move(done));
                   });
}

/// Names a wait or shutdown, and lets its slot give it up. A stop that was asked for goes on.
std::uint64_t context_core::cancellable_ending(const handler<void(error_code)>& done)
{
    const auto id = ++ending_ids_;
    if (auto slot = done.cancellation_slot(); slot.is_connected())
        slot.assign([weak = weak_from_this(), id](asio::cancellation_type type) {
            const auto self = weak.lock();
            if (self && !self->loop_gone_ && self->engine_->is_here() &&
                type != asio::cancellation_type::none)
                asio::dispatch(self->engine_->strand(), [self, id] { self->cancel(id); });
        });
    return id;
}

void context_core::cancel(std::uint64_t ending_id)
{
    const auto found = std::ranges::find(endings_, ending_id, &ending::id);
    if (found == endings_.end())
        return;
    auto given_up = std::move(*found);
    endings_.erase(found);
    given_up.done.complete(io_, error_code(asio::error::operation_aborted));
}

void context_core::end(bool and_server, std::uint64_t id, handler<void(error_code)> done)
{
    endings_.push_back({id, std::move(done), and_server,
                        link_ ? link_->listen() : supervision::link::interest(),
                        shared_from_this()});
    proceed();
}

/// Children first, then the state process, which they may use until their end.
void context_core::proceed()
{
    if (starting_ > 0 || !children_.empty())
        return;
    const bool server_runs = server_ == own_server::running;
    std::vector<ending> ended;
    for (auto& each : std::exchange(endings_, {})) {
        if (each.and_server && server_runs) {
            if (server_child_ != 0 && !std::exchange(stopping_server_, true))
                link_->stop(server_child_, ending_grace_);
            endings_.push_back(std::move(each));
        } else {
            ended.push_back(std::move(each));
        }
    }
    for (auto& each : ended)
        each.done.complete(io_, error_code());
}

void context_core::loop_gone()
{
    loop_gone_ = true;
    std::vector<std::weak_ptr<process_core>> processes;
    std::shared_ptr<supervision::link> link;
    {
        const std::lock_guard lock(mutex_);
        processes.swap(processes_);
        link.swap(link_);
    }
    // Under no lock: what is dropped may be the frames of users' coroutines.
    for (const auto& each : processes)
        if (const auto alive = each.lock())
            alive->abandon();
    if (link)
        link->shutdown();
    const auto dropped = std::exchange(endings_, {});
    io_ = {};
}

} // namespace zproc::detail
