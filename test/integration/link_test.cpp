// The way to the supervisor: queues, loops, threads, forks.

#include "integration/one_child.hpp"
#include "support/processes.hpp"

#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc::supervision;
using zproc::diagnostics;
using zproc::errc;
using zproc::error_code;
using zproc::test::checks;
using zproc::test::forked_root;
using zproc::test::run_to_end;
using zproc::test::start_handler;
using zproc::test::supervision_link;

namespace {

int simple(const child_start& start)
{
    if (start.payload.starts_with("exit "))
        return std::stoi(start.payload.substr(5));
    for (;;)
        ::pause();
}

ZPROC_SUPERVISION_ENTRY(simple_entry, &simple);

spawn_request asking(std::string payload)
{
    spawn_request request;
    request.run = &simple;
    request.payload = std::move(payload);
    request.grace = 100ms;
    return request;
}

std::atomic<int> child_signals = 0;

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_link)

BOOST_AUTO_TEST_CASE(start_of_more_than_a_socket_holds_loses_none)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        asio::io_context io;
        error_code ec;
        const auto supervisor = supervision_link::make(io.get_executor(), ec);
        auto listening = supervisor->listen();
        constexpr int many = 700;
        int started = 0;
        int gone = 0;
        for (int i = 0; i != many; ++i)
            supervisor->start(
                asking("exit " + std::to_string(i % 256)),
                [&, i](notice n) {
                    if (n.what == notice::kind::exited)
                        check(n.exit.number == i % 256, "each its own code");
                    if (n.what == notice::kind::gone && ++gone == many)
                        listening.reset();
                },
                start_handler([&](error_code failed, started_child) { started += !failed; }));
        io.run();
        check(started == many && gone == many, "all of them");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(links_of_several_loops_and_threads_share_the_socket)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        std::atomic<int> right = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t != 4; ++t)
            threads.emplace_back([&right, t] {
                for (int i = 0; i != 15; ++i)
                    right += run_to_end(asking("exit " + std::to_string(50 * t + i))).exit.number ==
                             50 * t + i;
            });
        for (auto& each : threads)
            each.join();
        check(right == 60, "everyone was told of his own");

        asio::thread_pool pool(4);
        error_code ec;
        const auto supervisor = supervision_link::make(asio::make_strand(pool), ec);
        std::atomic<int> gone = 0;
        auto listening = supervisor->listen();
        for (int i = 0; i != 40; ++i)
            supervisor->start(
                asking("exit 0"),
                [&](notice n) {
                    if (n.what == notice::kind::gone && ++gone == 40)
                        listening.reset();
                },
                start_handler([](error_code, started_child) {}));
        pool.join();
        check(gone == 40, "in a pool");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(a_link_survives_its_loop_and_leaves_the_others_working)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        std::shared_ptr<supervision_link> survivor;
        supervision_link::interest interest;
        auto token = std::make_shared<int>(0);
        bool called = false;
        {
            asio::io_context io;
            error_code ec;
            survivor = supervision_link::make(asio::make_strand(io), ec);
            interest = survivor->listen();
            for (int i = 0; i != 3; ++i)
                survivor->start(
                    asking(i == 0 ? "exit 0" : "idle"), [&, token](notice) { called = true; },
                    start_handler([&, token](error_code, started_child) { called = true; }));
        }
        check(!called && token.use_count() == 1, "dropped uncalled, and released");
        check(survivor->stop(1, 0ms) == errc::context_gone, "later calls say so");
        survivor->start(asking("idle"), {},
                        start_handler([&](error_code, started_child) { called = true; }));
        interest.reset();
        survivor.reset();
        check(run_to_end(asking("exit 7")).exit.number == 7, "another loop works");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(the_loop_returns_when_nobody_waits)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        asio::io_context io;
        error_code ec;
        const auto supervisor = supervision_link::make(io.get_executor(), ec);
        check(io.run() == 0, "nothing to do");
        bool started = false;
        io.restart();
        supervisor->start(asking("idle"), {},
                          start_handler([&](error_code, started_child) { started = true; }));
        io.run();
        check(started, "returned after the start, although the child runs on");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(the_host_never_sees_the_guardian)
{
    forked_root root([] {
        checks check;
        ::signal(SIGCHLD, [](int) { ++child_signals; });
        check(!prepare(), "prepare");
        check(run_to_end(asking("exit 0")).gone, "a child");
        check(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "waitpid");
        ::kill(current()->supervisor, SIGKILL);
        check(run_to_end(asking("idle")).failed == errc::supervisor_lost, "lost");
        check(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1 && errno == ECHILD, "no zombie");
        check(child_signals == 0, "no SIGCHLD");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(a_plain_fork_is_refused_and_destroys_nothing)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        asio::io_context io;
        error_code ec;
        auto supervisor = supervision_link::make(io.get_executor(), ec);
        auto listening = std::make_unique<supervision_link::interest>(supervisor->listen());
        int code = -1;
        supervisor->start(
            asking("exit 3"),
            [&](notice n) {
                if (n.what == notice::kind::exited)
                    code = n.exit.number;
                if (n.what == notice::kind::gone)
                    listening.reset();
            },
            start_handler([](error_code, started_child) {}));
        const auto fork = ::fork();
        if (fork == 0) {
            checks inside;
            inside(prepare() == errc::wrong_process, "prepare in a fork");
            inside(!supervision_link::make(io.get_executor(), ec) && ec == errc::wrong_process,
                   "link");
            inside(supervisor->stop(1, 0ms) == errc::wrong_process, "stop");
            listening.reset();
            supervisor.reset();
            ::_exit(inside.result());
        }
        int status = -1;
        ::waitpid(fork, &status, 0);
        check(status == 0, "the fork's checks");
        io.run();
        check(code == 3, "the parent was told nevertheless");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(prepare_refuses_a_process_with_threads_and_names_them)
{
    forked_root root([] {
        checks check;
        std::atomic<bool> over = false;
        // Two, since one more is taken for ThreadSanitizer's own where that is built in.
        const auto busy = [&] {
            ::pthread_setname_np(::pthread_self(), "busybody");
            over.wait(false);
        };
        std::thread one(busy);
        std::thread two(busy);
        diagnostics why;
        while (why.text.find("busybody") == std::string::npos)
            check(zproc::supervision::prepare(&why) == errc::threads_before_supervisor, "refused");
        check(why.text.find("prepare()") != std::string::npos, "what to do");
        over = true;
        over.notify_all();
        one.join();
        two.join();
#if !defined(__SANITIZE_THREAD__) // has two threads of its own in a fork
        // The kernel may list a joined thread for a moment longer.
        while (zproc::supervision::prepare(&why) == errc::threads_before_supervisor) {}
        check(run_to_end(asking("exit 5")).exit.number == 5, "and works afterwards");
#endif
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(supervisor_itself_refuses_who_has_given_up_rights)
{
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("only root has rights to give up");
        return;
    }
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        check(::setgid(65534) == 0 && ::setuid(65534) == 0, "be somebody else");
        // Not through a context, which would refuse it here.
        check(run_to_end(asking("exit 5")).failed == boost::system::errc::operation_not_permitted,
              "refused");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(root_of_a_session_outlives_its_supervisor_beside_a_stopped_process)
{
    forked_root root([] {
        checks check;
        ::setsid(); // as under a service manager: no shell keeps the group from being orphaned
        check(!prepare(), "prepare");
        const auto stopped = ::fork();
        if (stopped == 0) {
            ::raise(SIGSTOP);
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(stopped, &status, WUNTRACED);
        check(WIFSTOPPED(status), "stopped");
        check(run_to_end(asking("exit 5")).exit.number == 5, "the end of a child hangs nobody up");
        ::kill(current()->supervisor, SIGKILL);
        check(zproc::test::wait_for_end(current()->guardian, 5000), "the guardian follows");
        ::kill(stopped, SIGKILL);
        ::waitpid(stopped, nullptr, 0);
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(start_finds_out_that_the_supervisor_is_lost_where_nobody_listens)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        asio::io_context io;
        error_code ec;
        const auto supervisor = supervision_link::make(io.get_executor(), ec);
        ::kill(current()->guardian, SIGKILL);
        check(zproc::test::wait_for_end(current()->supervisor, 5000), "the supervisor follows");
        supervisor->start(asking("exit 0"), {},
                          start_handler([&](error_code failed, started_child) { ec = failed; }));
        io.run();
        check(ec == errc::supervisor_lost, "it says so");
        check(prepare() == errc::supervisor_lost, "everybody knows");
        check(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1 && errno == ECHILD,
              "no guardian is left to be reaped");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(prepare_works_from_a_static_initialiser)
{
    forked_root root([] {
        const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path();
        const auto program = (beside / "prepares_early").string();
        ::execl(program.c_str(), program.c_str(), nullptr);
        return 127;
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_SUITE_END()
