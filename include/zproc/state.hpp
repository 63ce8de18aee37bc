#pragma once

#include <zproc/detail/engine.hpp>
#include <zproc/detail/state_operations.hpp>
#include <zproc/detail/temporary.hpp>
#include <zproc/draft.hpp>
#include <zproc/value.hpp>
#include <zproc/watcher.hpp>

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>

namespace zproc {

/// A cheap handle to one namespace: a dictionary that lives in the state process, that anyone may
/// change and anyone may watch.
///
/// Operations are inert until awaited or given a token, and copy their arguments and this handle.
/// A completed mutation is committed: visible to every later read anywhere, and it survives the
/// death of the state process.
///
/// Common to all operations:
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
/// Object lifetimes: nothing given to an operation needs to outlive the call.
/// Complexity: O(1) requests, whatever the number of keys, unless it says otherwise.
/// Source: `State` of ZProc 0.9.5. Example file: example/cookie_eater.cpp
class state {
public:
    using executor_type = asio::any_io_executor;

    explicit state(std::shared_ptr<const detail::state_identity> identity) noexcept
        : identity_(std::move(identity))
    {
    }

    executor_type get_executor() const { return identity_->engine->get_executor(); }

    /// The name of the namespace.
    const std::string& name() const noexcept { return identity_->name_space; }

    /// The same origin in another namespace. Throws `errc::empty_namespace`.
    state with_namespace(std::string name) const
    {
        return state(detail::with_namespace(*identity_, std::move(name)));
    }

    // Reads -----------------------------------------------------------------------------------

    /// The value of a key. Errors: `errc::no_such_key` (not for `optional<T>`, which is then
    /// empty); `errc::type_mismatch` and `errc::not_representable` when it is no `T`.
    /// Completion signature: `void(error_code, T)`.
    template <class T = value,
              asio::completion_token_for<void(error_code, T)> Token = asio::deferred_t>
    [[nodiscard]] auto get(key_like auto&& key, Token&& token = {}) const
    {
        return start<void(error_code, T)>(
            {operation::get, detail::to_key(std::forward<decltype(key)>(key)), {}, {}},
            detail::to_value_of<T>{}, std::forward<Token>(token));
    }

    /// The value of a key, or `otherwise` when there is none; a string-like default gives a
    /// `std::string`. Completion signature: `void(error_code, T)`.
    template <class T, asio::completion_token_for<void(error_code, detail::stored_t<T>)> Token =
                           asio::deferred_t>
    [[nodiscard]] auto get_or(key_like auto&& key, T&& otherwise, Token&& token = {}) const
    {
        ZPROC_CHECK_VALUE(T);
        using result = detail::stored_t<T>;
        return start<void(error_code, result)>(
            {operation::get, detail::to_key(std::forward<decltype(key)>(key)), {}, {}},
            detail::to_value_or<result>{result(std::forward<T>(otherwise))},
            std::forward<Token>(token));
    }

    /// Whether the key is there. Completion signature: `void(error_code, bool)`.
    template <asio::completion_token_for<void(error_code, bool)> Token = asio::deferred_t>
    [[nodiscard]] auto contains(key_like auto&& key, Token&& token = {}) const
    {
        return start<void(error_code, bool)>(
            {operation::contains, detail::to_key(std::forward<decltype(key)>(key)), {}, {}},
            detail::to_value_of<bool>{}, std::forward<Token>(token));
    }

    /// The number of keys. Completion signature: `void(error_code, std::size_t)`.
    template <asio::completion_token_for<void(error_code, std::size_t)> Token = asio::deferred_t>
    [[nodiscard]] auto size(Token&& token = {}) const
    {
        return start<void(error_code, std::size_t)>({operation::size, {}, {}, {}},
                                                    detail::to_value_of<std::size_t>{},
                                                    std::forward<Token>(token));
    }

    /// All keys, in no particular order. Completion signature:
    /// `void(error_code, std::vector<std::string>)`. Complexity: O(keys).
    template <asio::completion_token_for<void(error_code, std::vector<std::string>)> Token =
                  asio::deferred_t>
    [[nodiscard]] auto keys(Token&& token = {}) const
    {
        return start<void(error_code, std::vector<std::string>)>(
            {operation::keys, {}, {}, {}}, detail::to_value_of<std::vector<std::string>>{},
            std::forward<Token>(token));
    }

    /// Everything, as of one revision. Completion signature: `void(error_code, snapshot)`.
    /// Complexity: O(bytes of the namespace).
    template <
        asio::completion_token_for<void(error_code, zproc::snapshot)> Token = asio::deferred_t>
    [[nodiscard]] auto snapshot(Token&& token = {}) const
    {
        return start<void(error_code, zproc::snapshot)>(
            {operation::snapshot, {}, {}, {}}, detail::to_snapshot{}, std::forward<Token>(token));
    }

    // Writes ----------------------------------------------------------------------------------

    /// Gives a key a value. Completion signature: `void(error_code)`.
    template <class T, asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto set(key_like auto&& key, T&& to, Token&& token = {}) const
    {
        ZPROC_CHECK_VALUE(T);
        return start<void(error_code)>({operation::set,
                                        detail::to_key(std::forward<decltype(key)>(key)),
                                        to_value(std::forward<T>(to)),
                                        {}},
                                       detail::no_result{}, std::forward<Token>(token));
    }

    /// Removes a key; yields whether it was there. Completion signature: `void(error_code, bool)`.
    template <asio::completion_token_for<void(error_code, bool)> Token = asio::deferred_t>
    [[nodiscard]] auto erase(key_like auto&& key, Token&& token = {}) const
    {
        return start<void(error_code, bool)>(
            {operation::erase, detail::to_key(std::forward<decltype(key)>(key)), {}, {}},
            detail::to_value_of<bool>{}, std::forward<Token>(token));
    }

    /// Sets many keys in one transaction. Completion signature: `void(error_code)`.
    /// Complexity: O(changes).
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto update(dict changes, Token&& token = {}) const
    {
        return start<void(error_code)>({operation::update, {}, value(std::move(changes)), {}},
                                       detail::no_result{}, std::forward<Token>(token));
    }

    /// Replaces everything in one transaction: one event with every key that changed.
    /// Completion signature: `void(error_code)`. Complexity: O(keys before and after).
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto replace(dict content, Token&& token = {}) const
    {
        return start<void(error_code)>({operation::replace, {}, value(std::move(content)), {}},
                                       detail::no_result{}, std::forward<Token>(token));
    }

    /// Removes every key in one transaction. Completion signature: `void(error_code)`.
    /// Complexity: O(keys).
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto clear(Token&& token = {}) const
    {
        return start<void(error_code)>({operation::clear, {}, {}, {}}, detail::no_result{},
                                       std::forward<Token>(token));
    }

    /// Removes a key and yields the value it had. Errors: `errc::no_such_key` (not for
    /// `optional<T>`). Completion signature: `void(error_code, T)`.
    template <class T = value,
              asio::completion_token_for<void(error_code, T)> Token = asio::deferred_t>
    [[nodiscard]] auto pop(key_like auto&& key, Token&& token = {}) const
    {
        return start<void(error_code, T)>(
            {operation::pop, detail::to_key(std::forward<decltype(key)>(key)), {}, {}},
            detail::to_value_of<T>{}, std::forward<Token>(token));
    }

    /// Gives an absent key a value; yields the value the key has then.
    /// Completion signature: `void(error_code, T)`, `T` as in `get_or`.
    template <class T, asio::completion_token_for<void(error_code, detail::stored_t<T>)> Token =
                           asio::deferred_t>
    [[nodiscard]] auto set_default(key_like auto&& key, T&& to, Token&& token = {}) const
    {
        ZPROC_CHECK_VALUE(T);
        using result = detail::stored_t<T>;
        return start<void(error_code, result)>({operation::set_default,
                                                detail::to_key(std::forward<decltype(key)>(key)),
                                                to_value(std::forward<T>(to)),
                                                {}},
                                               detail::to_value_of<result>{},
                                               std::forward<Token>(token));
    }

    /// Adds to a number, in one round trip; an absent key counts as 0. Yields the sum.
    /// Errors: `errc::type_mismatch`, `errc::arithmetic_overflow`.
    /// Completion signature: `void(error_code, value)`.
    template <storable T = int,
              asio::completion_token_for<void(error_code, value)> Token = asio::deferred_t>
    [[nodiscard]] auto increment(key_like auto&& key, T&& by = 1, Token&& token = {}) const
    {
        return start<void(error_code, value)>({operation::increment,
                                               detail::to_key(std::forward<decltype(key)>(key)),
                                               to_value(std::forward<T>(by)),
                                               {}},
                                              detail::to_value_of<value>{},
                                              std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(error_code, value)> Token>
        requires(!storable<Token>)
    [[nodiscard]] auto increment(key_like auto&& key, Token&& token) const
    {
        return increment(std::forward<decltype(key)>(key), 1, std::forward<Token>(token));
    }

    /// Subtracts; otherwise as `increment`.
    template <storable T = int,
              asio::completion_token_for<void(error_code, value)> Token = asio::deferred_t>
    [[nodiscard]] auto decrement(key_like auto&& key, T&& by = 1, Token&& token = {}) const
    {
        return increment(std::forward<decltype(key)>(key),
                         detail::negative(to_value(std::forward<T>(by))),
                         std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(error_code, value)> Token>
        requires(!storable<Token>)
    [[nodiscard]] auto decrement(key_like auto&& key, Token&& token) const
    {
        return increment(std::forward<decltype(key)>(key), -1, std::forward<Token>(token));
    }

    /// Adds one item to the end of a list; an absent key counts as an empty list.
    /// Errors: `errc::type_mismatch`. Completion signature: `void(error_code)`.
    /// Complexity: O(bytes of the list).
    template <class T, asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto append(key_like auto&& key, T&& item, Token&& token = {}) const
    {
        ZPROC_CHECK_VALUE(T);
        return start<void(error_code)>({operation::append,
                                        detail::to_key(std::forward<decltype(key)>(key)),
                                        to_value(std::forward<T>(item)),
                                        {}},
                                       detail::no_result{}, std::forward<Token>(token));
    }

    /// Gives a key the value `to` if it has the value `from`, and yields whether it had. `nullptr`
    /// stands for "not there", on both sides: it takes an absent key, and erases.
    /// Completion signature: `void(error_code, bool)`.
    template <class From, class To,
              asio::completion_token_for<void(error_code, bool)> Token = asio::deferred_t>
    [[nodiscard]] auto compare_exchange(key_like auto&& key, From&& from, To&& to,
                                        Token&& token = {}) const
    {
        ZPROC_CHECK_VALUE(From);
        ZPROC_CHECK_VALUE(To);
        return start<void(error_code, bool)>(
            {operation::compare_exchange, detail::to_key(std::forward<decltype(key)>(key)),
             to_value(std::forward<From>(from)), to_value(std::forward<To>(to))},
            detail::to_value_of<bool>{}, std::forward<Token>(token));
    }

    /// Runs `f(draft&, args…)` as one serializable transaction and yields what it returns.
    ///
    /// `f` may run more than once, when others change what it has read (one that iterates:
    /// anything in the namespace): effects belong after the await. What it throws comes back, and
    /// then nothing was changed. Arguments go beside the function, not into a capture.
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
        return detail::start_atomic(identity_, std::forward<F>(f), std::forward<Args>(args)...);
    }

    // Watchers: they act when called ----------------------------------------------------------

    /// Every transaction that changes one of the keys (or any, when none is named).
    watcher when_change(watch_options options = {}) const { return change_of({}, options); }
    watcher when_change(zproc::keys names, watch_options options = {}) const
    {
        return change_of(std::move(names), options);
    }
    template <key_like A>
    watcher when_change(A&& a, watch_options options = {}) const
    {
        return change_of(zproc::keys(std::forward<A>(a)), options);
    }
    template <key_like A, key_like B>
    watcher when_change(A&& a, B&& b, watch_options options = {}) const
    {
        return change_of(zproc::keys(std::forward<A>(a), std::forward<B>(b)), options);
    }
    template <key_like A, key_like B, key_like C>
    watcher when_change(A&& a, B&& b, C&& c, watch_options options = {}) const
    {
        return change_of(zproc::keys(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c)),
                         options);
    }
    template <key_like A, key_like B, key_like C, key_like D, key_like... More>
    watcher when_change(A&& a, B&& b, C&& c, D&& d, More&&... more) const
    {
        return change_of(zproc::keys(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                                     std::forward<D>(d), std::forward<More>(more)...),
                         {});
    }

    /// The key is there. Like all conditions: tested once against the present, then one event per
    /// change that leaves it true; a missing key satisfies none.
    watcher when_available(key_like auto&& key, watch_options options = {}) const
    {
        return condition(
            detail::to_key(std::forward<decltype(key)>(key)), [](const value&) { return true; },
            options);
    }

    /// The key has a value equal to `to`.
    template <class T>
    watcher when_equal(key_like auto&& key, T&& to, watch_options options = {}) const
    {
        ZPROC_CHECK_VALUE(T);
        return condition(
            detail::to_key(std::forward<decltype(key)>(key)),
            [wanted = to_value(std::forward<T>(to))](const value& v) { return v == wanted; },
            options);
    }

    /// The key is there and `predicate(value)` holds. It runs on an internal strand of the
    /// context: quick, and without effects. One that throws counts as false.
    template <class Predicate>
        requires std::predicate<std::decay_t<Predicate>&, const value&>
    watcher when(key_like auto&& key, Predicate&& predicate, watch_options options = {}) const
    {
        ZPROC_CHECK_TEMPORARY(Predicate);
        return condition(detail::to_key(std::forward<decltype(key)>(key)),
                         std::forward<Predicate>(predicate), options);
    }

    /// `predicate(everything)` holds, tested with each change of the namespace.
    /// Complexity: keeps a copy of the namespace; O(changes) per event.
    template <class Predicate>
        requires std::predicate<std::decay_t<Predicate>&, const dict&>
    watcher when(Predicate&& predicate, watch_options options = {}) const
    {
        ZPROC_CHECK_TEMPORARY(Predicate);
        detail::watch_condition c;
        c.what = detail::watch_condition::kind::whole;
        c.whole_predicate = std::forward<Predicate>(predicate);
        return watcher(identity_->engine->watch(*identity_, std::move(c), options));
    }

    friend std::ostream& operator<<(std::ostream& out, const state& s);

private:
    using operation = detail::operation;

    template <class Signature, class Convert, class Token>
    auto start(detail::request&& r, Convert convert, Token&& token) const
    {
        return detail::initiate<Signature>(
            get_executor(),
            [id = identity_, r = std::move(r),
             convert = std::move(convert)](detail::handler<Signature> done) mutable {
                id->engine->submit(*id, std::move(r),
                                   std::make_unique<detail::typed_pending<Signature, Convert>>(
                                       std::move(done), std::move(convert)));
            },
            std::forward<Token>(token));
    }

    watcher change_of(zproc::keys names, const watch_options& options) const
    {
        detail::watch_condition c;
        c.keys = std::move(names).release();
        return watcher(identity_->engine->watch(*identity_, std::move(c), options));
    }

    watcher condition(std::string key, std::function<bool(const value&)> predicate,
                      const watch_options& options) const
    {
        detail::watch_condition c;
        c.what = detail::watch_condition::kind::key;
        c.keys.push_back(std::move(key));
        c.key_predicate = std::move(predicate);
        return watcher(identity_->engine->watch(*identity_, std::move(c), options));
    }

    std::shared_ptr<const detail::state_identity> identity_;
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
