#include "engine/host.hpp"

#include "client/recall.hpp"
#include "client/request_call.hpp"
#include "client/transaction.hpp"
#include "client/watch.hpp"
#include "engine/loop_service.hpp"
#include "io_executor.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/query.hpp>

#include <utility>

namespace zproc::engine {

namespace {

struct ping_call final : client::call {
    detail::handler<void(error_code, pong)> handler;
    asio::any_io_executor io;
    std::chrono::steady_clock::time_point written;

    ping_call(detail::handler<void(error_code, pong)> h, asio::any_io_executor on)
        : call(false), handler(std::move(h)), io(std::move(on))
    {
    }
    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        written = std::chrono::steady_clock::now();
        protocol::write_request(out, correlation, protocol::ping_request{});
    }
    void done(error_code ec, protocol::bytes_view body) override
    {
        protocol::ping_reply reply;
        if (!ec)
            ec = protocol::decode(body, reply);
        handler.complete(
            io, ec,
            pong{static_cast<pid_t>(reply.pid), std::chrono::steady_clock::now() - written});
    }
};

/// On the server's own host everybody reads what the server wrote.
struct sync_call final : client::call {
    detail::handler<void(error_code)> handler;
    asio::any_io_executor io;

    sync_call(detail::handler<void(error_code)> h, asio::any_io_executor on)
        : call(false), handler(std::move(h)), io(std::move(on))
    {
    }
    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::ping_request{});
    }
    void done(error_code ec, protocol::bytes_view) override { handler.complete(io, ec); }
};

struct who_call final : client::call {
    detail::handler<void(error_code, peer)> handler;
    asio::any_io_executor io;
    std::uint64_t session;

    who_call(detail::handler<void(error_code, peer)> h, asio::any_io_executor on,
             std::uint64_t about)
        : call(false), handler(std::move(h)), io(std::move(on)), session(about)
    {
    }
    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::who_request{session});
    }
    void done(error_code ec, protocol::bytes_view body) override
    {
        protocol::who_reply reply;
        if (!ec)
            ec = protocol::decode(body, reply);
        handler.complete(io, ec, peer{static_cast<pid_t>(reply.pid), std::string(reply.name)});
    }
};

} // namespace

boost::asio::execution_context::id loop_service::id;

host::host(asio::any_io_executor io) : io_(std::move(io)), strand_(strand_of(io_))
{
}

host::~host() = default;

namespace {

durability_level level_of(protocol::durability told)
{
    switch (told) {
    case protocol::durability::process: return durability_level::process;
    case protocol::durability::disk: return durability_level::disk;
    case protocol::durability::none: break;
    }
    return durability_level::none;
}

} // namespace

std::shared_ptr<host> host::make(asio::any_io_executor io, client::locator locate, std::string name,
                                 std::chrono::nanoseconds request_timeout,
                                 client::credentials shown, bool remote)
{
    auto made = std::make_shared<host>(std::move(io));
    made->server_ = std::make_shared<client::connection>(
        client::connection::settings{made->io_, made->strand_, std::move(locate), std::move(name),
                                     request_timeout, std::move(shown)});
    auto shelf = std::make_shared<client::ring_shelf>();
    if (remote)
        made->mirror_ =
            std::make_shared<client::mirror>(made->strand_, made->server_, shelf, request_timeout);
    made->feed_ = std::make_shared<client::feed>(made->io_, made->strand_, made->server_, shelf,
                                                 made->mirror_);
    made->replicas_ = std::make_shared<client::replica_source>(made->server_, std::move(shelf),
                                                               made->mirror_, request_timeout);
    made->server_->on_ready = [engine = made->weak_from_this()] {
        if (const auto alive = engine.lock()) {
            alive->session_ = alive->server_->session();
            ++alive->connections_;
            if (alive->mirror_)
                alive->mirror_->on_ready();
            alive->durability_ = level_of(alive->server_->server().durability);
            alive->replicas_->on_ready();
            alive->feed_->on_ready();
        }
    };
    made->server_->on_failed = [engine = made->weak_from_this()](error_code ec) {
        const auto alive = engine.lock();
        if (alive && alive->mirror_)
            alive->mirror_->on_failed(ec);
        if (alive)
            alive->feed_->on_failed(ec);
    };
    made->server_->on_turned = [feed = std::weak_ptr(made->feed_)] {
        if (const auto alive = feed.lock())
            alive->rest();
    };
    if (remote) {
        made->server_->on_pushed = [copy = std::weak_ptr(made->mirror_)](const protocol::frame& f) {
            if (const auto alive = copy.lock())
                alive->on_pushed(f);
        };
        made->server_->on_read = [copy = std::weak_ptr(made->mirror_)] {
            if (const auto alive = copy.lock())
                alive->on_read();
        };
    }
    // After the sockets and timers of the connection, so that this service is shut down first.
    asio::use_service<loop_service>(asio::query(made->io_, asio::execution::context))
        .add(made->weak_from_this());
    return made;
}

error_code host::refusal() const noexcept
{
    if (gone_)
        return errc::context_gone;
    return is_here() ? error_code() : make_error_code(errc::wrong_process);
}

asio::any_io_executor host::where_to_refuse() const
{
    return gone_ ? asio::any_io_executor() : io_;
}

void host::submit(const detail::state_identity& from, detail::request&& r,
                  std::unique_ptr<detail::pending> p)
{
    if (const auto why = refusal())
        return p->complete(where_to_refuse(), why, {});
    error_code ec;
    const auto slot = p->cancellation_slot();
    auto what = client::request_call::make(from, std::move(r), p, io_, ec);
    if (!what)
        return p->complete(io_, ec, {});
    what->keep(from.engine);
    start(std::move(what), slot);
}

void host::start(std::unique_ptr<client::call> what, asio::cancellation_slot slot,
                 std::uint64_t mirrored)
{
    std::shared_ptr<client::multiplexer::ticket> ticket;
    if (slot.is_connected()) {
        ticket = std::make_shared<client::multiplexer::ticket>(0);
        slot.assign([weak = weak_from_this(), ticket, mirrored](asio::cancellation_type type) {
            const auto self = weak.lock();
            if (!self || self->refusal() || type == asio::cancellation_type::none)
                return;
            const bool terminal =
                (type & asio::cancellation_type::terminal) != asio::cancellation_type::none;
            self->server_->enter([self, ticket, terminal, mirrored] {
                self->server_->cancel(*ticket, terminal);
                if (terminal && mirrored != 0)
                    self->mirror_->cancel(mirrored);
            });
        });
    }
    server_->enter(std::move(what), std::move(ticket));
}

void host::transact(const detail::state_identity& from,
                    std::unique_ptr<detail::transaction_body> body)
{
    if (const auto why = refusal())
        return body->complete(where_to_refuse(), std::make_exception_ptr(system_error(why)));
    using executor = client::transaction::executor_of_engine;
    std::make_shared<client::transaction>(executor(from.engine, &io_),
                                          executor(from.engine, &strand_), server_, from,
                                          std::move(body))
        ->start();
}

std::shared_ptr<detail::watch_core> host::watch(const detail::state_identity& from,
                                                detail::watch_condition&& condition,
                                                const watch_options& options)
{
    if (const auto why = refusal())
        throw system_error(why);
    auto made = std::make_shared<client::watch>(
        client::watch::surroundings{io_, strand_, server_, feed_, from.engine}, from.name_space,
        client::watch_fsm(std::move(condition), options, from.handle));
    {
        const std::lock_guard lock(mutex_);
        if (watches_.size() >= prune_at_) {
            std::erase_if(watches_, [](const auto& each) { return each.expired(); });
            prune_at_ = 2 * watches_.size() + 64;
        }
        watches_.push_back(made);
    }
    server_->enter([made] { made->start(); });
    return made;
}

void host::recall(const detail::state_identity& from, detail::past_question&& q,
                  std::unique_ptr<detail::pending_past> p)
{
    if (const auto why = refusal())
        return p->complete(where_to_refuse(), why, {});
    auto slot = p->cancellation_slot();
    const auto made =
        std::make_shared<client::recall>(client::recall::surroundings{io_, feed_, from.engine},
                                         from.name_space, std::move(q), std::move(p));
    if (slot.is_connected())
        slot.assign(
            [weak = weak_from_this(), asked = std::weak_ptr(made)](asio::cancellation_type type) {
                const auto self = weak.lock();
                if (!self || self->refusal() || type == asio::cancellation_type::none)
                    return;
                self->server_->enter([asked] {
                    if (const auto alive = asked.lock())
                        alive->cancel();
                });
            });
    server_->enter([self = shared_from_this(), made] {
        self->recalls_.insert(made);
        made->start([engine = self.get(), made = made.get()] {
            std::erase_if(engine->recalls_,
                          [made](const auto& each) { return each.get() == made; });
        });
    });
}

void host::replicate(const detail::state_identity& from, std::unique_ptr<detail::pending_replica> p)
{
    if (const auto why = refusal())
        return p->complete(where_to_refuse(), why, nullptr);
    const auto slot = p->cancellation_slot();
    const auto id = mirror_ ? mirror_->next_id() : 0;
    start(replicas_->open(from.name_space, std::move(p), io_, from.engine, id), slot, id);
}

void host::ping(detail::handler<void(error_code, pong)> done, std::shared_ptr<const void> keeps)
{
    if (const auto why = refusal())
        return done.complete(where_to_refuse(), why, pong());
    const auto slot = done.cancellation_slot();
    auto what = std::make_unique<ping_call>(std::move(done), io_);
    what->keep(std::move(keeps));
    start(std::move(what), slot);
}

void host::sync(detail::handler<void(error_code)> done, std::shared_ptr<const void> keeps)
{
    if (const auto why = refusal())
        return done.complete(where_to_refuse(), why);
    const auto slot = done.cancellation_slot();
    if (!mirror_) {
        auto what = std::make_unique<sync_call>(std::move(done), io_);
        what->keep(std::move(keeps));
        return start(std::move(what), slot);
    }
    const auto id = mirror_->next_id();
    auto handler = std::make_shared<detail::handler<void(error_code)>>(std::move(done));
    start(mirror_->sync(
              [keeps = std::move(keeps), handler = std::move(handler), io = io_](
                  error_code ec, const client::mirror::attachment&) { handler->complete(io, ec); },
              id),
          slot, id);
}

void host::who(const origin& of, detail::handler<void(error_code, peer)> done,
               std::shared_ptr<const void> keeps)
{
    if (const auto why = refusal())
        return done.complete(where_to_refuse(), why, peer());
    const auto slot = done.cancellation_slot();
    auto what = std::make_unique<who_call>(std::move(done), io_, of.session);
    what->keep(std::move(keeps));
    start(std::move(what), slot);
}

void host::barrier(std::function<void(error_code)> then)
{
    server_->enter([self = shared_from_this(), then = std::move(then)]() mutable {
        self->feed_->barrier(std::move(then));
    });
}

void host::condemn(error_code ec)
{
    if (!refusal())
        asio::dispatch(strand_, [self = shared_from_this(), ec] {
            self->replicas_->lose(ec);
            self->server_->condemn(ec);
        });
}

/// No thread runs the loop any more. Handlers are dropped last: they may hold the last handles.
void host::loop_gone()
{
    gone_ = true;
    const auto self = shared_from_this();
    std::vector<std::unique_ptr<detail::pending_event>> dropped;
    for (const auto& each : watches_)
        if (const auto alive = each.lock())
            dropped.push_back(alive->loop_gone());
    std::vector<std::unique_ptr<detail::pending_past>> dropped_too;
    for (const auto& each : std::exchange(recalls_, {}))
        dropped_too.push_back(each->loop_gone());
    feed_->shutdown();
    replicas_->shutdown();
    if (mirror_)
        mirror_->shutdown();
    server_->shutdown();
    dropped.clear();
    dropped_too.clear();
    strand_ = {};
    io_ = {};
}

} // namespace zproc::engine
