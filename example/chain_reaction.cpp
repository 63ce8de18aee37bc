// One change sets off the next: the first process wakes for any change of "foo", the second is
// called on every event until it has seen what it waits for.

#include <zproc.hpp>

#include <iostream>

namespace asio = boost::asio;

asio::awaitable<void> first(zproc::context ctx)
{
    auto state = ctx.state();
    const auto event = co_await state.when_equal("foo", "foobar");
    std::cout << "first: foo changed, so I wake, now foo = " << *event.changes.front().after
              << std::endl;
    co_await state.set("foo", "bar");
}

// [called
void second(const zproc::event& event)
{
    std::cout << "second: foo is " << *event.changes.front().after << std::endl;
    if (event.changes.front().after == zproc::value("bar"))
        throw zproc::process_exit{0};
}
// called]

asio::awaitable<void> reaction(zproc::context ctx)
{
    auto woken = co_await ctx.spawn(first);
    auto called = co_await ctx.call_when_change("foo", second);
    std::cout << "main: I set foo to foobar" << std::endl;
    co_await ctx.state().set("foo", "foobar");
    co_await woken.result();
    static_cast<void>(co_await called.wait());
    std::cout << "main: I exit" << std::endl;
}

int main()
{
    return zproc::run(reaction);
}
