// Setuid programs that have made themselves another's: this user may not kill them, and whoever
// waits for their end must not wait for ever.

#include "integration/forked_root.hpp"
#include "support/processes.hpp"
#include "support/sandbox.hpp"

#include <zproc/command.hpp>
#include <zproc/run.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace supervision = zproc::supervision;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::forked_root;
using zproc::test::say;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr uid_t nobody = 65534;

/// A directory that everybody may look into, with a setuid program and what is said about it.
class setuid_program {
public:
    setuid_program()
    {
        fs::permissions(directory_, fs::perms(0755));
        const auto built = fs::read_symlink("/proc/self/exe").parent_path() / "changes_user";
        fs::copy_file(built, path());
        BOOST_REQUIRE(::chmod(path().c_str(), 04755) == 0);
        std::ofstream(said_path()).close();
        fs::permissions(said_path(), fs::perms(0666));
    }
    setuid_program(const setuid_program&) = delete;
    setuid_program& operator=(const setuid_program&) = delete;
    ~setuid_program() { fs::remove_all(directory_); }

    fs::path path() const { return directory_ / "changes_user"; }
    fs::path said_path() const { return directory_ / "said"; }
    std::string said() const
    {
        std::ifstream file(said_path());
        BOOST_REQUIRE(file.is_open()); // or nobody could have said anything
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    const fs::path directory_ = zproc::test::sandbox::make_directory();
};

void become_nobody(const fs::path& said)
{
    ::alarm(60);
    static_cast<void>(::freopen(said.c_str(), "a", stderr));
    if (::setgroups(0, nullptr) != 0 || ::setresgid(nobody, nobody, nobody) != 0 ||
        ::setresuid(nobody, nobody, nobody) != 0)
        ::_exit(98);
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // as a program that nobody has started
    ::unsetenv("XDG_RUNTIME_DIR");
}

/// Started, and root's by now.
asio::awaitable<program> start(context ctx, fs::path path)
{
    auto p = co_await ctx.spawn(command(path.string()).output(stdio::pipe()));
    char byte = 0;
    co_await asio::async_read(p.out(), asio::buffer(&byte, 1), asio::use_awaitable);
    if (::kill(p.pid(), SIGKILL) == 0 || errno != EPERM)
        ::_exit(97);
    say("unkillable", p.pid());
    say("supervisor", supervision::current()->supervisor);
    say("guardian", supervision::current()->guardian);
    co_return p;
}

/// Only root can make such a program, and not everywhere.
bool is_possible()
{
    static const bool possible = [] {
        if (::geteuid() != 0)
            return false;
        const setuid_program program;
        forked_root root([&] {
            become_nobody(program.said_path());
            ::execl(program.path().c_str(), "changes_user", nullptr);
            return 1;
        });
        // Says "!" when it is root's: where setuid has no effect, it has ended.
        return !zproc::test::wait_for_end(root.pid(), 300);
    }();
    if (!possible)
        BOOST_TEST_MESSAGE("setuid programs are not possible here");
    return possible;
}

struct those {
    pid_t unkillable, supervisor, guardian;

    explicit those(forked_root& root)
        : unkillable(static_cast<pid_t>(root.number("unkillable"))),
          supervisor(static_cast<pid_t>(root.number("supervisor"))),
          guardian(static_cast<pid_t>(root.number("guardian")))
    {
    }
    ~those() { ::kill(unkillable, SIGKILL); }

    bool others_end(int milliseconds) const
    {
        return zproc::test::wait_for_end(supervisor, milliseconds) &&
               zproc::test::wait_for_end(guardian, milliseconds);
    }
    bool one_is_left() const { return ::kill(unkillable, 0) == 0; }
};

std::size_t lines_about(const std::string& said, pid_t pid)
{
    std::size_t count = 0;
    const auto line =
        "zproc: process " + std::to_string(pid) + " (changes_user) may not be killed by this user";
    for (auto at = said.find(line); at != std::string::npos; at = said.find(line, at + 1))
        ++count;
    return count;
}

} // namespace

BOOST_AUTO_TEST_SUITE(unkillable)

BOOST_AUTO_TEST_CASE(stop_ends_within_the_bound_and_names_who_is_left)
{
    if (!is_possible())
        return;
    const setuid_program setuid;
    forked_root root([&] {
        become_nobody(setuid.said_path());
        return run([path = setuid.path()](context ctx) -> asio::awaitable<int> {
            checks check;
            auto p = co_await start(ctx, path);
            const auto began = clock_type::now();
            co_await p.stop(100ms);
            const auto info = co_await p.wait();
            const auto took = clock_type::now() - began;
            check(took > 5s && took < 9s, "the bound");
            check(info.signal == SIGKILL, "by what it should have ended");
            check(info.cause.find("changes_user) may not be killed") != std::string::npos,
                  "and what became of it");
            co_await ctx.shutdown(100ms);
            co_return check.result();
        });
    });
    const those all(root);
    BOOST_TEST(root.succeeds());
    BOOST_TEST(all.others_end(2000));
    BOOST_TEST(all.one_is_left());
    BOOST_TEST(lines_about(setuid.said(), all.unkillable) == 1u);
}

BOOST_AUTO_TEST_CASE(
    supervisor_and_guardian_leave_within_the_bound_when_root_or_supervisor_is_killed)
{
    if (!is_possible())
        return;
    for (const bool root_dies : {true, false}) {
        const setuid_program setuid;
        forked_root root([&] {
            become_nobody(setuid.said_path());
            return run([path = setuid.path()](context ctx) -> asio::awaitable<int> {
                checks check;
                auto p = co_await start(ctx, path);
                error_code ec;
                co_await p.wait(asio::redirect_error(asio::use_awaitable, ec));
                check(ec == errc::supervisor_lost, "the root hears that all is over");
                co_return check.result();
            });
        });
        const those all(root);
        ::kill(root_dies ? root.pid() : all.supervisor, SIGKILL);
        BOOST_TEST(all.others_end(9000));
        BOOST_TEST(all.one_is_left());
        BOOST_TEST(lines_about(setuid.said(), all.unkillable) == 1u,
                   (root_dies ? "without the root" : "without the supervisor")
                       << ", about " << all.unkillable << ": " << setuid.said());
        if (!root_dies)
            BOOST_TEST(root.succeeds());
    }
}

BOOST_AUTO_TEST_SUITE_END()
