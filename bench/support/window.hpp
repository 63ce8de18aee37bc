#pragma once

#include <zproc/state.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>

namespace zproc::bench {

namespace asio = boost::asio;

/// Keeps `depth` operations under way until `more()` says no: what a program does that has many
/// lanes. `start(done)` begins one; `done(ec, …)` is called at its end.
template <class More, class Start>
asio::awaitable<void> keep_under_way(std::size_t depth, More more, Start start)
{
    asio::steady_timer ended(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    struct lane {
        More& more;
        Start& start;
        asio::steady_timer& ended;
        std::size_t& running;
        error_code& failed;

        void operator()() const
        {
            if (!failed && more())
                start([self = *this](error_code ec, auto&&...) {
                    if (ec)
                        self.failed = ec;
                    self();
                });
            else if (--running == 0)
                ended.cancel();
        }
    };
    std::size_t running = depth;
    error_code failed;
    const lane each{more, start, ended, running, failed};
    for (std::size_t i = 0; i != depth; ++i)
        each();
    error_code ignored;
    if (running != 0)
        co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (failed)
        throw system_error(failed);
}

} // namespace zproc::bench
