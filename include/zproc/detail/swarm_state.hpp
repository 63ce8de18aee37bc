#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/function.hpp>
#include <zproc/detail/packing.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace zproc {

/// What the initialiser of a swarm has made in this worker: a function of a map takes it in front
/// of its items (behind a context). A cheap handle.
///
///     double score(worker_local<model> m, const document& d) { return m->score(d); }
template <class T>
class worker_local {
public:
    explicit worker_local(std::shared_ptr<T> made) noexcept : made_(std::move(made)) {}

    T& operator*() const noexcept { return *made_; }
    T* operator->() const noexcept { return made_.get(); }

private:
    std::shared_ptr<T> made_;
};

namespace detail {

/// What an initialiser has made, of whatever type.
struct worker_state {
    const std::type_info* type = nullptr;
    std::shared_ptr<void> made;

    template <class T>
    worker_local<T> as() const
    {
        if (type == nullptr || *type != typeid(T))
            throw std::logic_error("zproc: the function takes a worker_local of another type than "
                                   "the swarm's initialiser has returned");
        return worker_local<T>(std::static_pointer_cast<T>(made));
    }
};

template <class P>
struct local_of {
    static constexpr bool is_local = false;
};
template <class T>
struct local_of<worker_local<T>> {
    static constexpr bool is_local = true;
    using type = T;
};

/// The parameters that a caller gives: those behind the context and the worker's own state.
template <class List>
struct given_parameters {
    static constexpr bool wants_local = false;
    using local = local_of<void>;
    using list = List;
};
template <class First, class... P>
    requires local_of<std::remove_cvref_t<First>>::is_local
struct given_parameters<type_list<First, P...>> {
    static constexpr bool wants_local = true;
    using local = local_of<std::remove_cvref_t<First>>;
    using list = type_list<P...>;
};

template <class List>
struct kept_of;
template <class... P>
struct kept_of<type_list<P...>> {
    using type = std::tuple<kept_t<P>...>;
    static constexpr std::size_t count = sizeof...(P);
};

/// Traits of what runs in a worker.
template <spawnable F>
struct worker_function {
    using traits = function_traits<F>;
    using given = given_parameters<typename traits::list>;
    using list = typename given::list;
    using kept = typename kept_of<list>::type; ///< a tuple
    using result = typename traits::result;
    static constexpr std::size_t arity = kept_of<list>::count;

    static auto pointer(const invocation& in)
    {
        using type = typename pointer_of<std::decay_t<F>>::type;
        if constexpr (captureless_lambda<std::decay_t<F>>)
            return +std::decay_t<F>{};
        else
            return reinterpret_cast<type>(in.target());
    }

    /// Calls it with `args…` behind what it asks for.
    template <class Pointer, class... Args>
    static decltype(auto) call(Pointer function, invocation& in, const worker_state& state,
                               Args&&... args)
    {
        const auto go = [&](auto&... own) -> decltype(auto) {
            if constexpr (given::wants_local)
                return function(own..., state.as<typename given::local::type>(),
                                std::forward<Args>(args)...);
            else
                return function(own..., std::forward<Args>(args)...);
        };
        if constexpr (traits::wants_context)
            return go(in.own_context());
        else
            return go();
    }
};

/// The invocation of an initialiser or finaliser.
class state_invocation : public invocation {
public:
    worker_state state;
};

template <class F>
class initialiser_stub {
    using function = worker_function<F>;
    static_assert(!function::traits::coroutine && !function::given::wants_local,
                  "zproc: an initialiser is a plain function");

public:
    using arguments = typename function::kept;

    static void enter(invocation& in)
    {
        auto& own = dynamic_cast<state_invocation&>(in);
        auto stored = unpack<arguments>(in.arguments());
        const auto make = [&]() -> decltype(auto) {
            return [&]<class... P, std::size_t... I>(type_list<P...>,
                                                     std::index_sequence<I...>) -> decltype(auto) {
                return function::call(function::pointer(in), in, own.state,
                                      pass<P>(std::get<I>(stored))...);
            }(typename function::list{}, std::make_index_sequence<function::arity>{});
        };
        if constexpr (std::is_void_v<typename function::result>) {
            make();
        } else {
            using made = std::remove_cvref_t<typename function::result>;
            own.state.made = std::make_shared<made>(make());
            own.state.type = &typeid(made);
        }
    }
    static inline const stub_registration registered{&initialiser_stub::enter};
};

template <class F>
class finaliser_stub {
    using function = worker_function<F>;
    static_assert(!function::traits::coroutine, "zproc: a finaliser is a plain function");

public:
    using arguments = typename function::kept;

    static void enter(invocation& in)
    {
        auto& own = dynamic_cast<state_invocation&>(in);
        auto stored = unpack<arguments>(in.arguments());
        [&]<class... P, std::size_t... I>(type_list<P...>, std::index_sequence<I...>) {
            static_cast<void>(function::call(function::pointer(in), in, own.state,
                                             pass<P>(std::get<I>(stored))...));
        }(typename function::list{}, std::make_index_sequence<function::arity>{});
    }
    static inline const stub_registration registered{&finaliser_stub::enter};
};

/// A call whose entry is that of `Stub`.
template <class Stub, spawnable F, class... A>
call make_call_of(F f, A&&... given)
{
    using function = std::decay_t<F>;
    static_assert(sizeof...(A) == std::tuple_size_v<typename Stub::arguments>,
                  "zproc: wrong number of arguments for this function");
    static_assert((safe_temporary<A> && ...), ZPROC_TEMPORARY_TEXT);

    static_cast<void>(&Stub::registered);
    call made;
    std::uintptr_t target = 0;
    if constexpr (function_pointer<function>)
        target = reinterpret_cast<std::uintptr_t>(f);
    made.name = function_name(target, typeid(function));
    made.function = refer(&Stub::enter, target, made.failure);
    try {
        const typename Stub::arguments stored(std::forward<A>(given)...);
        made.arguments = pack(stored);
    } catch (const system_error& e) {
        made.failure = e.code();
    }
    return made;
}

} // namespace detail
} // namespace zproc
