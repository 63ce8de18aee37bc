// Every initiating function with every kind of cancellation, before its request is written and
// after: the table is test/support/, and says what is documented for each row.

#include "integration/forked_root.hpp"
#include "supervisor/prepare.hpp"
#include "support/in_a_root.hpp"
#include "support/operation_table.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

template <class Row>
using result_t = typename result_of_signature<typename Row::signature>::type;

struct kind {
    const char* name;
    asio::cancellation_type type;
};

constexpr kind kinds[] = {
    {"total", asio::cancellation_type::total},
    {"partial", asio::cancellation_type::partial},
    {"terminal", asio::cancellation_type::terminal},
};

/// One operation that can be cancelled.
template <class Row>
struct attempt {
    asio::cancellation_signal signal;
    outcome<result_t<Row>> seen;

    void start(operation_world& w)
    {
        Row::start(w, asio::bind_cancellation_slot(
                          signal.slot(), [this](auto... result) { seen(std::move(result)...); }));
    }
};

/// What the row yields is right, wherever it may be looked at.
template <class Row>
bool is_right(operation_world& w, const outcome<result_t<Row>>& seen)
{
    if (!seen.good())
        return false;
    if constexpr (std::is_same_v<result_t<Row>, std::tuple<>>)
        return Row::right(w);
    else
        return Row::right(w, *seen.value);
}

template <class Row>
constexpr bool asks_the_server =
    Row::cancelled == cancels::as_read || Row::cancelled == cancels::as_mutation;

/// A watcher whose `next()` was cancelled has lost nothing.
void check_next_event(operation_world& w, operation_world& writer, const std::string& cell,
                      checks& check)
{
    writer.put("key", 9);
    const auto e = w.now([&](auto token) { return w.watched->next(token); });
    check(e && e->changes.size() == 1 && e->changes[0].after == 9, (cell + ": loses none").c_str());
}

/// The server greets nobody: whatever is asked for stays in the queue.
template <class Row>
void cancel_before_it_is_written(operation_world& w, const kind& k, bool at_once, checks& check)
{
    const auto cell =
        std::string(Row::name) + ", " + k.name + (at_once ? " at once" : " before it is written");
    w.empty();
    Row::before(w);
    const auto before = w.everything();
    operation_world late(context_options{}.address(w.ctx.address()));
    attempt<Row> it;
    {
        const frozen server(w.server());
        if (w.watched)
            late.watched.emplace(late.state.when_change("key"));
        it.start(late);
        if (!at_once)
            late.poll();
        it.signal.emit(k.type);
        if (asks_the_server<Row>)
            late.run(); // the server is not needed for it to end
        else
            late.poll();
        check(it.seen.times == 1, (cell + ": completes").c_str());
        check(it.seen.code() == asio::error::operation_aborted, (cell + ": is aborted").c_str());
    }
    late.run();
    check(it.seen.times == 1, (cell + ": completes once").c_str());
    check(w.everything() == before, (cell + ": is not applied").c_str());
    if constexpr (std::is_same_v<Row, next_row>)
        check_next_event(late, w, cell, check);
    Row::after(w);
}

/// The server has the request, and does not answer.
template <class Row>
void cancel_after_it_is_written(operation_world& w, const kind& k, checks& check)
{
    const auto cell = std::string(Row::name) + ", " + k.name + " after it is written";
    w.empty();
    Row::before(w);
    const auto pid = w.server();
    attempt<Row> it;
    const bool effective = k.type == asio::cancellation_type::terminal;
    {
        const frozen server(pid);
        it.start(w);
        w.poll();
        check(!it.seen.done(), (cell + ": waits").c_str());
        it.signal.emit(k.type);
        w.poll();
        check(it.seen.done() == effective, (cell + ": only a terminal one ends it").c_str());
        if (effective)
            w.run(); // the server is not needed for it to end
    }
    w.run();
    check(it.seen.times == 1, (cell + ": completes once").c_str());
    if (!effective)
        check(is_right<Row>(w, it.seen), (cell + ": does its work").c_str());
    else if (Row::cancelled == cancels::as_mutation)
        check(it.seen.code() == errc::outcome_unknown, (cell + ": is unknown").c_str());
    else
        check(it.seen.code() == asio::error::operation_aborted, (cell + ": is aborted").c_str());
    Row::after(w);
}

/// What every kind aborts at every moment: here, while nothing that it waits for happens.
template <class Row>
void cancel_while_it_waits(operation_world& w, const kind& k, checks& check)
{
    const auto cell = std::string(Row::name) + ", " + k.name;
    w.empty();
    Row::before(w);
    if (w.watched)
        w.watched.emplace(w.ctx.state().when_change("key"));
    if (w.child && !w.other)
        w.spawn(sleep_long);
    const auto child = w.child;
    attempt<Row> it;
    {
        const frozen server(w.server());
        const auto unregistered = w.state.when_change("other"); // a spawn waits for that
        it.start(w);
        w.poll();
        if (!it.seen.done()) { // the supervisor may be quick
            it.signal.emit(k.type);
            w.poll();
            check(it.seen.times == 1, (cell + ": completes").c_str());
            check(it.seen.code() == asio::error::operation_aborted,
                  (cell + ": is aborted").c_str());
        } else {
            check(std::is_base_of_v<stop_row, Row> || std::is_same_v<Row, shutdown_row>,
                  (cell + ": waits").c_str());
        }
    }
    w.run();
    check(it.seen.times == 1, (cell + ": completes once").c_str());
    if constexpr (std::is_same_v<Row, next_row>)
        check_next_event(w, w, cell, check);
    if (child && std::is_base_of_v<stop_row, Row>)
        w.now([&](auto token) { return child.wait(token); }); // it goes on
    else if (child)
        w.now([&](auto token) { return child.stop(token); });
    Row::after(w);
}

/// A cancellation that comes too late, or is none, changes nothing.
template <class Row>
void cancel_after_its_end(operation_world& w, const kind& k, checks& check)
{
    const auto cell = std::string(Row::name) + ", " + k.name + " too late";
    w.empty();
    Row::before(w);
    attempt<Row> it;
    it.start(w);
    it.signal.emit(asio::cancellation_type::none);
    w.run();
    it.signal.emit(k.type);
    w.run();
    check(is_right<Row>(w, it.seen), (cell + ": did its work").c_str());
    it.signal.emit(k.type);
    Row::after(w);
}

template <class Body>
void for_all_cells(Body body)
{
    operation_world w;
    [&]<class... Row>(std::tuple<Row...>*) {
        for (const auto& k : kinds)
            (body(w, k, static_cast<Row*>(nullptr)), ...);
    }(static_cast<all_operations*>(nullptr));
}

} // namespace

BOOST_AUTO_TEST_SUITE(cancellation)

BOOST_AUTO_TEST_CASE(queued_operation_is_aborted_and_not_applied)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for_all_cells([&]<class Row>(operation_world& w, const kind& k, Row*) {
            if constexpr (asks_the_server<Row> || std::is_base_of_v<atomic_row, Row> ||
                          std::is_same_v<Row, next_row> || std::is_same_v<Row, watcher_row>) {
                cancel_before_it_is_written<Row>(w, k, true, check);
                cancel_before_it_is_written<Row>(w, k, false, check);
            }
        });
    }));
}

BOOST_AUTO_TEST_CASE(written_operation_is_ended_by_a_terminal_one_only)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for_all_cells([&]<class Row>(operation_world& w, const kind& k, Row*) {
            if constexpr (asks_the_server<Row>)
                cancel_after_it_is_written<Row>(w, k, check);
        });
    }));
}

BOOST_AUTO_TEST_CASE(waiting_operation_is_aborted_by_every_kind)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for_all_cells([&]<class Row>(operation_world& w, const kind& k, Row*) {
            if constexpr (Row::cancelled == cancels::always)
                cancel_while_it_waits<Row>(w, k, check);
        });
    }));
}

/// The supervisor has the request, and does not answer.
BOOST_AUTO_TEST_CASE(spawn_that_was_asked_for_is_ended_by_a_terminal_one_only)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for (const auto& k : kinds) {
            operation_world w;
            w.server();
            const bool effective = k.type == asio::cancellation_type::terminal;
            asio::cancellation_signal signal;
            outcome<process<int>> seen;
            {
                const frozen supervisor(supervision::current()->supervisor);
                w.ctx.spawn(sleep_long, asio::bind_cancellation_slot(
                                            signal.slot(), [&](error_code ec, process<int> p) {
                                                seen(ec, std::move(p));
                                            }));
                w.poll();
                check(!seen.done(), "the spawn waits");
                signal.emit(k.type);
                w.poll();
                check(seen.done() == effective, "only a terminal one ends it");
            }
            w.run();
            check(seen.times == 1, "it completes once");
            if (effective)
                check(seen.code() == asio::error::operation_aborted, "it is aborted");
            else if (seen.good())
                w.now([&](auto token) { return seen.value->stop(token); });
            // What was started all the same is stopped.
            w.now([&](auto token) { return w.ctx.wait(token); });
        }
    }));
}

BOOST_AUTO_TEST_CASE(completed_operation_is_not_touched)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for_all_cells([&]<class Row>(operation_world& w, const kind& k, Row*) {
            cancel_after_its_end<Row>(w, k, check);
        });
    }));
}

BOOST_AUTO_TEST_SUITE_END()
