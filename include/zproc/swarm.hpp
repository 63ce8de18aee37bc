#pragma once

#include <zproc/context/base.hpp>
#include <zproc/detail/swarm_input.hpp>
#include <zproc/detail/swarm_job.hpp>
#include <zproc/detail/swarm_map.hpp>
#include <zproc/detail/swarm_stream.hpp>
#include <zproc/detail/swarm_stub.hpp>
#include <zproc/detail/swarm_task.hpp>
#include <zproc/detail/temporary.hpp>
#include <zproc/process_list.hpp>
#include <zproc/progress_bar.hpp>
#include <zproc/progress_stream.hpp>
#include <zproc/swarm_options.hpp>
#include <zproc/swarm_stream.hpp>
#include <zproc/task_id.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <memory>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace zproc {

/// The items are tuples whose elements are arguments: `swarm.map(area, spread(sizes))`.
template <class Input>
    requires detail::swarm_input<Input>
auto spread(Input&& input)
{
    return detail::spread_input<std::remove_cvref_t<Input>>(std::forward<Input>(input));
}

/// Several ranges, an item of each as the arguments, as long as the shortest:
/// `swarm.map(area, zip(widths, heights))`.
template <std::ranges::input_range... Range>
auto zip(Range&&... ranges)
{
    return detail::zip_input<std::remove_cvref_t<Range>...>(
        std::tuple<std::remove_cvref_t<Range>...>(std::forward<Range>(ranges)...));
}

/// Worker processes that run functions over items; made by `context::create_swarm`.
///
///     auto swarm = co_await ctx.create_swarm();
///     auto squares = co_await swarm.map(square, std::views::iota(0, 1000));
///
/// A function is a plain one, a coroutine, or a lambda that captures nothing. It takes, in this
/// order: a context if it wants one; a `worker_local<T>` if it wants what the initialiser made; the
/// item; arguments that are common to all items, lent as constants. A coroutine is run to its end
/// before the next item.
///
/// The input is a range, `spread` or `zip` of ranges, or a generator: a stream of this library, or
/// whatever has a `next()` that returns an `awaitable<optional<T>>`. Ranges are copied (views as
/// views; what they show must live), generators with a name are used where they are. They are read
/// as items are wanted, on the executor of the context. Trivially copyable items, and results,
/// cross in bulk; everything else by Boost.Serialization.
///
/// A failure is that of its item: `map` and `run` throw the first that happened, streams yield each
/// in its place. An item may be begun more than once when workers die; its result is there once.
///
/// A cheap handle. Lifetime: the workers end when the last handle, operation and stream is gone, or
/// this process ends. An operation that was cancelled keeps the loop busy until its workers have
/// left it, at most the context's grace period.
/// Thread safety: a swarm and its copies may be used from any number of threads at once.
/// Source: `Swarm` of ZProc 0.9.5. Example file: example/swarm.cpp
class swarm {
public:
    using executor_type = asio::any_io_executor;

    /// A handle of no swarm; operations throw `errc::swarm_stopped`.
    swarm() = default;
    explicit swarm(std::shared_ptr<detail::swarm_core> core)
        : hold_(std::make_shared<detail::swarm_hold>(std::move(core))),
          options_(hold_->core().options())
    {
    }

    executor_type get_executor() const { return hold().core().get_executor(); }

    /// How many workers there are to be of this process; those of others come on top of them.
    std::size_t size() const noexcept { return hold_ ? hold_->core().size() : 0; }

    /// How many workers of other machines have joined, and are ready.
    std::size_t remote_workers() const noexcept
    {
        return hold_ ? hold_->core().remote_workers() : 0;
    }
    /// Where they join: that of `swarm_options::listen`, with the port that was chosen for port 0;
    /// empty without. Of `tcp://0.0.0.0:…` others need an address of this machine instead.
    std::string address() const { return hold_ ? hold_->core().address() : std::string(); }

    /// The same swarm with other options for what is done through the new handle: `retries`,
    /// `deadline`, `chunk`, `in_flight`. Those of workers stay as they were.
    swarm with(swarm_options options) const
    {
        auto made = *this;
        made.options_ = std::move(options);
        return made;
    }
    const swarm_options& options() const noexcept { return options_; }

    /// A new stream of how far something has come, for `with`. Acts when called.
    progress_stream progress() const { return progress_stream(hold().core().make_board()); }
    /// The same swarm; what is done through the new handle is followed by that stream.
    swarm with(const progress_stream& progress) const
    {
        auto made = *this;
        made.board_ = progress.board_;
        return made;
    }

    /// Runs `f` over all items; the results in the order of the input. The token comes last.
    ///
    /// Completion signature: `void(std::exception_ptr, std::vector<R>)`, without the vector where
    /// `f` returns nothing.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`; workers leave
    /// the items they are at, and are replaced when they do not in time.
    /// Errors: of the item that failed first: `remote_error`, `process_crashed`, `process_exited`,
    /// `system_error` with `errc::deadline_exceeded` or `errc::not_serializable`. What the input
    /// throws; `errc::swarm_stopped`; why no worker can be started; those of `context::spawn`.
    template <detail::spawnable F, detail::swarm_input Input, class... Args>
    [[nodiscard]] auto map(F f, Input&& input, Args&&... args) const
    {
        ZPROC_CHECK_TEMPORARY(Input);
        using item = item_of<F, Input>;
        using source = detail::source_of<std::remove_cvref_t<Input>, typename item::type>;
        using job = detail::map_job<detail::result_of<F>, source>;
        return detail::split_token<item::common, asio::use_awaitable_t<>>(
            [&](auto&& token, auto&&... given) {
                auto made = std::make_shared<job>(hold().core(), std::forward<Input>(input));
                prepare<F, item::taken>(*made, f, std::forward<decltype(given)>(given)...);
                return start(std::move(made), std::forward<decltype(token)>(token));
            },
            std::forward<Args>(args)...);
    }

    /// The results one by one, in the order of the input, which may be endless.
    template <detail::spawnable F, detail::swarm_input Input, class... Args>
    auto map_lazy(F f, Input&& input, Args&&... args) const
    {
        using stored = typename settled<detail::result_of<F>>::stored_type;
        return swarm_stream<stored>(make_stream<detail::ordered_job>(f, std::forward<Input>(input),
                                                                     std::forward<Args>(args)...));
    }

    /// The results one by one, as they are there, each with the index of its item.
    template <detail::spawnable F, detail::swarm_input Input, class... Args>
    auto as_completed(F f, Input&& input, Args&&... args) const
    {
        return swarm_stream<completed<detail::result_of<F>>>(make_stream<detail::completion_job>(
            f, std::forward<Input>(input), std::forward<Args>(args)...));
    }

    /// Runs `f(args…)` in one of the workers. The token comes last.
    ///
    /// Completion signature: `void(std::exception_ptr, R)`, or `void(std::exception_ptr)`.
    /// Per-operation cancellation and errors: as `map`.
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto run(F f, Args&&... args) const
    {
        using function = detail::worker_function<F>;
        using job = detail::run_job<detail::result_of<F>>;
        return detail::split_token<function::arity, asio::use_awaitable_t<>>(
            [&](auto&& token, auto&&... given) {
                error_code failed;
                auto packed = pack_item<function>(failed, std::forward<decltype(given)>(given)...);
                auto made = std::make_shared<job>(std::move(packed),
                                                  detail::is_bulk_item<typename function::kept>);
                prepare<F, function::arity>(*made, f);
                if (failed)
                    made->work.failure = failed;
                return start(std::move(made), std::forward<decltype(token)>(token));
            },
            std::forward<Args>(args)...);
    }

    /// Has `f(args…)` run in one of the workers, and its result kept in the state process, where any
    /// process that is connected to it takes it: `context::result<R>(id)`. The token comes last.
    ///
    /// Completion signature: `void(std::exception_ptr, task_id)`, when the task is known there; it
    /// has not run then. Results that nobody takes expire: `swarm_options::keep`.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`, and nothing is
    /// run.
    /// Errors: those of a mutation of `state`; `errc::not_serializable` (an argument),
    /// `errc::no_build_id`. Everything later is the task's result.
    /// Lifetimes: the loop is kept busy, and the swarm is kept, until the result is there.
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto submit(F f, Args&&... args) const
    {
        using function = detail::worker_function<F>;
        return detail::split_token<function::arity, asio::use_awaitable_t<>>(
            [&](auto&& token, auto&&... given) {
                error_code failed;
                auto packed = pack_item<function>(failed, std::forward<decltype(given)>(given)...);
                auto made = std::make_shared<detail::task_job>(
                    std::move(packed), detail::is_bulk_item<typename function::kept>,
                    typeid(detail::result_of<F>).name());
                prepare<F, function::arity>(*made, f);
                if (failed)
                    made->work.failure = failed;
                using signature = void(std::exception_ptr, task_id);
                return detail::initiate<signature>(
                    get_executor(),
                    [job = std::move(made)](detail::handler<signature> done) {
                        auto& core = job->keeps->core();
                        if (job->begun.exchange(true))
                            return detail::fail_with(std::move(done), core.get_executor(),
                                                     asio::error::already_started);
                        const auto shelf = core.shelf();
                        if (!shelf)
                            return detail::fail_with(std::move(done), core.get_executor(),
                                                     errc::context_gone);
                        shelf->submit(job, std::move(done));
                    },
                    std::forward<decltype(token)>(token));
            },
            std::forward<Args>(args)...);
    }

    /// Makes it so many workers of this process, also while work runs. Those that are too many finish
    /// the chunks they hold. Completes when there are as many; the last call counts. Of 0, with
    /// nobody to join it, the swarm fails what is under way with `errc::swarm_stopped`.
    ///
    /// Completion signature: `void(std::exception_ptr)`.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`; the number
    /// stays.
    /// Errors: why no worker can be started: of the initialiser, or of `context::spawn`;
    /// `errc::swarm_stopped`.
    template <asio::completion_token_for<void(std::exception_ptr)> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto resize(std::size_t workers, Token&& token = {}) const
    {
        using signature = void(std::exception_ptr);
        return detail::initiate<signature>(
            get_executor(),
            [hold = hold_, workers](detail::handler<signature> done) {
                hold->core().resize(workers, std::move(done));
            },
            std::forward<Token>(token));
    }

    /// Ends all workers, for good: what is under way fails with `errc::swarm_stopped`; workers leave
    /// their items, as at a cancellation, and run their finalisers. With `force` they are killed.
    /// Machines that have joined are dismissed.
    ///
    /// Completion signature: `void(error_code)`, when they have ended.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`; a stop is not
    /// taken back.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto stop(Token&& token = {}) const
    {
        return stop(false, std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto stop(bool force, Token&& token = {}) const
    {
        using signature = void(error_code);
        return detail::initiate<signature>(
            get_executor(),
            [hold = hold_, force](detail::handler<signature> done) {
                hold->core().stop(force, std::move(done));
            },
            std::forward<Token>(token));
    }

private:
    template <class F, class Input>
    struct item_of {
        using function = detail::worker_function<F>;
        static constexpr std::size_t taken =
            detail::arguments_of_item<std::remove_cvref_t<Input>>();
        static_assert(taken <= function::arity && taken > 0,
                      "zproc: the function takes fewer arguments than an item of the input has");
        static constexpr std::size_t common = function::arity - taken;
        using type = typename detail::split_tuple<taken, typename function::kept>::first;
    };

    const detail::swarm_hold& hold() const
    {
        if (!hold_)
            throw system_error(errc::swarm_stopped);
        return *hold_;
    }

    template <class Function, class... Args>
    static std::string pack_item(error_code& failed, Args&&... given)
    {
        static_assert((detail::safe_temporary<Args> && ...), ZPROC_TEMPORARY_TEXT);
        std::string packed;
        try {
            const typename Function::kept stored(std::forward<Args>(given)...);
            detail::item_packer out(packed);
            std::apply([&](const auto&... each) { (out.put(each), ...); }, stored);
        } catch (const system_error& e) {
            failed = e.code();
        }
        return packed;
    }

    template <class F, std::size_t Taken, class... Args>
    void prepare(detail::swarm_job& job, F f, Args&&... args) const
    {
        job.work = detail::make_call_of<detail::chunk_stub<std::decay_t<F>, Taken>>(
            f, std::forward<Args>(args)...);
        job.options = options_;
        job.board = board_;
        job.keeps = hold_;
    }

    template <template <class, class> class Job, class F, class Input, class... Args>
    auto make_stream(F f, Input&& input, Args&&... args) const
    {
        ZPROC_CHECK_TEMPORARY(Input);
        using item = item_of<F, Input>;
        static_assert(sizeof...(Args) == item::common,
                      "zproc: behind the input come the arguments that all items share");
        using source = detail::source_of<std::remove_cvref_t<Input>, typename item::type>;
        auto made = std::make_shared<Job<detail::result_of<F>, source>>(hold().core(),
                                                                        std::forward<Input>(input));
        prepare<F, item::taken>(*made, f, std::forward<Args>(args)...);
        return made;
    }

    template <class Job, class Token>
    auto start(std::shared_ptr<Job> job, Token&& token) const
    {
        using signature = typename Job::signature;
        static_assert(asio::completion_token_for<Token, signature>,
                      "zproc: what follows the arguments of the function is no completion token");
        return detail::initiate<signature>(
            get_executor(),
            [job = std::move(job)](detail::handler<signature> done) {
                auto& core = job->keeps->core();
                if (job->begun.exchange(true)) // a copy of an operation that was started already
                    return detail::fail_with(std::move(done), core.get_executor(),
                                             asio::error::already_started);
                job->done = std::move(done);
                core.start(job);
            },
            std::forward<Token>(token));
    }

    std::shared_ptr<detail::swarm_hold> hold_;
    swarm_options options_;
    std::shared_ptr<detail::progress_board> board_;
};

} // namespace zproc
