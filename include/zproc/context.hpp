#pragma once

#include <zproc/command.hpp>
#include <zproc/context/swarms.hpp>
#include <zproc/detail/call.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/options.hpp>
#include <zproc/origin.hpp>
#include <zproc/peer.hpp>
#include <zproc/process.hpp>
#include <zproc/process_info.hpp>
#include <zproc/state.hpp>

#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace zproc {

/// The way into everything: the state, and processes.
///
/// A cheap handle. Without an address it starts a state process of its own at the first need; in
/// a spawned process it uses that of the program. It works on the executor it is given, and has
/// no threads.
///
/// Lifetime: copies mean the same context. What it has spawned lives until it ends by itself, is
/// stopped, or this process ends. The last copy may go at any time, without blocking. When the
/// loop is destroyed first, pending handlers are dropped uncalled and later calls throw
/// `errc::context_gone`.
/// Thread safety: a context and its copies may be used from any number of threads at once, also
/// when the executor is multi-threaded.
/// Source: `Context` of ZProc 0.9.5. Example file: example/cookie_eater.cpp
class context : public context_swarms {
public:
    using executor_type = asio::any_io_executor;

    /// Forks the supervisor, if there is none yet and a server is to be started. In a program that
    /// has threads already, the executable `zproc` becomes the supervisor when one is needed; it
    /// can spawn no functions (see `prepare`).
    explicit context(asio::any_io_executor executor, context_options options = {});

    template <class ExecutionContext>
        requires std::convertible_to<ExecutionContext&, asio::execution_context&>
    explicit context(ExecutionContext& loop, context_options options = {})
        : context(asio::any_io_executor(loop.get_executor()), std::move(options))
    {
    }

    /// How well the processes of this program are held; `standard` where it has no supervisor.
    /// Unless `prepare` or `context_options::isolation` asks for one, it is `cgroup` where this
    /// program may make a control group, else `standard`.
    isolation_level isolation() const noexcept;

    /// What a change survives once it is acknowledged, as the server has said that it was connected
    /// to last; `none` before there was one.
    durability_level durability() const noexcept;

    /// A handle to the default namespace, with an origin of its own.
    zproc::state state() const;
    /// A handle to a namespace. Throws `errc::empty_namespace`.
    zproc::state state(std::string name_space) const;

    /// The same context with another default namespace, also for the processes that are spawned
    /// through it. Throws `errc::empty_namespace`.
    context with_namespace(std::string name) const;

    /// The namespaces that have keys, in no particular order; without those of zproc itself, whose
    /// names begin with "zproc.".
    ///
    /// Completion signature: `void(error_code, std::vector<namespace_info>)`.
    /// Per-operation cancellation and errors: as a read of `state`.
    /// Complexity: O(namespaces).
    template <asio::completion_token_for<void(error_code, std::vector<namespace_info>)> Token =
                  asio::deferred_t>
    [[nodiscard]] auto namespaces(Token&& token = {}) const
    {
        using signature = void(error_code, std::vector<namespace_info>);
        return detail::initiate<signature>(
            get_executor(),
            [core = core()](detail::handler<signature> done) { namespaces(core, std::move(done)); },
            std::forward<Token>(token));
    }

    /// Removes all keys of a namespace in one transaction, an event for its watchers; it is not
    /// listed any more. Its revisions are never given again: they go on when it comes back.
    ///
    /// Completion signature: `void(error_code)`.
    /// Per-operation cancellation and errors: as a mutation of `state`.
    /// Complexity: O(keys).
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto drop_namespace(std::string name, Token&& token = {}) const
    {
        return state(std::move(name)).clear(std::forward<Token>(token));
    }

    /// Runs `f(args…)` in a process of its own, with a context in front if it takes one. `f` is a
    /// function or a lambda that captures nothing, plain or a coroutine; arguments and result
    /// cross by Boost.Serialization.
    ///
    /// Everything done through this context after a watcher was made happens after it, also what
    /// the new process does.
    ///
    /// Completion signature: `void(error_code, process<R>)`, when it runs. The token comes last.
    /// Per-operation cancellation: before the supervisor was asked, every type →
    /// `operation_aborted`, and nothing is started. After: total and partial do nothing; terminal →
    /// `operation_aborted`, and what has started is stopped.
    /// Errors: `errc::threads_before_supervisor`, `errc::supervisor_lost`, `errc::no_build_id`,
    /// `errc::not_serializable`, `errc::wrong_process`; of the system, when it cannot fork (EAGAIN,
    /// ENOMEM, EMFILE), or EPERM to who has changed user or group since `prepare`.
    template <class F, class... Args>
        requires(!std::same_as<F, spawn_options> && !std::same_as<F, command>)
    [[nodiscard]] auto spawn(F f, Args&&... args) const
    {
        return spawn(spawn_options{}, f, std::forward<Args>(args)...);
    }
    template <class F, class... Args>
        requires(!std::same_as<F, command>)
    [[nodiscard]] auto spawn(spawn_options options, F f, Args&&... args) const
    {
        static_assert(detail::spawnable<F>,
                      "zproc: spawn takes a function, or a lambda that captures nothing: pass what "
                      "it needs as arguments");
        static_assert(!std::is_reference_v<detail::result_of<F>>,
                      "zproc: a spawned function cannot return a reference: it crosses processes");
        return detail::split_token<detail::function_traits<F>::arity>(
            [&](auto&& token, auto&&... given) {
                return start<detail::result_of<F>>(
                    std::move(options),
                    detail::make_call(f, std::forward<decltype(given)>(given)...), nullptr,
                    std::forward<decltype(token)>(token));
            },
            std::forward<Args>(args)...);
    }

    /// Runs a program instead of a function. It is watched and stopped like every other process;
    /// what it has spawned falls with it.
    ///
    /// Completion signature: `void(error_code, program)`, when the program runs.
    /// Per-operation cancellation: as of a function.
    /// Errors: those of exec(2) (ENOENT, EACCES), of chdir(2) for its directory, of open(2) for its
    /// streams; and those of a function.
    template <std::same_as<command> Command,
              asio::completion_token_for<void(error_code, program)> Token = asio::deferred_t>
    [[nodiscard]] auto spawn(Command what, Token&& token = {}) const
    {
        return spawn(spawn_options(), std::move(what), std::forward<Token>(token));
    }
    template <std::same_as<command> Command,
              asio::completion_token_for<void(error_code, program)> Token = asio::deferred_t>
    [[nodiscard]] auto spawn(spawn_options options, Command what, Token&& token = {}) const
    {
        using signature = void(error_code, program);
        return detail::initiate<signature>(
            get_executor(),
            [core = core(), options = std::move(options),
             what = std::move(what)](detail::handler<signature> done) mutable {
                run(core, std::move(options), what, std::move(done));
            },
            std::forward<Token>(token));
    }

    /// All processes of the supervisor, those that have ended lately included; by id.
    ///
    /// Completion signature: `void(error_code, std::vector<process_info>)`.
    /// Per-operation cancellation and errors: as a read of `state`.
    template <asio::completion_token_for<void(error_code, std::vector<process_info>)> Token =
                  asio::deferred_t>
    [[nodiscard]] auto processes(Token&& token = {}) const
    {
        using signature = void(error_code, std::vector<process_info>);
        return detail::initiate<signature>(
            get_executor(),
            [core = core()](detail::handler<signature> done) { processes(core, std::move(done)); },
            std::forward<Token>(token));
    }

    /// A watcher that yields one event when the process with that id has ended for good, also of
    /// one that is nobody's handle here. Acts when called.
    watcher monitor(std::uint64_t id) const;

    /// From now on the failure of one stops the other, and the other way round; see
    /// `spawn_options::linked`. Both have been spawned by this process, or by what it has spawned.
    /// Errors: `errc::process_gone` (an empty handle), `errc::supervisor_lost`,
    /// `errc::wrong_process`, `errc::context_gone`.
    error_code link(const detail::process_handle& one, const detail::process_handle& other) const
    {
        return link(one.id(), other.id());
    }

    /// Says, in a spawned process, that it has done what others wait for: its status becomes
    /// `ready`. The first time counts; nothing happens in a process that nobody spawned.
    /// Errors: `errc::wrong_process`; `would_block` when the supervisor does not read.
    error_code notify_ready() const noexcept;

    /// Asks the state process whether it lives.
    ///
    /// Completion signature: `void(error_code, pong)`.
    /// Per-operation cancellation and errors: as a read of `state`.
    template <asio::completion_token_for<void(error_code, pong)> Token = asio::deferred_t>
    [[nodiscard]] auto ping(Token&& token = {}) const
    {
        using signature = void(error_code, pong);
        return detail::initiate<signature>(
            get_executor(),
            [core = core()](detail::handler<signature> done) { ping(core, std::move(done)); },
            std::forward<Token>(token));
    }

    /// Completes when everything that was committed anywhere before the call is in what the watchers
    /// and replicas of this context read: over TCP they follow a copy of the journal, which may be
    /// behind. On the server's own host they never are.
    ///
    /// Completion signature: `void(error_code)`.
    /// Per-operation cancellation and errors: as a read of `state`; it is waited for as long as any
    /// of what is to come does. `errc::journal_overrun` when all that time more is written than
    /// comes.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto sync(Token&& token = {}) const
    {
        using signature = void(error_code);
        return detail::initiate<signature>(
            get_executor(),
            [core = core()](detail::handler<signature> done) { sync(core, std::move(done)); },
            std::forward<Token>(token));
    }

    /// How often the connection to the server was restored after it had broken, or the state process
    /// had died. What was under way then was sent again, and applied once.
    std::uint64_t reconnections() const noexcept;

    /// Which process a change came from: `co_await ctx.who(event.origin)`. Known from the first
    /// connection of its client until two minutes after the last; a successor of the state
    /// process knows it, too. All handles of one context are one process.
    ///
    /// Completion signature: `void(error_code, peer)`.
    /// Per-operation cancellation: as a read of `state`.
    /// Errors: as a read of `state`; `errc::no_such_key` when the session has ended.
    template <asio::completion_token_for<void(error_code, peer)> Token = asio::deferred_t>
    [[nodiscard]] auto who(const origin& of, Token&& token = {}) const
    {
        using signature = void(error_code, peer);
        return detail::initiate<signature>(
            get_executor(),
            [core = core(), of](detail::handler<signature> done) {
                who(core, of, std::move(done));
            },
            std::forward<Token>(token));
    }

    /// Ends what this context has spawned, and then the state process it has started: SIGTERM,
    /// after the grace period SIGKILL. Completes when nothing is left.
    ///
    /// Completion signature: `void(error_code)`.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`; a stop that was
    /// asked for is not taken back.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto shutdown(std::chrono::nanoseconds grace, Token&& token = {}) const
    {
        using signature = void(error_code);
        return detail::initiate<signature>(
            get_executor(),
            [core = core(), grace](detail::handler<signature> done) {
                shutdown(core, grace, std::move(done));
            },
            std::forward<Token>(token));
    }

    /// Waits until nothing that this context has spawned, then or meanwhile, is running.
    ///
    /// Completion signature: `void(error_code)`.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto wait(Token&& token = {}) const
    {
        using signature = void(error_code);
        return detail::initiate<signature>(
            get_executor(),
            [core = core()](detail::handler<signature> done) { wait(core, std::move(done)); },
            std::forward<Token>(token));
    }

    /// The address of the server, for others to connect to, with the port that was chosen for port
    /// 0; empty before it was first needed.
    std::string address() const;

    /// Every address that the server of this context listens at; none before it was first needed,
    /// nor when the server is another program's.
    std::vector<std::string> addresses() const;

private:
    context(const context& like, std::string name_space)
        : context_swarms(like, std::move(name_space))
    {
    }

    static void namespaces(const std::shared_ptr<detail::context_core>& core,
                           detail::handler<void(error_code, std::vector<namespace_info>)> done);
    static void run(const std::shared_ptr<detail::context_core>& core, spawn_options options,
                    const command& what, detail::handler<void(error_code, program)> done);
    static void processes(const std::shared_ptr<detail::context_core>& core,
                          detail::handler<void(error_code, std::vector<process_info>)> done);
    error_code link(std::uint64_t one, std::uint64_t other) const;
    static void ping(const std::shared_ptr<detail::context_core>& core,
                     detail::handler<void(error_code, pong)> done);
    static void sync(const std::shared_ptr<detail::context_core>& core,
                     detail::handler<void(error_code)> done);
    static void who(const std::shared_ptr<detail::context_core>& core, const origin& of,
                    detail::handler<void(error_code, peer)> done);
    static void wait(const std::shared_ptr<detail::context_core>& core,
                     detail::handler<void(error_code)> done);
    static void shutdown(const std::shared_ptr<detail::context_core>& core,
                         std::chrono::nanoseconds grace, detail::handler<void(error_code)> done);
};

std::ostream& operator<<(std::ostream& out, const context& c);

namespace detail {

/// A watcher as a plan says.
watcher watch_planned(const context& own, const watch_plan& plan, watch_condition&& condition);

} // namespace detail

/// Forks the supervisor now, before the program has threads or grows large; says whether there is
/// one. Harmless twice; may be called from a static initialiser, and after `daemon()`.
///
/// Errors: `errc::threads_before_supervisor` (`why` names the threads), `errc::wrong_process`,
/// `errc::supervisor_lost`, `errc::supervisor_failed`.
error_code prepare(diagnostics* why = nullptr);

/// The same, with this isolation and no other.
///
/// Errors: those, and `errc::isolation_unavailable` when the system does not permit it, or there is
/// a supervisor with another one already (`why` says which).
error_code prepare(isolation_level isolation, diagnostics* why = nullptr);

} // namespace zproc
