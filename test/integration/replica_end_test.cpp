// Replicas whose state process dies, is stopped or changes, and whose loop and context go.

#include "integration/program.hpp"
#include "integration/replicated.hpp"
#include "server/state_process.hpp"
#include "support/processes.hpp"
#include "support/witness.hpp"

#include <zproc.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using namespace zproc::test;

serving::host_options small_ring()
{
    serving::host_options options;
    options.ring_capacity = 64u << 10;
    return options;
}

/// An address that can be led elsewhere.
class crossroads {
public:
    explicit crossroads(const std::string& to) : path_(fresh_socket_path()) { lead_to(to); }
    ~crossroads() { std::filesystem::remove(path_); }
    crossroads(const crossroads&) = delete;
    crossroads& operator=(const crossroads&) = delete;

    void lead_to(const std::string& to)
    {
        std::filesystem::remove(path_);
        std::filesystem::create_symlink(to, path_);
    }
    context_options options() const { return context_options{}.address("unix://" + path_); }

private:
    std::string path_;
};

/// Killed and succeeded: a new ring has been announced when this returns.
void replace(server_process& server)
{
    server.kill();
    server.start();
    raw_writer(server.path()).set("successor", 1);
}

/// So much is written that the ring has to grow.
void outgrow(server_process& server)
{
    raw_writer writer(server.path());
    for (int i = 0; i != 40; ++i)
        writer.set("fill " + std::to_string(i), packed(std::string(6000, 'x')));
}

} // namespace

BOOST_AUTO_TEST_SUITE(replica_end)

/// Nothing can be committed while nobody is there: what was read last is the present. A read that
/// waited would wait for ever.
BOOST_AUTO_TEST_CASE(reads_go_on_while_the_state_process_is_dead_and_after)
{
    replicated here(small_ring(), context_options{}.request_timeout(24h));
    const auto r = here.open();
    const auto other = here.open("other");
    auto watched = here.w.state.when_change("n", {.own = true});
    for (int life = 1; life <= 5; ++life) {
        here.w.put("n", life);
        raw_writer(here.server.path()).set("n", -life, "other");
        here.server.kill();
        for (int i = 0; i != 3; ++i) {
            BOOST_TEST(r.get<int>("n") == life);
            BOOST_TEST(other.get<int>("n") == -life);
        }
        here.server.start();
        BOOST_TEST(r.get<int>("n") == life);
        here.w.put("n", 100 + life);
        BOOST_TEST(r.get<int>("n") == 100 + life);
        if (life == 3)
            outgrow(here.server);
        BOOST_TEST(other.get<int>("n") == -life);
        BOOST_TEST(r.items() == here.w.everything());
    }
    for (int i = 0; i != 10; ++i) { // and no watcher was disturbed
        const auto e = here.w.now([&](auto token) { return watched.next(token); });
        BOOST_TEST((e && e->kind == event_kind::change));
    }
}

BOOST_AUTO_TEST_CASE(reads_follow_the_state_process_that_a_context_started)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        const auto r = co_await state.replica();
        for (int i = 0; i != 3; ++i) { // as many successors as there are within ten seconds
            co_await state.set("n", i);
            const auto server = co_await ctx.ping();
            check(::kill(server.pid, SIGKILL) == 0, "killed");
            check(r.get<int>("n") == i, "meanwhile");
            co_await state.set("n", 10 + i);
            check(r.get<int>("n") == 10 + i, "the successor's");
        }
        co_await ctx.shutdown(10s);
        check(thrown_by([&] { return r.get("n"); }) == errc::state_lost, "it was stopped");
    }));
}

/// What a context does not hear of stands in shared memory.
BOOST_AUTO_TEST_CASE(state_that_was_stopped_is_lost_until_it_has_a_successor)
{
    replicated here;
    here.w.put("n", 1);
    const auto r = here.open();
    BOOST_TEST(here.server.stop() == 0);
    BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::state_lost));
    BOOST_TEST((thrown_by([&] { return r.size(); }) == errc::state_lost));
    here.server.start();
    here.w.put("n", 2);
    BOOST_TEST(r.get<int>("n") == 2);
}

BOOST_AUTO_TEST_CASE(another_state_at_the_address_of_the_new_ring_is_not_taken_for_ours)
{
    server_process ours;
    server_process another;
    raw_writer(another.path()).set("n", 99);
    crossroads address(ours.path());
    operation_world w(address.options());
    w.put("n", 1);
    const auto r = w.now([&](auto token) { return w.state.replica(token); });
    BOOST_TEST(r.get<int>("n") == 1);
    replace(ours);
    address.lead_to(another.path());
    BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::state_lost));
    address.lead_to(ours.path());
    BOOST_TEST(r.get<int>("n") == 1);
}

/// The connection meets another state; the old one is dead, and nothing in memory says so.
BOOST_AUTO_TEST_CASE(state_whose_context_finds_another_is_lost_and_the_new_one_can_be_replicated)
{
    server_process ours;
    server_process another;
    raw_writer(another.path()).set("n", 99);
    crossroads address(ours.path());
    operation_world w(address.options());
    w.put("n", 1);
    const auto r = w.now([&](auto token) { return w.state.replica(token); });
    ours.kill();
    address.lead_to(another.path());
    BOOST_TEST(r.get<int>("n") == 1);
    BOOST_TEST(w.look("n") == 99);
    BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::state_lost));
    const auto fresh = w.now([&](auto token) { return w.state.replica(token); });
    BOOST_TEST(fresh.get<int>("n") == 99);
    BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::state_lost));
}

BOOST_AUTO_TEST_CASE(new_ring_that_cannot_be_had_in_time_is_an_error_and_a_later_read_gets_it)
{
    server_process server;
    crossroads address(server.path());
    operation_world w(address.options().request_timeout(300ms));
    w.put("n", 1);
    const auto r = w.now([&](auto token) { return w.state.replica(token); });
    replace(server);
    {
        const frozen silent(server.pid());
        const auto before = std::chrono::steady_clock::now();
        BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::server_silent));
        BOOST_TEST((std::chrono::steady_clock::now() - before >= 300ms));
    }
    BOOST_TEST(r.get<int>("n") == 1);

    replace(server);
    address.lead_to(server.path() + " is not there");
    BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::server_absent));
    const auto plain = fresh_socket_path();
    BOOST_TEST(::close(::creat(plain.c_str(), 0600)) == 0);
    address.lead_to(plain);
    BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::server_absent));
    std::filesystem::remove(plain);

    error_code ec;
    const auto other = serving::make_listener(plain, ec);
    BOOST_REQUIRE(!ec);
    const pid_t stranger = in_a_process([&] {
        pollfd readable{other.get(), POLLIN, 0};
        ::poll(&readable, 1, 10'000);
        const descriptor met(::accept(other.get(), nullptr, nullptr));
        // Who leaves before it was asked anything may come back as somebody else.
        std::array<char, 4096> asked;
        if (::read(met.get(), asked.data(), asked.size()) <= 0)
            return 1;
        const std::string_view said = "HTTP/1.1 400 Bad Request\r\n\r\n";
        return ::write(met.get(), said.data(), said.size()) > 0 ? 0 : 1;
    });
    address.lead_to(plain);
    BOOST_TEST((thrown_by([&] { return r.get("n"); }) == errc::not_a_zproc_server));
    BOOST_TEST(exit_code(stranger) == 0);
    std::filesystem::remove(plain);
    address.lead_to(server.path());
    BOOST_TEST(r.get<int>("n") == 1);
}

/// The server does not answer, and dies while the read waits for it.
BOOST_AUTO_TEST_CASE(new_ring_is_waited_for_over_the_death_of_who_has_it)
{
    server_process server;
    int ends[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const descriptor here(ends[0]);
    const descriptor there(ends[1]);
    const auto path = server.path();
    char byte = 0;
    const pid_t reader = in_a_process([&] {
        operation_world w(context_options{}.address("unix://" + path));
        w.put("n", 1);
        const auto r = w.now([&](auto token) { return w.state.replica(token); });
        const bool told = ::write(there.get(), "x", 1) == 1 && ::read(there.get(), &byte, 1) == 1 &&
                          ::write(there.get(), "x", 1) == 1;
        return told && r.get<int>("n") == 1 && r.contains("successor") ? 0 : 1;
    });
    BOOST_TEST_REQUIRE(::read(here.get(), &byte, 1) == 1);
    replace(server);
    {
        const frozen silent(server.pid());
        BOOST_TEST_REQUIRE(::write(here.get(), "x", 1) == 1);
        BOOST_TEST_REQUIRE(::read(here.get(), &byte, 1) == 1);
        const auto waits = [&] {
            const auto all = all_processes();
            const auto it = std::ranges::find(all, reader, &process_entry::pid);
            return it == all.end() || it->state == 'S';
        };
        while (!waits())
            std::this_thread::yield();
        server.kill();
    }
    server.start();
    BOOST_TEST(exit_code(reader) == 0);
}

BOOST_AUTO_TEST_CASE(replica_works_while_the_loop_is_blocked_and_without_loop_and_context)
{
    std::optional<zproc::replica> r;
    server_process server(small_ring());
    {
        std::optional<operation_world> w(std::in_place,
                                         context_options{}.address("unix://" + server.path()));
        r.emplace(w->now([&](auto token) { return w->state.replica(token); }));
        bool ran = false;
        asio::post(w->io, [&] { // on the loop's only thread
            outgrow(server);
            BOOST_TEST(r->size() == 40u);
            replace(server);
            BOOST_TEST(r->size() == 41u);
            ran = true;
        });
        w->run();
        BOOST_TEST(ran);
        w->loop.reset();
        raw_writer(server.path()).set("n", 1);
        BOOST_TEST(r->get<int>("n") == 1);
        replace(server);
        BOOST_TEST(r->get<int>("n") == 1);
    }
    replace(server);
    outgrow(server);
    raw_writer(server.path()).set("n", 2);
    BOOST_TEST(r->get<int>("n") == 2);
    BOOST_TEST(r->size() == 42u);
    BOOST_TEST(server.stop() == 0);
    BOOST_TEST((thrown_by([&] { return r->get("n"); }) == errc::state_lost));
}

namespace {

/// One replica that is there, one that is being opened, and what they came from.
struct family {
    witness seen;
    std::optional<asio::io_context> io{std::in_place};
    std::optional<context> ctx;
    std::optional<zproc::state> state;
    std::optional<zproc::replica> r;

    family(const context_options& options, bool started)
    {
        ctx.emplace(*io, options);
        state.emplace(ctx->state());
        state->replica([&](error_code, zproc::replica opened) { r = std::move(opened); });
        io->run();
        state->replica(handler_with(seen, *state, *ctx));
        io->restart();
        if (started)
            io->poll();
    }
    void destroy(std::size_t which)
    {
        switch (which) {
        case 0: return io.reset();
        case 1: return ctx.reset();
        case 2: return state.reset();
        default: r.reset();
        }
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(everything_may_go_in_every_order)
{
    server_process server;
    raw_writer writer(server.path());
    writer.set("n", 0);
    std::array<std::size_t, 4> order{0, 1, 2, 3};
    int n = 0;
    do {
        family f(context_options{}.address("unix://" + server.path()), n % 2 == 0);
        for (const auto which : order) {
            f.destroy(which);
            writer.set("n", ++n);
            if (f.r)
                BOOST_TEST(f.r->get<int>("n") == n);
        }
        BOOST_TEST(f.seen.alive == 0);
    } while (std::ranges::next_permutation(order).found);
}

BOOST_AUTO_TEST_CASE(replica_opened_when_loop_or_state_is_gone_fails)
{
    operation_world w(context_options{}.address("unix:///nowhere/at/all"));
    outcome<zproc::replica> seen;
    w.state.replica([&](error_code ec, zproc::replica r) { seen(ec, std::move(r)); });
    w.run();
    BOOST_TEST((seen.code() == errc::server_absent));
    w.loop.reset();
    BOOST_TEST((thrown_by([&] {
                    w.state.replica([](error_code, const zproc::replica&) {});
                    return 0;
                }) == errc::context_gone));
}

BOOST_AUTO_TEST_SUITE_END()
