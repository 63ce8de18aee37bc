#pragma once

#include "integration/forked_root.hpp"
#include "support/in_a_root.hpp"
#include "support/operation_table.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

// Every completion token, as a way to run a row of the table.

namespace zproc::test {

namespace asio = boost::asio;

template <class Row>
using result_t = typename result_of_signature<typename Row::signature>::type;
template <class Row>
using outcome_t = outcome<result_t<Row>>;
template <class Row>
constexpr bool yields_nothing = std::is_same_v<result_t<Row>, std::tuple<>>;

template <class Signature>
constexpr bool throws = false;
template <class... Result>
constexpr bool throws<void(std::exception_ptr, Result...)> = true;

/// Runs a coroutine that yields what the row yields, or throws.
template <class Row, class Body>
outcome_t<Row> in_coroutine(operation_world& w, Body body)
{
    outcome_t<Row> seen;
    asio::co_spawn(
        w.io,
        [&]() -> asio::awaitable<void> {
            std::exception_ptr error;
            try {
                co_await body(seen);
            } catch (...) {
                error = std::current_exception();
            }
            if (error)
                seen(error);
        },
        asio::detached);
    w.run();
    return seen;
}

/// `co_await` of whatever the row's start returns, told to `seen`.
template <class Row>
asio::awaitable<void> tell(outcome_t<Row>& seen, auto operation)
{
    if constexpr (yields_nothing<Row>) {
        co_await std::move(operation);
        seen(error_code());
    } else {
        auto got = co_await std::move(operation);
        seen(error_code(), std::move(got));
    }
}

struct callback {
    static constexpr const char* name = "callback";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        outcome_t<Row> seen;
        bool inside = true;
        bool inline_completion = false;
        Row::start(w, [&](auto... result) {
            inline_completion = inside;
            seen(std::move(result)...);
        });
        inside = false;
        w.run();
        if (inline_completion)
            ++seen.times;
        return seen;
    }
};

/// A handler with a name is copied, not emptied.
struct named_callback {
    static constexpr const char* name = "named callback";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        auto seen = std::make_shared<outcome_t<Row>>();
        auto handler = [seen](auto... result) { (*seen)(std::move(result)...); };
        Row::start(w, handler);
        w.run();
        return seen.use_count() == 2 ? std::move(*seen) : outcome_t<Row>();
    }
};

/// A handler runs on its own executor, also when that is of another loop.
struct bound_callback {
    static constexpr const char* name = "callback of another executor";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        outcome_t<Row> seen;
        asio::io_context other;
        bool there = false;
        Row::start(w, asio::bind_executor(other.get_executor(), [&](auto... result) {
                       there = other.get_executor().running_in_this_thread();
                       seen(std::move(result)...);
                   }));
        for (int turn = 0; turn != 10 && !seen.done(); ++turn) {
            w.run();
            other.restart();
            other.poll(); // where the function of a transaction runs, too
        }
        return there ? std::move(seen) : outcome_t<Row>();
    }
};

struct future {
    static constexpr const char* name = "use_future";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        outcome_t<Row> seen;
        auto promised = Row::start(w, asio::use_future);
        w.run();
        try {
            if constexpr (yields_nothing<Row>) {
                promised.get();
                seen(error_code());
            } else {
                seen(error_code(), promised.get());
            }
        } catch (...) {
            seen(std::current_exception());
        }
        return seen;
    }
};

struct no_token {
    static constexpr const char* name = "co_await without a token";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        return in_coroutine<Row>(w, [&](auto& seen) -> asio::awaitable<void> {
            if constexpr (yields_nothing<Row>) {
                co_await Row::start(w);
                seen(error_code());
            } else {
                auto got = co_await Row::start(w);
                seen(error_code(), std::move(got));
            }
        });
    }
};

struct awaitable {
    static constexpr const char* name = "use_awaitable";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        return in_coroutine<Row>(
            w, [&](auto& seen) { return tell<Row>(seen, Row::start(w, asio::use_awaitable)); });
    }
};

struct tuple {
    static constexpr const char* name = "as_tuple(use_awaitable)";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        return in_coroutine<Row>(w, [&](auto& seen) -> asio::awaitable<void> {
            auto all = co_await Row::start(w, asio::as_tuple(asio::use_awaitable));
            std::apply(seen, std::move(all));
        });
    }
};

/// Packaged now, started later, and inert until then.
struct deferred {
    static constexpr const char* name = "deferred";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        outcome_t<Row> seen;
        auto operation = Row::start(w, asio::deferred);
        w.run();
        std::move(operation)([&](auto... result) { seen(std::move(result)...); });
        w.run();
        return seen;
    }
};

struct yield {
    static constexpr const char* name = "yield_context";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        outcome_t<Row> seen;
        asio::spawn(
            w.io,
            [&](asio::yield_context here) {
                try {
                    take<Row>(w, here, seen);
                } catch (const system_error& e) {
                    seen(e.code());
                }
            },
            asio::detached);
        w.run();
        return seen;
    }

private:
    template <class Row>
    static void take(operation_world& w, asio::yield_context here, outcome_t<Row>& seen)
    {
        if constexpr (throws<typename Row::signature>) {
            // With an exception_ptr Boost 1.81's yield_context throws it even when it is null.
            std::apply(seen, Row::start(w, asio::as_tuple(here)));
        } else if constexpr (yields_nothing<Row>) {
            Row::start(w, here);
            seen(error_code());
        } else {
            seen(error_code(), Row::start(w, here));
        }
    }
};

struct either {
    static constexpr const char* name = "|| of awaitable_operators";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        using namespace asio::experimental::awaitable_operators;
        return in_coroutine<Row>(w, [&](auto& seen) -> asio::awaitable<void> {
            asio::steady_timer never(w.io, asio::steady_timer::time_point::max());
            auto first = co_await (Row::start(w, asio::use_awaitable) ||
                                   never.async_wait(asio::use_awaitable));
            if constexpr (yields_nothing<Row>) {
                if (first.index() == 0)
                    seen(error_code());
            } else {
                if (first.index() == 0)
                    seen(error_code(), std::get<0>(std::move(first)));
            }
        });
    }
};

struct both {
    static constexpr const char* name = "&& of awaitable_operators";
    template <class Row>
    static outcome_t<Row> run(operation_world& w)
    {
        using namespace asio::experimental::awaitable_operators;
        return in_coroutine<Row>(w, [&](auto& seen) -> asio::awaitable<void> {
            auto two = Row::start(w, asio::use_awaitable) && w.ctx.ping(asio::use_awaitable);
            if constexpr (yields_nothing<Row>) {
                co_await std::move(two);
                seen(error_code());
            } else {
                auto all = co_await std::move(two);
                // The operator puts tuples together.
                if constexpr (std::is_same_v<Row, spawn_all_row>)
                    seen(error_code(), {std::get<0>(all), std::get<1>(all)});
                else
                    seen(error_code(), std::get<0>(std::move(all)));
            }
        });
    }
};

/// It is cancelled, wherever it has come to; then everything goes on.
template <class Row>
void lose(operation_world& w, checks& check)
{
    using namespace asio::experimental::awaitable_operators;
    const auto cell = std::string(Row::name) + " that loses";
    w.empty();
    Row::before(w);
    bool ended = false;
    asio::co_spawn(
        w.io,
        [&]() -> asio::awaitable<void> {
            co_await (Row::start(w, asio::use_awaitable) || asio::post(w.io, asio::use_awaitable));
        },
        [&](std::exception_ptr) { ended = true; });
    w.run();
    check(ended, (cell + ": ends").c_str());
    check(w.server() > 0, (cell + ": the next one works").c_str());
    Row::after(w);
}

template <class Token, class Row>
void try_cell(operation_world& w, checks& check)
{
    const auto cell = std::string(Row::name) + " with " + Token::name;
    w.empty();
    Row::before(w);
    auto seen = Token::template run<Row>(w);
    check(seen.times == 1, (cell + ": completes once").c_str());
    check(!seen.error, (cell + ": no error, but " + seen.code().message()).c_str());
    if (seen.good()) {
        if constexpr (yields_nothing<Row>)
            check(Row::right(w), (cell + ": is right").c_str());
        else
            check(Row::right(w, *seen.value), (cell + ": is right").c_str());
    }
    Row::after(w);
}

/// A row of cells is a program of its own.
template <class Token, class Rows>
bool holds_for_all()
{
    return in_a_root([](checks& check) {
        operation_world w;
        [&]<class... Row>(std::tuple<Row...>*) {
            (try_cell<Token, Row>(w, check), ...);
        }(static_cast<Rows*>(nullptr));
    });
}

using all_tokens = std::tuple<callback, named_callback, bound_callback, future, no_token, awaitable,
                              tuple, deferred, yield, either, both>;
using some_tokens = std::tuple<callback, no_token>;

} // namespace zproc::test
