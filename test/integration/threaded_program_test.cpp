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

/// Without a context.
template <class Body>
int beside_a_thread(Body body)
{
    ::alarm(60);
    checks check;
    std::atomic<bool> over = false;
    std::thread one([&] { over.wait(false); });
    std::thread two([&] { over.wait(false); });
    body(check);
    over = true;
    over.notify_all();
    one.join();
    two.join();
    return check.result();
}

/// What $ZPROC_PROGRAM names while this lives.
class fake_program {
public:
    explicit fake_program(const std::string& script, bool executable = true,
                          const std::string& name = "fake")
        : path_((std::filesystem::temp_directory_path() /
                 ("zproc-" + name + '-' + std::to_string(::getpid())))
                    .string())
    {
        std::ofstream(path_) << script;
        std::filesystem::permissions(path_, executable ? std::filesystem::perms::owner_all
                                                       : std::filesystem::perms::owner_read);
        ::setenv("ZPROC_PROGRAM", path_.c_str(), 1);
    }
    fake_program(const fake_program&) = delete;
    fake_program& operator=(const fake_program&) = delete;
    ~fake_program()
    {
        ::unsetenv("ZPROC_PROGRAM");
        std::filesystem::remove(path_);
    }

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

std::size_t lines_of(const std::string& path)
{
    std::ifstream file(path);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);)
        ++count;
    return count;
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
    const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "zproc";
    const struct {
        const char* name;
        std::string script;
        errc code;
        const char* expected;
        bool executable = true;
    } table[] = {
        {"ends at once", "#!/bin/sh\nexit 0\n", errc::supervisor_failed, "did not answer"},
        {"hangs", "#!/bin/sh\nexec sleep 1000\n", errc::supervisor_failed, "did not answer"},
        {"is of another version",
         "#!/bin/sh\nexec '" + beside.string() + "' supervise 0.0.0 \"$3\" \"$4\" \"$5\" \"$6\"\n",
         errc::supervisor_failed, "version 0.1"},
        {"is no program", "?\n", errc::supervisor_failed, "Exec format error"},
        {"may not be executed", "#!/bin/sh\n", errc::threads_before_supervisor,
         "no executable file", false},
    };
    for (const auto& each : table) {
        BOOST_TEST_INFO(each.name);
        const fake_program fake(each.script, each.executable);
        forked_root root([&each] {
            return beside_a_thread([&each](checks& check) {
                diagnostics why;
                supervision::program_limits limits;
                limits.answer = 500ms;
                const auto began = std::chrono::steady_clock::now();
                check(supervision::prepare_for_programs({}, &why, limits) == each.code, "refused");
                check(why.text.find(each.expected) != std::string::npos, why.text.c_str());
                check(std::chrono::steady_clock::now() - began < 5s, "in time");
                diagnostics later;
                check(zproc::prepare(&later) == errc::threads_before_supervisor, "functions");
                check(later.text.find(why.text) != std::string::npos, later.text.c_str());
            });
        });
        BOOST_TEST(root.succeeds());
    }
}

BOOST_AUTO_TEST_CASE(executable_that_failed_is_not_started_by_every_operation_and_is_told_of_once)
{
    const fake_program fake("#!/bin/sh\necho x >> \"$0.starts\"\nexit 0\n");
    const auto starts = [&] { return lines_of(fake.path() + ".starts"); };
    const auto said = fake.path() + ".said";
    forked_root root([&] {
        static_cast<void>(::freopen(said.c_str(), "w", stderr));
        const int result = run_beside_a_thread([](context ctx,
                                                  checks& check) -> asio::awaitable<void> {
            for (int i = 0; i != 3; ++i) {
                error_code ec;
                co_await ctx.state().set("key", 1, asio::redirect_error(asio::use_awaitable, ec));
                check(ec == errc::supervisor_failed, "each says so");
                static_cast<void>(co_await ctx.spawn(
                    command("true"), asio::redirect_error(asio::use_awaitable, ec)));
                check(ec == errc::supervisor_failed, "commands, too");
            }
        });
        if (starts() != 1)
            return 2;
        // Time has passed: it is tried again. Another one is tried at once.
        return beside_a_thread([&](checks& check) {
                   supervision::program_limits now;
                   now.retry_after = 0ms;
                   static_cast<void>(supervision::prepare_for_programs({}, nullptr, now));
                   check(starts() == 1, "not yet");
                   const fake_program other("#!/bin/sh\nexit 0\n", true, "other");
                   static_cast<void>(supervision::prepare_for_programs({}, nullptr, now));
                   ::setenv("ZPROC_PROGRAM", fake.path().c_str(), 1);
                   static_cast<void>(supervision::prepare_for_programs({}, nullptr, now));
                   check(starts() == 2, "another was tried in between");
                   static_cast<void>(supervision::prepare_for_programs({}, nullptr, now));
                   check(starts() == 3, "the time is up");
               }) +
               result;
    });
    BOOST_TEST(root.succeeds());
    BOOST_TEST(starts() == 3u);
    std::ifstream text(said);
    std::string first;
    std::getline(text, first);
    BOOST_TEST(first.find(fake.path() + " was to be the supervisor") != std::string::npos, first);
    BOOST_TEST(first.find("did not answer") != std::string::npos, first);
    // Once for each that was started.
    BOOST_TEST(lines_of(said) == 4u);
    std::filesystem::remove(said);
    std::filesystem::remove(fake.path() + ".starts");
}

BOOST_AUTO_TEST_SUITE_END()
