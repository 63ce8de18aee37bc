// Turns over real sockets: what becomes of an atomic function that others disturb.

#include "integration/disturbed.hpp"
#include "integration/program.hpp"
#include "support/in_a_root.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using namespace zproc::protocol;
using namespace zproc::test;

BOOST_AUTO_TEST_SUITE(turns)

BOOST_AUTO_TEST_CASE(atomic_takes_a_turn_after_three_conflicts_and_others_wait_for_it)
{
    BOOST_TEST(in_a_root([](checks& check) {
        bool parked = false;
        // On a busy machine even a long lease may be over before anybody has looked.
        for (int tries = 0; tries != 5 && !parked; ++tries) {
            disturbed w;
            const int got = w.now([&](auto token) {
                return w.state.atomic(
                    [&](draft& d) {
                        const auto sum = w.add(d);
                        if (w.runs < 4)
                            std::this_thread::sleep_for(125ms); // it will need a long one
                        if (w.runs == 4) {
                            w.other.begin_to_set("k");
                            parked = !w.other.answered(w.third);
                        }
                        return sum;
                    },
                    token);
            });
            check(w.runs == 4 || !parked, "three conflicts, and one turn");
            check(got == 2, "it saw the present");
            check(!w.other.receive().error.failed(), "others go on after it");
        }
        check(parked, "others wait for it");
    }));
}

/// Each ends its turn: otherwise somebody else would wait for a quarter of a second.
BOOST_AUTO_TEST_CASE(atomic_ends_its_turn_however_the_function_ends)
{
    struct row {
        const char* name;
        void (*end)(draft&);
        bool throws;
    };
    static const row rows[] = {
        {"it writes", [](draft& d) { d["x"] = 1; }, false},
        {"it only reads", [](draft& d) { static_cast<void>(d.contains("x")); }, false},
        {"it throws", [](draft&) { throw std::runtime_error("enough"); }, true},
        {"its result cannot be sent", [](draft& d) { d["x"] = std::string(2u << 20, 'x'); }, true},
    };
    BOOST_TEST(in_a_root([](checks& check) {
        for (const auto& row : rows) {
            disturbed w;
            const auto called = [&](std::string_view what) {
                return std::string(row.name) + ": " + std::string(what);
            };
            bool thrown = false;
            try {
                w.now([&](auto token) {
                    return w.state.atomic(
                        [&](draft& d) {
                            std::this_thread::sleep_for(20ms); // its lease will be twice that
                            w.add(d);
                            if (w.runs > 3)
                                row.end(d);
                        },
                        token);
                });
            } catch (const std::exception&) {
                thrown = true;
            }
            check(thrown == row.throws, called("as it came").c_str());
            check(w.runs >= 4, called("in a turn").c_str());
            w.other.begin_to_set("k");
            check(w.other.answered(w.third), called("nobody waits any more").c_str());
        }
    }));
}

BOOST_AUTO_TEST_CASE(atomic_that_waits_for_its_turn_is_ended_by_every_cancellation)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::total,
                                asio::cancellation_type::partial}) {
            while_one_waits(check, {}, [&](disturbed& w) {
                w.signal.emit(type);
                w.poll();
                check(w.seen.times == 1, "it completes at once");
                check(w.seen.code() == asio::error::operation_aborted, "it is aborted");
                w.run();
                // Its ticket is gone: the next one is the third's, though it came later.
                w.third.ask_for_turn(1);
                w.other.get<empty_reply>(end_turn_request{7});
                check(w.third.answered(w.other), "its ticket is not in the way");
            });
        }
    }));
}

BOOST_AUTO_TEST_CASE(loop_is_destroyed_while_an_atomic_waits_for_its_turn)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world base;
        base.server();
        const auto options = context_options{}.address(base.ctx.address());
        while_one_waits(check, options, [&](disturbed& w) {
            w.loop.reset();
            check(!w.seen.done(), "its handler goes uncalled");
            w.third.ask_for_turn(1);
            w.other.get<empty_reply>(end_turn_request{7});
            turn_reply reply;
            check(!decode(w.third.receive().body, reply).failed() && reply.lease != 0,
                  "its ticket is not in the way");
        });
    }));
}

/// A successor knows no tickets: the client asks again.
BOOST_AUTO_TEST_CASE(atomic_commits_though_the_state_process_dies_while_it_waits_or_has_its_turn)
{
    BOOST_TEST(in_a_root([](checks& check) {
        while_one_waits(check, {}, [&](disturbed& w) {
            ::kill(w.process, SIGKILL);
            w.run();
            check(w.seen.good() && w.look("k") == 2, "it commits after the successor came");
        });
        {
            disturbed w;
            const int got = w.now([&](auto token) {
                return w.state.atomic(
                    [&](draft& d) {
                        const auto sum = w.add(d);
                        if (w.runs == 4)
                            ::kill(w.process, SIGKILL);
                        return sum;
                    },
                    token);
            });
            check(got == 2 && w.look("k") == 2, "it commits though its turn is lost");
        }
    }));
}

/// The server lets them pass; it is the client that holds them back.
BOOST_AUTO_TEST_CASE(scan_commits_beside_writers_of_its_own_context)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        bool stop = false;
        int writes = 0;
        const std::function<void()> write = [&] {
            if (!stop)
                w.state.increment("own", [&](error_code, value) { ++writes, write(); });
        };
        for (int i = 0; i != 20; ++i)
            write();
        int scans = 0;
        const std::function<void()> scan = [&] {
            w.state.atomic(
                [](draft& d) {
                    const auto all = d.size();
                    d["scan"] = all;
                },
                [&](std::exception_ptr e) {
                    check(!e, "it commits");
                    stop = ++scans == 20;
                    if (!stop)
                        scan();
                });
        };
        scan();
        w.run();
        check(scans == 20, "each of them");
        check(writes > 20, "and the others go on");
    }));
}

/// The function runs on a loop of its own, and for longer than its lease.
BOOST_AUTO_TEST_CASE(writers_of_the_context_go_on_when_the_lease_is_over)
{
    BOOST_TEST(in_a_root([](checks& check) {
        disturbed w;
        asio::io_context own;
        bool written = false;
        bool at_once = false;
        bool done = false;
        w.state.atomic(
            [&](draft& d) {
                w.add(d);
                if (w.runs != 4)
                    return;
                w.state.set("other", 1, [&](error_code ec) { written = !ec; });
                w.poll();
                at_once = written;
                w.run_until([&] { return written; });
            },
            asio::bind_executor(own, [&](std::exception_ptr e) {
                check(!e, "it commits all the same");
                done = true;
            }));
        while (!done) {
            w.poll();
            own.restart();
            own.poll();
        }
        check(!at_once, "they wait");
        check(written, "but not for ever");
        w.run();
        check(w.look("k") == 2, "its commit is as good as any");
    }));
}

namespace {

asio::awaitable<void> hammer(context ctx, int number)
{
    auto state = ctx.state();
    const auto key = "hits" + std::to_string(number);
    co_await state.set("ready" + std::to_string(number), true);
    while (!co_await state.contains("stop"))
        for (int i = 0; i != 20; ++i)
            co_await state.increment(key);
}

} // namespace

/// Its function takes longer than there is ever peace, so only turns get it through.
BOOST_AUTO_TEST_CASE(scan_of_a_namespace_commits_while_others_hammer_it)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        dict many;
        for (int i = 0; i != 500; ++i)
            many.insert_or_assign("key" + std::to_string(i), i);
        co_await state.update(many);
        std::vector<process<>> all;
        for (int i = 0; i != 3; ++i)
            all.push_back(co_await ctx.spawn(hammer, i));
        for (int i = 0; i != 3; ++i)
            co_await state.when_available("ready" + std::to_string(i)).next();
        int runs = 0;
        std::int64_t hits = 0;
        for (int i = 0; i != 10; ++i) {
            const auto before = hits;
            hits = co_await state.atomic([&](draft& d) {
                std::int64_t sum = 0;
                for (const auto& [key, v] : d)
                    if (key.starts_with("hits"))
                        sum += v.get<std::int64_t>();
                ++runs;
                std::this_thread::sleep_for(5ms);
                d["scans"] += 1;
                return sum;
            });
            check(hits > before, "the others go on meanwhile");
        }
        check(runs > 20, "attempts without a turn have hardly a chance");
        co_await state.set("stop", true);
        for (auto& each : all)
            co_await each.result();
        check(co_await state.get<int>("scans") == 10, "each counts once");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
