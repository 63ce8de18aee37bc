// Leases over real sockets: what a holder that does nothing, or nothing any more, costs others.

#include "integration/forked_root.hpp"
#include "support/server_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <ctime>
#include <vector>

#include <poll.h>
#include <signal.h>

using namespace zproc;
using namespace zproc::protocol;
using namespace std::chrono_literals;
using test::forked_root;
using test::packed;
using test::raw_client;
using test::say;
using test::server_process;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto lease = 250ms;
constexpr std::uint64_t round_trip = 125'000'000; ///< half of it

/// A process that has the turn at everything, and does nothing with it.
struct idle_holder : forked_root {
    explicit idle_holder(const server_process& server)
        : forked_root([&] {
              raw_client client(server.path());
              client.greet();
              const auto reply = client.get<turn_reply>(turn_request{1, "n", {}, true, round_trip});
              say("lease", static_cast<long>(reply.lease / 1'000'000));
              ::pause();
              return 0;
          })
    {
        BOOST_TEST(number("lease") >= 1);
    }
};

void begin_to_set(raw_client& client, int times = 1)
{
    static const auto one = packed(1);
    buffer out;
    for (int i = 0; i != times; ++i)
        write_request(out, 1, set_request{client.by(), "n", "k", one});
    client.send(out);
}

bool answered(raw_client& client, std::chrono::milliseconds patience)
{
    pollfd one_socket{client.socket(), POLLIN, 0};
    return ::poll(&one_socket, 1, static_cast<int>(patience.count())) == 1;
}

std::chrono::nanoseconds cpu_time_of(pid_t pid)
{
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        return {};
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

} // namespace

BOOST_AUTO_TEST_SUITE(leases)

BOOST_AUTO_TEST_CASE(holder_that_was_stopped_delays_others_by_its_lease)
{
    server_process server;
    raw_client other(server.path());
    other.greet();
    const auto before = steady::now();
    idle_holder holder(server);
    ::kill(holder.pid(), SIGSTOP);
    begin_to_set(other);
    const auto reply = other.receive();
    BOOST_TEST(!reply.error.failed());
    BOOST_TEST((steady::now() - before >= lease)); // nothing else ends its turn
    ::kill(holder.pid(), SIGCONT);
}

/// The end of a process is seen at once: nobody waits for a lease to pass.
BOOST_AUTO_TEST_CASE(holder_that_was_killed_delays_nobody)
{
    server_process server;
    raw_client other(server.path());
    other.greet();
    bool at_once = false;
    for (int tries = 0; tries != 10 && !at_once; ++tries) {
        idle_holder holder(server);
        begin_to_set(other);
        const bool waited = !answered(other, 20ms);
        const auto before = steady::now();
        ::kill(holder.pid(), SIGKILL);
        BOOST_TEST(!other.receive().error.failed());
        // Once is enough: on a busy machine even this may take as long as a lease.
        at_once = waited && steady::now() - before < lease / 2;
    }
    BOOST_TEST(at_once);
}

BOOST_AUTO_TEST_CASE(server_sleeps_while_somebody_waits_for_a_lease_to_pass)
{
    server_process server;
    raw_client other(server.path());
    other.greet();
    idle_holder holder(server);
    const auto before = cpu_time_of(server.pid());
    BOOST_TEST(before.count() > 0);
    begin_to_set(other);
    BOOST_TEST(!other.receive().error.failed());
    BOOST_TEST((cpu_time_of(server.pid()) - before < lease / 10));
}

BOOST_AUTO_TEST_CASE(lease_ends_in_time_while_the_server_looks_for_requests)
{
    serving::host_options options;
    options.busy_poll = std::chrono::nanoseconds(1s).count();
    bool in_time = false;
    for (int tries = 0; tries != 5 && !in_time; ++tries) {
        server_process server(options);
        raw_client other(server.path());
        other.greet();
        for (int i = 0; i != 100; ++i) { // it sees that they follow each other closely
            begin_to_set(other);
            BOOST_TEST(!other.receive().error.failed());
        }
        const auto before = steady::now();
        idle_holder holder(server);
        begin_to_set(other);
        BOOST_TEST(!other.receive().error.failed());
        in_time = steady::now() - before < lease + lease / 2; // on a busy machine, not each time
    }
    BOOST_TEST(in_time);
}

BOOST_AUTO_TEST_CASE(parked_client_that_hangs_up_is_let_go_and_nothing_is_applied)
{
    bool nothing = false;
    // On a busy machine the lease may be over before it is made use of.
    for (int tries = 0; tries != 5 && !nothing; ++tries) {
        server_process server;
        raw_client third(server.path());
        third.greet();
        idle_holder holder(server);
        const auto before = cpu_time_of(server.pid());
        {
            raw_client other(server.path());
            other.greet();
            begin_to_set(other, 5000); // more than is read at once
        }
        begin_to_set(third); // waits for the same lease
        BOOST_TEST(!third.receive().error.failed());
        nothing = third.get<get_reply>(get_request{"n", "k"}).revision == 1u;
        if (nothing)
            BOOST_TEST((cpu_time_of(server.pid()) - before < lease / 5));
    }
    BOOST_TEST(nothing);
}

BOOST_AUTO_TEST_SUITE_END()
