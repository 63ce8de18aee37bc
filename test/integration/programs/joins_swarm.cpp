// Another program than the tests: it can be told to work for a swarm of theirs, and may not.

#include <zproc/run.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdio>

int main(int argc, char** argv)
{
    return zproc::run(argc, argv, [](zproc::context) -> boost::asio::awaitable<int> {
        std::puts("its own function");
        co_return 42;
    });
}
