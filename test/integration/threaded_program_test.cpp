// Programs that have threads before they use zproc: the executable `zproc` is their supervisor.

#include "integration/forked_root.hpp"
#include "support/processes.hpp"

#include <zproc/command.hpp>
#include <zproc/context.hpp>
#include <zproc/replica.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using zproc::command;
using zproc::context;
using zproc::context_options;
using zproc::diagnostics;
using zproc::errc;
using zproc::error_code;
using zproc::test::checks;
using zproc::test::forked_root;
using zproc::test::say;

namespace supervision = zproc::supervision;

namespace {

using main_type = asio::awaitable<void> (*)(context, checks&);

/// Runs `body` on a loop of a program that has another thread.
int run_beside_a_thread(main_type body, context_options options = {})
{
    ::alarm(60);
    checks check;
    std::atomic<bool> over = false;
    std::thread one([&] { over.wait(false); });
    std::thread two([&] { over.wait(false); });
    {
        asio::io_context io;
        context ctx(io, std::move(options));
        asio::co_spawn(
            io,
            [&]() -> asio::awaitable<void> {
                co_await body(ctx, check);
                co_await ctx.shutdown(300ms);
            },
            [&](const std::exception_ptr& error) {
                try {
                    if (error)
                        std::rethrow_exception(error);
                } catch (const std::exception& e) {
                    check(false, e.what());
                }
            });
        io.run();
    }
    over = true;
    over.notify_all();
    one.join();
    two.join();
    return check.result();
}

bool holds(main_type body, context_options options = {})
{
    forked_root root([&] { return run_beside_a_thread(body, options); });
    return root.succeeds();
}

int nothing()
{
    return 0;
}

/// Says who is who, starts a command that would not end, and waits for the end of its input.
asio::awaitable<void> stay(context ctx, checks&)
{
    co_await ctx.state().set("key", 1);
    auto p = co_await ctx.spawn(command("sleep").arg("1000"));
    say("supervisor", supervision::current()->supervisor);
    say("guardian", supervision::current()->guardian);
    say("sleep", p.pid());
    char order;
    static_cast<void>(!::read(0, &order, 1));
}

int stay_beside_a_thread()
{
    return run_beside_a_thread(&stay);
}

struct members {
    pid_t supervisor, guardian, sleep;

    explicit members(forked_root& root)
        : supervisor(static_cast<pid_t>(root.number("supervisor"))),
          guardian(static_cast<pid_t>(root.number("guardian"))),
          sleep(static_cast<pid_t>(root.number("sleep")))
    {
    }

    bool all_end() const
    {
        return zproc::test::wait_for_end(sleep, 5000) &&
               zproc::test::wait_for_end(supervisor, 5000) &&
               zproc::test::wait_for_end(guardian, 5000);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(threaded_program)

BOOST_AUTO_TEST_CASE(state_watchers_replicas_and_commands_work)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto w = state.when_change("cookies", {.own = true});
        co_await state.set("cookies", 5);
        check((co_await w.next())->revision == 1, "a watcher");
        auto mirror = co_await state.replica();
        check(mirror.get("cookies") == 5, "a replica");

        auto p = co_await ctx.spawn(command("echo").arg("hello").output(zproc::stdio::pipe()));
        std::string text;
        error_code ec;
        co_await asio::async_read(p.out(), asio::dynamic_buffer(text),
                                  asio::redirect_error(asio::use_awaitable, ec));
        check(text == "hello\n", "a command");
        check((co_await p.wait()).success(), "and its status");

        error_code failed;
        static_cast<void>(co_await ctx.spawn(command("/no/such/program"),
                                             asio::redirect_error(asio::use_awaitable, failed)));
        check(failed == boost::system::errc::no_such_file_or_directory, "the errno of exec");
        check((co_await ctx.processes()).size() >= 2, "the table of processes");
    }));
}

BOOST_AUTO_TEST_CASE(functions_are_refused_and_the_threads_named)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        co_await ctx.state().set("key", 1); // now there is a supervisor
        error_code ec;
        static_cast<void>(
            co_await ctx.spawn(&nothing, asio::redirect_error(asio::use_awaitable, ec)));
        check(ec == errc::threads_before_supervisor, "refused");
        diagnostics why;
        check(zproc::prepare(&why) == errc::threads_before_supervisor, "prepare says so");
        check(why.text.find("start of main") != std::string::npos, "and what to do");
    }));
}

BOOST_AUTO_TEST_CASE(program_has_no_child_to_wait_for)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        co_await ctx.state().set("key", 1);
        check(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1 && errno == ECHILD, "none");
    }));
}

BOOST_AUTO_TEST_CASE(state_process_has_a_successor)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        co_await ctx.state().set("key", 1);
        const auto first = co_await ctx.ping();
        ::kill(first.pid, SIGKILL);
        check(co_await ctx.state().get("key") == 1, "nothing is lost");
        const auto second = co_await ctx.ping();
        check(second.pid != first.pid, "another one");
    }));
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_the_root_is_killed)
{
    forked_root root(&stay_beside_a_thread);
    const members all(root);
    ::kill(root.pid(), SIGKILL);
    BOOST_TEST(all.all_end());
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_the_supervisor_is_killed)
{
    forked_root root(&stay_beside_a_thread);
    const members all(root);
    ::kill(all.supervisor, SIGKILL);
    BOOST_TEST(all.all_end());
    root.end_input();
    root.wait();
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_the_root_returns)
{
    forked_root root(&stay_beside_a_thread);
    const members all(root);
    root.end_input();
    BOOST_TEST(root.succeeds());
    BOOST_TEST(all.all_end());
}

BOOST_AUTO_TEST_CASE(isolation_can_be_asked_for)
{
    BOOST_TEST(holds(
        [](context ctx, checks& check) -> asio::awaitable<void> {
            co_await ctx.state().set("key", 1);
            check(ctx.isolation() == zproc::isolation_level::standard, "as was asked for");
        },
        context_options().isolation(zproc::isolation_level::standard)));
}

BOOST_AUTO_TEST_CASE(executable_that_is_none_says_what_is_wrong)
{
    // Something that ends at once, or is of another version.
    const auto fake = [](const char* script, const char* expected) {
        const auto path =
            std::filesystem::temp_directory_path() / ("zproc-fake-" + std::to_string(::getpid()));
        std::ofstream(path) << script;
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        ::setenv("ZPROC_PROGRAM", path.c_str(), 1);
        forked_root root([expected] {
            checks check;
            std::atomic<bool> over = false;
            std::thread one([&] { over.wait(false); });
            std::thread two([&] { over.wait(false); });
            diagnostics why;
            check(supervision::prepare_for_programs({}, &why) == errc::supervisor_failed,
                  "refused");
            check(why.text.find(expected) != std::string::npos, why.text.c_str());
            over = true;
            over.notify_all();
            one.join();
            two.join();
            return check.result();
        });
        BOOST_TEST(root.succeeds());
        ::unsetenv("ZPROC_PROGRAM");
        std::filesystem::remove(path);
    };
    fake("#!/bin/sh\nexit 0\n", "did not answer");
    fake("#!/bin/sh\nexec sleep 1000\n", "did not answer"); // after ten seconds
    const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "zproc";
    const auto other =
        "#!/bin/sh\nexec '" + beside.string() + "' supervise 0.0.0 \"$3\" \"$4\" \"$5\" \"$6\"\n";
    fake(other.c_str(), "version 0.1");
}

BOOST_AUTO_TEST_SUITE_END()
