// Kills the state process under load, at random moments, and checks from outside that every
// acknowledged write is there, once, and that every watcher saw every revision, once and in order.
//
//     state_kill [--full | --kills N] [--seed S] [--round R] [--road local|tcp|bad_tcp]

#include "server/file_system.hpp"
#include "server/state_process.hpp"
#include "state_service.hpp"
#include "stress/state_kill/check.hpp"
#include "stress/state_kill/killer.hpp"
#include "stress/state_kill/road.hpp"
#include "stress/state_kill/watchers.hpp"
#include "stress/state_kill/writers.hpp"
#include "supervisor/link.hpp"
#include "supervisor/prepare.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>
#include <optional>
#include <string_view>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using namespace zproc::test::killing;

int failed(const char* what, const error_code& ec)
{
    std::fprintf(stderr, "state_kill: cannot %s: %s\n", what, ec.message().c_str());
    return EXIT_FAILURE;
}

/// The state process of a round: a service that may die as often as the killer likes.
class victim {
public:
    error_code start(asio::io_context& io, int listener)
    {
        error_code ec;
        link_ = supervision::link::make(io.get_executor(), ec);
        descriptor data;
        if (!ec && round_plan.on_disk)
            data = serving::open_data_directory(supervision::runtime_directory() + "/data", ec);
        if (ec)
            return ec;
        serving::host_options options;
        options.ring_capacity = round_plan.ring;
        options.secret = round_plan.secret;
        options.fsync = fsync_policy::never; // nobody kills the machine
        supervision::spawn_request request;
        request.run = &state_service;
        request.name = "zproc state";
        request.payload = serving::pack_options(options);
        request.descriptors = {listener};
        if (data)
            request.descriptors.push_back(data.get());
        request.service = true;
        request.restart = supervision::service_restarts();
        request.restart.limit.reset();
        listening_ = link_->listen();
        using started = void(error_code, supervision::started_child);
        link_->start(
            request, [this](supervision::notice n) { told(n); },
            detail::handler<started>([](error_code failed, supervision::started_child c) {
                if (failed)
                    page->lost = true;
                else
                    born(c.pid, 1);
            }));
        return {};
    }

    /// Lets the loop end.
    void let_go() { listening_.reset(); }

    std::vector<std::string> deaths; ///< other than by the killer

private:
    void told(const supervision::notice& n)
    {
        using kind = supervision::notice::kind;
        if (n.what == kind::gone || n.what == kind::lost) {
            page->lost = true;
        } else if ((n.what == kind::exited || n.pidfd) &&
                   (!n.exit.signalled || n.exit.number != SIGKILL)) {
            deaths.push_back("the state process ended by " +
                             std::string(n.exit.signalled ? "signal " : "exit ") +
                             std::to_string(n.exit.number));
        }
        if (n.what == kind::progress && n.pidfd)
            born(n.pid, n.attempt);
    }

    static void born(int pid, unsigned life)
    {
        page->server = pid;
        page->life = life;
    }

    std::shared_ptr<supervision::link> link_;
    supervision::link::interest listening_;
};

asio::awaitable<void> pause(std::chrono::milliseconds time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

/// What happens in a round; the violations found.
asio::awaitable<std::vector<std::string>> conduct(context ctx)
{
    auto state = ctx.state();
    std::vector<process<report>> watching;
    std::vector<process<report>> writing;
    for (unsigned i = 0; i != round_plan.watchers; ++i)
        watching.push_back(co_await ctx.spawn(&watch_until_the_end,
                                              static_cast<int>(round_plan.first_watcher + i)));
    for (unsigned i = 0; i != round_plan.writers; ++i)
        writing.push_back(co_await ctx.spawn(&write_until_told, static_cast<int>(i)));
    page->go = true;
    while (!page->killer_done && !page->lost)
        co_await pause(5ms);
    page->stop = true;
    std::vector<report> writers;
    for (auto& each : writing)
        writers.push_back(co_await each.result());

    // Who waits for an even count sees the end only if the last one was odd.
    std::uint64_t increments = 1;
    value count = co_await state.increment("count");
    if (count.get<std::int64_t>() % 2 == 0) {
        co_await state.increment("count");
        ++increments;
    }
    co_await state.set("end", true);
    std::vector<report> watchers;
    for (auto& each : watching)
        watchers.push_back(co_await each.result());
    const auto all = co_await state.snapshot();
    co_return check_everything(all, writers, watchers, increments).violations;
}

/// The main function of a round's program; its exit code is the number of violations.
int round_main()
{
    const pid_t killing = ::fork();
    if (killing == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (!page->go)
            ::usleep(1000);
        killer(round_plan.seed).run();
        page->killer_done = true;
        ::_exit(0);
    }
    const way there((test::sandbox::directory() / std::to_string(::getpid())).string());
    if (const auto ec = prepare())
        return failed("start a supervisor", ec);
    asio::io_context io(1);
    victim server;
    if (const auto ec = server.start(io, there.listener()))
        return failed("start a state process", ec);
    std::vector<std::string> violations;
    {
        context ctx(io.get_executor(),
                    context_options().address(there.address()).secret(round_plan.secret));
        asio::co_spawn(io, conduct(ctx),
                       [&](std::exception_ptr error, std::vector<std::string> found) {
                           violations = std::move(found);
                           try {
                               if (error)
                                   std::rethrow_exception(error);
                           } catch (const std::exception& e) {
                               violations.push_back(std::string("the round failed: ") + e.what());
                           }
                           server.let_go();
                       });
        io.run();
    }
    ::kill(killing, SIGKILL);
    ::waitpid(killing, nullptr, 0);
    violations.insert(violations.end(), server.deaths.begin(), server.deaths.end());
    if (round_plan.injected == fault::none)
        for (const auto& each : violations)
            std::fprintf(stderr, "state_kill: %s\n", each.c_str());
    return static_cast<int>(std::min<std::size_t>(violations.size(), 100));
}

/// Runs a round as a program of its own; the number of violations, -1 when it did not come so far.
/// Nothing of it may be left afterwards.
int run_round(const plan& what)
{
    round_plan = what;
    new (page) shared_page();
    return test::run_as_program(&round_main);
}

plan plan_of(unsigned round, unsigned seed, unsigned kills)
{
    plan p;
    p.seed = seed + round;
    p.kills = kills;
    p.first_watcher = (seed + round / 4) % 2 * 3;
    switch (round % 4) {
    case 0: // everything is carried, all the time
        p.padding = 300;
        break;
    case 1: // ever larger rings
        p.growing = p.replacing = true;
        p.padding = 900;
        break;
    case 2: // values beyond what a record repeats of the one before
        p.ring = 256 << 10;
        p.padding = 2500;
        p.replacing = true;
        break;
    case 3:
        p.ring = 4 << 20;
        p.writers = 4;
        p.padding = 20;
        break;
    }
    // Every kind of round on every road, in a while.
    p.on = static_cast<road>((round + round / 4) % 3);
    if (p.on != road::local && round % 4 < 2)
        p.secret = "only the writers know it";
    p.on_disk = round % 5 == 4;
    return p;
}

constexpr const char* usage = "state_kill [--full | --kills N] [--seed S] [--round R]\n"
                              "           [--road local|tcp|bad_tcp]\n";
constexpr const char* roads[] = {"local", "tcp", "bad_tcp"};

bool take(std::string_view name, std::optional<road>& out)
{
    for (std::size_t i = 0; i != std::size(roads); ++i)
        if (name == roads[i])
            out = static_cast<road>(i);
    return out.has_value();
}

constexpr unsigned rounds_to_notice = 10;

/// The checks are worth something only if they fail when something is wrong.
bool faults_are_noticed(unsigned seed)
{
    for (const auto injected : {fault::lost_write, fault::write_twice, fault::lost_event}) {
        // Chance decides whether a round shows it: on a slow machine one may pass without.
        bool noticed = false;
        for (unsigned round = 0; round != rounds_to_notice && !noticed; ++round) {
            plan p;
            p.seed = seed + round;
            p.kills = 2;
            p.writers = 2;
            p.watchers = 1;
            p.ring = 4 << 20;
            p.injected = injected;
            noticed = run_round(p) > 0;
        }
        if (!noticed) {
            std::fprintf(stderr, "state_kill: the injected fault %d was not noticed\n",
                         static_cast<int>(injected));
            return false;
        }
    }
    return true;
}

} // namespace

int main(int argc, char** argv)
{
    zproc::test::sandbox::enter(argv);
    unsigned kills = 20;
    unsigned a_round = 5;
    unsigned seed =
        static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
    int only = -1;
    std::optional<road> given;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto number = [&] { return i + 1 < argc ? std::atoi(argv[++i]) : 0; };
        if (name == "--full")
            kills = 1000;
        else if (name == "--kills")
            kills = static_cast<unsigned>(number());
        else if (name == "--seed")
            seed = static_cast<unsigned>(number());
        else if (name == "--round")
            only = number();
        else if (name == "--road" && i + 1 < argc && take(argv[i + 1], given))
            ++i;
        else
            return std::fprintf(stderr, "%s", usage), 2;
    }
    if (kills > 100)
        a_round = 25;

    page = static_cast<shared_page*>(::mmap(nullptr, sizeof(shared_page), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    bool well = faults_are_noticed(seed);
    std::printf("state_kill: seed %u, injected faults %s noticed\n", seed,
                well ? "are" : "are not");
    unsigned done = 0;
    unsigned bad = 0;
    for (unsigned round = 0; done < kills; ++round) {
        if (only >= 0)
            round = static_cast<unsigned>(only);
        auto p = plan_of(round, seed, std::min(a_round, kills - done));
        p.on = given.value_or(p.on);
        if (p.on == road::local)
            p.secret.clear();
        const auto start = std::chrono::steady_clock::now();
        const bool held = run_round(p) == 0;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        done += std::max(1u, page->kills.load());
        std::printf(
            "round %u, %s%s%s: %u kills (%u at birth, %u while replacing a ring), %llu "
            "acknowledged, %llu unknown, %llu events, %llu resyncs, %.1f s%s\n",
            round, roads[static_cast<int>(p.on)], p.secret.empty() ? "" : ", secret",
            p.on_disk ? ", disk" : "", page->kills.load(), page->at_birth.load(),
            page->in_replacement.load(), static_cast<unsigned long long>(page->acknowledged),
            static_cast<unsigned long long>(page->unknown),
            static_cast<unsigned long long>(page->events),
            static_cast<unsigned long long>(page->resyncs), took.count(), held ? "" : "  FAILED");
        std::fflush(stdout);
        bad += !held;
    }
    std::printf("state_kill: %u kills, %u rounds failed\n", done, bad);
    zproc::test::sandbox::leave();
    return well && bad == 0 ? 0 : 1;
}
