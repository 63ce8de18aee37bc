// What all handles of a process share: who waits, who stops waiting, and what happens when the
// process, the supervisor or the loop ends first. The process itself is played by the test.

#include "supervisor/call_message.hpp"
#include "supervisor/channel.hpp"
#include "supervisor/messages.hpp"

#include <zproc/error.hpp>
#include <zproc/process.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;

int answer()
{
    return 42;
}

/// Counts what the core asks of its context.
class counting_control final : public detail::process_control {
public:
    std::shared_ptr<void> listen() override
    {
        ++listening;
        return {this, [](counting_control* self) { --self->listening; }};
    }

    void stop(std::uint64_t child, std::optional<std::chrono::nanoseconds> wanted) override
    {
        ++stops;
        stopped = child;
        grace = wanted;
    }

    std::atomic<int> listening{0};
    std::atomic<int> stops{0};
    std::uint64_t stopped = 0;
    std::optional<std::chrono::nanoseconds> grace;
};

struct fixture {
    asio::io_context io;
    std::shared_ptr<counting_control> control = std::make_shared<counting_control>();
    std::shared_ptr<detail::process_core> core =
        std::make_shared<detail::process_core>(io.get_executor(), control, "eater", "cookie_eater");
    process<int> handle{core};
    descriptor channel;

    fixture()
    {
        error_code ec;
        const auto sent = core->open_channel(detail::make_call(answer), {}, "settings", ec);
        BOOST_REQUIRE(!ec);
        channel.reset(sent.front());
    }

    /// As the process does that returns `value`.
    void return_value(int value)
    {
        BOOST_REQUIRE(!supervision::send_packet(channel.get(), supervision::packet_kind::result,
                                                detail::pack(value)));
    }

    void exit_with(int code, bool signalled = false)
    {
        supervision::exit_report report;
        report.signalled = signalled;
        report.number = code;
        report.user_time = 3ms;
        report.max_resident_kib = 2;
        core->exited(report, 0);
    }
};

std::string printed(const detail::process_handle& handle)
{
    std::ostringstream out;
    out << handle;
    return out.str();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process_core, fixture)

BOOST_AUTO_TEST_CASE(call_reaches_the_process_before_it_is_started)
{
    error_code ec;
    const auto packet = supervision::receive_packet(channel.get(), false, ec);
    BOOST_REQUIRE(packet.has_value());
    const auto call = supervision::decode_call(packet->body);
    BOOST_REQUIRE(call.has_value());
    BOOST_TEST(call->name == "eater");
    BOOST_TEST(call->settings == "settings");
    BOOST_TEST(call->owner == ::getpid());
}

BOOST_AUTO_TEST_CASE(open_channel_fails_as_the_call_did)
{
    auto call = detail::make_call(answer);
    call.failure = errc::no_build_id;
    error_code ec;
    BOOST_TEST(core->open_channel(call, {}, "", ec).empty());
    BOOST_TEST(ec == error_code(errc::no_build_id));
}

BOOST_AUTO_TEST_CASE(result_completes_for_every_copy_also_later)
{
    core->started(7, ::getpid(), -1);
    auto first = handle.result(asio::use_future);
    auto copy = handle;
    auto second = copy.result(asio::use_future);
    auto waited = handle.wait(asio::use_future);
    BOOST_TEST(control->listening == 3);
    io.poll();
    return_value(42);
    exit_with(0);
    BOOST_TEST(control->listening == 0);
    io.restart();
    io.run();
    BOOST_TEST(first.get() == 42);
    BOOST_TEST(second.get() == 42);
    const auto info = waited.get();
    BOOST_TEST(info.success());
    BOOST_TEST((info.usage.user_time == 3ms));
    BOOST_TEST(info.usage.max_resident_bytes == 2048u);

    auto late = handle.result(asio::use_future);
    io.restart();
    io.run();
    BOOST_TEST(late.get() == 42);
}

BOOST_AUTO_TEST_CASE(result_never_completes_inline)
{
    return_value(1);
    exit_with(0);
    int calls = 0;
    handle.result([&](std::exception_ptr, int) { ++calls; });
    BOOST_TEST(calls == 0);
    io.run();
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(result_fails_when_it_is_of_another_type)
{
    BOOST_REQUIRE(!supervision::send_packet(channel.get(), supervision::packet_kind::result, "xy"));
    exit_with(0);
    auto result = handle.result(asio::use_future);
    io.run();
    BOOST_CHECK_EXCEPTION(result.get(), system_error,
                          [](const system_error& e) { return e.code() == errc::not_serializable; });
}

BOOST_AUTO_TEST_CASE(result_throws_when_the_process_failed_after_returning)
{
    return_value(42);
    exit_with(SIGSEGV, true);
    auto result = handle.result(asio::use_future);
    io.run();
    BOOST_CHECK_THROW(result.get(), process_crashed);
}

BOOST_AUTO_TEST_CASE(cancel_drops_only_this_waiter)
{
    for (const auto kind : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                            asio::cancellation_type::total}) {
        const auto fresh =
            std::make_shared<detail::process_core>(io.get_executor(), control, "x", "x");
        const process<> one(fresh);
        asio::cancellation_signal signal;
        error_code seen;
        bool other = false;
        one.wait(asio::bind_cancellation_slot(signal.slot(),
                                              [&](error_code ec, const exit_info&) { seen = ec; }));
        one.wait([&](error_code, const exit_info&) { other = true; });
        BOOST_TEST(control->listening == 2);
        signal.emit(kind);
        BOOST_TEST(control->listening == 1);
        BOOST_TEST(!seen); // never inline
        io.restart();
        io.poll();
        BOOST_TEST(seen == asio::error::operation_aborted);
        BOOST_TEST(!other);
        signal.emit(kind); // nothing is left to cancel
        fresh->exited({}, 0);
        io.restart();
        io.run();
        BOOST_TEST(other);
        BOOST_TEST(control->listening == 0);
    }
}

BOOST_AUTO_TEST_CASE(cancel_of_a_coroutine_leaves_the_process_alone)
{
    asio::cancellation_signal signal;
    std::exception_ptr thrown;
    asio::co_spawn(
        io, [](process<int> p) -> asio::awaitable<void> { co_await p.result(); }(handle),
        asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { thrown = e; }));
    io.poll();
    signal.emit(asio::cancellation_type::terminal);
    io.restart();
    io.run();
    BOOST_CHECK_EXCEPTION(std::rethrow_exception(thrown), system_error, [](const system_error& e) {
        return e.code() == asio::error::operation_aborted;
    });
    BOOST_TEST(control->stops == 0);
}

BOOST_AUTO_TEST_CASE(stop_asks_the_supervisor_and_completes_at_the_end)
{
    core->started(7, ::getpid(), -1);
    auto stopped = handle.stop(300ms, asio::use_future);
    auto again = handle.stop(asio::use_future);
    BOOST_TEST(control->stops == 2);
    BOOST_TEST(control->stopped == 7u);
    BOOST_TEST((stopped.wait_for(0s) == std::future_status::timeout));
    exit_with(SIGTERM, true);
    io.run();
    stopped.get();
    again.get();

    auto late = handle.stop(asio::use_future);
    io.restart();
    io.run();
    late.get();
    BOOST_TEST(control->stops == 2);
}

BOOST_AUTO_TEST_CASE(stop_is_remembered_until_the_process_has_started)
{
    auto stopped = handle.stop(300ms, asio::use_future);
    BOOST_TEST(control->stops == 0);
    core->started(7, ::getpid(), -1);
    BOOST_TEST(control->stops == 1);
    BOOST_TEST((control->grace == 300ms));
    exit_with(SIGTERM, true);
    io.run();
    stopped.get();
}

BOOST_AUTO_TEST_CASE(lost_completes_every_operation_with_its_code)
{
    auto waited = handle.wait(asio::use_future);
    auto result = handle.result(asio::use_future);
    auto stopped = handle.stop(asio::use_future);
    core->lost(errc::supervisor_lost);
    io.run();
    const auto is_lost = [](const system_error& e) { return e.code() == errc::supervisor_lost; };
    BOOST_CHECK_EXCEPTION(waited.get(), system_error, is_lost);
    BOOST_CHECK_EXCEPTION(result.get(), system_error, is_lost);
    BOOST_CHECK_EXCEPTION(stopped.get(), system_error, is_lost);
    BOOST_TEST(printed(handle).ends_with(" lost>"));
}

BOOST_AUTO_TEST_CASE(abandon_drops_handlers_uncalled_and_later_ones_fail)
{
    struct guard {
        bool* gone;
        ~guard() { *gone = true; }
    };
    bool called = false;
    bool destroyed = false;
    handle.wait([&called, held = std::make_unique<guard>(guard{&destroyed}),
                 copy = handle](error_code, const exit_info&) { called = true; });
    destroyed = false; // temporaries of the initialisation
    auto deferred = handle.wait(asio::deferred);
    core->abandon();
    BOOST_TEST(destroyed);
    BOOST_TEST(!called);
    BOOST_TEST(control->listening == 0);

    const auto is_gone = [](const system_error& e) { return e.code() == errc::context_gone; };
    BOOST_CHECK_EXCEPTION(static_cast<void>(handle.wait(asio::use_future)), system_error, is_gone);
    BOOST_CHECK_EXCEPTION(static_cast<void>(handle.stop()), system_error, is_gone);

    // The operation was made before: completes on the executor of its handler.
    asio::thread_pool pool(1);
    std::promise<error_code> promise;
    std::move(deferred)(
        asio::bind_executor(pool, [&](error_code ec, const exit_info&) { promise.set_value(ec); }));
    BOOST_TEST(promise.get_future().get() == error_code(errc::context_gone));
    pool.join();
    exit_with(0); // too late to matter
}

BOOST_AUTO_TEST_CASE(empty_handle_answers_everything)
{
    const process<int> none;
    BOOST_TEST(!none);
    BOOST_TEST(none.pid() == 0);
    BOOST_TEST(none.name() == "");
    BOOST_TEST(!none.running());
    BOOST_TEST(none.native_handle() == -1);
    BOOST_TEST(none.interrupt() == error_code(errc::process_gone));
    BOOST_TEST(printed(none) == "<no process>");
    const auto is_gone = [](const system_error& e) { return e.code() == errc::process_gone; };
    BOOST_CHECK_EXCEPTION(none.wait(asio::use_future).get(), system_error, is_gone);
    BOOST_CHECK_EXCEPTION(none.result(asio::use_future).get(), system_error, is_gone);
    BOOST_CHECK_EXCEPTION(none.stop(asio::use_future).get(), system_error, is_gone);
}

BOOST_AUTO_TEST_CASE(print_says_who_where_and_how)
{
    BOOST_TEST(printed(handle).starts_with("<process 'eater' pid 0 function cookie_eater owner "));
    BOOST_TEST(printed(handle).ends_with(" starting>"));
    BOOST_TEST(handle.running());
    core->started(7, 4711, -1);
    BOOST_TEST(printed(handle).find("pid 4711") != std::string::npos);
    exit_with(3);
    BOOST_TEST(printed(handle).ends_with(" exited with code 3>"));
    BOOST_TEST(!handle.running());
    BOOST_TEST((handle.status() == process_status::failed));
}

BOOST_AUTO_TEST_CASE(fork_of_the_owner_gets_wrong_process)
{
    const pid_t child = ::fork();
    if (child == 0) {
        const bool refused = handle.terminate() == errc::wrong_process;
        error_code seen;
        handle.wait([&](error_code ec, const exit_info&) { seen = ec; });
        io.run();
        ::_exit(refused && seen == errc::wrong_process ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
    BOOST_TEST(control->stops == 0);
}

BOOST_AUTO_TEST_CASE(operations_from_many_threads_complete_once_each)
{
    constexpr int threads = 4;
    constexpr int each = 200;
    asio::thread_pool pool(threads);
    const auto shared =
        std::make_shared<detail::process_core>(pool.get_executor(), control, "x", "x");
    const process<int> p(shared);
    std::atomic<int> completed{0};
    std::atomic<int> cancelled{0};
    std::vector<std::thread> callers;
    for (int t = 0; t != threads; ++t)
        callers.emplace_back([&] {
            for (int i = 0; i != each; ++i) {
                asio::cancellation_signal signal;
                p.wait(asio::bind_cancellation_slot(
                    signal.slot(),
                    [&](error_code ec, const exit_info&) { ec ? ++cancelled : ++completed; }));
                signal.emit(asio::cancellation_type::terminal);
                p.result([&](std::exception_ptr, int) { ++completed; });
                static_cast<void>(p.running());
                static_cast<void>(printed(p));
            }
        });
    std::this_thread::yield();
    shared->exited({}, 0);
    for (auto& caller : callers)
        caller.join();
    pool.join();
    BOOST_TEST(completed + cancelled == 2 * threads * each);
    BOOST_TEST(completed >= threads * each);
    BOOST_TEST(control->listening == 0);
}

BOOST_AUTO_TEST_SUITE_END()
