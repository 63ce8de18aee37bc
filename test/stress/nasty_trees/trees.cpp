#include "stress/nasty_trees/trees.hpp"

#include "process_number.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test::nasty {

namespace {

constexpr int depth = 10;
constexpr unsigned pace = 3000;                        // us; there are only so many pids
constexpr std::int64_t longest_loop = 100'000'000'000; // ns; should nobody end it

/// The sandbox's pid, that of the observer, in every process that inherits its environment.
std::string observer()
{
    const char* const mark = std::getenv("ZPROC_TEST_SANDBOX");
    const std::string text = mark != nullptr ? mark : "";
    return text.substr(0, text.find(':'));
}

/// Not for ever: the observer may be killed before it has removed what was admitted to escape.
[[noreturn]] void idle()
{
    ::alarm(120);
    for (;;)
        ::pause();
}

/// A fork of a process that has handlers for its loop, which are not meant for the fork.
bool fork_afresh()
{
    const auto pid = ::fork();
    if (pid < 0)
        std::perror("nasty_trees: fork");
    if (pid != 0)
        return false;
    struct sigaction now{};
    if (::sigaction(SIGTERM, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
        ::signal(SIGTERM, SIG_DFL);
    return true;
}

void make_session(const char* word)
{
    if (!fork_afresh())
        return;
    ::setsid();
    say(word, own_number());
    idle();
}

void make_daemon(const char* word)
{
    const auto middle = ::fork();
    if (middle != 0) {
        ::waitpid(middle, nullptr, 0);
        return;
    }
    ::setsid();
    if (fork_afresh()) {
        say(word, own_number());
        idle();
    }
    ::_exit(0);
}

void make_crowd(int levels, const char* word)
{
    for (std::size_t i = 0; i != crowd / depth; ++i)
        if (fork_afresh()) {
            if (i == 0 && levels > 1)
                make_crowd(levels - 1, word);
            say(word, own_number());
            idle();
        }
}

void make_loop(const char* word)
{
    ::signal(SIGCHLD, SIG_IGN); // orphans come to us, and nobody waits for them
    if (!fork_afresh())
        return;
    ::prctl(PR_SET_NAME, loop_name);
    const auto end = monotonic_now() + longest_loop;
    say(word, own_number());
    while (!page->end_loops && monotonic_now() < end) {
        ::usleep(pace);
        ++page->generations;
        if (::fork() != 0)
            break;
    }
    ::_exit(0);
}

void make_command(const char* word)
{
    const auto script = "setsid sh -c 'echo " + std::string(word) + " $$; exec sleep 300 " +
                        argument_mark() + "' &";
    const auto shell = ::fork();
    if (shell == 0) {
        const char* const nothing[] = {nullptr};
        ::execle("/bin/sh", "sh", "-c", script.c_str(), nullptr, nothing);
        ::_exit(127);
    }
    ::waitpid(shell, nullptr, 0);
}

void make_stopped(const char* word)
{
    const auto pid = ::fork();
    if (pid == 0) {
        ::signal(SIGTERM, SIG_DFL);
        ::raise(SIGSTOP);
        idle();
    }
    ::waitpid(pid, nullptr, WUNTRACED);
    say(word, pid);
}

} // namespace

std::string argument_mark()
{
    return "0.000" + observer();
}

void say(std::string_view word, long number)
{
    const auto text = std::string(word) + ' ' + std::to_string(number) + '\n';
    if (::write(1, text.data(), text.size()) < 0)
        ::_exit(99);
}

void make(char what, const char* word)
{
    switch (what) {
    case 'i': ::signal(SIGTERM, SIG_IGN); break;
    case 'd': make_daemon(word); break;
    case 's': make_session(word); break;
    case 'c': make_crowd(depth, word); break;
    case 'l':
        make_loop(word);
        make_loop(word);
        break;
    case 'x': make_command(word); break;
    case 'z': make_stopped(word); break;
    }
}

std::size_t forks_of(std::string_view recipe)
{
    std::size_t count = 0;
    for (const char each : recipe)
        count += each == 'c'   ? crowd
                 : each == 'l' ? 2
                               : std::string_view("dsxz").find(each) != std::string_view::npos;
    return count;
}

std::size_t spawns_of(std::string_view recipe)
{
    return 1 + static_cast<std::size_t>(std::ranges::count(recipe, '('));
}

void leave_a_daemon(bool changed)
{
    if (!changed)
        return make_daemon("escaped");
    make_command("escaped");
}

} // namespace zproc::test::nasty
