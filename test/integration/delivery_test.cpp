// An event that was on its way to somebody who does not want it any more: it comes again.

#include "integration/forked_root.hpp"
#include "support/in_a_root.hpp"
#include "support/operation_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

/// A watcher whose handlers run in another loop than the one it works in: there an event waits
/// for as long as a test likes.
struct slow_reader {
    operation_world w;
    std::unique_ptr<asio::io_context> loop = std::make_unique<asio::io_context>(1);
    std::optional<zproc::state> writing = w.ctx.state();

    explicit slow_reader(watch_options options = {})
    {
        w.watched.emplace(w.state.when_change("key", options));
    }

    void write(int to)
    {
        w.now([&](auto token) { return writing->set("key", to, token); });
    }
    /// Starts a `next()`, and lets an event come as far as the queue of its loop.
    template <class Token>
    void start(Token token)
    {
        w.watched->next(asio::bind_executor(loop->get_executor(), std::move(token)));
        w.run();
    }
    std::optional<event> next()
    {
        return w.now([&](auto token) { return w.watched->next(token); });
    }
};

bool is(const std::optional<event>& e, int number)
{
    return e && e->kind == event_kind::change && e->changes.size() == 1 &&
           e->changes[0].after == value(number);
}

} // namespace

BOOST_AUTO_TEST_SUITE(event_delivery)

BOOST_AUTO_TEST_CASE(next_keeps_an_event_that_was_on_its_way_when_it_was_cancelled)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for (const auto type : {asio::cancellation_type::total, asio::cancellation_type::partial,
                                asio::cancellation_type::terminal, asio::cancellation_type::none}) {
            slow_reader r;
            r.write(1);
            r.write(2);
            asio::cancellation_signal signal;
            outcome<std::optional<event>> seen;
            r.start(asio::bind_cancellation_slot(
                signal.slot(),
                [&](error_code ec, std::optional<event> e) { seen(ec, std::move(e)); }));
            check(!seen.done(), "the event is on its way");
            signal.emit(type);
            r.loop->run();
            if (type == asio::cancellation_type::none) {
                check(seen.good() && is(*seen.value, 1), "nothing has happened to it");
            } else {
                check(seen.times == 1 && seen.code() == asio::error::operation_aborted,
                      "it was cancelled");
                check(is(r.next(), 1), "the event comes again");
            }
            check(is(r.next(), 2), "and then the next one");
        }
    }));
}

BOOST_AUTO_TEST_CASE(next_counts_only_events_that_were_taken)
{
    BOOST_TEST(in_a_root([](checks& check) {
        slow_reader r(watch_options{.count = 1});
        r.write(1);
        r.write(2);
        asio::cancellation_signal signal;
        outcome<std::optional<event>> seen;
        r.start(asio::bind_cancellation_slot(
            signal.slot(), [&](error_code ec, std::optional<event> e) { seen(ec, std::move(e)); }));
        signal.emit(asio::cancellation_type::total);
        r.loop->run();
        check(seen.code() == asio::error::operation_aborted, "it was cancelled");
        check(is(r.next(), 1), "the only event");
        check(!r.next().has_value(), "the end");
    }));
}

BOOST_AUTO_TEST_CASE(next_keeps_events_whose_handlers_are_destroyed)
{
    BOOST_TEST(in_a_root([](checks& check) {
        slow_reader r;
        r.write(1);
        r.write(2);
        r.write(3);
        bool called = false;
        const auto handler = [&](error_code, std::optional<event>) { called = true; };
        r.start(handler);
        r.start(handler);
        r.loop.reset();
        check(!called, "nobody has seen it");
        check(is(r.next(), 1), "the first event comes again");
        check(is(r.next(), 2), "and the second");
        check(is(r.next(), 3), "and then the next one");
    }));
}

BOOST_AUTO_TEST_CASE(next_gives_a_waiting_one_what_came_back)
{
    BOOST_TEST(in_a_root([](checks& check) {
        slow_reader r;
        r.write(1);
        r.start([](error_code, std::optional<event>) {});
        outcome<std::optional<event>> seen;
        r.w.watched->next([&](error_code ec, std::optional<event> e) { seen(ec, std::move(e)); });
        r.w.poll();
        check(!seen.done(), "there is no other event");
        r.loop.reset();
        r.w.run();
        check(seen.good() && is(*seen.value, 1), "it is given the first one");
    }));
}

BOOST_AUTO_TEST_CASE(next_keeps_the_event_that_came_second_in_a_race)
{
    using namespace asio::experimental::awaitable_operators;
    BOOST_TEST(in_a_root([](checks& check) {
        slow_reader r;
        asio::steady_timer rival(*r.loop, asio::steady_timer::time_point::max());
        std::size_t winner = 2;
        const auto race = [&]() -> asio::awaitable<void> {
            error_code ignored;
            const auto first =
                co_await (r.w.watched->next(asio::use_awaitable) ||
                          rival.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
            winner = first.index();
        };
        asio::co_spawn(*r.loop, race, [](std::exception_ptr) {});
        r.loop->poll();
        rival.cancel(); // it has won
        r.write(1);     // and the event is behind it
        r.loop->run();
        check(winner == 1, "the other one has won");
        check(is(r.next(), 1), "the event comes again");
    }));
}

BOOST_AUTO_TEST_CASE(next_some_keeps_all_that_was_on_its_way)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for (const bool destroyed : {false, true}) {
            slow_reader r(watch_options{.count = 3});
            for (const int i : {1, 2, 3})
                r.write(i);
            asio::cancellation_signal signal;
            outcome<std::vector<event>> seen;
            r.w.watched->next_some(
                2,
                asio::bind_executor(r.loop->get_executor(),
                                    asio::bind_cancellation_slot(
                                        signal.slot(), [&](error_code ec, std::vector<event> some) {
                                            seen(ec, std::move(some));
                                        })));
            r.w.run();
            check(!seen.done(), "they are on their way");
            if (destroyed) {
                r.loop.reset();
                check(!seen.done(), "nobody has seen them");
            } else {
                signal.emit(asio::cancellation_type::total);
                r.loop->run();
                check(seen.times == 1 && seen.code() == asio::error::operation_aborted,
                      "it was cancelled");
            }
            check(is(r.next(), 1), "the first comes again");
            const auto rest = r.w.now([&](auto token) { return r.w.watched->next_some(9, token); });
            check(rest.size() == 2 && is(rest[0], 2) && is(rest[1], 3), "and the others");
            check(!r.next().has_value(), "each was counted once");
        }
    }));
}

BOOST_AUTO_TEST_SUITE_END()
