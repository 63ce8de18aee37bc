// A state that a program serves in its own loop.

#include "integration/program.hpp"
#include "support/in_a_root.hpp"
#include "support/sandbox.hpp"
#include "support/server_fixture.hpp"

#include <zproc.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using test::checks;
using test::in_a_root;

std::string fresh_address()
{
    return "unix://" + test::fresh_socket_path();
}

/// Runs `client(ctx)` beside the server, and stops that when it is done.
template <class Client>
void serve_while(asio::io_context& io, server& own, const std::string& address, Client client,
                 checks& check)
{
    context ctx(io, context_options{}.address(address));
    error_code ended = asio::error::would_block;
    own.run([&](error_code ec) { ended = ec; });
    asio::co_spawn(io, client(ctx), [&](std::exception_ptr failed) {
        check(!failed, "the client");
        own.stop();
    });
    io.run();
    check(!ended.failed(), "it ends without an error");
}

asio::awaitable<void> count_to_three(context ctx)
{
    auto state = ctx.state();
    auto seen = state.when_change("n", {.count = 3, .own = true});
    for (int i = 1; i <= 3; ++i)
        co_await state.set("n", i);
    int last = 0;
    while (auto e = co_await seen.next())
        last = e->changes.front().after->get<int>();
    if (last != 3)
        throw std::runtime_error("not all was seen");
}

asio::awaitable<void> set_at_once(state of, int times)
{
    for (int i = 0; i != times; ++i)
        of.set("n", i, [](error_code) {});
    co_return;
}

/// Of another client, which sleeps; and behind the burst nobody asks anything.
asio::awaitable<void> see_the_first_of_a_burst(context ctx)
{
    const auto loop = co_await asio::this_coro::executor;
    context other(loop, context_options{}.address(ctx.address()));
    for (int round = 0; round != 10; ++round) {
        auto seen = other.state().when_change("n", {.timeout = std::chrono::seconds(20)});
        co_await other.ping(); // it is registered
        co_await ctx.state().set("n", -1);
        co_await seen.next();
        asio::co_spawn(loop, set_at_once(ctx.state(), 64), asio::detached);
        const auto e = co_await seen.next();
        if (!e || e->changes.front().after->get<int>() != 0)
            throw std::runtime_error("not the first one");
        co_await ctx.ping(); // all of them are answered
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(server_in_its_own_loop)

BOOST_AUTO_TEST_CASE(it_wakes_watchers_behind_a_burst)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::io_context io(1);
        server own(io.get_executor());
        const auto address = fresh_address();
        check(!own.listen(address), "it listens");
        serve_while(io, own, address, see_the_first_of_a_burst, check);
    }));
}

BOOST_AUTO_TEST_CASE(it_serves_the_clients_of_its_own_loop)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::io_context io(1);
        server own(io.get_executor());
        const auto address = fresh_address();
        check(!own.listen(address), "it listens");
        check(own.addresses() == std::vector{address}, "and says where");
        check(own.durability() == durability_level::none, "there is no successor");
        serve_while(io, own, address, count_to_three, check);
        check(::access(address.c_str() + 7, F_OK) != 0, "its socket has gone with it");
    }));
}

BOOST_AUTO_TEST_CASE(it_serves_over_tcp_at_the_port_that_the_system_chose)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::io_context io(1);
        server own(io.get_executor());
        check(!own.listen("tcp://127.0.0.1:0"), "it listens");
        const auto address = own.addresses().front();
        check(!address.ends_with(":0"), "it says the port");
        serve_while(io, own, address, count_to_three, check);
    }));
}

BOOST_AUTO_TEST_CASE(it_serves_in_a_loop_of_many_threads)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::thread_pool pool(3);
        server own(pool.get_executor());
        const auto address = fresh_address();
        check(!own.listen(address), "it listens");
        auto ended = own.run(asio::use_future);
        context ctx(pool.get_executor(), context_options{}.address(address));
        for (int i = 0; i != 3; ++i)
            ctx.state().increment("n", asio::use_future).get();
        check(ctx.state().get<int>("n", asio::use_future).get() == 3, "all are there");
        own.stop();
        ended.get();
        pool.join();
    }));
}

BOOST_AUTO_TEST_CASE(what_it_keeps_in_a_directory_is_there_again)
{
    BOOST_TEST(in_a_root([](checks& check) {
        const auto directory = test::sandbox::directory() / "own_loop_data";
        const auto options = context_options{}.data(directory.string());
        for (int life = 1; life <= 3; ++life) {
            asio::io_context io(1);
            server own(io.get_executor(), options);
            check(own.durability() == durability_level::disk, "every commit is synced");
            const auto address = fresh_address();
            check(!own.listen(address), "it listens");
            serve_while(
                io, own, address,
                [life](context ctx) -> asio::awaitable<void> {
                    const auto n = co_await ctx.state().increment("lives");
                    if (n.get<int>() != life)
                        throw std::runtime_error("a life is missing");
                },
                check);
        }
        std::filesystem::remove_all(directory);
    }));
}

BOOST_AUTO_TEST_CASE(it_says_that_another_has_its_directory_and_lets_go_of_its_own_at_once)
{
    BOOST_TEST(in_a_root([](checks& check) {
        const auto directory = test::sandbox::directory() / "shared_data";
        const auto options = context_options{}.data(directory.string());
        asio::io_context io(1);
        {
            server first(io.get_executor(), options);
            try {
                const server second(io.get_executor(), options);
                check(false, "two have it");
            } catch (const system_error& e) {
                check(e.code() == errc::data_in_use, "the second one is told");
            }
        } // it never ran
        const server third(io.get_executor(), options);
        std::filesystem::remove_all(directory);
    }));
}

BOOST_AUTO_TEST_CASE(listen_says_what_is_wrong)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::io_context io(1);
        server own(io.get_executor());
        diagnostics why;
        check(own.listen("http://x", &why) == errc::bad_address && !why.text.empty(), "a scheme");
        check(own.listen("tcp://0.0.0.0:0", &why) == errc::bad_secret && !why.text.empty(),
              "everybody, without a secret");
        const auto address = fresh_address();
        check(!own.listen(address, &why) && why.text.empty(), "one that is free");
        server other(io.get_executor());
        check(other.listen(address) == errc::address_in_use, "one that is not");
        own.stop();
        io.run();
        check(own.listen(fresh_address()) == errc::already_finished, "after its end");
    }));
}

BOOST_AUTO_TEST_CASE(run_ends_by_cancellation_and_cannot_be_had_twice)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::io_context io(1);
        server own(io.get_executor());
        asio::cancellation_signal signal;
        error_code first;
        error_code second;
        error_code third;
        own.run(asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) { first = ec; }));
        own.run([&](error_code ec) { second = ec; });
        io.poll();
        check(second == asio::error::already_started, "it runs already");
        signal.emit(asio::cancellation_type::partial);
        io.restart();
        io.run();
        check(first == asio::error::operation_aborted, "it was cancelled");
        own.run([&](error_code ec) { third = ec; });
        io.restart();
        io.run();
        check(third == errc::already_finished, "for good");
    }));
}

BOOST_AUTO_TEST_CASE(loop_and_server_may_go_in_either_order)
{
    BOOST_TEST(in_a_root([](checks& check) {
        const auto address = fresh_address();
        bool called = false;
        {
            std::optional<asio::io_context> io(std::in_place, 1);
            server own(io->get_executor());
            check(!own.listen(address), "it listens");
            own.run([&](error_code) { called = true; });
            io->poll();
            io.reset(); // the server is still there
            own.stop();
        }
        check(!called, "handlers are dropped with the loop");
        check(::access(address.c_str() + 7, F_OK) != 0, "the socket is gone");

        asio::io_context io(1);
        error_code ended;
        {
            server own(io.get_executor());
            own.run([&](error_code ec) { ended = ec; });
            io.poll();
        }
        io.restart();
        io.run();
        check(ended == asio::error::operation_aborted, "its owner has gone");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
