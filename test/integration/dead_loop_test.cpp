// Every initiating function on a loop that is gone: the table is test/support/.

#include "integration/forked_root.hpp"
#include "support/in_a_root.hpp"
#include "support/operation_table.hpp"
#include "support/witness.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <string>
#include <tuple>
#include <utility>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

bool is_gone(const std::exception_ptr& e)
{
    try {
        if (e)
            std::rethrow_exception(e);
    } catch (const system_error& error) {
        return error.code() == errc::context_gone;
    }
    return false;
}

template <class F>
bool says_gone(F f)
{
    try {
        f();
    } catch (...) {
        return is_gone(std::current_exception());
    }
    return false;
}

/// A world of its own on the server of another, ready for the row.
template <class Row>
struct prepared : operation_world {
    explicit prepared(operation_world& base)
        : operation_world(context_options{}.address(base.ctx.address()))
    {
        empty();
        Row::before(*this);
    }
};

template <class Row>
void drop_what_is_pending(operation_world& base, const std::string& cell, checks& check)
{
    prepared<Row> w(base);
    witness seen;
    {
        const frozen server(base.server());
        Row::start(w, handler_with(seen, w.state, w.child));
        w.poll();
    }
    const int called = seen.called;
    w.loop.reset();
    check(seen.alive == 0, (cell + ": its handler goes with the loop").c_str());
    check(seen.called == called, (cell + ": uncalled").c_str());
}

template <class Row>
void refuse_what_is_new(operation_world& base, const std::string& cell, checks& check)
{
    prepared<Row> w(base);
    witness seen;
    w.loop.reset();
    check(says_gone([&] { Row::start(w, handler_with(seen)); }), (cell + ": is refused").c_str());
    check(says_gone([&] { static_cast<void>(Row::start(w, asio::deferred)); }),
          (cell + ": is refused when it is made").c_str());
    check(seen.alive == 0 && seen.called == 0, (cell + ": no handler is called").c_str());
}

/// A coroutine elsewhere can catch it.
template <class Row>
void refuse_a_coroutine(operation_world& base, const std::string& cell, checks& check)
{
    prepared<Row> w(base);
    asio::io_context other;
    w.loop.reset();
    std::exception_ptr error;
    asio::co_spawn(
        other,
        [&]() -> asio::awaitable<void> {
            auto operation = Row::start(w, asio::use_awaitable);
            static_cast<void>(co_await std::move(operation));
        },
        [&](std::exception_ptr e) { error = e; });
    other.run();
    check(is_gone(error), (cell + ": throws in a coroutine of another loop").c_str());
}

/// What was made before completes where its handler wants to run.
template <class Row>
void fail_what_was_made_before(operation_world& base, const std::string& cell, checks& check)
{
    prepared<Row> w(base);
    asio::io_context other;
    outcome<typename result_of_signature<typename Row::signature>::type> seen;
    auto operation = Row::start(w, asio::deferred);
    w.loop.reset();
    std::move(operation)(
        asio::bind_executor(other, [&](auto... result) { seen(std::move(result)...); }));
    check(!seen.done(), (cell + ": not within the call").c_str());
    other.run();
    check(seen.times == 1 && is_gone(seen.error), (cell + ": completes elsewhere").c_str());
}

bool holds_for_all_rows(auto body)
{
    return in_a_root([&](checks& check) {
        operation_world base;
        base.server();
        [&]<class... Row>(std::tuple<Row...>*) {
            (body(base, std::string(Row::name), check, static_cast<Row*>(nullptr)), ...);
        }(static_cast<all_operations*>(nullptr));
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(dead_loop)

BOOST_AUTO_TEST_CASE(pending_operation_is_dropped_uncalled)
{
    BOOST_TEST(holds_for_all_rows(
        []<class Row>(operation_world& base, const std::string& cell, checks& check, Row*) {
            drop_what_is_pending<Row>(base, cell, check);
        }));
}

BOOST_AUTO_TEST_CASE(new_operation_is_refused)
{
    BOOST_TEST(holds_for_all_rows(
        []<class Row>(operation_world& base, const std::string& cell, checks& check, Row*) {
            refuse_what_is_new<Row>(base, cell, check);
        }));
}

BOOST_AUTO_TEST_CASE(new_operation_throws_into_a_coroutine_of_another_loop)
{
    BOOST_TEST(holds_for_all_rows(
        []<class Row>(operation_world& base, const std::string& cell, checks& check, Row*) {
            refuse_a_coroutine<Row>(base, cell, check);
        }));
}

BOOST_AUTO_TEST_CASE(operation_made_before_fails_on_its_handlers_executor)
{
    BOOST_TEST(holds_for_all_rows(
        []<class Row>(operation_world& base, const std::string& cell, checks& check, Row*) {
            fail_what_was_made_before<Row>(base, cell, check);
        }));
}

BOOST_AUTO_TEST_SUITE_END()
