// What dies when, and in which order: at every moment of a scenario, and in every order of the
// loop, the context and the handles. AddressSanitizer is the judge of most of it.

#include "integration/forked_root.hpp"
#include "support/in_a_root.hpp"
#include "support/operation_table.hpp"
#include "support/witness.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

template <class Row>
using result_t = typename result_of_signature<typename Row::signature>::type;

/// True when `f()` throws `errc::context_gone`.
template <class F>
bool says_gone(F f)
{
    try {
        f();
    } catch (const system_error& e) {
        return e.code() == errc::context_gone;
    }
    return false;
}

context_options at(const operation_world& w)
{
    return context_options{}.address(w.ctx.address());
}

// At every moment -------------------------------------------------------------------------------

/// A bit of everything, with handles that live in the coroutine's frame.
asio::awaitable<void> scenario(context ctx, witness::mark mark)
{
    auto state = ctx.state();
    co_await state.clear();
    auto changes = ctx.state().when_change("a");
    auto ready = state.when_available("ready");
    co_await state.set("a", 1);
    static_cast<void>(co_await changes.next());
    auto child = co_await ctx.spawn(seven);
    static_cast<void>(co_await state.atomic(add_to_key, 2));
    co_await state.set("ready", true);
    static_cast<void>(co_await ready.next());
    static_cast<void>(co_await child.result());
    co_await ctx.wait();
    mark.call();
}

/// The scenario on a loop and in a context of its own, up to its n-th handler.
struct moment {
    witness seen;
    std::optional<asio::io_context> io{std::in_place};
    std::optional<context> ctx;

    moment(int n, const context_options& options)
    {
        ctx.emplace(*io, options);
        asio::co_spawn(*io, scenario(*ctx, witness::mark(seen)), asio::detached);
        for (int i = 0; i != n && io->run_one() != 0; ++i) {}
    }
    bool ended() const { return seen.called == 1; }
};

/// Calls `end(moment, n)` for every n until the scenario comes to its end by itself.
template <class End>
void at_every_moment(const context_options& options, checks& check, End end)
{
    bool ended = false;
    int n = 0;
    for (; !ended && n != 1000; ++n) {
        moment here(n, options);
        ended = here.ended();
        end(here, "handler " + std::to_string(n));
        check(here.seen.alive == 0, ("nothing is kept after handler " + std::to_string(n)).c_str());
    }
    check(ended && n > 10, "the scenario comes to its end");
}

void end_loop_first(moment& m, const std::string& when, checks& check)
{
    const int called = m.seen.called;
    m.io.reset();
    check(m.seen.alive == 0, (when + ": the coroutine went with the loop").c_str());
    check(m.seen.called == called, (when + ": and was not resumed").c_str());
    check(says_gone([&] { static_cast<void>(m.ctx->state().get("a")); }),
          (when + ": gone").c_str());
    m.ctx.reset();
}

// In every order --------------------------------------------------------------------------------

/// One of each, with everything pending that can be.
struct household {
    witness seen;
    std::optional<asio::io_context> io{std::in_place};
    std::optional<context> ctx;
    std::optional<zproc::state> state;
    std::optional<watcher> watched;
    std::optional<process<int>> child;
    std::function<void()> later; ///< starts an operation that was made before

    household(const context_options& options, bool on_a_strand)
    {
        if (on_a_strand)
            ctx.emplace(asio::any_io_executor(asio::make_strand(*io)), options);
        else
            ctx.emplace(*io, options);
        state.emplace(ctx->state());
        watched.emplace(state->when_change("never"));
        ctx->spawn(seven, [&](error_code, process<int> p) { child = p; });
        io->run();
    }

    /// Handlers own handles, so that some are the last.
    void start_everything()
    {
        state->set("a", 1, handler_with(seen, *state, *ctx));
        state->atomic(add_to_key, 1, handler_with(seen, *ctx));
        watched->next(handler_with(seen, *child));
        state->when_change("never")(handler_with(seen));
        child->wait(handler_with(seen, *child, *ctx));
        child->stop(handler_with(seen, *child));
        ctx->ping(handler_with(seen, *ctx));
        ctx->spawn(seven, handler_with(seen, *state));
        ctx->wait(handler_with(seen, *ctx));
        // As everywhere in Asio, an operation that was made holds its executor, and a strand must
        // not be let go of after its loop.
        if (ctx->get_executor().target<asio::strand<asio::io_context::executor_type>>())
            return;
        auto operation = std::make_shared<decltype(state->get("a", asio::deferred))>(
            state->get("a", asio::deferred));
        later = [operation, this] { (*operation)(handler_with(seen)); };
    }
    static constexpr int pending = 9;

    static constexpr std::size_t kinds = 6;
    void destroy(std::size_t which)
    {
        switch (which) {
        case 0: return io.reset();
        case 1: return ctx.reset();
        case 2: return state.reset();
        case 3: return watched.reset();
        case 4: return child.reset();
        default: later = nullptr;
        }
    }

    /// What is still there answers when the loop does not.
    bool says_gone_everywhere()
    {
        if (ctx && !(says_gone([&] { static_cast<void>(ctx->ping()); }) &&
                     says_gone([&] { static_cast<void>(ctx->spawn(seven)); }) &&
                     says_gone([&] { static_cast<void>(ctx->state().when_change("a")); })))
            return false;
        if (state && !(says_gone([&] { static_cast<void>(state->get("a")); }) &&
                       says_gone([&] { static_cast<void>(state->atomic(write_key)); })))
            return false;
        if (watched) {
            watched->cancel();
            watched->go_live();
            if (watched->missed() != 0 || !says_gone([&] { static_cast<void>(watched->next()); }))
                return false;
        }
        if (child && (child->pid() <= 0 || !says_gone([&] { static_cast<void>(child->wait()); }) ||
                      !says_gone([&] { static_cast<void>(child->result()); })))
            return false;
        return !later || says_gone(later);
    }
};

void destroy_in_every_order(checks& check, bool on_a_strand)
{
    operation_world w;
    w.put("a", 0);
    std::array<std::size_t, household::kinds> order{0, 1, 2, 3, 4, 5};
    unsigned number = 0;
    do {
        household h(at(w), on_a_strand);
        // None, all, or all and as far as they come at once.
        if (const auto progress = number++ % 3; progress != 0) {
            h.start_everything();
            if (progress == 2) {
                h.io->restart();
                h.io->poll();
            }
        }
        const int called = h.seen.called;
        std::string text = on_a_strand ? "on a strand, order" : "order";
        for (const auto which : order) {
            text += ' ' + std::to_string(which);
            h.destroy(which);
            if (h.io)
                continue;
            check(h.seen.alive == 0, (text + ": handlers are dropped").c_str());
            check(h.says_gone_everywhere(), (text + ": later calls say so").c_str());
        }
        check(h.seen.alive == 0 && h.seen.called == called, (text + ": uncalled").c_str());
    } while (std::ranges::next_permutation(order).found);
}

} // namespace

BOOST_AUTO_TEST_SUITE(lifetime)

BOOST_AUTO_TEST_CASE(loop_may_go_at_every_moment)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        w.server();
        at_every_moment(at(w), check, [&](moment& m, const std::string& when) {
            end_loop_first(m, when, check);
        });
    }));
}

BOOST_AUTO_TEST_CASE(loop_may_go_at_every_moment_of_starting_a_server)
{
    BOOST_TEST(in_a_root([](checks& check) {
        for (int n = 0; n != 25; ++n) {
            moment here(n, {});
            end_loop_first(here, "handler " + std::to_string(n), check);
        }
    }));
}

BOOST_AUTO_TEST_CASE(context_may_go_before_the_loop_at_every_moment)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        w.server();
        at_every_moment(at(w), check, [](moment& m, const std::string&) {
            m.ctx.reset();
            m.io.reset();
        });
    }));
}

BOOST_AUTO_TEST_CASE(context_may_go_at_every_moment_and_what_is_pending_goes_on)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        w.server();
        at_every_moment(at(w), check, [&](moment& m, const std::string& when) {
            m.ctx.reset();
            m.io->run();
            check(m.ended(), (when + ": the scenario ends well").c_str());
        });
    }));
}

BOOST_AUTO_TEST_CASE(everything_may_go_in_every_order)
{
    BOOST_TEST(in_a_root([](checks& check) { destroy_in_every_order(check, false); }, 240));
}

BOOST_AUTO_TEST_CASE(everything_may_go_in_every_order_on_a_strand)
{
    BOOST_TEST(in_a_root([](checks& check) { destroy_in_every_order(check, true); }, 240));
}

/// Handles go in every order while the loop runs on: each handler is called once, and then the
/// loop comes to its end by itself.
BOOST_AUTO_TEST_CASE(handles_may_go_in_every_order_and_what_is_pending_completes)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        w.put("a", 0);
        std::array<std::size_t, 4> order{1, 2, 3, 4};
        int puts = 0;
        do {
            household h(at(w), false);
            h.start_everything();
            h.later();
            h.later = nullptr;
            for (const auto which : order)
                h.destroy(which);
            h.io->restart();
            // One waits for a change; the others come to their end by themselves.
            while (h.seen.called != household::pending && h.io->run_one() != 0) {}
            w.put("never", ++puts);
            h.io->run();
            check(h.seen.called == household::pending + 1, "each is called once");
            check(h.seen.alive == 0, "and gone");
        } while (std::ranges::next_permutation(order).found);
    }));
}

BOOST_AUTO_TEST_SUITE_END()
