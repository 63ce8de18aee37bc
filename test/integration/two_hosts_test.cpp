// Two programs on two hosts share one state, or work: each has a network of its own, and there is a
// cable between them.

#include "supervisor/prepare.hpp"
#include "support/rounds.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <ranges>
#include <string>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using zproc::context;

namespace {

constexpr const char* the_secret = "8f14e45fceea167a5a36dedd4bea2543";
constexpr int not_permitted = 77;

void demand(bool well, const char* what)
{
    if (!well)
        throw std::runtime_error(std::string("not so: ") + what);
}

bool shell(const std::string& line)
{
    return std::system(line.c_str()) == 0;
}

/// Root of its own, with a network in which there is nothing yet. Before there are other processes.
bool move_out()
{
    const auto uid = ::geteuid();
    const auto gid = ::getegid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    const auto write = [](const char* path, const std::string& text) {
        std::ofstream out(path);
        return static_cast<bool>(out << text << std::flush);
    };
    return write("/proc/self/setgroups", "deny") &&
           write("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") &&
           write("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

bool plug_in(const char* address)
{
    return shell("ip link set lo up && ip addr add " + std::string(address) +
                 "/24 dev cable && ip link set cable up");
}

void add_one(zproc::draft& d)
{
    d["count"] += 1;
}

asio::awaitable<void> add_ten(context ctx)
{
    for (int i = 0; i != 10; ++i)
        co_await ctx.state().atomic(&add_one);
}

// ---- the second host: the same program, which is told only an address --------------------------

asio::awaitable<void> use_from_afar(context ctx)
{
    const auto state = ctx.state();
    demand(co_await state.get("from first") == 1, "what the first has set is there");
    auto history = state.when_change("from first", {.since = 0});
    const auto first = co_await history.next();
    demand(first->changes.front().after == 1, "a watcher sees history");

    auto answer = state.when_equal("answer", 42);
    co_await state.set("from second", 2);
    co_await answer.next();

    const auto here = co_await state.replica();
    demand(here.get("answer") == 42, "a replica has what a watcher has seen");

    // Processes on this host, by a supervisor of this program's own.
    auto adding = co_await ctx.spawn(&add_ten);
    co_await adding.result();

    zproc::error_code ec;
    const context elsewhere(
        ctx.get_executor(),
        zproc::context_options{}.address("tcp://127.0.0.1:4711").secret(the_secret));
    co_await elsewhere.ping(asio::redirect_error(asio::use_awaitable, ec));
    demand(ec == zproc::errc::server_absent, "this is another host");

    co_await state.set("ready for the worst", true);
    // While the cable is out: what is asked is answered when it is in again.
    int counted = 0;
    for (; !here.contains("enough"); ++counted)
        co_await state.increment("while it is bad");
    co_await state.set("done", counted);
}

int use_its_state(const std::string& address)
{
    zproc::run_options options;
    options.address(address).secret(the_secret);
    return zproc::run(&use_from_afar, options);
}

int work_for_its_swarm(const std::string& address)
{
    zproc::run_options options;
    options.workers_for(address, zproc::join_options().workers(2)).secret(the_secret);
    return zproc::run(&use_from_afar, options);
}

int second_host(int told, int (*what)(const std::string&))
{
    std::string address;
    for (char letter = 0; ::read(told, &letter, 1) == 1 && letter != '\n';)
        address += letter;
    return plug_in("192.0.2.2") ? what(address) : 1;
}

// ---- the first: it has the state ---------------------------------------------------------------

int tell = -1;

void tell_second(std::string address)
{
    address += '\n';
    demand(::write(tell, address.data(), address.size()) == static_cast<ssize_t>(address.size()),
           "the second host is told");
}

asio::awaitable<void> serve_both(context ctx)
{
    const auto state = ctx.state();
    co_await state.set("from first", 1);
    auto second = state.when_available("from second");
    auto ready = state.when_available("ready for the worst");
    auto done = state.when_available("done");
    tell_second(ctx.addresses().front());

    const auto e = co_await second.next();
    demand(e->changes.front().after == 2, "what the second has set is there");
    co_await state.set("answer", 42);
    auto adding = co_await ctx.spawn(&add_ten);
    co_await adding.result();

    co_await ready.next();
    auto last = state.when_change("while it is bad", {.timeout = 100ms});
    demand(shell("ip link set cable down"), "the cable is pulled");
    zproc::error_code ec;
    while (!ec)
        co_await last.next(asio::redirect_error(asio::use_awaitable, ec));
    demand(ec == asio::error::timed_out, "nothing comes any more");
    demand(shell("ip link set cable up"), "the cable is in again");
    while (ec) // it takes TCP a while to try again
        co_await last.next(asio::redirect_error(asio::use_awaitable, ec));
    co_await state.set("enough", true);
    const auto end = co_await done.next();
    demand(co_await state.get("while it is bad") == *end->changes.front().after,
           "every increment counted once");
    demand(co_await state.get("count") == 20, "every atomic function counted once");
}

int slow_next(int x)
{
    ::usleep(1000);
    return x + 1;
}

/// What the workers of the second host have when the cable is pulled is done by the one here.
asio::awaitable<void> have_it_work(context ctx)
{
    zproc::swarm_options options;
    options.size(1).listen("tcp://192.0.2.1:0").silence(1s).retries(0);
    auto swarm = co_await ctx.create_swarm(options);
    tell_second(swarm.address());
    auto numbers = swarm.map_lazy(slow_next, std::views::iota(0));
    int last = 0;
    const auto step = [&]() -> asio::awaitable<void> {
        const auto each = co_await numbers.next();
        demand(each == last + 1, "every result, in order, each once");
        ++last;
    };
    for (int times = 0; times != 2; ++times) {
        while (swarm.remote_workers() != 2)
            co_await step();
        for (int i = 0; i != 300; ++i)
            co_await step();
        demand(shell("ip link set cable down"), "the cable is pulled");
        while (swarm.remote_workers() != 0)
            co_await step();
        for (int i = 0; i != 300; ++i)
            co_await step();
        demand(shell("ip link set cable up"), "the cable is in again");
    }
    while (swarm.remote_workers() != 2)
        co_await step();
    co_await swarm.stop();
}

int first_host(asio::awaitable<void> (*what)(context), int (*second_does)(const std::string&))
{
    if (!move_out())
        return not_permitted;
    std::array<int, 2> orders{}, news{};
    if (::pipe(orders.data()) != 0 || ::pipe(news.data()) != 0)
        return 1;
    const pid_t second = ::fork();
    if (second == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(orders[1]);
        if (::unshare(CLONE_NEWNET) != 0 || ::write(news[1], "", 1) != 1)
            ::_exit(1);
        const int code = second_host(orders[0], second_does);
        std::fflush(nullptr);
        ::_exit(code);
    }
    ::close(orders[0]);
    tell = orders[1];
    char there = 0;
    if (::read(news[0], &there, 1) != 1 ||
        !shell("ip link add cable type veth peer name cable netns " + std::to_string(second)))
        return not_permitted; // no such device in this kernel
    zproc::run_options options;
    options.listen("tcp://192.0.2.1:0").secret(the_secret);
    const int code = plug_in("192.0.2.1") ? zproc::run(what, options) : 1;
    if (code != 0)
        ::kill(second, SIGKILL);
    int status = 0;
    ::waitpid(second, &status, 0);
    return code != 0 ? code : WEXITSTATUS(status);
}

void hold_between(asio::awaitable<void> (*first)(context), int (*second)(const std::string&))
{
    const int code =
        zproc::test::run_as_program([first, second] { return first_host(first, second); });
    if (code == not_permitted) {
        BOOST_TEST_MESSAGE("left out: networks of one's own are not permitted here");
        return;
    }
    BOOST_TEST(code == 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_hosts)

BOOST_AUTO_TEST_CASE(programs_on_two_hosts_share_one_state)
{
    hold_between(&serve_both, &use_its_state);
}

BOOST_AUTO_TEST_CASE(workers_of_a_second_host_are_lost_and_come_back)
{
    hold_between(&have_it_work, &work_for_its_swarm);
}

BOOST_AUTO_TEST_SUITE_END()
