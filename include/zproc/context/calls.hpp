#pragma once

#include <zproc/context/lists.hpp>
#include <zproc/detail/calling.hpp>
#include <zproc/detail/temporary.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace zproc {

/// The part of `context` that spawns processes which are called on every event.
///
/// `call_when_change("cookies", f)` spawns a process that runs `f(event, args…)`, with a context in
/// front if it takes one, on every event of such a watcher, one after the other; no event since the
/// call is missed. The process ends when the stream does (`count`), when `f` throws
/// (`process_exit` ends it with a code), or when it is stopped. `f` is a plain function or a
/// coroutine that returns nothing; its arguments are lent to it as constants each time.
///
/// The default namespace of the context is watched. What each waits for, and its options, are those
/// of the watcher of `state` with the same name; a predicate is a lambda without captures.
///
/// Completion signature: `void(error_code, process<>)`, when the process runs. The token comes
/// last.
/// Per-operation cancellation and errors: as `context::spawn`.
/// Source: `call_when_change` and its family of ZProc 0.9.5. Example file: example/chain_reaction.cpp
class context_calls : public context_lists {
public:
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_change(F f, Args&&... args) const
    {
        return call_on({}, {}, f, std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_change(watch_options options, F f, Args&&... args) const
    {
        return call_on({}, options, f, std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_change(detail::subject of, F f, Args&&... args) const
    {
        return call_on({plan_kind::change, std::move(of).release()}, {}, f,
                       std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_change(detail::subject of, watch_options options, F f,
                                        Args&&... args) const
    {
        return call_on({plan_kind::change, std::move(of).release()}, options, f,
                       std::forward<Args>(args)...);
    }

    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_available(key_like auto&& key, F f, Args&&... args) const
    {
        return call_on(tested(test::available, std::forward<decltype(key)>(key)), {}, f,
                       std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_available(key_like auto&& key, watch_options options, F f,
                                           Args&&... args) const
    {
        return call_on(tested(test::available, std::forward<decltype(key)>(key)), options, f,
                       std::forward<Args>(args)...);
    }

    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_none(key_like auto&& key, F f, Args&&... args) const
    {
        return call_on(tested(test::none, std::forward<decltype(key)>(key)), {}, f,
                       std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_none(key_like auto&& key, watch_options options, F f,
                                      Args&&... args) const
    {
        return call_on(tested(test::none, std::forward<decltype(key)>(key)), options, f,
                       std::forward<Args>(args)...);
    }

    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_not_none(key_like auto&& key, F f, Args&&... args) const
    {
        return call_on(tested(test::not_none, std::forward<decltype(key)>(key)), {}, f,
                       std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_not_none(key_like auto&& key, watch_options options, F f,
                                          Args&&... args) const
    {
        return call_on(tested(test::not_none, std::forward<decltype(key)>(key)), options, f,
                       std::forward<Args>(args)...);
    }

    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_truthy(key_like auto&& key, F f, Args&&... args) const
    {
        return call_on(tested(test::truthy, std::forward<decltype(key)>(key)), {}, f,
                       std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_truthy(key_like auto&& key, watch_options options, F f,
                                        Args&&... args) const
    {
        return call_on(tested(test::truthy, std::forward<decltype(key)>(key)), options, f,
                       std::forward<Args>(args)...);
    }

    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_falsy(key_like auto&& key, F f, Args&&... args) const
    {
        return call_on(tested(test::falsy, std::forward<decltype(key)>(key)), {}, f,
                       std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_falsy(key_like auto&& key, watch_options options, F f,
                                       Args&&... args) const
    {
        return call_on(tested(test::falsy, std::forward<decltype(key)>(key)), options, f,
                       std::forward<Args>(args)...);
    }

    template <storable T, detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_equal(key_like auto&& key, T&& to, F f, Args&&... args) const
    {
        ZPROC_CHECK_VALUE(T);
        return call_on(
            tested(test::equal, std::forward<decltype(key)>(key), to_value(std::forward<T>(to))),
            {}, f, std::forward<Args>(args)...);
    }
    template <storable T, detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_equal(key_like auto&& key, T&& to, watch_options options, F f,
                                       Args&&... args) const
    {
        ZPROC_CHECK_VALUE(T);
        return call_on(
            tested(test::equal, std::forward<decltype(key)>(key), to_value(std::forward<T>(to))),
            options, f, std::forward<Args>(args)...);
    }

    template <storable T, detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_not_equal(key_like auto&& key, T&& to, F f, Args&&... args) const
    {
        ZPROC_CHECK_VALUE(T);
        return call_on(tested(test::not_equal, std::forward<decltype(key)>(key),
                              to_value(std::forward<T>(to))),
                       {}, f, std::forward<Args>(args)...);
    }
    template <storable T, detail::spawnable F, class... Args>
    [[nodiscard]] auto call_when_not_equal(key_like auto&& key, T&& to, watch_options options, F f,
                                           Args&&... args) const
    {
        ZPROC_CHECK_VALUE(T);
        return call_on(tested(test::not_equal, std::forward<decltype(key)>(key),
                              to_value(std::forward<T>(to))),
                       options, f, std::forward<Args>(args)...);
    }

    /// `predicate(value)` of the key, or `predicate(everything)`.
    template <detail::captureless_lambda Predicate, detail::spawnable F, class... Args>
        requires std::predicate<Predicate&, const value&>
    [[nodiscard]] auto call_when(key_like auto&& key, Predicate, F f, Args&&... args) const
    {
        return call_on<Predicate>(
            {plan_kind::key_predicate, {detail::to_key(std::forward<decltype(key)>(key))}}, {}, f,
            std::forward<Args>(args)...);
    }
    template <detail::captureless_lambda Predicate, detail::spawnable F, class... Args>
        requires std::predicate<Predicate&, const value&>
    [[nodiscard]] auto call_when(key_like auto&& key, Predicate, watch_options options, F f,
                                 Args&&... args) const
    {
        return call_on<Predicate>(
            {plan_kind::key_predicate, {detail::to_key(std::forward<decltype(key)>(key))}}, options,
            f, std::forward<Args>(args)...);
    }
    template <detail::captureless_lambda Predicate, detail::spawnable F, class... Args>
        requires std::predicate<Predicate&, const dict&>
    [[nodiscard]] auto call_when(Predicate, F f, Args&&... args) const
    {
        return call_on<Predicate>({plan_kind::whole_predicate}, {}, f, std::forward<Args>(args)...);
    }
    template <detail::captureless_lambda Predicate, detail::spawnable F, class... Args>
        requires std::predicate<Predicate&, const dict&>
    [[nodiscard]] auto call_when(Predicate, watch_options options, F f, Args&&... args) const
    {
        return call_on<Predicate>({plan_kind::whole_predicate}, options, f,
                                  std::forward<Args>(args)...);
    }

protected:
    using context_lists::context_lists;

private:
    using plan_kind = detail::watch_plan::kind;
    using test = detail::value_test;

    static detail::watch_plan tested(test which, key_like auto&& key, value expected = {})
    {
        return {plan_kind::test,
                {detail::to_key(std::forward<decltype(key)>(key))},
                which,
                std::move(expected)};
    }

    template <class Predicate = detail::as_planned, class F, class... Args>
    auto call_on(detail::watch_plan plan, const watch_options& options, F f, Args&&... args) const
    {
        using entry = detail::calling_stub<std::decay_t<F>, Predicate>;
        plan.options = options;
        plan.name_space = default_namespace();
        auto planned = std::make_shared<detail::watch_plan>(std::move(plan));
        return detail::split_token<entry::arity>(
            [&](auto&& token, auto&&... given) {
                return start<void>(spawn_options(),
                                   detail::make_watching_call<Predicate>(
                                       f, std::forward<decltype(given)>(given)...),
                                   std::move(planned), std::forward<decltype(token)>(token));
            },
            std::forward<Args>(args)...);
    }
};

} // namespace zproc
