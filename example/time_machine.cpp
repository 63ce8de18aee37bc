// What was, when it was, and who did it.

#include <zproc.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <iostream>

namespace asio = boost::asio;
using when = std::chrono::system_clock::time_point;

// [past
asio::awaitable<void> look_back(zproc::state account, when monday)
{
    for (const auto& event : co_await account.history("balance"))
        std::cout << event << '\n';

    const auto then = co_await account.revision_at(monday);
    const auto before = co_await account.at(then);
    std::cout << "on monday: " << before["balance"] << '\n';

    for (const auto& change : co_await account.diff(then, then + 1))
        std::cout << change.key << " was " << *change.before << ", is " << *change.after << '\n';

    zproc::diagnostics why; // says in words what a code cannot
    const auto [ec, future] = co_await account.at(99, why, asio::as_tuple(asio::use_awaitable));
    if (ec)
        std::cout << why.text << '\n';
}
// past]

asio::awaitable<void> travel(zproc::context ctx)
{
    auto account = ctx.state("account");
    co_await account.set("balance", 100);
    co_await account.increment("balance", 50);
    const auto monday = std::chrono::system_clock::now();
    co_await account.decrement("balance", 120);
    co_await look_back(account, monday);
}

int main()
{
    return zproc::run(travel);
}
