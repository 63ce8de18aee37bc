// Whoever dies: what is left? Real trees of the nasty kinds, and every death.

#include "integration/forked_root.hpp"
#include "support/leak_check.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc::supervision;
using zproc::error_code;
using zproc::test::forked_root;
using zproc::test::leak_check;
using zproc::test::say;

namespace {

constexpr auto limit = 2s; // for everything to be gone
constexpr auto grace = 100ms;

[[noreturn]] void idle()
{
    for (;;)
        ::pause();
}

void up()
{
    say("up", ::getpid());
}

/// A daemon as the book has it: a session of its own, and nobody's child. Returns when it is up.
void daemonise(bool stubborn)
{
    int ready[2];
    if (::pipe(ready) != 0)
        ::_exit(98);
    if (const auto middle = ::fork(); middle != 0) {
        ::waitpid(middle, nullptr, 0);
        ::close(ready[1]);
        char byte;
        if (::read(ready[0], &byte, 1) != 1)
            ::_exit(97);
        ::close(ready[0]);
        return;
    }
    ::setsid();
    if (::fork() == 0) {
        if (stubborn)
            ::signal(SIGTERM, SIG_IGN);
        up();
        if (::write(ready[1], "", 1) != 1)
            ::_exit(96);
        idle();
    }
    ::_exit(0);
}

void fork_and_exit(int generations)
{
    if (::fork() != 0)
        return;
    while (generations-- > 0)
        if (::fork() > 0)
            ::_exit(0);
    ::_exit(0);
}

void fork_a_crowd(int depth)
{
    ::signal(SIGTERM, SIG_IGN);
    for (int i = 0; i != 2; ++i)
        if (::fork() == 0) {
            if (depth > 1)
                fork_a_crowd(depth - 1);
            up();
            idle();
        }
}

int actor(const child_start& start);
ZPROC_SUPERVISION_ENTRY(actor_entry, &actor);

/// Spawns `payload` and stays in the loop for ever.
void nest(const std::string& payload)
{
    asio::io_context io;
    error_code ec;
    const auto supervisor = link::make(io.get_executor(), ec);
    const auto listening = supervisor->listen();
    spawn_request request;
    request.run = &actor;
    request.payload = payload;
    request.grace = grace;
    supervisor->start(
        request, {},
        zproc::detail::handler<void(error_code, started_child)>([](error_code, started_child) {}));
    io.run();
}

int actor(const child_start& start)
{
    const std::string& kind = start.payload;
    if (kind == "stubborn")
        ::signal(SIGTERM, SIG_IGN);
    if (kind == "loop") {
        ::signal(SIGCHLD, SIG_IGN);
        fork_and_exit(100'000);
        fork_and_exit(100'000);
    }
    if (kind == "crowd")
        fork_a_crowd(4);
    if (kind == "daemon")
        daemonise(false);
    if (kind == "stubborn daemon" || kind == "deserted daemon")
        daemonise(true);
    if (kind == "deserted daemon")
        return 0;
    up();
    if (kind.starts_with("nest "))
        nest(kind == "nest 3" ? "nest 2" : kind == "nest 2" ? "nest 1" : "stubborn daemon");
    idle();
}

/// Spawns the trees, says who is who, and ends when its input ends, when all are lost or, if so
/// wished, when all are gone.
int root_main(const std::vector<std::string>& payloads, bool ends_with_the_last)
{
    ::signal(SIGTERM, SIG_DFL);
    if (prepare(zproc::isolation_level::standard))
        return 1;
    say("supervisor", current()->supervisor);
    say("guardian", current()->guardian);

    asio::io_context io;
    error_code ec;
    const auto supervisor = link::make(io.get_executor(), ec);
    if (ec)
        return 2;
    auto listening = std::make_optional(supervisor->listen());
    auto open = payloads.size();
    int code = 0;
    bool lost = false;
    const auto lost_one = [&] {
        lost = true;
        if (--open == 0)
            io.stop();
    };
    for (const auto& payload : payloads) {
        spawn_request request;
        request.run = &actor;
        request.payload = payload;
        request.grace = grace;
        supervisor->start(
            request,
            [&](notice n) {
                if (n.what == notice::kind::exited)
                    say("exited", n.exit.number);
                if (n.what == notice::kind::gone) {
                    say("gone", static_cast<long>(n.child));
                    if (--open == 0 && ends_with_the_last)
                        io.stop();
                }
                if (n.what == notice::kind::lost)
                    lost_one();
            },
            zproc::detail::handler<void(error_code, started_child)>(
                [&](error_code failed, started_child) {
                    // It may die after the fork and before it has told us of it.
                    if (failed == zproc::errc::supervisor_lost)
                        lost_one();
                    else if (failed)
                        code = 3;
                }));
    }
    asio::posix::stream_descriptor input(io, ::dup(0));
    input.async_wait(asio::posix::stream_descriptor::wait_read, [&](error_code) { io.stop(); });
    io.run();

    if (lost) {
        // The loss was told when all was over: no guardian is left to be reaped either.
        if (::waitpid(-1, nullptr, WNOHANG | __WALL) != -1 || errno != ECHILD)
            code = 4;
        if (prepare() != zproc::errc::supervisor_lost)
            code = 5;
    }
    return code;
}

struct tree_kind {
    const char* name;
    std::vector<std::string> payloads;
    int ups;
};

std::vector<tree_kind> trees()
{
    return {
        {"two idle ones", {"idle", "idle"}, 2},
        {"one that ignores SIGTERM", {"stubborn"}, 1},
        {"daemons", {"daemon", "stubborn daemon"}, 4},
        {"nested three deep, a daemon below", {"nest 3"}, 5},
        {"forks and exits in a loop", {"loop"}, 1},
        {"a crowd that ignores SIGTERM", {"crowd"}, 31},
        {"some of each", {"idle", "stubborn", "nest 2", "loop", "stubborn daemon"}, 9},
    };
}

struct family {
    explicit family(const tree_kind& kind, bool ends_with_the_last = true)
        : root([&] { return root_main(kind.payloads, ends_with_the_last); })
    {
        supervisor = static_cast<pid_t>(root.number("supervisor"));
        guardian = static_cast<pid_t>(root.number("guardian"));
        for (int i = 0; i != kind.ups; ++i)
            root.number("up");
    }

    forked_root root;
    pid_t supervisor = -1;
    pid_t guardian = -1;
};

/// For each kind of tree: `kill` it, wait for the root to end with `code` (a signal, or minus an
/// exit code), and see what is left after two seconds.
void check_every_tree(const std::function<void(family&)>& kill, int code)
{
    for (const auto& kind : trees())
        BOOST_TEST_CONTEXT(kind.name)
        {
            const leak_check check(limit);
            {
                family all(kind);
                kill(all);
                const int status = all.root.wait();
                BOOST_TEST((WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status)) == code);
            }
            for (const auto& each : check.leaks())
                BOOST_ERROR("left behind: " << each);
        }
}

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_deaths)

BOOST_AUTO_TEST_CASE(nothing_is_left_when_the_root_is_killed)
{
    check_every_tree([](family& all) { ::kill(all.root.pid(), SIGKILL); }, SIGKILL);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_the_root_is_terminated)
{
    check_every_tree([](family& all) { ::kill(all.root.pid(), SIGTERM); }, SIGTERM);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_the_root_returns)
{
    check_every_tree([](family& all) { all.root.end_input(); }, 0);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_and_the_root_knows_when_the_supervisor_is_killed)
{
    check_every_tree([](family& all) { ::kill(all.supervisor, SIGKILL); }, 0);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_and_the_root_knows_when_the_guardian_is_killed)
{
    check_every_tree([](family& all) { ::kill(all.guardian, SIGKILL); }, 0);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_root_and_supervisor_are_killed)
{
    check_every_tree(
        [](family& all) {
            ::kill(all.root.pid(), SIGKILL);
            ::kill(all.supervisor, SIGKILL);
        },
        SIGKILL);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_root_and_guardian_are_killed)
{
    check_every_tree(
        [](family& all) {
            ::kill(all.guardian, SIGKILL);
            ::kill(all.root.pid(), SIGKILL);
        },
        SIGKILL);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_when_the_root_is_killed_while_the_supervisor_is_stopped)
{
    check_every_tree(
        [](family& all) {
            ::kill(all.supervisor, SIGSTOP);
            ::kill(all.root.pid(), SIGKILL);
        },
        SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_daemon_ends_when_the_child_that_left_it_has_ended)
{
    const leak_check check(limit);
    {
        family all({"deserted", {"deserted daemon"}, 1}, false);
        BOOST_TEST(all.root.number("exited") == 0);
        all.root.number("gone"); // the daemon ignores SIGTERM and is gone nevertheless
        all.root.end_input();
        BOOST_TEST(all.root.succeeds());
    }
    BOOST_TEST(check.leaks().empty());
}

BOOST_AUTO_TEST_CASE(a_child_killed_from_outside_takes_its_subtree_and_leaves_its_siblings)
{
    const leak_check check(limit);
    {
        forked_root root([] { return root_main({"nest 3", "idle"}, false); });
        std::array<long, 6> ups{};
        for (auto& each : ups)
            each = root.number("up");
        // The supervisor's children are direct: the first one up is either tree's top.
        const auto before = zproc::test::own_processes().size();
        ::kill(static_cast<pid_t>(ups[0]), SIGKILL);
        BOOST_TEST(root.number("exited") == SIGKILL);
        root.number("gone");
        const auto after = zproc::test::own_processes().size();
        BOOST_TEST(after < before);
        BOOST_TEST(after >= 4u); // root, guardian, supervisor and at least one child
        root.end_input();
        BOOST_TEST(root.succeeds());
    }
    BOOST_TEST(check.leaks().empty());
}

BOOST_AUTO_TEST_CASE(the_checker_sees_a_process_that_escaped)
{
    // The one thing that no supervisor can hold: who was forked beside it.
    const leak_check check(limit);
    pid_t escaped = -1;
    {
        forked_root root([] {
            daemonise(true);
            return root_main({"idle"}, false);
        });
        escaped = static_cast<pid_t>(root.number("up"));
        root.number("up");
        root.end_input();
        BOOST_TEST(root.succeeds());
    }
    const auto left = check.leaks();
    BOOST_TEST_REQUIRE(left.size() == 1u);
    BOOST_TEST(left.front().starts_with("process " + std::to_string(escaped)));
    ::kill(escaped, SIGKILL);
    BOOST_TEST(check.leaks().empty());
}

BOOST_AUTO_TEST_SUITE_END()
