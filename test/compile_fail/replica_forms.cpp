// What a replica does not take, and that there is one owner of it.
// refused 1: not char, and no pointers
// refused 2: (name it first|only g\+\+ 12)
// refused 3: (use of deleted function|call to (implicitly-)?deleted)
// refused 4: (views would dangle|no matching)
#include "refused_forms.hpp"

#include <string_view>
#include <utility>

asio::awaitable<void> form(zproc::state state)
{
    auto r = co_await state.replica();
    const job named{1, "x"};
#ifdef CONTROL
    co_await state.set("k", r.get_or("k", "x"));
    static_cast<void>(r.get_or("k", named));
    const auto owner = std::move(r);
    static_cast<void>(owner.get<std::string>("k"));
#elif REFUSED == 1
    static_cast<void>(r.get_or("k", 'x'));
#elif REFUSED == 2 && !ONLY_OLD_GCC
#error "only g++ 12"
#elif REFUSED == 2
    static_cast<void>(r.get_or("k", job{1, "x"}));
#elif REFUSED == 3
    const auto copy = r;
#elif REFUSED == 4
    static_cast<void>(r.get<std::string_view>("k"));
#endif
}
