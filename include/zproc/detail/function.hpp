#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace zproc {

class context;

namespace detail {

template <class... T>
struct type_list {};

template <class F>
concept function_pointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

template <class F>
concept captureless_lambda =
    std::is_class_v<F> && std::is_empty_v<F> && std::is_default_constructible_v<F> &&
    requires(F f) { +f; } && function_pointer<decltype(+std::declval<F>())>;

/// What can run in another process: a function, or a lambda that captures nothing.
template <class F>
concept spawnable = function_pointer<std::decay_t<F>> || captureless_lambda<std::decay_t<F>>;

template <class F>
struct pointer_of {
    using type = F;
};

template <captureless_lambda F>
struct pointer_of<F> {
    using type = decltype(+std::declval<F>());
};

template <class R>
struct unwrapped {
    using type = R;
    static constexpr bool coroutine = false;
};

template <class R, class Executor>
struct unwrapped<boost::asio::awaitable<R, Executor>> {
    static_assert(std::is_same_v<Executor, boost::asio::any_io_executor>,
                  "a spawned coroutine must be an asio::awaitable<R> with the default executor");
    using type = R;
    static constexpr bool coroutine = true;
};

/// How an argument is kept between the processes: views are kept as what they view.
template <class P>
using kept_t = std::conditional_t<std::is_same_v<std::decay_t<P>, std::string_view>, std::string,
                                  std::decay_t<P>>;

template <class... P>
struct parameters {
    static constexpr bool wants_context = false;
    using list = type_list<P...>;
    using arguments = std::tuple<kept_t<P>...>;
};

template <class First, class... P>
    requires std::is_same_v<std::remove_cvref_t<First>, context>
struct parameters<First, P...> {
    static constexpr bool wants_context = true;
    using list = type_list<P...>;
    using arguments = std::tuple<kept_t<P>...>;
};

template <class Pointer>
struct pointer_traits;

template <class R, class... P>
struct pointer_traits<R (*)(P...)> : parameters<P...> {
    using returns = R;
    /// What the function gives in the end, behind a coroutine.
    using result = typename unwrapped<R>::type;
    static constexpr bool coroutine = unwrapped<R>::coroutine;
    /// Number of arguments that the caller gives: the context is not one of them.
    static constexpr std::size_t arity = sizeof...(P) - (parameters<P...>::wants_context ? 1 : 0);
};

template <class R, class... P>
struct pointer_traits<R (*)(P...) noexcept> : pointer_traits<R (*)(P...)> {};

/// Traits of anything spawnable: `result`, `coroutine`, `wants_context`, `arity`, `arguments`
/// (a tuple of decayed types), `list` (the parameters as declared).
template <spawnable F>
using function_traits = pointer_traits<typename pointer_of<std::decay_t<F>>::type>;

template <spawnable F>
using result_of = typename function_traits<F>::result;

} // namespace detail
} // namespace zproc
