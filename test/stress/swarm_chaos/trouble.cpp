#include "stress/swarm_chaos/parts.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <random>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace zproc::test::chaos {

namespace {

constexpr std::uint64_t one_in = 397; ///< is poison

enum class poison { none, abort, exit, crash, exception };

poison poison_of(std::uint64_t item)
{
    if (right_result(item + round_plan.seed) % one_in != 0)
        return poison::none;
    return static_cast<poison>(1 + (right_result(item) >> 13) % 4);
}

std::uint64_t poisoned_at(std::uint64_t item)
{
    switch (poison_of(item)) {
    case poison::none: break;
    case poison::abort: ::raise(SIGABRT); break;
    case poison::exit: ::_exit(7);
    case poison::crash: ::raise(SIGSEGV); break;
    case poison::exception: throw std::domain_error(std::to_string(item));
    }
    return work_at(item);
}

const char* words(poison p)
{
    constexpr const char* all[] = {"a result", "signal 6", "exit 7", "signal 11", "an exception"};
    return all[static_cast<int>(p)];
}

std::string words(const std::exception_ptr& error, std::uint64_t item)
{
    try {
        std::rethrow_exception(error);
    } catch (const process_crashed& e) {
        return "signal " + std::to_string(e.signal());
    } catch (const process_exited& e) {
        return "exit " + std::to_string(e.code());
    } catch (const remote_error& e) {
        return e.text() == std::to_string(item) ? "an exception" : "the exception " + e.text();
    } catch (const std::exception& e) {
        return e.what();
    }
}

/// Over and over: a map that is given up some way through.
asio::awaitable<void> give_up_maps(swarm of, const bool& over)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    std::mt19937 random(round_plan.seed + 1);
    while (!over) {
        asio::cancellation_signal stop;
        bool ended = false;
        auto handler = [&](std::exception_ptr error, const std::vector<std::uint64_t>& all) {
            ended = true;
            if (!error && all.size() != round_plan.items)
                object("a map that was given up has some results");
            timer.cancel();
        };
        of.map(work_at, std::views::iota(std::uint64_t{0}, round_plan.items),
               asio::bind_cancellation_slot(stop.slot(), std::ref(handler)));
        timer.expires_after(std::chrono::microseconds(random() % 20'000));
        while (!ended) {
            try {
                co_await timer.async_wait(asio::use_awaitable);
            } catch (const system_error&) { // it has ended
            }
            stop.emit(asio::cancellation_type::terminal);
            timer.expires_at(asio::steady_timer::time_point::max());
        }
        ++page->done;
    }
}

/// Over and over: another number of workers.
asio::awaitable<void> resize_often(swarm of, const bool& over)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    std::mt19937 random(round_plan.seed + 2);
    while (!over) {
        co_await of.resize(2 + random() % 4);
        timer.expires_after(std::chrono::microseconds(random() % 50'000));
        co_await timer.async_wait(asio::use_awaitable);
    }
}

} // namespace

asio::awaitable<void> find_poison(context, swarm of)
{
    auto all = of.map_lazy(poisoned_at, std::views::iota(std::uint64_t{0}, round_plan.items));
    for (std::uint64_t i = 0;; ++i) {
        std::string got = "a result";
        try {
            const auto each = co_await all.next();
            if (!each) {
                if (i != round_plan.items)
                    object("the end comes after " + std::to_string(i));
                co_return;
            }
            if (*each != right_result(i))
                got = "a wrong result";
        } catch (...) {
            got = words(std::current_exception(), i);
        }
        if (got != words(poison_of(i)))
            object("item " + std::to_string(i) + " has " + got + ", not " + words(poison_of(i)));
        ++page->done;
    }
}

asio::awaitable<void> do_several_at_once(context ctx, swarm of)
{
    bool over = false;
    unsigned running = 0;
    asio::steady_timer ended(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    const auto start = [&](asio::awaitable<void> work) {
        ++running;
        asio::co_spawn(ended.get_executor(), std::move(work), [&](const std::exception_ptr& error) {
            if (error)
                object("one of several failed: " + words(error, 0));
            if (--running == 2)
                over = true;
            if (running == 0)
                ended.cancel();
        });
    };
    start(give_up_maps(of, over));
    start(resize_often(of, over));
    start(map_all(ctx, of));
    start(map_texts(ctx, of));
    start(stream_all(ctx, of));
    start(take_as_completed(ctx, of));
    try {
        co_await ended.async_wait(asio::use_awaitable);
    } catch (const system_error&) { // all have ended
    }
    const auto after =
        co_await of.map(work_at, std::views::iota(std::uint64_t{0}, std::uint64_t{100}));
    if (after.size() != 100 || after.back() != right_result(99))
        object("the swarm is of no use afterwards");
}

} // namespace zproc::test::chaos
