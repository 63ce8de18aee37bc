// Functions given to the library: what they may not capture, take or return.
// refused 1: (name it first|only g\+\+ 12)
// refused 2: (name it first|only g\+\+ 12)
// refused 3: (name it first|only g\+\+ 12)
// refused 4: (name it first|only g\+\+ 12)
// refused 5: (name it first|only g\+\+ 12)
// refused 6: do not fit this atomic function
// refused 7: a lambda that captures nothing: pass what it needs as arguments
// refused 8: without its context.*, and then, if you like, a completion token
// refused 9: without its context.*, and then, if you like, a completion token
// refused 10: what follows the arguments of the spawned function is no completion token
// refused 11: cannot cross processes: give it a Boost.Serialization serialize
// refused 12: a pointer means nothing in another process
// refused 13: cannot return a reference
// refused 14: a coroutine asio::awaitable<void> or asio::awaitable<int> that takes a zproc::context
// refused 15: a coroutine asio::awaitable<void> or asio::awaitable<int> that takes a zproc::context
// refused 16: must be default-constructible
// refused 17: what is called on every event takes the event first
// refused 18: what is called on every event returns nothing
// refused 19: without its context.*, and then, if you like, a completion token
// refused 20: takes them by value or by const reference
// refused 21: takes them by value or by const reference
// refused 22: must not be noexcept
// refused 23: must not be noexcept
// refused 24: must not be noexcept
// refused 25: must not be noexcept
#include "refused_forms.hpp"

struct opaque {
    std::string text;
};

class strict {
public:
    explicit strict(int) {}
    template <class Archive>
    void serialize(Archive&, unsigned)
    {
    }
};

int take(opaque o);
int point(int* p);
int& refer(int n);
strict make(int n);
asio::awaitable<void> whole(zproc::context);
asio::awaitable<std::string> text_of(zproc::context);
asio::awaitable<int> without();

void add(zproc::draft& d, int by) noexcept;
void read_into(zproc::draft& d, std::string& to);

void called(const zproc::event& e, int n);
void without_event(int n);
int with_result(const zproc::event& e);

int program()
{
#if !defined(CONTROL) && REFUSED == 14
    return zproc::run(text_of);
#elif !defined(CONTROL) && REFUSED == 15
    return zproc::run(without);
#else
    return zproc::run(whole);
#endif
}

asio::awaitable<void> form(zproc::context ctx, zproc::state state, std::string key)
{
    const job named{1, "x"};
#ifdef CONTROL
    const auto count = [key](zproc::draft& d) { d[key] += 1; };
    co_await state.atomic(count);
    co_await zproc::atomic(count)(state);
    const auto there = [key](const zproc::dict& d) { return d.contains(key); };
    co_await state.when(there);
    co_await state.atomic([](zproc::draft& d, const job& j) { d[j.title] = j.id; }, named);
    co_await state.atomic([](zproc::draft& d, std::string_view k, auto by) { d[k] += by; }, "k", 1);
    co_await state.atomic([](auto& d, std::string k) { k += "!", d[k] = 1; }, key);
    co_await ctx.spawn(work, named, 1);
    co_await ctx.spawn([](job j) { return j.id; }, named);
    co_await ctx.call_when_change("k", called, 1);
#elif REFUSED < 6 && !ONLY_OLD_GCC
#error "only g++ 12"
#elif REFUSED == 1
    co_await state.atomic([key](zproc::draft& d) { d[key] += 1; });
#elif REFUSED == 2
    co_await zproc::atomic([key](zproc::draft& d) { d[key] += 1; })(state);
#elif REFUSED == 3
    co_await state.when([key](const zproc::dict& d) { return d.contains(key); });
#elif REFUSED == 4
    co_await state.atomic([](zproc::draft& d, const job& j) { d[j.title] = j.id; }, job{1, "x"});
#elif REFUSED == 5
    co_await ctx.spawn(work, job{1, "x"}, 1);
#elif REFUSED == 6
    co_await state.atomic([](zproc::draft& d, int by) { d["n"] += by; }, "one", "two", 3);
#elif REFUSED == 7
    co_await ctx.spawn([key](int n) { return n + int(key.size()); }, 1);
#elif REFUSED == 8
    co_await ctx.spawn(work);
#elif REFUSED == 9
    co_await ctx.spawn(work, named, 1, 2, 3);
#elif REFUSED == 10
    co_await ctx.spawn(work, named, 1, 2); // 2 is no token
#elif REFUSED == 11
    const opaque o;
    co_await ctx.spawn(take, o);
#elif REFUSED == 12
    co_await ctx.spawn(point, nullptr);
#elif REFUSED == 13
    co_await ctx.spawn(refer, 1);
#elif REFUSED == 16
    co_await ctx.spawn(make, 1);
#elif REFUSED == 17
    co_await ctx.call_when_change("k", without_event, 1);
#elif REFUSED == 18
    co_await ctx.call_when_change("k", with_result);
#elif REFUSED == 19
    co_await ctx.call_when_change("k", called);
#elif REFUSED == 20
    co_await state.atomic(read_into, key);
#elif REFUSED == 21
    co_await state.atomic([](zproc::draft& d, int& n) { d["n"] = n++; }, 1, asio::use_awaitable);
#elif REFUSED == 22
    co_await state.atomic(add, 1);
#elif REFUSED == 23
    co_await state.atomic([](zproc::draft& d) noexcept { d["n"] += 1; });
#elif REFUSED == 24
    co_await zproc::atomic([](zproc::draft& d, std::string k) noexcept { d[k] += 1; })(state, key);
#elif REFUSED == 25
    co_await state.atomic([](auto& d, int by) noexcept { d["n"] += by; }, 1, asio::use_awaitable);
#else
    co_return;
#endif
}
