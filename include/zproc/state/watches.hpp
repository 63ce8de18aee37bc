#pragma once

#include <zproc/state/writes.hpp>
#include <zproc/watcher.hpp>

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace zproc {

/// The part of `state` that watches. These act when called: the watcher begins at the revision it
/// was made at, and is awaited later.
///
/// A *condition* is tested once against the present: one that is true already yields an event of
/// kind `present`. Then it yields one event for each change that leaves it true. A missing key
/// satisfies no condition. `watch_options::edge` and `held_for` say less: when it *becomes* true,
/// and when it has stayed so.
class state_watches : public state_writes {
public:
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

    /// The key is there.
    watcher when_available(key_like auto&& key, watch_options options = {}) const
    {
        return condition(std::forward<decltype(key)>(key), test::available, {}, options);
    }

    /// The key has a value equal to `to`.
    template <class T>
    watcher when_equal(key_like auto&& key, T&& to, watch_options options = {}) const
    {
        ZPROC_CHECK_VALUE(T);
        return condition(std::forward<decltype(key)>(key), test::equal,
                         to_value(std::forward<T>(to)), options);
    }

    /// The key has a value, and not one equal to `to`.
    template <class T>
    watcher when_not_equal(key_like auto&& key, T&& to, watch_options options = {}) const
    {
        ZPROC_CHECK_VALUE(T);
        return condition(std::forward<decltype(key)>(key), test::not_equal,
                         to_value(std::forward<T>(to)), options);
    }

    /// The key is null.
    watcher when_none(key_like auto&& key, watch_options options = {}) const
    {
        return condition(std::forward<decltype(key)>(key), test::none, {}, options);
    }

    /// The key has a value that is not null.
    watcher when_not_none(key_like auto&& key, watch_options options = {}) const
    {
        return condition(std::forward<decltype(key)>(key), test::not_none, {}, options);
    }

    /// The key has a value that is `value::truthy`.
    watcher when_truthy(key_like auto&& key, watch_options options = {}) const
    {
        return condition(std::forward<decltype(key)>(key), test::truthy, {}, options);
    }

    /// The key has a value that is null, false, 0, or empty.
    watcher when_falsy(key_like auto&& key, watch_options options = {}) const
    {
        return condition(std::forward<decltype(key)>(key), test::falsy, {}, options);
    }

    /// The key is there and `predicate(value)` holds. It runs on an internal strand of the
    /// context: quick, and without effects. One that throws counts as false.
    template <class Predicate>
        requires std::predicate<std::decay_t<Predicate>&, const value&>
    watcher when(key_like auto&& key, Predicate&& predicate, watch_options options = {}) const
    {
        ZPROC_CHECK_TEMPORARY(Predicate);
        return watch(detail::condition_of_key(detail::to_key(std::forward<decltype(key)>(key)),
                                              std::forward<Predicate>(predicate)),
                     options);
    }

    /// `predicate(everything)` holds, tested with each change of the namespace. The `changes` of an
    /// event are those that made it hold, or left it so; a `present` event has none.
    /// Complexity: keeps a copy of the namespace; O(changes) per event.
    template <class Predicate>
        requires std::predicate<std::decay_t<Predicate>&, const dict&>
    watcher when(Predicate&& predicate, watch_options options = {}) const
    {
        ZPROC_CHECK_TEMPORARY(Predicate);
        return watch(detail::condition_of_all(std::forward<Predicate>(predicate)), options);
    }

    /// What all of these are made of; for the library.
    watcher watch(detail::watch_condition&& c, const watch_options& options) const;

protected:
    using state_writes::state_writes;

private:
    using test = detail::value_test;

    watcher change_of(zproc::keys names, const watch_options& options) const;
    watcher condition_of(std::string key, test which, value expected,
                         const watch_options& options) const;

    watcher condition(key_like auto&& key, test which, value expected,
                      const watch_options& options) const
    {
        return condition_of(detail::to_key(std::forward<decltype(key)>(key)), which,
                            std::move(expected), options);
    }
};

} // namespace zproc
