#pragma once

#include <zproc/context.hpp>
#include <zproc/server.hpp>
#include <zproc/swarm.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <signal.h>

namespace zproc::test {

namespace asio = boost::asio;

/// What an initiating function did, whatever the token said it with.
template <class T>
struct outcome {
    int times = 0; ///< it was told; more than once is a failure, too
    std::exception_ptr error;
    std::optional<T> value;

    bool done() const noexcept { return times > 0; }
    bool good() const noexcept { return times == 1 && !error; }

    error_code code() const
    {
        if (!error)
            return {};
        try {
            std::rethrow_exception(error);
        } catch (const system_error& e) {
            return e.code();
        } catch (...) {
            return boost::system::errc::make_error_code(boost::system::errc::state_not_recoverable);
        }
    }

    // As a handler is called.
    void operator()(error_code ec, T v = {})
    {
        (*this)(ec ? std::make_exception_ptr(system_error(ec)) : nullptr, std::move(v));
    }
    void operator()(std::exception_ptr e, T v = {})
    {
        ++times;
        error = std::move(e);
        if (!error)
            value.emplace(std::move(v));
    }
};

/// The result type of a completion signature; an empty tuple for none.
template <class Signature>
struct result_of_signature {
    using type = std::tuple<>;
};
template <class Error, class T>
struct result_of_signature<void(Error, T)> {
    using type = T;
};

/// A loop and a context on it, with what the rows of the table work on.
struct operation_world {
    std::optional<asio::io_context> loop{std::in_place};
    asio::io_context& io = *loop;
    zproc::context ctx;
    zproc::state state;
    diagnostics why;
    std::uint64_t mark = 0; ///< a revision, for the row at hand

    std::optional<watcher> watched;
    origin author;
    process<int> child;
    std::optional<zproc::context> other;
    std::optional<zproc::server> own;
    std::optional<zproc::swarm> workers;
    std::optional<swarm_stream<int>> results;
    std::optional<progress_stream> followed;
    task_id task;

    explicit operation_world(context_options options = {})
        : ctx(io, std::move(options)), state(ctx.state())
    {
    }

    /// The loop comes to its end by itself, after each single operation.
    void run()
    {
        io.restart();
        io.run();
    }
    void poll()
    {
        io.restart();
        io.poll();
    }

    /// What `start(token)` yields, at once.
    template <class Start>
    auto now(Start start)
    {
        auto future = start(asio::use_future);
        run();
        return future.get();
    }

    template <class T>
    void put(std::string_view key, T to)
    {
        now([&](auto token) { return state.set(key, to, token); });
    }
    value look(std::string_view key)
    {
        return now([&](auto token) { return state.get_or(key, value(), token); });
    }
    dict everything()
    {
        return now([&](auto token) { return state.snapshot(token); });
    }
    std::uint64_t revision()
    {
        return now([&](auto token) { return state.snapshot(token); }).revision();
    }
    void empty()
    {
        now([&](auto token) { return state.clear(token); });
    }
    template <class F>
    void spawn(F f)
    {
        child = now([&](auto token) { return ctx.spawn(f, token); });
    }
    pid_t server()
    {
        return now([&](auto token) { return ctx.ping(token); }).pid;
    }
};

/// A process that does not answer while this lives.
class frozen {
public:
    explicit frozen(pid_t pid) : pid_(pid) { ::kill(pid_, SIGSTOP); }
    frozen(const frozen&) = delete;
    frozen& operator=(const frozen&) = delete;
    ~frozen() { ::kill(pid_, SIGCONT); }

private:
    pid_t pid_;
};

} // namespace zproc::test
