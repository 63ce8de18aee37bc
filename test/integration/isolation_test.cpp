// The levels of isolation: what they are called, what they hold, and what they cost the user.

#include "supervisor/isolation.hpp"

#include "descriptor.hpp"
#include "integration/forked_root.hpp"
#include "process_number.hpp"
#include "supervisor/prepare.hpp"
#include "support/processes.hpp"
#include "support/sandbox.hpp"

#include <zproc/command.hpp>
#include <zproc/run.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using zproc::context;
using zproc::diagnostics;
using zproc::errc;
using zproc::error_code;
using zproc::isolation_level;
using zproc::test::checks;
using zproc::test::forked_root;
using zproc::test::say;

namespace supervision = zproc::supervision;

namespace {

/// At once: neither has time to do anything about the other.
void kill_supervisor_and_guardian()
{
    ::kill(supervision::current()->guardian, SIGSTOP);
    ::kill(supervision::current()->supervisor, SIGKILL);
    ::kill(supervision::current()->guardian, SIGKILL);
}

constexpr int not_possible = 77;

/// Whether the system lets this program have that level.
bool possible(isolation_level level)
{
    forked_root root([level] { return supervision::prepare(level) ? not_possible : 0; });
    const bool yes = root.succeeds();
    if (!yes)
        BOOST_TEST_MESSAGE("isolation '" << level << "' is not possible here");
    return yes;
}

/// Runs `body(ctx, check)` in a program of its own, with that isolation.
template <class Body>
bool holds_isolated(isolation_level level, Body body)
{
    forked_root root([&] {
        ::alarm(60);
        checks check;
        const int code = zproc::run([&](context ctx) { return body(ctx, check); },
                                    zproc::context_options().isolation(level));
        check(code == 0, "the main function returns");
        return check.result();
    });
    return root.succeeds();
}

std::vector<isolation_level> possible_levels()
{
    std::vector<isolation_level> all;
    for (const auto each :
         {isolation_level::standard, isolation_level::cgroup, isolation_level::pid_namespace})
        if (possible(each))
            all.push_back(each);
    return all;
}

int own_pid()
{
    return ::getpid();
}

int number_outside()
{
    return zproc::own_number();
}

void idle()
{
    for (;;)
        ::pause();
}

/// A child's: it spawns one and compares what it is told with what that one says.
asio::awaitable<bool> knows_its_child(context ctx)
{
    auto p = co_await ctx.spawn(&own_pid);
    const auto told = p.pid();
    co_return co_await p.result() == told;
}

void leave_a_daemon()
{
    if (::fork() != 0)
        return;
    ::setsid();
    if (::fork() != 0)
        ::_exit(0);
    say("daemon", zproc::own_number());
    idle();
}

void fail()
{
    throw std::runtime_error("as it has to");
}

BOOST_AUTO_TEST_SUITE(isolation)

BOOST_AUTO_TEST_CASE(levels_have_names)
{
    for (const auto level : possible_levels()) {
        std::ostringstream text;
        text << level;
        BOOST_TEST(text.str() == supervision::name_of(level));
    }
}

BOOST_AUTO_TEST_CASE(default_is_the_best_that_needs_no_asking)
{
    const auto best =
        possible(isolation_level::cgroup) ? isolation_level::cgroup : isolation_level::standard;
    forked_root root([best] {
        checks check;
        check(!zproc::prepare(), "prepare");
        asio::io_context io;
        check(context(io).isolation() == best, "the best");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(another_level_than_there_is_is_refused_and_named)
{
    forked_root root([] {
        checks check;
        diagnostics why;
        check(!zproc::prepare(isolation_level::standard, &why), "prepare");
        check(!zproc::prepare(&why), "whatever there is is good enough");
        check(zproc::prepare(isolation_level::pid_namespace, &why) == errc::isolation_unavailable,
              "refused");
        check(why.text.find("'standard'") != std::string::npos, "what there is");
        check(why.text.find("isolation_level::pid_namespace") != std::string::npos, "what to do");
        asio::io_context io;
        context ctx(io, zproc::context_options().isolation(isolation_level::pid_namespace));
        error_code ec;
        ctx.ping([&](error_code failed, const zproc::pong&) { ec = failed; });
        io.run();
        check(ec == errc::isolation_unavailable, "a context says so, too");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(processes_know_each_other_and_their_state_with_every_level)
{
    for (const auto level : possible_levels()) {
        BOOST_TEST_INFO("isolation " << level);
        BOOST_TEST(
            holds_isolated(level, [level](context ctx, checks& check) -> asio::awaitable<void> {
                check(ctx.isolation() == level, "as was asked for");
                auto p = co_await ctx.spawn(&number_outside);
                const auto told = p.pid();
                check(co_await p.result() == told, "the pid is that of the outside");
                auto above = co_await ctx.spawn(&knows_its_child);
                check(co_await above.result(), "inside it is that of the inside");

                auto writer = co_await ctx.spawn([](context own) -> asio::awaitable<void> {
                    co_await own.state().set("from", "inside");
                });
                co_await writer.wait();
                check(co_await ctx.state().get("from") == "inside", "the state");
                const auto answer = co_await ctx.ping();
                check(::kill(answer.pid, 0) == 0, "the pid of the state process");

                auto sleeper = co_await ctx.spawn(&idle);
                check(::kill(sleeper.pid(), 0) == 0, "it is there");
                co_await sleeper.stop();
                check(::kill(sleeper.pid(), 0) != 0, "and gone");

                auto failing = co_await ctx.spawn(&fail);
                const auto failed_pid = failing.pid();
                const auto info = co_await failing.wait();
                check(info.error && info.error->pid == failed_pid, "who threw");
            }));
    }
}

BOOST_AUTO_TEST_CASE(namespaces_below_confuse_nobody)
{
    for (const auto level : possible_levels()) {
        BOOST_TEST_INFO("isolation " << level);
        BOOST_TEST(holds_isolated(level, [](context ctx, checks& check) -> asio::awaitable<void> {
            auto sibling = co_await ctx.spawn(&idle);
            auto nested = co_await ctx.spawn(
                zproc::command("unshare").arg("-p").arg("-f").arg("sleep").arg("1000"));
            co_await nested.stop();
            check(sibling.running(), "the sibling lives");
            co_await ctx.state().set("key", 1);
            co_await sibling.stop();
        }));
    }
}

/// Supervisor and guardian die at once, and a daemon is there.
BOOST_AUTO_TEST_CASE(nothing_escapes_a_higher_level)
{
    for (const auto level : possible_levels()) {
        if (level == isolation_level::standard)
            continue;
        BOOST_TEST_INFO("isolation " << level);
        forked_root root([level] {
            ::alarm(60);
            checks check;
            return zproc::run(
                [&](context ctx) -> asio::awaitable<int> {
                    auto p = co_await ctx.spawn([] {
                        leave_a_daemon();
                        idle();
                    });
                    char order;
                    check(::read(0, &order, 1) == 0, "the daemon is there");
                    kill_supervisor_and_guardian();
                    error_code ec;
                    co_await p.wait(asio::redirect_error(asio::use_awaitable, ec));
                    check(ec == errc::supervisor_lost, "lost");
                    say("lost", 0);
                    co_return check.result();
                },
                zproc::context_options().isolation(level));
        });
        const auto daemon = static_cast<pid_t>(root.number("daemon"));
        root.end_input();
        BOOST_TEST(root.number("lost") == 0);
        BOOST_TEST(zproc::test::wait_for_end(daemon, 1000));
        BOOST_TEST(root.succeeds());
    }
}

BOOST_AUTO_TEST_CASE(a_link_reaches_the_root_from_every_level)
{
    for (const auto level : possible_levels()) {
        BOOST_TEST_INFO("isolation " << level);
        forked_root root([level] {
            ::alarm(60);
            return zproc::run(
                [](context ctx) -> asio::awaitable<void> {
                    auto p = co_await ctx.spawn(zproc::spawn_options().linked(), &fail);
                    asio::steady_timer never(co_await asio::this_coro::executor,
                                             asio::steady_timer::time_point::max());
                    co_await never.async_wait(asio::use_awaitable);
                },
                zproc::context_options().isolation(level));
        });
        BOOST_TEST(WEXITSTATUS(root.wait()) == 128 + SIGTERM);
    }
}

BOOST_AUTO_TEST_CASE(control_group_ends_with_the_program_and_a_forsaken_one_with_the_next)
{
    if (!possible(isolation_level::cgroup))
        return;
    const auto group_of = [](forked_root& root) {
        const auto word = root.line();
        BOOST_REQUIRE(word.starts_with("group "));
        return word.substr(6);
    };
    const auto main = [] {
        static_cast<void>(zproc::prepare(isolation_level::cgroup));
        const auto text = "group " + supervision::current()->control_group + '\n';
        say("supervisor", supervision::current()->supervisor);
        say("guardian", supervision::current()->guardian);
        static_cast<void>(!::write(1, text.data(), text.size()));
        char order;
        static_cast<void>(!::read(0, &order, 1));
        return 0;
    };
    std::string forsaken;
    {
        forked_root root(main);
        const auto supervisor = static_cast<pid_t>(root.number("supervisor"));
        const auto guardian = static_cast<pid_t>(root.number("guardian"));
        forsaken = group_of(root);
        BOOST_TEST(std::filesystem::exists(forsaken));
        for (const auto each : {root.pid(), guardian, supervisor})
            ::kill(each, SIGSTOP);
        for (const auto each : {root.pid(), guardian, supervisor})
            ::kill(each, SIGKILL);
        root.wait();
        BOOST_TEST(zproc::test::wait_for_end(guardian, 5000));
        BOOST_TEST(zproc::test::wait_for_end(supervisor, 5000));
        // Nobody is left to remove their directory. (The group any other program may remove.)
        for (const auto& each :
             std::filesystem::directory_iterator(zproc::test::sandbox::directory()))
            if (each.path().filename().string().starts_with("zproc-"))
                std::filesystem::remove_all(each.path());
    }
    forked_root root(main);
    const auto guardian = static_cast<pid_t>(root.number("guardian"));
    const auto group = group_of(root);
    BOOST_TEST(!std::filesystem::exists(forsaken));
    BOOST_TEST(std::filesystem::exists(group));
    root.end_input();
    BOOST_TEST(root.succeeds());
    zproc::test::wait_for_end(guardian, 5000);
    BOOST_TEST(!std::filesystem::exists(group));
}

/// Who may not make groups is none the worse for it, and is told when he asks for them.
BOOST_AUTO_TEST_CASE(user_without_rights_has_the_standard_level_or_a_user_namespace)
{
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("only root can become somebody else");
        return;
    }
    const auto as_nobody = [](auto body) {
        forked_root root([&] {
            constexpr unsigned nobody = 65534;
            checks check;
            check(::setgid(nobody) == 0 && ::setuid(nobody) == 0, "be somebody else");
            ::unsetenv("XDG_RUNTIME_DIR");
            body(check);
            return check.result();
        });
        return root.succeeds();
    };
    BOOST_TEST(as_nobody([](checks& check) {
        diagnostics why;
        check(zproc::prepare(isolation_level::cgroup, &why) == errc::isolation_unavailable,
              "refused");
        check(why.text.find("control group") != std::string::npos, "what failed");
        check(!zproc::prepare(&why), "and goes without");
        check(supervision::current()->isolation == isolation_level::standard, "standard");
    }));
    BOOST_TEST(as_nobody([](checks& check) {
        diagnostics why;
        if (const auto ec = zproc::prepare(isolation_level::pid_namespace, &why)) {
            check(ec == errc::isolation_unavailable, "refused");
            check(why.text.find("PID namespace") != std::string::npos, "what failed");
            return;
        }
        const int code = zproc::run([&](context ctx) -> asio::awaitable<void> {
            auto p = co_await ctx.spawn([]() -> int { return static_cast<int>(::getuid()); });
            check(co_await p.result() == 65534, "the same user");
            co_await ctx.state().set("key", 1);
        });
        check(code == 0, "and all is well");
    }));
}

/// The lock that its guardian has on a control group, to outlive it.
zproc::descriptor lock_on(const std::string& group, pid_t guardian)
{
    const zproc::descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, guardian, 0)));
    std::error_code ec;
    for (const auto& each :
         std::filesystem::directory_iterator("/proc/" + std::to_string(guardian) + "/fd", ec))
        if (std::filesystem::read_symlink(each.path(), ec) == group)
            return zproc::descriptor(static_cast<int>(::syscall(
                SYS_pidfd_getfd, process.get(), std::stoi(each.path().filename().string()), 0)));
    return {};
}

BOOST_AUTO_TEST_CASE(lost_supervisor_whose_group_cannot_be_removed_does_not_hold_up_the_loop)
{
    // A mount keeps the group from being removed, as long as it is looked at: here, for it is no
    // obstacle to those who do not see it. So nobody else may take the group for forsaken.
    if (::geteuid() != 0 || !possible(isolation_level::cgroup))
        return;
    forked_root root([] {
        ::alarm(60);
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            return 0; // not even root may here
        return zproc::run(
            [](context ctx) -> asio::awaitable<int> {
                using clock = std::chrono::steady_clock;
                checks check;
                auto p = co_await ctx.spawn(&idle);
                const auto group = supervision::current()->control_group;
                const auto lock = lock_on(group, supervision::current()->guardian);
                check(static_cast<bool>(lock), "the lock");
                check(::mount("none", group.c_str(), "tmpfs", 0, nullptr) == 0, "the mount");
                kill_supervisor_and_guardian();

                const auto began = clock::now();
                auto last = began;
                clock::duration longest{};
                unsigned turns = 0;
                bool over = false;
                const auto tick = [&]() -> asio::awaitable<void> {
                    asio::steady_timer timer(co_await asio::this_coro::executor);
                    while (!over) {
                        timer.expires_after(5ms);
                        co_await timer.async_wait(asio::use_awaitable);
                        const auto now = clock::now();
                        longest = std::max(longest, now - last);
                        last = now;
                        ++turns;
                    }
                };
                asio::co_spawn(co_await asio::this_coro::executor, tick(), asio::detached);
                error_code ec;
                co_await p.wait(asio::redirect_error(asio::use_awaitable, ec));
                over = true;
                const auto took = clock::now() - began;
                check(ec == errc::supervisor_lost, "lost");
                check(took > 900ms && took < 5s, "when what could be done was done");
                check(turns > 40, "the loop went on");
                check(longest < 400ms, "all the time");
                check(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1 && errno == ECHILD,
                      "no guardian is left");
                ::umount(group.c_str());
                ::rmdir(group.c_str());
                // So that the last tick does not outlive what it looks at.
                asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
                co_await timer.async_wait(asio::use_awaitable);
                co_return check.result();
            },
            zproc::context_options().isolation(isolation_level::cgroup));
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
