#include "context/commands.hpp"
#include "context/context_core.hpp"
#include "supervisor/invocation.hpp"
#include "supervisor/surroundings.hpp"

#include <zproc/detail/packing.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <utility>

#include <unistd.h>

/// Spawning: from the call to the process, and what is heard of it.
namespace zproc {
namespace detail {

namespace {

template <class Options>
auto files_of(Options& of)
{
    return std::array{&of.certificate, &of.key, &of.authorities, &of.server_name};
}

std::string pack_tls(const context_options& options, bool needed)
{
    if (!options.tls() || !needed)
        return std::string(1, '\0');
    std::string text("tls\0", 4);
    for (const auto* each : files_of(*options.tls()))
        text += *each + '\0';
    return text;
}

/// What a spawned process's context needs to know: address, default namespace, how patient it is,
/// in milliseconds, whether and how it speaks TLS, and the secret, which may hold anything.
std::string pack_settings(const protocol::address& where, const std::string& default_namespace,
                          const context_options& options, const std::string& secret)
{
    const auto number = [](std::chrono::nanoseconds time) {
        return std::to_string(whole_milliseconds(time).count());
    };
    return protocol::to_string(where) + '\0' + default_namespace + '\0' + number(options.grace()) +
           '\0' + number(options.request_timeout()) + '\0' + pack_tls(options, where.is_tcp()) +
           secret;
}

std::shared_ptr<context> make_child_context(asio::io_context& io, const supervision::child_start&,
                                            std::string_view settings)
{
    const auto next = [&settings] {
        const auto part = settings.substr(0, settings.find('\0'));
        settings.remove_prefix(std::min(part.size() + 1, settings.size()));
        return std::string(part);
    };
    const auto time = [&next](std::chrono::nanoseconds otherwise) -> std::chrono::nanoseconds {
        const auto text = next();
        return text.empty() ? otherwise
                            : std::chrono::milliseconds(std::strtoll(text.c_str(), nullptr, 10));
    };
    context_options options;
    options.address(next());
    if (auto name_space = next(); !name_space.empty())
        options.default_namespace(std::move(name_space));
    options.grace(time(options.grace()));
    options.request_timeout(time(options.request_timeout()));
    if (!next().empty()) {
        tls_options with;
        for (auto* each : files_of(with))
            *each = next();
        options.tls(std::move(with));
    }
    options.secret(std::string(settings));
    return std::make_shared<context>(io.get_executor(), std::move(options));
}

[[maybe_unused]] const bool known = (supervision::set_context_maker(&make_child_context), true);

supervision::restart_rules to_rules(const restart_settings& of)
{
    supervision::restart_rules rules;
    switch (of.when) {
    case restart_settings::mode::never: break;
    case restart_settings::mode::on_failure:
        rules.when = supervision::restart_rules::mode::on_failure;
        break;
    case restart_settings::mode::always:
        rules.when = supervision::restart_rules::mode::always;
        break;
    }
    rules.exceptions = !of.exceptions.empty();
    rules.signals.assign(of.signals.begin(), of.signals.end());
    rules.codes.assign(of.codes.begin(), of.codes.end());
    rules.limit = of.limit;
    rules.delay = whole_milliseconds(of.delay);
    rules.longest = whole_milliseconds(of.longest);
    rules.factor = of.factor;
    rules.jitter = of.jitter;
    rules.healthy_after = whole_milliseconds(of.healthy_after);
    return rules;
}

/// The revision of a namespace, asked for on the strand and told there.
struct pending_revision final : pending {
    std::function<void(error_code, std::uint64_t)> then;

    explicit pending_revision(std::function<void(error_code, std::uint64_t)> t) : then(std::move(t))
    {
    }
    void complete(const asio::any_io_executor&, error_code ec, response&& r) override
    {
        then(ec, r.revision);
    }
    asio::cancellation_slot cancellation_slot() const noexcept override { return {}; }
};

} // namespace

void context_core::spawn(launching l, std::unique_ptr<pending_spawn> p)
{
    if (loop_gone_)
        return p->complete({}, errc::context_gone, nullptr);
    if (!engine_->is_here())
        return p->complete(io_, errc::wrong_process, nullptr);
    if (l.what.failure)
        return p->complete(io_, l.what.failure, nullptr);
    auto slot = p->cancellation_slot();
    auto s = std::make_shared<spawning>(std::move(p));
    if (slot.is_connected())
        slot.assign([weak = weak_from_this(), of = std::weak_ptr(s)](asio::cancellation_type type) {
            const auto self = weak.lock();
            if (!self || self->loop_gone_ || !self->engine_->is_here() ||
                type == asio::cancellation_type::none)
                return;
            const bool terminal =
                (type & asio::cancellation_type::terminal) != asio::cancellation_type::none;
            asio::dispatch(self->engine_->strand(), [self, of, terminal] {
                if (const auto alive = of.lock())
                    self->cancel(*alive, terminal);
            });
        });
    asio::dispatch(engine_->strand(), [self = shared_from_this()] { ++self->starting_; });
    if (l.plan && l.plan->options.since.is_now())
        begin_plan(std::move(l), s);
    else
        launch_after_watchers(std::move(l), s);
}

void context_core::launch_after_watchers(launching l, const std::shared_ptr<spawning>& s)
{
    engine_->barrier([self = shared_from_this(), l = std::move(l), s](error_code) mutable {
        // What a watcher could not register for, it will say itself.
        if (l.plan)
            l.what.arguments = pack(pack_plan(*l.plan)) + l.what.arguments;
        self->launch(std::move(l), s);
    });
}

/// The watcher of the process begins where the namespace is now: what is changed through this
/// context after the call comes after that, whatever else the call has to wait for.
void context_core::begin_plan(launching l, const std::shared_ptr<spawning>& s)
{
    const state_identity where{{shared_from_this(), engine_.get()}, l.plan->name_space, 0};
    engine_->submit(
        where, {operation::revision, {}, {}, {}},
        std::make_unique<pending_revision>([self = shared_from_this(), l = std::move(l),
                                            s](error_code ec, std::uint64_t revision) mutable {
            l.plan->options.since = revision;
            l.plan->test_at_since = true;
            if (ec && s->pending) {
                std::move(s->pending)->complete(self->io_, ec, nullptr);
                return self->start_ended();
            }
            self->launch_after_watchers(std::move(l), s);
        }));
}

void context_core::cancel(spawning& s, bool terminal)
{
    if (!s.pending || (s.launched && !terminal))
        return;
    const auto p = std::move(s.pending);
    p->complete(io_, asio::error::operation_aborted, nullptr);
}

void context_core::launch(launching l, const std::shared_ptr<spawning>& s)
{
    if (!s->pending) // cancelled
        return start_ended();
    s->launched = true;
    const auto refuse = [&](error_code why) {
        std::move(s->pending)->complete(io_, why, nullptr);
        start_ended();
    };
    error_code ec = open_link(!l.program);
    if (!ec)
        locate([&ec](error_code failed, const protocol::address&, const std::string&) {
            ec = failed;
        });
    if (ec)
        return refuse(ec);

    const std::string function = l.program ? l.program->name() : l.what.name;
    const std::string name = l.options.name().empty() ? function : l.options.name();
    auto process = std::make_shared<process_core>(io_, shared_from_this(), name, function);
    std::vector<int> descriptors;
    if (!l.program)
        descriptors = process->open_channel(
            l.what, l.options, pack_settings(*where_, l.default_namespace, options_, shown_.secret),
            ec);
    if (ec)
        return refuse(ec);

    supervision::spawn_request request;
    request.run = &supervision::function_entry;
    request.name = name;
    request.descriptors = descriptors;
    if (l.handed) {
        for (const auto& each : *l.handed)
            request.descriptors.push_back(each.get());
        request.payload = std::to_string(l.handed->size());
    }
    request.linked = l.options.is_linked();
    request.grace = whole_milliseconds(l.options.grace().value_or(options_.grace()));
    request.restart = to_rules(l.options.restart().settings());
    supervision::add_surroundings(request);
    if (l.program)
        l.program->fill(request);
    using signature = void(error_code, supervision::started_child);
    link_->start(
        request,
        [weak = weak_from_this(), process](supervision::notice n) {
            if (const auto self = weak.lock())
                self->child_notice(process, n);
        },
        handler<signature>(asio::bind_executor(
            engine_->strand(), [self = shared_from_this(), process,
                                s](error_code failed, supervision::started_child started) {
                if (failed) {
                    process->not_started(failed);
                } else {
                    self->children_[started.id] = process;
                    process->started(started.id, started.pid, started.pidfd.release());
                }
                if (const auto p = std::move(s->pending))
                    p->complete(self->io_, failed, failed ? nullptr : process);
                else if (!failed)
                    self->stop(started.id, {});
                if (!failed && std::ranges::any_of(self->endings_, &ending::and_server))
                    self->stop(started.id, self->ending_grace_);
                self->start_ended();
            })));
    for (const auto each : descriptors)
        ::close(each);
    const std::lock_guard lock(mutex_);
    std::erase_if(processes_, [](const auto& each) { return each.expired(); });
    processes_.push_back(process);
}

void context_core::child_notice(const std::shared_ptr<process_core>& process,
                                supervision::notice& n)
{
    using kind = supervision::notice::kind;
    switch (n.what) {
    case kind::progress: process->progressed(n); break;
    case kind::exited: process->exited(n.exit, static_cast<int>(n.attempt) - 1, n.cause); break;
    case kind::gone: gone(n.child); break;
    case kind::lost:
        process->lost(errc::supervisor_lost);
        gone(n.child);
        break;
    }
}

void context_core::start_ended()
{
    --starting_;
    proceed();
}

void context_core::gone(std::uint64_t child)
{
    children_.erase(child);
    proceed();
}

std::shared_ptr<void> context_core::listen()
{
    const std::lock_guard lock(mutex_);
    if (loop_gone_ || !link_)
        return nullptr;
    return std::make_shared<supervision::link::interest>(link_->listen());
}

void context_core::stop(std::uint64_t child, std::optional<std::chrono::nanoseconds> grace)
{
    const std::lock_guard lock(mutex_);
    if (!loop_gone_ && link_)
        link_->stop(child, whole_milliseconds(grace.value_or(options_.grace())));
}

error_code context_core::link(std::uint64_t one, std::uint64_t other)
{
    const std::lock_guard lock(mutex_);
    if (loop_gone_)
        return errc::context_gone;
    return link_ ? link_->link_together(one, other) : error_code(errc::process_gone);
}

namespace {

/// A command under way, with the user's handler inside.
struct command_spawn final : pending_spawn {
    handler<void(error_code, program)> done;
    std::shared_ptr<program_pipes> pipes;

    command_spawn(handler<void(error_code, program)> h, std::shared_ptr<program_pipes> p)
        : done(std::move(h)), pipes(std::move(p))
    {
    }

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::shared_ptr<process_core> started) override
    {
        done.complete(io, ec, ec ? program() : program(std::move(started), std::move(pipes)));
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done.cancellation_slot();
    }
};

} // namespace
} // namespace detail

void context::run(const std::shared_ptr<detail::context_core>& core, spawn_options options,
                  const command& what, detail::handler<void(error_code, program)> done)
{
    const auto io = core->get_executor();
    if (!io || core->is_loop_gone())
        return done.complete({}, error_code(errc::context_gone), program());
    auto pipes = std::make_shared<detail::program_pipes>(io);
    error_code ec;
    detail::launching l;
    l.program = detail::open_command(what, *pipes, ec);
    if (ec)
        return done.complete(io, ec, program());
    l.options = std::move(options);
    core->spawn(std::move(l),
                std::make_unique<detail::command_spawn>(std::move(done), std::move(pipes)));
}

} // namespace zproc
