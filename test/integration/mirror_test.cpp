// A copy of the journal over TCP that takes its time: whoever waits for it can be called back, gives
// up in time, and is told when the writer is too fast for it.

#include "support/in_a_root.hpp"
#include "support/server_fixture.hpp"

#include <zproc.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using asio::ip::tcp;
using test::checks;
using test::in_a_root;

constexpr auto waited = asio::as_tuple(asio::use_awaitable);

/// Stands before a server, in the client's own loop: what the server says goes on piece by piece, as
/// the test allows.
class relay {
public:
    relay(asio::io_context& io, std::uint16_t server)
        : io_(io),
          server_(asio::ip::address_v4::loopback(), server),
          acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          changed_(io, asio::steady_timer::time_point::max())
    {
        asio::co_spawn(io_, accept(), asio::detached);
    }

    std::string address() const
    {
        return "tcp://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

    /// So many bytes more from the server.
    void allow(std::size_t bytes)
    {
        allowed_ += bytes;
        waiting_ = false;
        changed_.cancel();
    }
    /// Everything, from now on.
    void open() { allow(std::size_t{1} << 40); }
    /// All that was allowed is used up, and there is more to come.
    asio::awaitable<void> stalled()
    {
        return stalled_or([] { return false; });
    }
    asio::awaitable<void> stalled_or(std::function<bool()> done)
    {
        while (!waiting_ && !done()) {
            asio::steady_timer timer(io_, 1ms);
            co_await timer.async_wait(asio::use_awaitable);
        }
    }
    /// The connections there are; new ones are taken.
    void cut()
    {
        for (auto& each : std::exchange(sockets_, {}))
            each->close();
        changed_.cancel();
    }
    void close()
    {
        acceptor_.close();
        closed_ = true;
        cut();
    }

private:
    using socket = std::shared_ptr<tcp::socket>;

    asio::awaitable<void> accept()
    {
        for (;;) {
            auto [ec, client] = co_await acceptor_.async_accept(waited);
            if (ec)
                co_return;
            auto near = std::make_shared<tcp::socket>(std::move(client));
            auto far = std::make_shared<tcp::socket>(io_);
            co_await far->async_connect(server_, waited);
            sockets_.push_back(near);
            sockets_.push_back(far);
            asio::co_spawn(io_, pass_on(near, far, false), asio::detached);
            asio::co_spawn(io_, pass_on(far, near, true), asio::detached);
        }
    }

    asio::awaitable<void> pass_on(socket from, socket to, bool limited)
    {
        std::array<char, 16384> bytes;
        for (;;) {
            auto size = bytes.size();
            while (limited && allowed_ == 0 && from->is_open()) {
                co_await from->async_wait(tcp::socket::wait_read, waited);
                waiting_ = true;
                co_await changed_.async_wait(waited);
                waiting_ = false;
            }
            if (limited)
                size = std::min(size, allowed_);
            if (!from->is_open())
                break;
            const auto [ec, count] =
                co_await from->async_read_some(asio::buffer(bytes.data(), size), waited);
            if (limited)
                allowed_ -= std::min(allowed_, count);
            if (!ec)
                co_await asio::async_write(*to, asio::buffer(bytes.data(), count), waited);
            if (ec)
                break;
        }
        to->close();
    }

    asio::io_context& io_;
    tcp::endpoint server_;
    tcp::acceptor acceptor_;
    asio::steady_timer changed_;
    std::size_t allowed_ = 0;
    bool waiting_ = false;
    bool closed_ = false;
    std::vector<socket> sockets_;
};

/// A server with so many values of ten kilobytes, in a thread of its own.
struct full_server {
    test::server_thread server;
    test::raw_client near{server.path()};
    std::string large = std::string(10'000, 'x');

    explicit full_server(unsigned values, serving::host_options options = {})
        : server(std::move(options), "tcp://127.0.0.1:0")
    {
        static_cast<void>(near.greet());
        for (unsigned i = 0; i != values; ++i)
            set("key " + std::to_string(i));
    }
    void set(const std::string& key)
    {
        const auto value = test::packed(large);
        static_cast<void>(near.get<protocol::mutation_reply>(
            protocol::set_request{near.by(), "default", key, value}));
    }
};

/// Enough to greet and to ask, and far less than fills a mirror.
constexpr std::size_t a_little = 20'000;

/// Runs `body(context, relay)` with a client behind a relay.
template <class Body>
void behind_a_relay(full_server& far, checks& check, std::chrono::nanoseconds patience, Body body)
{
    asio::io_context io(1);
    relay between(io, far.server.tcp_address().port);
    {
        context ctx(io, context_options{}.address(between.address()).request_timeout(patience));
        asio::co_spawn(io, body(ctx, between), [&](std::exception_ptr error) {
            check(!error, "it went through");
            between.close();
        });
        io.run();
    }
}

/// Everything that waits for the mirror.
template <class Start>
asio::awaitable<void> is_called_back(context ctx, Start start, checks& check, const char* what)
{
    asio::cancellation_signal back;
    std::optional<error_code> ended;
    start(asio::bind_cancellation_slot(back.slot(),
                                       [&ended](error_code ec, auto&&...) { ended = ec; }));
    asio::steady_timer timer(ctx.get_executor(), 20ms); // it is on its way
    co_await timer.async_wait(asio::use_awaitable);
    check(!ended, what);
    back.emit(asio::cancellation_type::terminal);
    while (!ended) {
        timer.expires_after(1ms);
        co_await timer.async_wait(asio::use_awaitable);
    }
    check(*ended == asio::error::operation_aborted, what);
}

} // namespace

BOOST_AUTO_TEST_SUITE(mirror_over_tcp)

BOOST_AUTO_TEST_CASE(who_waits_for_it_can_be_called_back)
{
    BOOST_TEST(in_a_root([](checks& check) {
        full_server far(300);
        behind_a_relay(
            far, check, 30s, [&check](context ctx, relay& between) -> asio::awaitable<void> {
                between.allow(a_little);
                const auto state = ctx.state();
                co_await is_called_back(
                    ctx, [&](auto done) { ctx.sync(std::move(done)); }, check, "sync");
                co_await between.stalled();
                co_await is_called_back(
                    ctx, [&](auto done) { state.replica(std::move(done)); }, check, "replica");
                co_await is_called_back(
                    ctx, [&](auto done) { ctx.sync(std::move(done)); }, check, "sync again");
                between.open();
                co_await ctx.sync();
                const auto r = co_await state.replica();
                check(r.size() == 300, "it is filled all the same");
            });
    }));
}

BOOST_AUTO_TEST_CASE(who_waits_for_it_gives_up_in_time_and_may_ask_again)
{
    BOOST_TEST(in_a_root([](checks& check) {
        full_server far(300);
        behind_a_relay(far, check, 300ms,
                       [&check](context ctx, relay& between) -> asio::awaitable<void> {
                           between.allow(a_little);
                           const auto [late] = co_await ctx.sync(waited);
                           check(late == asio::error::timed_out, late.message().c_str());
                           const auto [later, none] = co_await ctx.state().replica(waited);
                           check(later == asio::error::timed_out, later.message().c_str());
                           between.open();
                           co_await ctx.sync();
                           const auto r = co_await ctx.state().replica();
                           check(r.size() == 300, "it is filled in the end");
                       });
    }));
}

/// A little each time: nobody gives up while there is progress.
BOOST_AUTO_TEST_CASE(slow_filling_is_waited_for)
{
    BOOST_TEST(in_a_root([](checks& check) {
        full_server far(300);
        behind_a_relay(far, check, 300ms,
                       [&check](context ctx, relay& between) -> asio::awaitable<void> {
                           std::optional<error_code> filled;
                           ctx.sync([&](error_code ec) { filled = ec; });
                           const auto begun = std::chrono::steady_clock::now();
                           asio::steady_timer timer(ctx.get_executor());
                           while (std::chrono::steady_clock::now() - begun < 900ms) {
                               between.allow(20'000);
                               timer.expires_after(10ms);
                               co_await timer.async_wait(asio::use_awaitable);
                           }
                           check(!filled, "it takes longer than a request may");
                           between.open();
                           while (!filled) {
                               timer.expires_after(1ms);
                               co_await timer.async_wait(asio::use_awaitable);
                           }
                           check(!*filled, filled->message().c_str());
                       });
    }));
}

/// No connection lasts as long as filling takes.
BOOST_AUTO_TEST_CASE(filling_goes_on_in_the_next_connection)
{
    BOOST_TEST(in_a_root([](checks& check) {
        full_server far(300);
        behind_a_relay(far, check, 30s,
                       [&check](context ctx, relay& between) -> asio::awaitable<void> {
                           std::optional<error_code> filled;
                           ctx.sync([&](error_code ec) { filled = ec; });
                           int cuts = 0;
                           while (!filled && cuts != 60) {
                               between.allow(300'000); // of three millions
                               co_await between.stalled_or([&] { return filled.has_value(); });
                               between.cut();
                               ++cuts;
                           }
                           check(filled && !*filled, "it was filled");
                           check(cuts >= 9, "by several connections");
                           between.open();
                           const auto r = co_await ctx.state().replica();
                           check(r.size() == 300, "with everything");
                       });
    }));
}

/// What is written fills the ring faster than it can be copied, all the time.
BOOST_AUTO_TEST_CASE(writer_that_is_too_fast_is_an_error)
{
    BOOST_TEST(in_a_root([](checks& check) {
        serving::host_options options;
        options.ring_capacity = 8 << 20; // more than is under way at once
        full_server far(0, options);
        for (int i = 0; i != 1700; ++i) // the ring is full
            far.set("key " + std::to_string(i % 5));
        behind_a_relay(far, check, 300ms,
                       [&](context ctx, relay& between) -> asio::awaitable<void> {
                           between.allow(a_little);
                           std::optional<error_code> ended;
                           ctx.sync([&](error_code ec) { ended = ec; });
                           asio::steady_timer timer(ctx.get_executor());
                           while (!ended) {
                               for (int i = 0; i != 40; ++i)
                                   far.set("key " + std::to_string(i % 5));
                               between.allow(20'000);
                               timer.expires_after(2ms);
                               co_await timer.async_wait(asio::use_awaitable);
                           }
                           check(*ended == errc::journal_overrun, ended->message().c_str());
                           between.open();
                           co_await ctx.sync();
                           const auto r = co_await ctx.state().replica();
                           check(r.size() == 5, "it is filled when the writer rests");
                       });
    }));
}

/// It reads nothing for longer than the server lets anybody keep it waiting.
BOOST_AUTO_TEST_CASE(client_that_awaits_nothing_keeps_its_connection)
{
    BOOST_TEST(in_a_root([](checks& check) {
        serving::host_options options;
        options.read_within = 1;
        full_server far(10, options);
        asio::io_context io(1);
        context ctx(io, context_options{}.address(protocol::to_string(far.server.tcp_address())));
        std::optional<replica> r;
        ctx.state().replica([&](error_code, replica made) { r.emplace(std::move(made)); });
        io.run();
        io.restart();
        // Much more than sockets hold, while the server looks after its clients several times.
        const auto begun = std::chrono::steady_clock::now();
        int written = 0;
        while (written < 2000 || std::chrono::steady_clock::now() - begun < 2s)
            far.set("key " + std::to_string(++written % 10));
        far.set("key last");
        ctx.sync([&](error_code ec) { check(!ec, ec.message().c_str()); });
        io.run();
        check(ctx.reconnections() == 0, "it is the same connection");
        check(r && r->contains("key last"), "and brings what was missed");
    }));
}

BOOST_AUTO_TEST_CASE(plain_fork_leaves_it_alone)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::io_context io(1);
        zproc::server own(io.get_executor());
        check(!own.listen("tcp://127.0.0.1:0"), "it listens");
        own.run(asio::detached);
        context ctx(io, context_options{}.address(own.addresses().front()));
        bool done = false;
        asio::co_spawn(
            io,
            [](context there, zproc::server& here, checks& all) -> asio::awaitable<void> {
                const auto state = there.state();
                co_await state.set("n", 1);
                const auto r = co_await state.replica();
                const pid_t fork = ::fork();
                if (fork == 0) {
                    error_code ec;
                    try {
                        static_cast<void>(r.get("n"));
                    } catch (const system_error& e) {
                        ec = e.code();
                    }
                    ::_exit(ec == errc::wrong_process ? 0 : 1);
                }
                int status = -1;
                ::waitpid(fork, &status, 0);
                all(status == 0, "the copy says that it is one");
                co_await state.set("n", 2);
                co_await there.sync();
                all(r.get("n") == 2, "the original goes on");
                here.stop();
            }(ctx, own, check),
            [&](std::exception_ptr error) { done = !error; });
        io.run();
        check(done, "all of it was done");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
