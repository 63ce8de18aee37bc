#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/watch_plan.hpp>
#include <zproc/event.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace zproc::detail {

/// No predicate: the plan says everything.
struct as_planned {};

/// The entry point of a process that calls `F` on every event, and ends with the stream.
template <class F, class Predicate = as_planned>
class calling_stub {
    using traits = function_traits<F>;
    using pointer = typename pointer_of<F>::type;

    static_assert(std::is_void_v<typename traits::result>,
                  "zproc: what is called on every event returns nothing");

    template <class List>
    struct split;
    template <class... P>
    struct split<type_list<P...>> {
        static_assert(sizeof...(P) > 0,
                      "zproc: what is called on every event takes the event first");
        using event_type = void;
        using rest = type_list<>;
    };
    template <class First, class... P>
    struct split<type_list<First, P...>> {
        static_assert(std::same_as<std::remove_cvref_t<First>, event>,
                      "zproc: what is called on every event takes the event first, behind a "
                      "context if it takes one");
        using rest = type_list<P...>;
        using arguments = std::tuple<kept_t<P>...>;
    };
    using parts = split<typename traits::list>;

public:
    using arguments = typename parts::arguments;
    static constexpr std::size_t arity = std::tuple_size_v<arguments>;

    static void enter(invocation& in)
    {
        // The plan, and then the arguments, as in `make_watching_call`.
        auto stored = unpack<decltype(std::tuple_cat(std::tuple<std::string>(), arguments()))>(
            in.arguments());
        in.launch(run(in, std::move(stored)));
    }

    static inline const stub_registration registered{&calling_stub::enter};

private:
    template <class Own>
    static auto watch(Own& own, const watch_plan& plan)
    {
        auto condition = condition_of(plan);
        if constexpr (std::predicate<Predicate&, const value&>) {
            if (condition.what == watch_condition::kind::key)
                condition.key_predicate = Predicate();
        }
        if constexpr (std::predicate<Predicate&, const dict&>) {
            if (condition.what == watch_condition::kind::whole)
                condition.whole_predicate = Predicate();
        }
        return watch_planned(own, plan, std::move(condition));
    }

    template <class Stored>
    static boost::asio::awaitable<std::string> run(invocation& in, Stored stored)
    {
        const auto plan = unpack_plan(std::get<0>(stored));
        auto watched = watch(in.own_context(), plan);
        for (;;) {
            auto e = co_await watched.next(boost::asio::use_awaitable);
            if (!e)
                co_return std::string();
            if constexpr (traits::coroutine) {
                auto body = call(in, *e, stored, typename parts::rest{});
                co_await std::move(body);
            } else {
                call(in, *e, stored, typename parts::rest{});
            }
        }
    }

    /// The arguments are lent: the next event wants them, too.
    template <class Stored, class... P>
    static auto call(invocation& in, event& e, Stored& stored, type_list<P...>)
    {
        const auto function = [&]() -> pointer {
            if constexpr (captureless_lambda<F>)
                return +F{};
            else
                return reinterpret_cast<pointer>(in.target());
        }();
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            if constexpr (traits::wants_context) {
                return [&](auto& own) {
                    return function(own, std::move(e), std::as_const(std::get<I + 1>(stored))...);
                }(in.own_context());
            } else {
                return function(std::move(e), std::as_const(std::get<I + 1>(stored))...);
            }
        }(std::index_sequence_for<P...>{});
    }
};

/// Everything but the plan, which goes before the arguments when the beginning is known.
template <class Predicate, spawnable F, class... A>
call make_watching_call(F f, A&&... given)
{
    using function = std::decay_t<F>;
    using entry = calling_stub<function, Predicate>;
    static_assert(sizeof...(A) == entry::arity,
                  "zproc: wrong number of arguments for what is called on every event");
    static_assert((safe_temporary<A> && ...), ZPROC_TEMPORARY_TEXT);

    static_cast<void>(&entry::registered);
    std::uintptr_t target = 0;
    if constexpr (function_pointer<function>)
        target = reinterpret_cast<std::uintptr_t>(f);
    call made;
    made.name = function_name(target, typeid(function));
    made.function = refer(&entry::enter, target, made.failure);
    try {
        const typename entry::arguments stored(std::forward<A>(given)...);
        made.arguments = pack(stored);
    } catch (const system_error& e) {
        made.failure = e.code();
    }
    return made;
}

} // namespace zproc::detail
