#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/options.hpp>
#include <zproc/origin.hpp>
#include <zproc/peer.hpp>
#include <zproc/process.hpp>
#include <zproc/state.hpp>

#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <iosfwd>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <sys/types.h>

namespace zproc {

namespace detail {

class context_core;

/// One spawn under way, with the user's handler inside.
struct pending_spawn {
    virtual ~pending_spawn() = default;
    virtual void complete(const asio::any_io_executor& io, error_code ec,
                          std::shared_ptr<process_core> started) = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

template <class R>
struct typed_spawn final : pending_spawn {
    handler<void(error_code, process<R>)> done;

    explicit typed_spawn(handler<void(error_code, process<R>)> h) : done(std::move(h)) {}

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::shared_ptr<process_core> started) override
    {
        done.complete(io, ec, process<R>(std::move(started)));
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done.cancellation_slot();
    }
};

} // namespace detail

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
class context {
public:
    using executor_type = asio::any_io_executor;

    /// Forks the supervisor, if there is none yet and a server is to be started: it must be made
    /// before the program has threads (see `prepare`).
    explicit context(asio::any_io_executor executor, context_options options = {});

    template <class ExecutionContext>
        requires std::convertible_to<ExecutionContext&, asio::execution_context&>
    explicit context(ExecutionContext& loop, context_options options = {})
        : context(asio::any_io_executor(loop.get_executor()), std::move(options))
    {
    }

    executor_type get_executor() const;

    /// A handle to the default namespace, with an origin of its own.
    zproc::state state() const;
    /// A handle to a namespace. Throws `errc::empty_namespace`.
    zproc::state state(std::string name_space) const;

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
        requires(!std::same_as<F, spawn_options>)
    [[nodiscard]] auto spawn(F f, Args&&... args) const
    {
        return spawn(spawn_options{}, f, std::forward<Args>(args)...);
    }
    template <class F, class... Args>
    [[nodiscard]] auto spawn(spawn_options options, F f, Args&&... args) const
    {
        static_assert(detail::spawnable<F>,
                      "zproc: spawn takes a function, or a lambda that captures nothing: pass what "
                      "it needs as arguments");
        static_assert(!std::is_reference_v<detail::result_of<F>>,
                      "zproc: a spawned function cannot return a reference: it crosses processes");
        constexpr std::size_t arity = detail::function_traits<F>::arity;
        if constexpr (sizeof...(Args) == arity) {
            asio::deferred_t token;
            return start(std::move(options), detail::make_call(f, std::forward<Args>(args)...),
                         static_cast<detail::result_of<F>*>(nullptr), std::move(token));
        } else {
            static_assert(sizeof...(Args) == arity + 1,
                          "zproc: spawn takes the arguments of this function (without its "
                          "context), and then, if you like, a completion token");
            static_assert(
                asio::completion_token_for<std::tuple_element_t<arity, std::tuple<Args...>>,
                                           void(error_code, process<detail::result_of<F>>)>,
                "zproc: what follows the arguments of the spawned function is no completion token");
            std::tuple<Args&&...> all(std::forward<Args>(args)...);
            return [&]<std::size_t... I>(std::index_sequence<I...>) {
                return start(std::move(options),
                             detail::make_call(
                                 f, std::forward<std::tuple_element_t<I, std::tuple<Args&&...>>>(
                                        std::get<I>(all))...),
                             static_cast<detail::result_of<F>*>(nullptr),
                             std::forward<std::tuple_element_t<arity, std::tuple<Args&&...>>>(
                                 std::get<arity>(all)));
            }(std::make_index_sequence<arity>{});
        }
    }

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
            [core = core_](detail::handler<signature> done) { ping(core, std::move(done)); },
            std::forward<Token>(token));
    }

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
            [core = core_, of](detail::handler<signature> done) { who(core, of, std::move(done)); },
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
            [core = core_, grace](detail::handler<signature> done) {
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
            [core = core_](detail::handler<signature> done) { wait(core, std::move(done)); },
            std::forward<Token>(token));
    }

    /// `unix://PATH` of the server, for others to connect to; empty before it was first needed.
    std::string address() const;

    const context_options& options() const noexcept;

private:
    template <class R, class Token>
    auto start(spawn_options options, detail::call call, R*, Token&& token) const
    {
        using signature = void(error_code, process<R>);
        return detail::initiate<signature>(
            get_executor(),
            [core = core_, options = std::move(options),
             call = std::move(call)](detail::handler<signature> done) mutable {
                launch(core, std::move(options), std::move(call),
                       std::make_unique<detail::typed_spawn<R>>(std::move(done)));
            },
            std::forward<Token>(token));
    }

    static void launch(const std::shared_ptr<detail::context_core>& core, spawn_options options,
                       detail::call call, std::unique_ptr<detail::pending_spawn> p);
    static void ping(const std::shared_ptr<detail::context_core>& core,
                     detail::handler<void(error_code, pong)> done);
    static void who(const std::shared_ptr<detail::context_core>& core, const origin& of,
                    detail::handler<void(error_code, peer)> done);
    static void wait(const std::shared_ptr<detail::context_core>& core,
                     detail::handler<void(error_code)> done);
    static void shutdown(const std::shared_ptr<detail::context_core>& core,
                         std::chrono::nanoseconds grace, detail::handler<void(error_code)> done);

    std::shared_ptr<detail::context_core> core_;
};

std::ostream& operator<<(std::ostream& out, const context& c);

/// Forks the supervisor now, before the program has threads or grows large; says whether there is
/// one. Harmless twice; may be called from a static initialiser, and after `daemon()`.
///
/// Errors: `errc::threads_before_supervisor` (`why` names the threads), `errc::wrong_process`,
/// `errc::supervisor_lost`, `errc::supervisor_failed`.
error_code prepare(diagnostics* why = nullptr);

} // namespace zproc
