#include "client/wakeup.hpp"

#include "shared_memory.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>

#include <sys/eventfd.h>

using zproc::descriptor;
using zproc::client::fork_mark;
using zproc::client::wakeup;

namespace asio = boost::asio;

namespace {

/// Wakes of one process, counted.
struct sleeper {
    std::shared_ptr<wakeup> sleep;
    int woken = 0;

    explicit sleeper(asio::io_context& io)
        : sleep(std::make_shared<wakeup>(
              io.get_executor(), asio::make_strand(asio::any_io_executor(io.get_executor())),
              std::make_shared<const fork_mark>()))
    {
        BOOST_REQUIRE(!sleep->open());
    }

    void arm()
    {
        sleep->arm([this] { ++woken; });
    }
    void signal() const { zproc::signal_eventfd(sleep->own()); }
};

void run(asio::io_context& io)
{
    io.restart();
    io.poll();
}

descriptor make_eventfd()
{
    return descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

} // namespace

BOOST_AUTO_TEST_SUITE(wakeups)

BOOST_AUTO_TEST_CASE(wakes_once_for_each_arming)
{
    asio::io_context io;
    sleeper one(io);
    one.arm();
    run(io);
    BOOST_TEST(one.woken == 0);
    one.signal();
    one.signal();
    run(io);
    BOOST_TEST(one.woken == 1);
    one.arm();
    run(io);
    BOOST_TEST(one.woken == 1);
}

BOOST_AUTO_TEST_CASE(wake_that_nobody_waits_for_any_more_is_kept)
{
    asio::io_context io;
    sleeper one(io);
    one.signal();
    one.arm(); // has read it by now
    one.sleep->disarm();
    run(io);
    BOOST_TEST(one.woken == 0);
    one.arm();
    run(io);
    BOOST_TEST(one.woken == 1);
}

BOOST_AUTO_TEST_CASE(disarmed_is_no_work_for_the_loop_and_can_be_armed_at_once)
{
    asio::io_context io;
    sleeper one(io);
    BOOST_REQUIRE(!one.sleep->listen_to(make_eventfd()));
    one.arm();
    one.sleep->disarm();
    io.run(); // ends
    one.arm();
    one.sleep->disarm();
    one.arm();
    one.signal();
    run(io);
    BOOST_TEST(one.woken == 1);
}

BOOST_AUTO_TEST_CASE(shared_one_wakes_everybody_and_does_not_spin)
{
    asio::io_context io;
    sleeper one(io);
    sleeper other(io);
    const auto shared = make_eventfd();
    for (const auto* each : {&one, &other})
        BOOST_REQUIRE(!each->sleep->listen_to(shared.duplicate()));
    one.arm();
    other.arm();
    run(io);
    zproc::signal_eventfd(shared.get());
    run(io);
    BOOST_TEST(one.woken == 1);
    BOOST_TEST(other.woken == 1);
    one.arm();
    other.arm();
    run(io);
    BOOST_TEST(one.woken == 1);
    zproc::signal_eventfd(shared.get());
    other.sleep->disarm();
    run(io);
    BOOST_TEST(one.woken == 2);
    BOOST_TEST(other.woken == 1);
    other.arm(); // it was kept
    run(io);
    BOOST_TEST(other.woken == 2);
}

BOOST_AUTO_TEST_CASE(newer_shared_one_replaces_the_older_one)
{
    asio::io_context io;
    sleeper one(io);
    const auto older = make_eventfd();
    const auto newer = make_eventfd();
    BOOST_REQUIRE(!one.sleep->listen_to(older.duplicate()));
    one.arm();
    run(io);
    BOOST_REQUIRE(!one.sleep->listen_to(newer.duplicate()));
    zproc::signal_eventfd(older.get());
    run(io);
    BOOST_TEST(one.woken == 0);
    zproc::signal_eventfd(newer.get());
    run(io);
    BOOST_TEST(one.woken == 1);
}

BOOST_AUTO_TEST_SUITE_END()
