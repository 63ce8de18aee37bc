#pragma once

#include <zproc/draft.hpp>
#include <zproc/replica.hpp>
#include <zproc/state/watches.hpp>

#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace zproc {

/// A cheap handle to one namespace: a dictionary that lives in the state process, that anyone may
/// change and anyone may watch.
///
/// Its operations stand in three parts: `state_reads`, `state_writes`, `state_watches`. Reads and
/// writes are inert until awaited or given a token, and copy their arguments and this handle. A
/// completed mutation is committed: visible to every later read anywhere, and it survives the
/// death of the state process. Reading one key never moves the rest.
///
/// Common to all operations:
/// Endings: behind its own arguments each takes a `diagnostics&`, which must outlive it and is
/// told in words what went wrong, and then a completion token; both may be left out. Not those
/// that say otherwise: `replica` and `atomic` take a token only, for their errors speak themselves.
/// Per-operation cancellation: before the request is written, every type → `operation_aborted`,
/// certainly not applied. After: total and partial do nothing; terminal → `operation_aborted` for
/// a read, `errc::outcome_unknown` for a mutation.
/// Errors: `asio::error::timed_out` (a read) or `errc::outcome_unknown` (a mutation) after
/// `request_timeout`; `errc::bad_address`, `errc::server_absent`, `errc::server_silent`,
/// `errc::not_a_zproc_server`, `errc::version_mismatch`, `errc::peer_not_permitted`;
/// `errc::state_lost`, `errc::connection_lost`;
/// `errc::too_large`, `errc::value_too_deep`; `errc::context_gone` is thrown by the call itself.
/// Thread safety: handles and their copies may be used from any number of threads at once.
/// Overlap: any number of operations may be pending; those of one context apply in order.
/// Object lifetimes: nothing given to an operation but the diagnostics needs to outlive the call.
/// Complexity: O(1) requests, whatever the number of keys, unless it says otherwise.
/// Source: `State` of ZProc 0.9.5. Example file: example/cookie_eater.cpp
class state : public state_watches {
public:
    explicit state(std::shared_ptr<const detail::state_identity> identity) noexcept
        : state_watches(std::move(identity))
    {
    }

    /// The same origin in another namespace. Throws `errc::empty_namespace`.
    state with_namespace(std::string name) const
    {
        return state(detail::with_namespace(*identity(), std::move(name)));
    }

    /// What the events of this handle's changes say of who made them. Its session is 0 before
    /// the first operation of the context has completed.
    zproc::origin origin() const noexcept
    {
        return {identity()->engine->session(), identity()->handle};
    }

    /// This namespace in local memory, for reads that wait for nothing; see `zproc::replica`. What
    /// was asked for before through the same context is in it. Errors also: `errc::journal_overrun`.
    /// Completion signature: `void(error_code, zproc::replica)`. Complexity: O(bytes of the
    /// journal).
    template <asio::completion_token_for<void(error_code, zproc::replica)> Token = asio::deferred_t>
    [[nodiscard]] auto replica(Token&& token = {}) const
    {
        return detail::open_replica(identity(), std::forward<Token>(token));
    }

    /// Runs `f(draft&, args…)` as one serializable transaction and yields what it returns.
    ///
    /// `f` may run more than once, when others change what it has read (one that iterates:
    /// anything in the namespace): effects belong after the await. What it throws comes back, and
    /// then nothing was changed. Arguments go beside the function, not into a capture; they are the
    /// same in each run, so `f` takes them by value or by const reference. It is not `noexcept`:
    /// the draft throws through it to fetch what it touches.
    ///
    /// It does not starve: after three conflicts others' changes of what it has read wait for it,
    /// for twice the time of an attempt (2 ms at least, 250 ms at most). Meanwhile other changes
    /// through the same context wait as well.
    ///
    /// Completion signature: `void(std::exception_ptr, R)`, or `void(std::exception_ptr)`; default
    /// token `use_awaitable`. The token comes last, after the arguments. Boost 1.81's
    /// `yield_context` mistakes an `exception_ptr`: there, `as_tuple(yield)`.
    /// Errors: `errc::nested_atomic` inside another atomic function.
    /// Executor: `f` runs on the handler's, the first time within the initiation.
    template <class F, class... Args>
    [[nodiscard]] auto atomic(F&& f, Args&&... args) const
    {
        ZPROC_CHECK_TEMPORARY(F);
        return detail::start_atomic(identity(), std::forward<F>(f), std::forward<Args>(args)...);
    }

    friend std::ostream& operator<<(std::ostream& out, const state& s);
};

/// A reusable atomic operation: `const auto bake = zproc::atomic(f); co_await bake(state, args…);`
/// See `state::atomic`.
template <class F>
class atomic_operation {
public:
    explicit atomic_operation(F f) : f_(std::move(f)) {}

    template <class... Args>
    [[nodiscard]] auto operator()(const state& on, Args&&... args) const
    {
        return on.atomic(f_, std::forward<Args>(args)...);
    }

private:
    F f_;
};

template <class F>
atomic_operation<std::decay_t<F>> atomic(F&& f)
{
    ZPROC_CHECK_TEMPORARY(F);
    return atomic_operation<std::decay_t<F>>(std::forward<F>(f));
}

} // namespace zproc
