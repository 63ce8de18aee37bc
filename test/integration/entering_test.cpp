// What is entered into a connection while its strand is at work: by other threads, and by predicates,
// which run there.

#include "integration/forked_root.hpp"

#include <zproc/context.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using namespace zproc::test;

/// A program with one context on a loop that it runs by itself.
struct by_hand {
    asio::io_context io;
    context ctx;

    explicit by_hand(context_options options = {}) : ctx(io.get_executor(), std::move(options)) {}

    void run()
    {
        io.restart();
        io.run();
    }
    template <class T>
    T result(std::future<T> of)
    {
        run();
        return of.get();
    }
};

template <class Body>
bool holds_by_hand(Body body)
{
    forked_root root([body] {
        ::alarm(60);
        const auto ready = prepare();
        checks check;
        check(!ready, "prepared");
        body(check);
        return check.result();
    });
    return root.succeeds();
}

/// What does nothing any more, from another thread.
void from_another_thread(watcher& idle)
{
    std::thread([&idle] { idle.cancel(); }).join();
}

void nothing_is_lost_beside_another_thread(checks& check)
{
    by_hand program(context_options{}.request_timeout(10s));
    const auto state = program.ctx.state();
    auto idle = program.ctx.state().when_change("nothing");
    program.result(state.set("n", 1, asio::use_future));
    auto work = asio::make_work_guard(program.io);
    program.io.restart();
    std::thread runner([&] { program.io.run(); });
    std::atomic<bool> stop = false;
    std::thread other([&] {
        while (!stop) {
            idle.go_live();
            std::this_thread::sleep_for(20us);
        }
    });
    for (int i = 0; i != 3000; ++i) {
        const auto w = program.ctx.state().when_change("x"); // its registration is a fence
        try {
            state.set("x", i, asio::use_future).get();
        } catch (const std::exception& e) {
            check(false, e.what());
            break;
        }
    }
    stop = true;
    other.join();
    work.reset();
    program.io.stop();
    runner.join();
}

void request_is_written_after_a_predicate(checks& check)
{
    by_hand program(context_options{}.request_timeout(20s));
    const auto state = program.ctx.state();
    program.result(state.set("n", 1, asio::use_future));
    auto idle = program.ctx.state().when_change("nothing");
    int calls = 0;
    auto w = program.ctx.state().when([&](const dict&) {
        if (calls++ == 0)
            from_another_thread(idle);
        return false;
    });
    bool set = false;
    w.next([](error_code, std::optional<event>) {});
    state.set("other", 1, [&](error_code ec, auto&&...) {
        set = !ec;
        w.cancel();
    });
    program.run();
    check(set, "the set was written");
    check(calls > 0, "the predicate was asked");
}

void loop_ends_after_a_predicate(checks& check)
{
    by_hand program;
    const auto state = program.ctx.state();
    auto idle = program.ctx.state().when_change("nothing");
    program.result(state.set("n", 1, asio::use_future));
    bool done = false;
    auto w = program.ctx.state().when([&](const dict& all) {
        if (all.contains("go") && !std::exchange(done, true))
            from_another_thread(idle);
        return all.contains("go");
    });
    int told = 0;
    w.next([&](error_code ec, std::optional<event> e) { told += !ec && e; });
    {
        by_hand elsewhere(context_options{}.address(program.ctx.address()));
        elsewhere.result(elsewhere.ctx.state().set("go", 1, asio::use_future));
    }
    program.run(); // the test has a time limit
    check(told == 1, "it became true, once");
}

void predicate_ends_its_watcher(checks& check)
{
    by_hand program;
    const auto state = program.ctx.state();
    watcher* self = nullptr;
    auto w = program.ctx.state().when([&](const dict& all) {
        if (all.contains("stop") && self != nullptr)
            self->cancel();
        return false;
    });
    self = &w;
    int told = 0;
    w.next([&](error_code ec, std::optional<event> e) {
        ++told;
        check(!ec && !e, "the end of the stream, and no event");
    });
    state.set("stop", 1, [](error_code, auto&&...) {});
    program.run();
    check(told == 1, "told once");
}

void state_is_lost_while_another_ring_is_taken_up(checks& check)
{
    by_hand program;
    const auto state = program.ctx.state();
    auto w = program.ctx.state().when_change("key");
    const auto next = [&] {
        std::pair<error_code, bool> said;
        w.next([&](error_code ec, std::optional<event> e) { said = {ec, e.has_value()}; });
        program.run();
        return said;
    };
    program.result(state.set("key", 1, asio::use_future));
    check(next() == std::pair(error_code(), true), "the first one");
    {
        // Another one is woken, and this one reads ahead.
        auto other = program.ctx.state().when_change("other");
        other.next([](error_code, std::optional<event>) {});
        state.set("key", 2, [&](error_code, auto&&...) {
            state.set("other", 1, [](error_code, auto&&...) {});
        });
        program.run();
    }
    for (int i = 0; i != 8; ++i) // the ring grows while nobody waits
        program.result(
            state.set("large" + std::to_string(i), std::string(900'000, 'x'), asio::use_future));
    program.result(program.ctx.shutdown(5s, asio::use_future));
    check(next() == std::pair(error_code(), true), "what was read ahead");
    const auto [ec, any] = next();
    check(ec && !any, "then why there is no more");
}

} // namespace

BOOST_AUTO_TEST_SUITE(entering)

BOOST_AUTO_TEST_CASE(requests_are_written_while_another_thread_uses_a_watcher)
{
    BOOST_TEST(holds_by_hand(nothing_is_lost_beside_another_thread));
}

BOOST_AUTO_TEST_CASE(request_is_written_when_a_predicate_let_another_thread_enter)
{
    BOOST_TEST(holds_by_hand(request_is_written_after_a_predicate));
}

BOOST_AUTO_TEST_CASE(loop_ends_when_a_predicate_let_another_thread_enter)
{
    BOOST_TEST(holds_by_hand(loop_ends_after_a_predicate));
}

BOOST_AUTO_TEST_CASE(predicate_may_end_its_watcher)
{
    BOOST_TEST(holds_by_hand(predicate_ends_its_watcher));
}

BOOST_AUTO_TEST_CASE(next_says_why_there_is_no_more_when_it_cannot_take_up_the_ring)
{
    BOOST_TEST(holds_by_hand(state_is_lost_while_another_ring_is_taken_up));
}

BOOST_AUTO_TEST_SUITE_END()
