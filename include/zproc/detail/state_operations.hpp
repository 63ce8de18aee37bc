#pragma once

#include <zproc/detail/engine.hpp>
#include <zproc/detail/temporary.hpp>
#include <zproc/draft.hpp>
#include <zproc/snapshot.hpp>
#include <zproc/value.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace zproc {

/// The keys a watcher watches, when they are more than three or come with options.
class keys {
public:
    keys() = default;

    template <class... Key>
        requires(sizeof...(Key) > 0 && (key_like<Key> && ...))
    explicit keys(Key&&... names)
    {
        reserve(sizeof...(Key));
        (add(detail::to_key(std::forward<Key>(names))), ...);
    }

    /// Any number of keys, known at run time.
    explicit keys(std::vector<std::string> names) : names_(std::move(names)) {}

    std::vector<std::string> release() && { return std::move(names_); }

private:
    void reserve(std::size_t count);
    void add(std::string name);

    std::vector<std::string> names_;
};

namespace detail {

std::shared_ptr<const state_identity> with_namespace(const state_identity& id, std::string name);

// How a response becomes an operation's result.

struct no_result {};

template <class T>
struct to_value_of {
    static_assert(std::is_default_constructible_v<T>,
                  "zproc: a type read from the state must be default-constructible");

    void operator()(error_code& ec, response& r, T& result) const
    {
        if (ec == errc::no_such_key && is_optional<T>)
            ec = {};
        else if (!ec)
            result = from_value<T>(std::move(r.result));
    }
};

template <class T>
struct to_value_or {
    T otherwise;

    void operator()(error_code& ec, response& r, T& result)
    {
        if (ec == errc::no_such_key) {
            ec = {};
            result = std::move(otherwise);
        } else if (!ec) {
            result = from_value<T>(std::move(r.result));
        }
    }
};

struct to_snapshot {
    void operator()(error_code& ec, response& r, snapshot& result) const
    {
        if (!ec)
            result = snapshot(r.revision, from_value<dict>(std::move(r.result)));
    }
};

struct to_values {
    void operator()(error_code& ec, response& r, std::vector<value>& result) const
    {
        if (!ec)
            result = from_value<dict>(std::move(r.result)).values();
    }
};

/// Of `pop_item`: a list of the key and the value.
template <class T>
struct to_item_of {
    static_assert(std::is_default_constructible_v<T>,
                  "zproc: a type read from the state must be default-constructible");

    void operator()(error_code& ec, response& r, std::pair<std::string, T>& result) const
    {
        if (ec)
            return;
        const auto& item = r.result.as_list();
        result.first = item.at(0).template get<std::string>();
        result.second = from_value<T>(item.at(1));
    }
};

struct to_namespaces {
    void operator()(error_code& ec, response& r, std::vector<namespace_info>& result) const
    {
        if (ec)
            return;
        for (const auto& each : r.result.as_list())
            result.push_back({each[0].get<std::string>(), each[1].get<std::uint64_t>(),
                              each[2].get<std::size_t>()});
    }
};

// How an answer about the past becomes an operation's result.

struct to_past_snapshot {
    snapshot operator()(past_answer&& a) const { return {a.revision, std::move(a.content)}; }
};
struct to_past_events {
    std::vector<event> operator()(past_answer&& a) const { return std::move(a.events); }
};
struct to_past_changes {
    std::vector<change> operator()(past_answer&& a) const { return std::move(a.changes); }
};
struct to_past_revision {
    std::uint64_t operator()(past_answer&& a) const { return a.revision; }
};

// Atomic functions.

template <class R>
struct atomic_signature {
    using type = void(std::exception_ptr, R);
};
template <>
struct atomic_signature<void> {
    using type = void(std::exception_ptr);
};

/// What a draft lends (`d["n"]`, views of text) comes back as a value of its own.
template <class F, class... Args>
using atomic_result_t = stored_t<std::invoke_result_t<F&, draft&, const Args&...>>;

/// The arguments are lent: the next run wants them, too, and as they were.
template <class F, class... Args>
concept atomic_function = std::invocable<F&, draft&, const Args&...>;
template <class F, class... Args>
concept changes_arguments = !atomic_function<F, Args...> && std::invocable<F&, draft&, Args&...>;

/// It says `noexcept` itself. (That nothing can throw at a call is not enough to know it of: where
/// an argument is copied, something can.)
template <class T>
inline constexpr bool says_noexcept = false;
template <class R, class... P>
inline constexpr bool says_noexcept<R (*)(P...) noexcept> = true;
template <class R, class C, class... P>
inline constexpr bool says_noexcept<R (C::*)(P...) noexcept> = true;
template <class R, class C, class... P>
inline constexpr bool says_noexcept<R (C::*)(P...) const noexcept> = true;

template <class F, class... Args>
constexpr bool cannot_throw() noexcept
{
    if constexpr (requires { &F::operator(); })
        return says_noexcept<decltype(&F::operator())>;
    else if constexpr (std::is_pointer_v<F>)
        return says_noexcept<F>;
    else // overloaded, or a template
        return std::is_nothrow_invocable_v<F&, draft&, const Args&...>;
}

template <class R, class F, class... Args>
class typed_transaction final : public transaction_body {
public:
    using signature = typename atomic_signature<R>::type;

    typed_transaction(handler<signature> done, F f, std::tuple<Args...> args)
        : done_(std::move(done)), f_(std::move(f)), args_(std::move(args))
    {
    }

    void run(draft& d) override
    {
        std::apply(
            [&](const Args&... args) {
                if constexpr (std::is_void_v<R>)
                    f_(d, args...);
                else
                    result_.emplace(f_(d, args...));
            },
            args_);
    }

    void complete(const asio::any_io_executor& io, std::exception_ptr e) override
    {
        if constexpr (std::is_void_v<R>)
            done_.complete(io, e);
        else
            done_.complete(io, e, !e && result_ ? std::move(*result_) : R{});
    }

    asio::any_completion_executor executor(const asio::any_io_executor& io) const override
    {
        return done_.executor(io);
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done_.cancellation_slot();
    }

private:
    handler<signature> done_;
    F f_;
    std::tuple<Args...> args_;
    std::optional<std::conditional_t<std::is_void_v<R>, bool, R>> result_;
};

template <class R, class F, class Token, class... Args>
auto initiate_atomic(std::shared_ptr<const state_identity> id, F f, std::tuple<Args...> args,
                     Token&& token)
{
    static_assert(std::is_void_v<R> || std::is_default_constructible_v<R>,
                  "zproc: what an atomic function returns must be default-constructible");
    static_assert(!cannot_throw<F, Args...>(),
                  "zproc: an atomic function must not be noexcept: a draft throws through it to "
                  "fetch what it touches, and runs it again");
    using signature = typename atomic_signature<R>::type;
    auto executor = id->engine->get_executor();
    return initiate<signature>(
        std::move(executor),
        [id = std::move(id), f = std::move(f),
         args = std::move(args)](handler<signature> done) mutable {
            id->engine->transact(*id, std::make_unique<typed_transaction<R, F, Args...>>(
                                          std::move(done), std::move(f), std::move(args)));
        },
        std::forward<Token>(token));
}

/// `start_atomic(id, f, args…)` or `start_atomic(id, f, args…, token)`: the function's arity says
/// which.
template <class F, class... Args>
auto start_atomic(std::shared_ptr<const state_identity> id, F&& f, Args&&... args)
{
    using function = std::decay_t<F>;
    if constexpr (atomic_function<function, std::decay_t<Args>...>) {
        static_assert((safe_temporary<Args> && ...), ZPROC_TEMPORARY_TEXT);
        using result = atomic_result_t<function, std::decay_t<Args>...>;
        asio::use_awaitable_t<> token;
        return initiate_atomic<result>(
            std::move(id), function(std::forward<F>(f)),
            std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...), std::move(token));
    } else {
        static_assert(sizeof...(Args) > 0,
                      "zproc: an atomic function takes a draft& and the arguments given to it");
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            using all = std::tuple<Args&&...>;
            using plain = std::tuple<std::decay_t<std::tuple_element_t<I, std::tuple<Args...>>>...>;
            static_assert(
                !changes_arguments<function, std::decay_t<Args>...> &&
                    !changes_arguments<
                        function, std::decay_t<std::tuple_element_t<I, std::tuple<Args...>>>...>,
                "zproc: an atomic function may run again with the same arguments: it takes them "
                "by value or by const reference");
            static_assert(
                atomic_function<function,
                                std::decay_t<std::tuple_element_t<I, std::tuple<Args...>>>...>,
                "zproc: these arguments do not fit this atomic function");
            static_assert((safe_temporary<std::tuple_element_t<I, std::tuple<Args...>>> && ...),
                          ZPROC_TEMPORARY_TEXT);
            all given(std::forward<Args>(args)...);
            using result =
                atomic_result_t<function,
                                std::decay_t<std::tuple_element_t<I, std::tuple<Args...>>>...>;
            return initiate_atomic<result>(
                std::move(id), function(std::forward<F>(f)),
                plain(std::forward<std::tuple_element_t<I, std::tuple<Args&&...>>>(
                    std::get<I>(given))...),
                std::forward<std::tuple_element_t<sizeof...(Args) - 1, all>>(
                    std::get<sizeof...(Args) - 1>(given)));
        }(std::make_index_sequence<sizeof...(Args) - 1>{});
    }
}

} // namespace detail
} // namespace zproc
