#pragma once

#include "integration/program.hpp"
#include "support/in_a_root.hpp"
#include "support/server_fixture.hpp"

#include <zproc.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>

// One suite for everything that answers a state handle. A case is a template over the engine, and
// asks it what it can: what an engine lacks is not assumed of it.

namespace zproc::test {

/// What not every engine has.
struct capabilities {
    bool consecutive_revisions = true; ///< one transaction, one more
    bool exact_missed = true;
    bool values_before = true; ///< events say what was there
    bool origins = true;
    bool past = true; ///< at, history, diff, revision_at
    bool processes = true;
};

/// A state process that a supervisor keeps, over a Unix socket.
struct unix_engine {
    static constexpr capabilities can{};

    template <class Body>
    static bool holds(Body body, context_options options = {})
    {
        return test::holds(body, std::move(options));
    }
};

/// State and clients in one loop of one process, at an address.
struct own_loop {
    template <class Body>
    static bool holds(Body body, std::string_view address, context_options options)
    {
        return in_a_root([&](checks& check) {
            boost::asio::io_context io(1);
            server own(io.get_executor(), options);
            diagnostics why;
            if (own.listen(address, &why))
                throw std::runtime_error(why.text);
            own.run(boost::asio::detached);
            context ctx(io, options.address(own.addresses().front()));
            bool ended = false;
            boost::asio::co_spawn(
                io, [&]() -> boost::asio::awaitable<void> { co_await body(ctx, check); },
                [&](std::exception_ptr error) {
                    ended = true;
                    try {
                        if (error)
                            std::rethrow_exception(error);
                    } catch (const std::exception& e) {
                        check(false, e.what());
                    }
                });
            // The server would keep the loop busy for ever.
            while (!ended)
                io.run_one();
        });
    }
};

struct embedded_engine {
    static constexpr capabilities can{.processes = false};

    template <class Body>
    static bool holds(Body body, context_options options = {})
    {
        return own_loop::holds(body, "unix://" + fresh_socket_path(), std::move(options));
    }
};

/// The same over the network, where the journal is read in a mirror.
struct tcp_engine {
    static constexpr capabilities can{.processes = false};

    template <class Body>
    static bool holds(Body body, context_options options = {})
    {
        return own_loop::holds(body, "tcp://127.0.0.1:0",
                               std::move(options.secret("a secret of 22 bytes.")));
    }
};

using engines = std::tuple<unix_engine, embedded_engine, tcp_engine>;

} // namespace zproc::test

/// A case of the suite: a coroutine of `ctx` and `check`.
#define ZPROC_CONFORMS(name)                                                                       \
    static boost::asio::awaitable<void> name##_body(zproc::context ctx,                            \
                                                    zproc::test::checks& check);                   \
    BOOST_AUTO_TEST_CASE_TEMPLATE(name, Engine, zproc::test::engines)                              \
    {                                                                                              \
        BOOST_TEST(Engine::holds(name##_body));                                                    \
    }                                                                                              \
    static boost::asio::awaitable<void> name##_body(zproc::context ctx, zproc::test::checks& check)
