// Swarms whose workers are lent by other programs, over TCP.

#include "integration/program.hpp"
#include "integration/swarmed.hpp"
#include "supervisor/sanitized.hpp"
#include "support/certificates.hpp"
#include "support/sandbox.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace zproc;
using namespace zproc::test;
using supervision::sanitized;
using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;

constexpr const char* the_secret = "8f14e45fceea167a5a36dedd4bea2543";

// Programs that join ----------------------------------------------------------------------------

/// A program that lends workers, forked from this one before it has a loop: it is told later where
/// to, and what it says on standard error is kept.
class lender {
public:
    explicit lender(const std::function<int(const std::string& address)>& main)
    {
        std::array<int, 2> told{}, said{};
        if (::pipe(told.data()) != 0 || ::pipe(said.data()) != 0)
            throw std::runtime_error("no pipes");
        std::fflush(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::alarm(60);
            ::close(told[1]);
            ::close(said[0]);
            ::dup2(said[1], STDERR_FILENO);
            ::close(said[1]);
            std::string address;
            for (char letter = 0; ::read(told[0], &letter, 1) == 1 && letter != '\n';)
                address += letter;
            ::close(told[0]);
            const int code = address.empty() ? 99 : main(address);
            std::fflush(nullptr);
            ::_exit(code);
        }
        ::close(told[0]);
        ::close(said[1]);
        told_ = told[1];
        said_ = said[0];
    }
    lender(const lender&) = delete;
    lender& operator=(const lender&) = delete;
    ~lender()
    {
        kill();
        wait();
        if (told_ >= 0)
            ::close(told_);
        ::close(said_);
    }

    void join(const std::string& address)
    {
        const auto line = address + '\n';
        (void)!::write(told_, line.data(), line.size());
        ::close(std::exchange(told_, -1));
    }
    void kill(int number = SIGKILL)
    {
        if (pid_ > 0)
            ::kill(pid_, number);
    }
    bool has_ended()
    {
        if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_)
            pid_ = -1;
        return pid_ < 0;
    }
    /// Its exit code, or 1000 and its signal.
    int wait()
    {
        if (pid_ > 0)
            ::waitpid(std::exchange(pid_, -1), &status_, 0);
        return WIFSIGNALED(status_) ? 1000 + WTERMSIG(status_) : WEXITSTATUS(status_);
    }
    /// What it has said, when it has ended, and its workers have.
    std::string words()
    {
        std::string all;
        std::array<char, 4096> part;
        for (ssize_t size = 0; (size = ::read(said_, part.data(), part.size())) > 0;)
            all.append(part.data(), static_cast<std::size_t>(size));
        return all;
    }

private:
    pid_t pid_ = -1;
    int told_ = -1;
    int said_ = -1;
    int status_ = 0;
};

/// A program of this executable that works for whoever it is told.
std::unique_ptr<lender> lend(std::size_t workers, run_options options = {},
                             std::chrono::nanoseconds patience = 10s)
{
    return std::make_unique<lender>([=](const std::string& address) {
        auto with = options;
        with.workers_for(address, join_options().workers(workers).patience(patience));
        return zproc::run([](context) -> asio::awaitable<int> { co_return 98; }, with);
    });
}

/// Runs `body(ctx, check)` as `in_a_coroutine` does, in a program that has forked `lenders` before.
template <class Body>
bool with_lenders(const std::function<std::vector<std::unique_ptr<lender>>()>& fork, Body body,
                  const context_options& options = {})
{
    forked_root root([&] {
        ::alarm(60);
        auto lenders = fork();
        checks check;
        const int code = zproc::run(
            [&](context ctx) -> asio::awaitable<int> {
                co_await body(ctx, lenders, check);
                co_return 0;
            },
            options);
        check(code == 0, "the program of the swarm comes to its end");
        return check.result();
    });
    const int status = root.wait();
    if (WIFSIGNALED(status))
        std::fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
    return status == 0;
}

using lenders = std::vector<std::unique_ptr<lender>>;

lenders one(std::size_t workers, const run_options& options = {},
            std::chrono::nanoseconds patience = 10s)
{
    lenders all;
    all.push_back(lend(workers, options, patience));
    return all;
}

// The work --------------------------------------------------------------------------------------

int square(int x)
{
    return x * x;
}

std::string repeated(std::string text)
{
    ::usleep(200);
    return text + text;
}

pid_t who(int)
{
    ::usleep(2000);
    return ::getpid();
}

int slow(int x)
{
    ::usleep(2000);
    return x;
}

int crashes_at(int x, int bad)
{
    if (x == bad)
        ::raise(SIGSEGV);
    return x;
}

int fails_at(int x, int bad)
{
    if (x == bad)
        throw std::range_error("item " + std::to_string(x));
    return x;
}

int hangs_at(int x, int bad)
{
    while (x == bad)
        ::pause();
    return x;
}

asio::awaitable<int> for_ever(context, int x)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await timer.async_wait(asio::use_awaitable);
    co_return x;
}

int spins(int x)
{
    for (volatile bool go_on = true; go_on;) {}
    return x;
}

struct tool {
    int made_by = 0;
};

std::unique_ptr<tool> make_tool(int number)
{
    auto made = std::make_unique<tool>();
    made->made_by = number;
    return made;
}

int use_tool(worker_local<std::unique_ptr<tool>> own, int x)
{
    return (*own)->made_by + x;
}

void put_away(worker_local<std::unique_ptr<tool>>, std::string file)
{
    if (auto* out = std::fopen(file.c_str(), "a")) {
        std::fputs("x", out);
        std::fclose(out);
    }
}

void never_starts()
{
    throw std::runtime_error("no database");
}

swarm_options remote_only()
{
    return swarm_options().size(0).listen("tcp://127.0.0.1:0").silence(1s);
}

// The test has a time limit.

asio::awaitable<void> pause(std::chrono::nanoseconds time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> joined(zproc::swarm of, std::size_t workers)
{
    while (of.remote_workers() != workers)
        co_await pause(1ms);
}

bool are_squares(const std::vector<int>& all, int count)
{
    bool right = all.size() == static_cast<std::size_t>(count);
    for (int i = 0; right && i != count; ++i)
        right = all[static_cast<std::size_t>(i)] == i * i;
    return right;
}

asio::awaitable<void> use(context ctx, lenders& others, checks& check)
{
    auto swarm = co_await ctx.create_swarm(remote_only());
    check(swarm.size() == 0, "no worker of its own");
    check(swarm.address().starts_with("tcp://127.0.0.1:"), "it says where");
    check(!swarm.address().ends_with(":0"), "with the port that was chosen");
    for (const auto& each : others)
        each->join(swarm.address());
    // It waits until somebody has come.
    const auto all = co_await swarm.map(square, std::views::iota(0, 20'000));
    check(are_squares(all, 20'000), "every result, in order");

    std::vector<std::string> texts;
    for (int i = 0; i != 300; ++i)
        texts.push_back(std::string(static_cast<std::size_t>(i * 37 % 5000), 'x') +
                        std::to_string(i));
    const auto twice = co_await swarm.map(repeated, texts);
    bool right = twice.size() == texts.size();
    for (std::size_t i = 0; right && i != texts.size(); ++i)
        right = twice[i] == texts[i] + texts[i];
    check(right, "what is packed crosses, too");

    const std::vector<std::string> large(4, std::string(3'000'000, 'y'));
    const auto larger = co_await swarm.map(repeated, large);
    check(larger.size() == 4 && larger[3].size() == 6'000'000, "and what is large");

    auto lazy = swarm.map_lazy(square, std::views::iota(0));
    for (int i = 0; i != 500; ++i) {
        const auto each = co_await lazy.next();
        check(each == i * i, "a stream");
    }
    co_await swarm.stop();
    check(swarm.remote_workers() == 0, "none are left");
    for (const auto& each : others)
        check(each->wait() == 0, "who has lent them returns 0");
    const auto failed = co_await failure_of(swarm.run(square, 3));
    check(failed == "swarm_stopped", failed.c_str());
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_remote)

BOOST_AUTO_TEST_CASE(map_is_right_with_remote_workers_only)
{
    BOOST_TEST(with_lenders([] { return one(2); }, &use));
}

BOOST_AUTO_TEST_CASE(several_programs_may_join_and_work_with_those_of_the_swarm)
{
    const auto two = [] {
        auto all = one(2);
        all.push_back(lend(1));
        return all;
    };
    BOOST_TEST(
        with_lenders(two, [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only().size(1));
            for (const auto& each : others)
                each->join(swarm.address());
            co_await joined(swarm, 3);
            check(swarm.size() == 1, "the size counts its own");
            auto one_by_one = swarm.with(swarm_options().chunk(1));
            const auto pids = co_await one_by_one.map(who, std::views::iota(0, 200));
            check(std::set<pid_t>(pids.begin(), pids.end()).size() == 4, "four workers");
            co_await swarm.resize(0);
            check(swarm.remote_workers() == 3, "those of others stay");
            const auto all = co_await swarm.map(square, std::views::iota(0, 1000));
            check(are_squares(all, 1000), "and work on");
            co_await swarm.resize(2);
            const auto after = co_await one_by_one.map(who, std::views::iota(0, 200));
            check(std::set<pid_t>(after.begin(), after.end()).size() == 5, "five workers");
        }));
}

BOOST_AUTO_TEST_CASE(programs_are_dismissed_when_the_last_handle_is_gone)
{
    BOOST_TEST(
        with_lenders([] { return one(2); },
                     [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
                         {
                             auto swarm = co_await ctx.create_swarm(remote_only());
                             others.front()->join(swarm.address());
                             const auto all = co_await swarm.map(square, std::views::iota(0, 100));
                             check(are_squares(all, 100), "it has worked");
                         }
                         // The loop has to run for the handle's end to be heard of.
                         while (!others.front()->has_ended())
                             co_await pause(1ms);
                         check(others.front()->wait() == 0, "it is dismissed");
                     }));
}

BOOST_AUTO_TEST_CASE(initialisers_run_there_and_finalisers_before_they_leave)
{
    BOOST_TEST(with_lenders(
        [] { return one(2); },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            const auto file = (sandbox::directory() / "put_away").string();
            std::filesystem::remove(file);
            swarm_options options = remote_only();
            options.initialiser(make_tool, 1000).finaliser(put_away, file);
            auto swarm = co_await ctx.create_swarm(options);
            others.front()->join(swarm.address());
            co_await joined(swarm, 2);
            const auto all = co_await swarm.map(use_tool, std::views::iota(0, 50));
            check(all.size() == 50 && all[7] == 1007, "they have what the initialiser made");
            co_await swarm.stop();
            check(std::filesystem::file_size(file) == 2, "each finaliser has run");
            std::filesystem::remove(file);
        }));
}

BOOST_AUTO_TEST_CASE(initialiser_that_fails_everywhere_fails_what_waits)
{
    BOOST_TEST(with_lenders(
        [] { return one(2); },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            swarm_options options = remote_only();
            options.initialiser(never_starts);
            auto swarm = co_await ctx.create_swarm(options);
            others.front()->join(swarm.address());
            const auto failed = co_await failure_of(swarm.run(square, 3));
            check(failed == "remote_error std::runtime_error: no database", failed.c_str());
        }));
}

BOOST_AUTO_TEST_CASE(crash_of_a_remote_worker_is_the_result_of_its_item)
{
    BOOST_TEST(with_lenders(
        [] { return one(2); },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only());
            others.front()->join(swarm.address());
            auto all = swarm.map_lazy(crashes_at, std::views::iota(0, 100), 42);
            for (int i = 0; i != 100; ++i) {
                int got = -1;
                bool crashed = false;
                try {
                    const auto each = co_await all.next();
                    got = each.value_or(-2);
                } catch (const process_crashed& e) {
                    crashed = e.signal() == SIGSEGV;
                    check(e.info().crash.has_value(), "with its report");
                    check(!e.info().reason.empty(), "and its reason");
                } catch (const process_exited&) {
                    crashed = sanitized;
                }
                check(i == 42 ? crashed : got == i, "one fails, the others succeed");
            }
            const auto failed = co_await failure_of(swarm.map(fails_at, std::views::iota(0, 9), 3));
            check(failed == "remote_error std::range_error: item 3", failed.c_str());
        }));
}

BOOST_AUTO_TEST_CASE(deadline_kills_a_remote_worker)
{
    BOOST_TEST(with_lenders(
        [] { return one(2); },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only().deadline(2s));
            others.front()->join(swarm.address());
            auto all = swarm.map_lazy(hangs_at, std::views::iota(0, 20), 5);
            for (int i = 0; i != 20; ++i) {
                std::string failed;
                try {
                    const auto each = co_await all.next();
                    check(each == i, "the others succeed");
                } catch (const system_error& e) {
                    failed = e.code() == errc::deadline_exceeded ? "deadline" : e.what();
                }
                check(failed == (i == 5 ? "deadline" : ""), failed.c_str());
            }
        }));
}

BOOST_AUTO_TEST_CASE(cancelled_maps_free_remote_workers)
{
    BOOST_TEST(with_lenders(
        [] { return one(2); },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only());
            others.front()->join(swarm.address());
            co_await joined(swarm, 2);
            for (const bool busy : {false, true}) {
                asio::steady_timer timer(co_await asio::this_coro::executor, 50ms);
                std::size_t first = 0;
                if (busy) {
                    auto either = co_await (swarm.map(spins, std::views::iota(0, 10)) ||
                                            timer.async_wait(asio::use_awaitable));
                    first = either.index();
                } else {
                    auto either = co_await (swarm.map(for_ever, std::views::iota(0, 10)) ||
                                            timer.async_wait(asio::use_awaitable));
                    first = either.index();
                }
                check(first == 1, "it was cancelled");
                const auto all = co_await swarm.map(square, std::views::iota(0, 1000));
                check(are_squares(all, 1000), "usable afterwards");
            }
        }));
}

BOOST_AUTO_TEST_CASE(workers_are_replaced_after_their_share)
{
    BOOST_TEST(with_lenders(
        [] { return one(1); },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only().items_per_worker(10).chunk(5));
            others.front()->join(swarm.address());
            const auto pids = co_await swarm.map(who, std::views::iota(0, 60));
            check(std::set<pid_t>(pids.begin(), pids.end()).size() >= 4, "several, one by one");
        }));
}

BOOST_AUTO_TEST_CASE(items_of_a_program_that_is_killed_are_done_by_others)
{
    const auto two = [] {
        auto all = one(2);
        all.push_back(lend(2));
        return all;
    };
    BOOST_TEST(
        with_lenders(two, [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only().retries(0));
            for (const auto& each : others)
                each->join(swarm.address());
            co_await joined(swarm, 4);
            auto all = swarm.map_lazy(slow, std::views::iota(0, 1000));
            for (int i = 0; i != 1000; ++i) {
                if (i == 200)
                    others.front()->kill();
                const auto each = co_await all.next();
                check(each == i, "every result, in order");
            }
            co_await joined(swarm, 2);
            check(others.front()->wait() == 1000 + SIGKILL, "it was killed");
        }));
}

BOOST_AUTO_TEST_CASE(program_joins_again_when_its_owner_is_gone_without_a_word)
{
    // The owner of the first swarm is killed; a second one listens at the same address.
    BOOST_TEST(with_lenders(
        [] {
            auto all = one(1);
            all.push_back(std::make_unique<lender>([](const std::string& file) {
                return zproc::run([file](context ctx) -> asio::awaitable<int> {
                    auto swarm = co_await ctx.create_swarm(remote_only());
                    std::ofstream(file + ".part") << swarm.address() << std::endl;
                    std::filesystem::rename(file + ".part", file);
                    co_await joined(swarm, 1);
                    ::kill(::getpid(), SIGKILL);
                    co_return 1;
                });
            }));
            return all;
        },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            const auto file = (sandbox::directory() / "address").string();
            std::filesystem::remove(file);
            others[1]->join(file);
            while (!std::filesystem::exists(file))
                co_await pause(1ms);
            std::string address;
            std::ifstream(file) >> address;
            std::filesystem::remove(file);
            others[0]->join(address);
            check(others[1]->wait() == 1000 + SIGKILL, "the first owner is gone");
            swarm_options options = remote_only();
            options.listen(address);
            auto swarm = co_await ctx.create_swarm(options);
            const auto all = co_await swarm.map(square, std::views::iota(0, 100));
            check(are_squares(all, 100), "it works for the next");
            co_await swarm.stop();
            check(others[0]->wait() == 0, "and is dismissed");
        }));
}

BOOST_AUTO_TEST_CASE(joining_can_be_cancelled)
{
    BOOST_TEST(with_lenders(
        [] {
            lenders all;
            all.push_back(std::make_unique<lender>([](const std::string& address) {
                return zproc::run([address](context ctx) -> asio::awaitable<int> {
                    for (const auto wait : {0ms, 30ms, 3000ms}) {
                        asio::steady_timer timer(co_await asio::this_coro::executor, wait);
                        auto either =
                            co_await (ctx.join_swarm(address, join_options().workers(2)) ||
                                      timer.async_wait(asio::use_awaitable));
                        if (either.index() != 1)
                            co_return 2;
                    }
                    // The table learns of an end a little later.
                    for (bool any = true; any;) {
                        const auto listed = co_await ctx.processes();
                        any = std::ranges::any_of(listed, [](const process_info& each) {
                            return each.name == "swarm worker" &&
                                   each.status != process_status::down &&
                                   each.status != process_status::failed;
                        });
                    }
                    co_return 0;
                });
            }));
            return all;
        },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only());
            others.front()->join(swarm.address());
            co_await joined(swarm, 2);
            co_await joined(swarm, 0);
            // The loop must go on meanwhile: it is said to the swarm that they end.
            while (!others.front()->has_ended())
                co_await pause(1ms);
            check(others.front()->wait() == 0, "it has ended them");
        }));
}

namespace {

/// Joins with handlers, on a loop of its own; cancelled in each way, and at last by the loop's end.
int join_by_hand(const std::string& address)
{
    int told = 0;
    error_code ec;
    const auto handler = [&](const std::exception_ptr& error) {
        ++told;
        try {
            if (error)
                std::rethrow_exception(error);
        } catch (const system_error& e) {
            ec = e.code();
        }
    };
    for (const auto type : {asio::cancellation_type::total, asio::cancellation_type::partial,
                            asio::cancellation_type::terminal, asio::cancellation_type::none}) {
        asio::io_context io;
        context ctx(io);
        asio::cancellation_signal stop;
        ctx.join_swarm(address, join_options().workers(1),
                       asio::bind_cancellation_slot(stop.slot(), handler));
        io.run_for(1s);
        if (type == asio::cancellation_type::none)
            break; // the loop goes first
        stop.emit(type);
        io.run();
        if (std::exchange(told, 0) != 1 || ec != asio::error::operation_aborted)
            return 2;
    }
    return told == 0 ? 0 : 3;
}

} // namespace

BOOST_AUTO_TEST_CASE(joining_is_cancelled_in_every_way_and_goes_with_its_loop)
{
    BOOST_TEST(with_lenders(
        [] {
            lenders all;
            all.push_back(std::make_unique<lender>(&join_by_hand));
            return all;
        },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only());
            others.front()->join(swarm.address());
            std::size_t most = 0;
            while (!others.front()->has_ended()) {
                most = std::max(most, swarm.remote_workers());
                co_await pause(1ms);
            }
            check(most == 1, "it had joined");
            const int code = others.front()->wait();
            check(code == 0, ("it ends with " + std::to_string(code)).c_str());
        }));
}

BOOST_AUTO_TEST_CASE(joining_takes_any_token)
{
    BOOST_TEST(with_lenders(
        [] {
            lenders all;
            all.push_back(std::make_unique<lender>([](const std::string& address) {
                asio::io_context io;
                context ctx(io);
                auto done = ctx.join_swarm(address, join_options().workers(1), asio::use_future);
                io.run();
                done.get();
                return 0;
            }));
            return all;
        },
        [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only());
            others.front()->join(swarm.address());
            const int nine = co_await swarm.run(square, 3);
            check(nine == 9, "it works");
            co_await swarm.stop();
            check(others.front()->wait() == 0, "its loop comes to its end");
        }));
}

BOOST_AUTO_TEST_CASE(signal_ends_a_program_that_lends_workers)
{
    BOOST_TEST(
        with_lenders([] { return one(2); },
                     [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
                         auto swarm = co_await ctx.create_swarm(remote_only());
                         others.front()->join(swarm.address());
                         co_await joined(swarm, 2);
                         others.front()->kill(SIGTERM);
                         co_await joined(swarm, 0);
                         check(others.front()->wait() == 128 + SIGTERM, "as run says");
                     }));
}

// Who is not let in -----------------------------------------------------------------------------

namespace {

/// A program with these options is refused, and says so.
bool is_refused(const run_options& options, const context_options& owner,
                const std::vector<std::string>& advice)
{
    return with_lenders(
        [options] { return one(1, options, 300ms); },
        [advice](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only());
            others.front()->join(swarm.address());
            auto& other = *others.front();
            // What it says is short; the loop has to run on meanwhile.
            while (!other.has_ended())
                co_await pause(10ms);
            check(other.wait() == 1, "it fails");
            const auto words = other.words();
            for (const auto& each : advice)
                check(words.find(each) != words.npos, (each + " is not in " + words).c_str());
            check(swarm.remote_workers() == 0, "nobody was let in");
        },
        owner);
}

} // namespace

BOOST_AUTO_TEST_CASE(programs_have_to_know_the_secret)
{
    const auto known = context_options().secret(the_secret);
    const auto wrong = run_options(context_options().secret("c9f0f895fb98ab9159f51fd0297e236d"));
    BOOST_TEST(is_refused(wrong, known, {"another secret", "same secret file"}));
    BOOST_TEST(is_refused({}, known, {"secret", "--zproc-secret-file"}));
    BOOST_TEST(is_refused(wrong, {}, {"has no secret"}));
    BOOST_TEST(with_lenders(
        [] { return one(2, run_options(context_options().secret(the_secret))); }, &use, known));
}

namespace {

/// Somebody who connects, and may say something; -1 when nobody listens.
int stranger(const std::string& address, std::string_view words = {})
{
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        ::close(socket);
        return -1;
    }
    (void)!::send(socket, words.data(), words.size(), MSG_NOSIGNAL);
    return socket;
}

/// Whatever has come, without waiting; `over` when it was the end.
std::string heard(int socket, bool& over)
{
    std::array<char, 4096> part;
    const auto size = ::recv(socket, part.data(), part.size(), MSG_DONTWAIT);
    over = size == 0 || (size < 0 && errno != EAGAIN);
    return size > 0 ? std::string(part.data(), static_cast<std::size_t>(size)) : std::string();
}

} // namespace

BOOST_AUTO_TEST_CASE(strangers_are_turned_away_and_keep_nobody_out)
{
    BOOST_TEST(
        with_lenders([] { return one(2); },
                     [](context ctx, lenders& others, checks& check) -> asio::awaitable<void> {
                         auto swarm = co_await ctx.create_swarm(remote_only());
                         const auto address = swarm.address();
                         const std::string large(100'000, '\xff');
                         for (const char* words :
                              {"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
                               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", large.c_str()}) {
                             std::string said(words);
                             said.resize(std::max<std::size_t>(said.size(), 200), ' ');
                             const int one = stranger(address, said);
                             std::string answer;
                             for (bool over = false; !over;) {
                                 answer += heard(one, over);
                                 co_await pause(1ms);
                             }
                             ::close(one);
                         }
                         // More of them than are listened to at once, who say nothing.
                         std::vector<int> crowd;
                         for (int i = 0; i != 300; ++i) {
                             crowd.push_back(stranger(address));
                             check(crowd.back() >= 0, "the door is open");
                             if (i == 200)
                                 others.front()->join(address);
                             if (i % 10 == 0)
                                 co_await pause(1ms);
                         }
                         const auto all = co_await swarm.map(square, std::views::iota(0, 1000));
                         check(are_squares(all, 1000), "who belongs to it comes in");
                         // The last ones are listened to for five seconds.
                         for (bool over = false; !over;) {
                             static_cast<void>(heard(crowd.back(), over));
                             co_await pause(10ms);
                         }
                         for (const int each : crowd)
                             ::close(each);
                     }));
}

BOOST_AUTO_TEST_CASE(nothing_that_others_can_reach_is_listened_at_without_a_secret)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        std::string failed =
            co_await failure_of(ctx.create_swarm(remote_only().listen("tcp://0.0.0.0:0")));
        check(failed.find("needs a secret") != failed.npos, failed.c_str());
        failed = co_await failure_of(ctx.create_swarm(remote_only().listen("unix:///tmp/x")));
        check(failed.find("tcp://host:port") != failed.npos, failed.c_str());
        failed = co_await failure_of(ctx.create_swarm(remote_only().listen("nonsense")));
        check(failed.find("nonsense") != failed.npos, failed.c_str());
        auto swarm = co_await ctx.create_swarm(remote_only());
        failed = co_await failure_of(ctx.create_swarm(remote_only().listen(swarm.address())));
        check(failed.find("cannot listen at") != failed.npos, failed.c_str());
    }));
}

BOOST_AUTO_TEST_CASE(joining_nobody_fails_after_the_patience)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        std::string address;
        {
            auto swarm = co_await ctx.create_swarm(remote_only());
            address = swarm.address();
            co_await swarm.stop();
        }
        const auto begun = std::chrono::steady_clock::now();
        const auto patient = join_options().patience(300ms);
        std::string failed = co_await failure_of(ctx.join_swarm(address, patient));
        check(failed.find("no swarm can be reached at") != failed.npos, failed.c_str());
        check(std::chrono::steady_clock::now() - begun >= 300ms, "it has tried");
        failed = co_await failure_of(ctx.join_swarm("unix:///tmp/x", patient));
        check(failed.find("tcp://host:port") != failed.npos, failed.c_str());
        failed = co_await failure_of(ctx.join_swarm("nonsense", patient));
        check(!failed.empty(), "an address is needed");
    }));
}

namespace {

/// Runs that program; its exit code, and what it has said.
std::pair<int, std::string> run_program(std::vector<std::string> words)
{
    std::array<int, 2> said{};
    if (::pipe(said.data()) != 0)
        return {-1, {}};
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::dup2(said[1], STDERR_FILENO);
        ::dup2(said[1], STDOUT_FILENO);
        ::close(said[0]);
        ::close(said[1]);
        std::vector<char*> arguments;
        for (auto& each : words)
            arguments.push_back(each.data());
        arguments.push_back(nullptr);
        ::execv(arguments.front(), arguments.data());
        ::_exit(127);
    }
    ::close(said[1]);
    std::string all;
    std::array<char, 4096> part;
    for (ssize_t size = 0; (size = ::read(said[0], part.data(), part.size())) > 0;)
        all.append(part.data(), static_cast<std::size_t>(size));
    ::close(said[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, all};
}

std::string other_program()
{
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "joins_swarm").string();
}

} // namespace

BOOST_AUTO_TEST_CASE(another_build_is_refused_with_advice)
{
    forked_root owner([] {
        ::alarm(60);
        return zproc::run([](context ctx) -> asio::awaitable<void> {
            auto swarm = co_await ctx.create_swarm(remote_only());
            const auto line = swarm.address() + "\n";
            (void)!::write(STDOUT_FILENO, line.data(), line.size());
            asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
            co_await timer.async_wait(asio::use_awaitable);
        });
    });
    const auto address = owner.line();
    BOOST_REQUIRE(address.starts_with("tcp://"));
    auto [code, words] = run_program({other_program(), "--zproc-workers", address});
    BOOST_TEST(code == 1);
    BOOST_TEST(words.find("another build") != words.npos);
    BOOST_TEST(words.find("copy the executable") != words.npos);
    BOOST_TEST(words.find("its own function") == words.npos);
    std::tie(code, words) =
        run_program({other_program(), "--zproc-workers", address, "--zproc-workers-count", "0"});
    BOOST_TEST(code != 0);
    BOOST_TEST(words.find("--zproc-workers-count N") != words.npos);
    std::tie(code, words) = run_program({other_program()});
    BOOST_TEST(code == 42);
    ::kill(owner.pid(), SIGTERM);
    BOOST_TEST(WEXITSTATUS(owner.wait()) == 128 + SIGTERM);
}

// TLS -------------------------------------------------------------------------------------------

namespace {

struct tls_files {
    authority ours{"ours"};
    std::filesystem::path where = sandbox::directory() / "swarm tls";

    tls_files() { std::filesystem::create_directory(where); }
    ~tls_files() { std::filesystem::remove_all(where); }

    std::string write(const std::string& name, const std::string& text) const
    {
        const auto path = (where / name).string();
        std::ofstream(path) << text;
        ::chmod(path.c_str(), 0600);
        return path;
    }
    tls_options written(const std::string& name, const std::string& names) const
    {
        const auto made = ours.issue(names);
        tls_options out;
        out.certificate = write(name + ".pem", made.certificate);
        out.key = write(name + ".key", made.key);
        return out;
    }
    tls_options trusting(tls_options with = {}) const
    {
        with.authorities = write("ours.pem", ours.certificate());
        return with;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(swarm_is_joined_over_tls)
{
    const tls_files files;
    const auto owner = context_options().tls(files.written("owner", "IP:127.0.0.1"));
    const auto trusting = context_options().tls(files.trusting());
    BOOST_TEST(with_lenders([&] { return one(2, run_options(trusting)); }, &use, owner));
    BOOST_TEST(is_refused({}, owner, {"speaks only TLS"}));
    BOOST_TEST(is_refused(run_options(trusting), {}, {"does not speak TLS"}));
    const auto named = context_options().tls(files.written("other", "DNS:kitchen"));
    BOOST_TEST(is_refused(run_options(trusting), named, {"mismatch"}));

    // Certificates of both sides, and a secret besides.
    const auto strict = context_options()
                            .secret(the_secret)
                            .tls(files.trusting(files.written("strict", "IP:127.0.0.1")));
    const auto known = context_options()
                           .secret(the_secret)
                           .tls(files.trusting(files.written("worker", "DNS:worker")));
    BOOST_TEST(with_lenders([&] { return one(2, run_options(known)); }, &use, strict));
}

BOOST_AUTO_TEST_SUITE_END()
