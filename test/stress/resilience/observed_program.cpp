#include "stress/resilience/parts.hpp"
#include "supervisor/prepare.hpp"
#include "support/processes.hpp"
#include "support/sandbox.hpp"
#include "support/usage.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test::resilience {

namespace {

using clock = std::chrono::steady_clock;

/// For what is under way (a message, a reaping) to have come.
constexpr auto settling = std::chrono::seconds(3);

constexpr unsigned longest_run = 1800; // s

// In the root.
int paused = -1;
int go_on = -1;
int objections = -1;

holding holding_of(pid_t pid, const std::vector<process_entry>& all)
{
    holding now;
    now.descriptors = open_descriptors(pid);
    now.zombies = static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const auto& each) { return each.parent == pid && each.zombie(); }));
    const auto memory = usage_of(pid);
    now.alone = memory.alone;
    now.resident = memory.resident;
    return now;
}

look look_at(pid_t root)
{
    const auto all = all_processes();
    look now;
    now.root = holding_of(root, all);
    now.supervisor = holding_of(page->supervisor, all);
    now.guardian = holding_of(page->guardian, all);
    now.children = static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const auto& each) { return each.parent == page->supervisor && !each.zombie(); }));
    return now;
}

/// The beginning of what the program has written to standard error.
void show_reports()
{
    std::ifstream in(sandbox::directory() / "reports");
    std::string line;
    for (int i = 0; i != 40 && std::getline(in, line); ++i)
        std::fprintf(stderr, "  | %s\n", line.substr(0, 200).c_str());
}

} // namespace

void object(const std::string& what)
{
    if (page->violations++ < 20)
        ::dprintf(objections, "resilience: %s\n", what.c_str());
}

asio::awaitable<void> pause_to_be_seen()
{
    page->supervisor = supervision::current()->supervisor;
    page->guardian = supervision::current()->guardian;
    ::malloc_trim(0); // what the allocator keeps for later use is no leak
    char byte = 0;
    // The loop goes on: it may have to let go of something.
    asio::posix::stream_descriptor orders(co_await asio::this_coro::executor, ::dup(go_on));
    if (::write(paused, &byte, 1) != 1)
        throw std::runtime_error("nobody observes");
    co_await orders.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
}

observed_program::observed_program(main_function main, const plan& what, looker seen)
    : main_(main), plan_(what), seen_(std::move(seen))
{
}

bool observed_program::see(unsigned pause)
{
    const auto until = clock::now() + settling;
    for (;;) {
        const auto now = look_at(root_);
        if (seen_(now, pause))
            return true;
        if (clock::now() > until) {
            std::fprintf(stderr,
                         "resilience: at pause %u: %zu children; root, supervisor, guardian hold "
                         "%zu, %zu, %zu descriptors and %zu, %zu, %zu zombies\n",
                         pause, now.children, now.root.descriptors, now.supervisor.descriptors,
                         now.guardian.descriptors, now.root.zombies, now.supervisor.zombies,
                         now.guardian.zombies);
            return false;
        }
        ::poll(nullptr, 0, 10); // others' closing of descriptors is no event for us
    }
}

void observed_program::release(std::size_t children)
{
    const std::string bytes(children, 'x');
    static_cast<void>(!::write(input_, bytes.data(), bytes.size()));
}

void observed_program::kill_root()
{
    const auto begun = clock::now();
    killed_ = true;
    ::kill(root_, SIGKILL);
    while (true) {
        const auto left = own_processes();
        const auto alive = std::ranges::find_if_not(left, &process_entry::zombie);
        cleanup_ = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun);
        if (alive == left.end() || cleanup_ > std::chrono::seconds(30))
            return;
        wait_for_end(alive->pid, 1000);
    }
}

bool observed_program::run()
{
    page->violations = 0;
    int input[2];
    int pauses[2];
    int orders[2];
    for (int* const ends : {input, pauses, orders})
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw std::runtime_error("no pipe");
    std::fflush(nullptr);
    root_ = ::fork();
    if (root_ == 0) {
        ::alarm(longest_run);
        ::dup2(input[0], 0);
        // Reports of processes that end as they were meant to are not for people.
        objections = ::dup(2);
        const int reports = ::open((sandbox::directory() / "reports").c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
        ::dup2(reports, 2);
        ::close(reports);
        paused = ::dup(pauses[1]);
        go_on = ::dup(orders[0]);
        for (const int* const ends : {input, pauses, orders}) {
            ::close(ends[0]);
            ::close(ends[1]);
        }
        const int code = main_(plan_);
        std::fflush(nullptr);
        ::_exit(code);
    }
    for (const int each : {input[0], pauses[1], orders[0]})
        ::close(each);
    input_ = input[1];

    bool well = true;
    char byte = 0;
    for (unsigned pause = 0; !killed_ && ::read(pauses[0], &byte, 1) == 1; ++pause) {
        well = see(pause) && well;
        if (!killed_)
            static_cast<void>(!::write(orders[1], &byte, 1));
    }
    int status = 0;
    ::waitpid(root_, &status, 0);
    ::close(input_);
    ::close(pauses[0]);
    ::close(orders[1]);
    const bool ended = killed_ ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0;
    if (!ended)
        std::fprintf(stderr, "resilience: the root ended with status %#x\n",
                     static_cast<unsigned>(status));
    for (int i = 0; !own_processes().empty(); ++i) {
        if (i == 500) {
            std::fprintf(stderr, "resilience: processes are left\n");
            return false;
        }
        ::usleep(10'000);
    }
    well = well && ended && page->violations == 0;
    if (!well)
        show_reports();
    return well;
}

} // namespace zproc::test::resilience
