// What a child is given, and how it ends: statuses, refusals, stops, services.

#include "integration/one_child.hpp"

#include <cerrno>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc::supervision;
using zproc::errc;
using zproc::error_code;
using zproc::test::checks;
using zproc::test::forked_root;
using zproc::test::run_to_end;
using zproc::test::say;
using zproc::test::start_handler;
using zproc::test::supervision_link;

namespace {

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
    struct sigaction action{};
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

spawn_request asking(std::string payload)
{
    spawn_request request;
    request.run = &act;
    request.payload = std::move(payload);
    request.grace = 100ms;
    return request;
}

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_children)

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
        request.restart = service_restarts();
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
        while (::read(0, &byte, 1) > 0) {}
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

BOOST_AUTO_TEST_SUITE_END()
