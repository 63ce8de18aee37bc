// A plain fork of a program that has a context: the copy fails and touches nothing, and the
// original goes on.

#include "support/in_a_root.hpp"
#include "support/operation_world.hpp"

#include <zproc/error.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <optional>

#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

/// What a body finds in a fork.
bool in_a_fork(const std::function<void(checks&)>& body)
{
    const pid_t fork = ::fork();
    if (fork == 0) {
        ::alarm(30);
        checks inside;
        body(inside);
        ::_exit(inside.result());
    }
    int status = -1;
    ::waitpid(fork, &status, 0);
    return status == 0;
}

void add_one(draft& d)
{
    d["key"] += 1;
}

template <class Start>
error_code code_thrown_by(Start start)
{
    try {
        start();
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

/// Everything that can be begun.
void fails_altogether(operation_world& w, checks& check)
{
    const auto refused = [&](const char* what, auto start) {
        outcome<int> seen;
        start([&seen](auto error, const auto&...) { seen(error); });
        w.run();
        check(seen.times == 1 && seen.code() == errc::wrong_process, what);
    };
    refused("set", [&](auto done) { w.state.set("key", 3, done); });
    refused("get", [&](auto done) { w.state.get("key", done); });
    refused("at", [&](auto done) { w.state.at(1, done); });
    refused("atomic", [&](auto done) { w.state.atomic(add_one, done); });
    refused("replica", [&](auto done) { w.state.replica(done); });
    refused("ping", [&](auto done) { w.ctx.ping(done); });
    refused("who", [&](auto done) { w.ctx.who(origin{1, 1}, done); });
    refused("next", [&](auto done) { w.watched->next(done); });
    refused("spawn", [&](auto done) { w.ctx.spawn([] {}, done); });
    refused("wait", [&](auto done) { w.ctx.wait(done); });
    refused("shutdown", [&](auto done) { w.ctx.shutdown(std::chrono::seconds(1), done); });
    check(code_thrown_by([&] { static_cast<void>(w.state.when_change("key")); }) ==
              errc::wrong_process,
          "watch");
    w.watched->go_live();
    w.watched->cancel();
    w.run();
}

} // namespace

BOOST_AUTO_TEST_SUITE(plain_fork)

BOOST_AUTO_TEST_CASE(operations_in_a_fork_say_wrong_process)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        w.watched.emplace(w.ctx.state().when_change("key"));
        w.put("key", 2);
        check(in_a_fork([&](checks& inside) { fails_altogether(w, inside); }), "in the fork");
        w.put("key", 3);
        for (const int expected : {2, 3}) {
            const auto e = w.now([&](auto token) { return w.watched->next(token); });
            check(e && e->changes[0].after == expected, "in the original nothing has changed");
        }
    }));
}

BOOST_AUTO_TEST_CASE(destructors_in_a_fork_leave_the_original_connected)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for (const bool loop_first : {true, false}) {
            auto w = std::make_unique<operation_world>();
            w->watched.emplace(w->ctx.state().when_change("key"));
            w->put("key", 2);
            check(w->now([&](auto token) { return w->watched->next(token); }).has_value(),
                  "it listens");
            outcome<std::optional<event>> seen; // one is pending all the while
            w->watched->next(
                [&](error_code ec, std::optional<event> e) { seen(ec, std::move(e)); });
            w->poll();
            check(in_a_fork([&](checks&) {
                      if (loop_first)
                          w->loop.reset();
                      w->watched.reset();
                      w.reset();
                  }),
                  "in the fork");
            w->poll();
            check(!seen.done(), "there is nothing yet");
            outcome<int> set;
            w->state.set("key", 3, [&](error_code ec) { set(ec); });
            w->run();
            check(set.good(), "requests are answered");
            check(seen.good() && *seen.value && (*seen.value)->changes[0].after == 3,
                  "and changes told");
            check(w->look("key") == 3, "and more of them");
        }
    }));
}

BOOST_AUTO_TEST_SUITE_END()
