#pragma once

#include <zproc/detail/function.hpp>
#include <zproc/detail/packing.hpp>
#include <zproc/detail/temporary.hpp>
#include <zproc/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace zproc::detail {

/// A place in code that means the same in every process of the same executable.
struct code_address {
    std::string build_id; ///< of the module; empty for "nowhere"
    std::uint64_t offset = 0;
    std::string path; ///< of the module: where a process that has not loaded it yet finds it
};

/// A function as another process finds it: the registered stub that knows its type, and, for
/// plain functions, the function.
struct function_reference {
    code_address stub;
    code_address target;
};

/// A function with its arguments, ready to be sent.
struct call {
    function_reference function;
    std::string arguments;
    std::string name; ///< of the function, for people
    /// Why it cannot be sent: no_build_id, not_serializable, too_large.
    error_code failure;
};

/// The call as the called process sees it; stubs are written against this alone.
class invocation {
public:
    virtual ~invocation() = default;

    virtual std::string_view arguments() const noexcept = 0;
    virtual std::uintptr_t target() const noexcept = 0;
    /// The process's own context, made at the first use.
    virtual context& own_context() = 0;
    virtual std::string_view process_name() const noexcept = 0;
    /// Descriptors that came with the spawn, for whoever knows what they are. They are the caller's.
    virtual std::vector<int> handed() const = 0;
    /// The result of a plain function, or of a coroutine when it comes to its end.
    virtual void finish(std::string result) = 0;
    virtual void launch(boost::asio::awaitable<std::string> body) = 0;

    /// What the function threw; for filters of a restart policy, that it may run again.
    virtual std::exception_ptr failure() const noexcept = 0;
    virtual void permit_retry() noexcept = 0;
    /// For carriers of exceptions: what the function threw, as an archive.
    virtual void carry(std::string exception) = 0;
};

using stub_entry = void (*)(invocation&);

/// Enters a stub in the list of those that may be called; at static initialisation, so that the
/// supervisor, forked later, has it too.
class stub_registration {
public:
    explicit stub_registration(stub_entry entry);
};

function_reference refer(stub_entry entry, std::uintptr_t target, error_code& ec);

/// The name of the function at `target` without its parameters, or else of `type`.
std::string function_name(std::uintptr_t target, const std::type_info& type);

template <class P, class Stored>
decltype(auto) pass(Stored& stored)
{
    if constexpr (std::is_same_v<std::decay_t<P>, std::string_view>) {
        static_assert(!std::is_reference_v<P>, "take a std::string_view by value");
        return std::string_view(stored);
    } else if constexpr (std::is_lvalue_reference_v<P>) {
        return (stored);
    } else {
        return std::move(stored);
    }
}

/// The entry point of one spawnable type, made by the compiler where it is spawned.
template <class F>
class stub {
    using traits = function_traits<F>;
    using pointer = typename pointer_of<F>::type;
    using arguments = typename traits::arguments;
    using result = typename traits::result;

    static_assert(std::is_void_v<result> || !std::is_reference_v<result>,
                  "zproc: a spawned function cannot return a reference: it crosses processes");

    template <class... P>
    static decltype(auto) apply(invocation& in, arguments& stored, type_list<P...>)
    {
        const auto function = [&]() -> pointer {
            if constexpr (captureless_lambda<F>)
                return +F{};
            else
                return reinterpret_cast<pointer>(in.target());
        }();
        return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
            if constexpr (traits::wants_context) {
                // Generic: the context is complete only where the stub is made.
                return [&](auto& own) -> decltype(auto) {
                    return function(own, pass<P>(std::get<I>(stored))...);
                }(in.own_context());
            } else {
                return function(pass<P>(std::get<I>(stored))...);
            }
        }(std::index_sequence_for<P...>{});
    }

    static boost::asio::awaitable<std::string> run(invocation& in, arguments stored)
    {
        // The temporaries of the call are gone before anything is awaited.
        auto body = apply(in, stored, typename traits::list{});
        if constexpr (std::is_void_v<result>) {
            co_await std::move(body);
            co_return std::string();
        } else {
            auto value = co_await std::move(body);
            co_return pack(value);
        }
    }

public:
    static void enter(invocation& in)
    {
        auto stored = unpack<arguments>(in.arguments());
        if constexpr (traits::coroutine) {
            in.launch(run(in, std::move(stored)));
        } else if constexpr (std::is_void_v<result>) {
            apply(in, stored, typename traits::list{});
            in.finish({});
        } else {
            in.finish(pack(apply(in, stored, typename traits::list{})));
        }
    }

    static inline const stub_registration registered{&stub::enter};
};

/// Everything that is to be sent, copied now: the operation that sends it may be started later.
///
/// Does not throw on what cannot be sent: `failure` says it, for the operation to complete with.
template <spawnable F, class... A>
call make_call(F f, A&&... given)
{
    using function = std::decay_t<F>;
    using traits = function_traits<function>;
    static_assert(sizeof...(A) == traits::arity, "wrong number of arguments for this function");
    static_assert((safe_temporary<A> && ...), ZPROC_TEMPORARY_TEXT);

    static_cast<void>(&stub<function>::registered);
    call made;
    std::uintptr_t target = 0;
    if constexpr (function_pointer<function>)
        target = reinterpret_cast<std::uintptr_t>(f);
    made.name = function_name(target, typeid(function));
    made.function = refer(&stub<function>::enter, target, made.failure);
    try {
        const typename traits::arguments stored(std::forward<A>(given)...);
        made.arguments = pack(stored);
    } catch (const system_error& e) {
        made.failure = e.code();
    }
    return made;
}

} // namespace zproc::detail
