// The way to the supervisor: spawns, notices, services, loops, threads, forks.

#include "integration/forked_root.hpp"

#include <boost/asio/thread_pool.hpp>
#include <boost/asio/strand.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
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
using zproc::test::say;

namespace {

using supervision_link = zproc::supervision::link; // link(2) is in the way
using start_handler = zproc::detail::handler<void(error_code, started_child)>;

void idle()
{
    for (;;)
        ::pause();
}

int open_descriptors()
{
    int count = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
        count += each.exists();
    return count - 1; // that of the listing
}

bool handlers_and_mask_are_fresh()
{
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);
    struct sigaction action {};
    ::sigaction(SIGUSR1, nullptr, &action);
    return ::sigismember(&mask, SIGUSR1) == 0 && ::sigismember(&mask, SIGCHLD) == 0 &&
           action.sa_handler == SIG_DFL;
}

int act(const child_start& start);
ZPROC_SUPERVISION_ENTRY(act_entry, &act);

int not_permitted(const child_start&)
{
    return 0;
}

int act(const child_start& start)
{
    const auto& what = start.payload;
    if (what.starts_with("exit "))
        return std::stoi(what.substr(5));
    if (what.starts_with("signal ")) {
        ::signal(std::stoi(what.substr(7)), SIG_DFL);
        ::raise(std::stoi(what.substr(7)));
    }
    if (what == "stubborn") {
        ::signal(SIGTERM, SIG_IGN);
        say("up", ::getpid());
        idle();
    }
    if (what == "look around") {
        checks check;
        check(open_descriptors() == 3 + 1 + 1, "0 to 2, the control socket and the one sent");
        check(handlers_and_mask_are_fresh(), "default handlers, nothing blocked");
        check(start.descriptors.size() == 1 && ::write(start.descriptors[0], "x", 1) == 1,
              "the descriptor sent is writable");
        const char* found = std::getenv("ONLY_THIS");
        check(found && std::string(found) == "1" && !std::getenv("PATH"), "its environment");
        check(std::filesystem::current_path() == "/", "its directory");
        check(::umask(0) == 0027, "its file mask");
        check(std::filesystem::is_directory(start.runtime_directory), "the runtime directory");
        check(!prepare() && current() && !current()->root, "a child has a supervisor");
        return check.result();
    }
    if (what == "nest") {
        asio::io_context io;
        error_code ec;
        const auto supervisor = supervision_link::make(io.get_executor(), ec);
        auto listening = supervisor->listen();
        int code = 99;
        spawn_request request;
        request.run = &act;
        request.payload = "exit 41";
        supervisor->start(
            request,
            [&](notice n) {
                if (n.what == notice::kind::exited)
                    code = n.exit.number + 1;
                if (n.what == notice::kind::gone)
                    listening.reset();
            },
            start_handler([](error_code, started_child) {}));
        io.run();
        return code;
    }
    if (what == "service") {
        say("run", static_cast<long>(start.attempt));
        if (start.attempt == 1 && start.kept.empty()) {
            const int memory = ::memfd_create("kept", MFD_CLOEXEC);
            const bool kept = ::write(memory, "kept", 4) == 4 &&
                              !keep_descriptor(start.control, "memory", memory) &&
                              !keep_descriptor(start.control, "not this", memory) &&
                              !drop_descriptor(start.control, "not this");
            return kept ? 1 : 0;
        }
        char text[5] = "";
        const auto memory = start.find_kept("memory");
        if (start.kept.size() != 1 || ::pread(memory, text, 4, 0) != 4 ||
            std::string(text) != "kept")
            return 0;
        ::raise(SIGKILL);
    }
    if (what == "server") {
        say("serves", ::getpid());
        sigset_t term;
        ::sigemptyset(&term);
        ::sigaddset(&term, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &term, nullptr);
        say("ready", 0);
        int number;
        ::sigwait(&term, &number);
        say("server", 1);
        return 0;
    }
    if (what == "client") {
        sigset_t term;
        ::sigemptyset(&term);
        ::sigaddset(&term, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &term, nullptr);
        say("ready", 0);
        int number;
        ::sigwait(&term, &number);
        ::poll(nullptr, 0, 50); // so that an order by chance would show
        say("client", 1);
        return 0;
    }
    idle();
    return 0;
}

/// Runs one child to its end on a loop of its own.
struct outcome {
    error_code failed;
    pid_t pid = -1;
    bool pidfd = false;
    exit_report exit;
    unsigned attempts = 0;
    int restarts = 0;
    bool gone = false;
};

outcome run_to_end(const spawn_request& request,
                   const std::function<void(supervision_link&, child_id)>& when_started = {})
{
    asio::io_context io;
    outcome result;
    const auto supervisor = supervision_link::make(io.get_executor(), result.failed);
    if (result.failed)
        return result;
    auto listening = supervisor->listen();
    supervisor->start(
        request,
        [&](notice n) {
            if (n.what == notice::kind::exited) {
                result.exit = n.exit;
                result.attempts = n.attempt;
            }
            result.restarts += n.what == notice::kind::restarted && n.pidfd;
            if (n.what == notice::kind::gone || n.what == notice::kind::lost) {
                result.gone = n.what == notice::kind::gone;
                listening.reset();
            }
        },
        start_handler([&](error_code ec, started_child child) {
            result.failed = ec;
            result.pid = child.pid;
            result.pidfd = static_cast<bool>(child.pidfd);
            if (ec)
                listening.reset();
            else if (when_started)
                when_started(*supervisor, child.id);
        }));
    io.run();
    return result;
}

spawn_request asking(std::string payload)
{
    spawn_request request;
    request.run = &act;
    request.payload = std::move(payload);
    request.grace = 100ms;
    return request;
}

std::atomic<int> child_signals = 0;

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_link)

BOOST_AUTO_TEST_CASE(start_reports_the_exact_status)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        for (const int code : {0, 1, 9, 42, 255}) {
            const auto done = run_to_end(asking("exit " + std::to_string(code)));
            check(!done.failed && done.pid > 0 && done.pidfd && done.gone, "started, and gone");
            check(!done.exit.signalled && done.exit.number == code, "its code");
            check(done.exit.max_resident_kib > 0, "its usage");
        }
        for (const int number : {SIGKILL, SIGTERM, SIGABRT, SIGUSR1}) {
            const auto done = run_to_end(asking("signal " + std::to_string(number)));
            check(done.exit.signalled && done.exit.number == number, "its signal");
        }
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(start_fails_with_what_to_do)
{
    forked_root root([] {
        checks check;
        check(run_to_end(asking("")).failed == errc::supervisor_failed, "no prepare yet");
        check(!prepare() && !prepare(), "harmless twice");
        auto request = asking("exit 0");
        request.run = &not_permitted;
        check(run_to_end(request).failed == errc::unknown_function, "an entry not permitted");
        request = asking(std::string(max_message, 'x'));
        check(run_to_end(request).failed == errc::too_large, "too large");
        request = asking("exit 0");
        request.descriptors = {9999};
        check(run_to_end(request).failed.value() == EBADF, "no such descriptor");
        check(!run_to_end(asking("exit 0")).failed, "and it serves on");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(start_gives_the_child_what_was_sent_and_nothing_else)
{
    forked_root root([] {
        checks check;
        ::signal(SIGUSR1, [](int) {});
        check(!prepare(), "prepare");
        int ends[2];
        check(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
        auto request = asking("look around");
        request.descriptors = {ends[1]};
        request.environment = std::vector<std::string>{"ONLY_THIS=1"};
        request.directory = "/";
        request.file_mask = 0027;
        const auto done = run_to_end(request);
        check(!done.exit.signalled && done.exit.number == 0, "the child's own checks");
        char byte;
        check(::read(ends[0], &byte, 1) == 1, "what it wrote");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(start_works_from_a_child_and_tells_the_child)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        check(run_to_end(asking("nest")).exit.number == 42, "41 of the grandchild, plus one");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(stop_ends_a_stubborn_child_after_the_grace_and_no_other)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        using clock = std::chrono::steady_clock;
        clock::time_point asked;
        int signals[2];
        check(::pipe(signals) == 0, "pipe");
        auto request = asking("stubborn");
        request.standard[1] = signals[1];
        const auto done = run_to_end(request, [&](supervision_link& supervisor, child_id child) {
            char text[32];
            check(::read(signals[0], text, sizeof text) > 0, "it ignores SIGTERM now");
            check(!supervisor.signal(child, SIGTERM), "signal");
            asked = clock::now();
            check(!supervisor.stop(child, 60ms), "stop");
            check(!supervisor.stop(child + 1000, 0ms), "a stranger is no error");
            check(!supervisor.stop(0, 0ms), "nor is the root");
        });
        check(done.exit.signalled && done.exit.number == SIGKILL, "killed");
        check(clock::now() - asked >= 60ms, "after the grace");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(a_service_is_started_again_with_what_it_kept_until_the_limit)
{
    forked_root root([] {
        checks check;
        check(!prepare(), "prepare");
        auto request = asking("service");
        request.service = true;
        const auto done = run_to_end(request);
        check(done.restarts == 3 && done.attempts == 4, "three more runs");
        check(done.exit.signalled && done.exit.number == SIGKILL, "the last one's end");
        return check.result();
    });
    for (long attempt = 1; attempt != 5; ++attempt)
        BOOST_TEST(root.number("run") == attempt);
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(services_end_after_the_children)
{
    forked_root root([] {
        if (prepare())
            return 1;
        asio::io_context io;
        error_code ec;
        const auto supervisor = supervision_link::make(io.get_executor(), ec);
        int started = 0;
        for (const char* each : {"server", "client"}) {
            auto request = asking(each);
            request.service = each[0] == 's';
            request.grace = 2000ms;
            supervisor->start(request, {},
                              start_handler([&](error_code, started_child) { ++started; }));
        }
        io.run();
        char byte;
        while (::read(0, &byte, 1) > 0) {
        }
        return started - 2;
    });
    root.number("ready");
    root.number("ready");
    root.end_input();
    std::string order;
    for (auto line = root.line(); !line.empty(); line = root.line())
        if (line == "client 1" || line == "server 1")
            order += line[0];
    BOOST_TEST(order == "cs");
    BOOST_TEST(root.succeeds());
}

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
            inside(!supervision_link::make(io.get_executor(), ec) && ec == errc::wrong_process, "link");
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
        std::thread other([&] {
            ::pthread_setname_np(::pthread_self(), "busybody");
            over.wait(false);
        });
        diagnostics why;
        while (why.text.find("busybody") == std::string::npos)
            check(prepare(&why) == errc::threads_before_supervisor, "refused");
        check(why.text.find("prepare()") != std::string::npos, "what to do");
        over = true;
        over.notify_one();
        other.join();
        // The kernel may list a joined thread for a moment longer.
        while (prepare(&why) == errc::threads_before_supervisor) {
        }
        check(run_to_end(asking("exit 5")).exit.number == 5, "and works afterwards");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_SUITE_END()
