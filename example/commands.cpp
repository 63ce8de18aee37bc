// Programs as processes: their pipes are Asio's, their errors those of exec, and none outlives us.

#include <zproc.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <iostream>
#include <string>

namespace asio = boost::asio;

asio::awaitable<void> sort_some(zproc::context ctx)
{
    auto sort = co_await ctx.spawn(zproc::command("sort")
                                       .env("LC_ALL", "C")
                                       .input(zproc::stdio::pipe())
                                       .output(zproc::stdio::pipe()));
    const std::string unsorted = "pear\napple\nfig\n";
    co_await asio::async_write(sort.in(), asio::buffer(unsorted), asio::use_awaitable);
    sort.in().close(); // now it knows that there is no more

    std::string sorted;
    boost::system::error_code end;
    co_await asio::async_read(sort.out(), asio::dynamic_buffer(sorted),
                              asio::redirect_error(asio::use_awaitable, end));
    std::cout << sorted;
    const auto info = co_await sort.wait();
    std::cout << "sort " << info << std::endl;

    try {
        const auto nothing = co_await ctx.spawn(zproc::command("no-such-program"));
        std::cout << nothing.name() << " has started" << std::endl;
    } catch (const boost::system::system_error& e) {
        std::cout << "no-such-program: " << e.code().message() << std::endl;
    }
}

int main()
{
    return zproc::run(sort_some);
}
