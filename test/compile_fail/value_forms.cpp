// What a state does not hold, and what is given to it in a way that g++ 12 gets wrong.
// refused 1: not char, and no pointers
// refused 2: not char, and no pointers
// refused 3: not char, and no pointers
// refused 4: not char, and no pointers
// refused 5: no matching (member )?function for call
// refused 6: (name it first|only g\+\+ 12)
// refused 7: (name it first|only g\+\+ 12)
// refused 8: (name it first|only g\+\+ 12)
// refused 9: (name it first|only g\+\+ 12)
// refused 10: (name it first|only g\+\+ 12)
// refused 11: (array used as initializer|only g\+\+ 12)
// refused 12: (array used as initializer|only g\+\+ 12)
// refused 13: (no match for .*operator co_await|await_transform|cannot bind)
// refused 14: no matching (member )?function for call
// refused 15: (no match for .*operator|invalid operands to binary expression)
#include "refused_forms.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <optional>

using namespace asio::experimental::awaitable_operators;

struct opaque {
    int n = 0;
};

asio::awaitable<void> form(zproc::state state)
{
    int number = 1;
    const job named{1, "x"};
    auto w = state.when_change("k");
#ifdef CONTROL
    co_await state.set("k", "x");
    co_await state.set("k", number);
    co_await state.append("k", number);
    co_await state.when_equal("k", std::string("x"));
    co_await state.increment("k", 1);
    co_await state.set("k", named);
    static_cast<void>(co_await state.get_or("k", named));
    co_await state.append("k", named);
    co_await state.when_equal("k", named);
    co_await state.compare_exchange("k", nullptr, named);
    co_await state.update(zproc::dict::of("a", 1));
    co_await state.set("k", zproc::list_of(1, 2));
    co_await w.next();
    static_cast<void>(co_await state.pop<std::optional<int>>("k"));
    co_await (w.next(asio::use_awaitable) || w.next(asio::use_awaitable));
#elif REFUSED == 1
    co_await state.set("k", 'x'); // neither a number nor a text
#elif REFUSED == 2
    co_await state.set("k", &number);
#elif REFUSED == 3
    co_await state.append("k", opaque());
#elif REFUSED == 4
    co_await state.when_equal("k", 'x');
#elif REFUSED == 5
    co_await state.increment("k", 'x');
#elif REFUSED < 11 && !ONLY_OLD_GCC
#error "only g++ 12"
#elif REFUSED == 6
    co_await state.set("k", job{1, "x"});
#elif REFUSED == 7
    static_cast<void>(co_await state.get_or("k", job{1, "x"}));
#elif REFUSED == 8
    co_await state.append("k", job{.id = 1, .title = "x"});
#elif REFUSED == 9
    co_await state.when_equal("k", job{1, "x"});
#elif REFUSED == 10
    co_await state.compare_exchange("k", nullptr, job{1, "x"});
#elif REFUSED < 13 && !ONLY_OLD_GCC
#error "only g++ 12"
#elif REFUSED == 11
    co_await state.update({{"a", 1}});
#elif REFUSED == 12
    co_await state.set("k", zproc::list{1, 2});
#elif REFUSED == 13
    co_await w; // a named watcher is awaited by next(), or moved
#elif REFUSED == 14
    co_await state.pop("k", 5); // for a default: pop<std::optional<int>>
#elif REFUSED == 15
    co_await (w.next() || w.next()); // the operators take awaitables: next(asio::use_awaitable)
#endif
}
