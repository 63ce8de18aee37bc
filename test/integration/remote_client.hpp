#pragma once

#include "integration/program.hpp"

#include <zproc.hpp>

#include <string>
#include <utility>

/// Clients of a server on another host, for all that they know.
namespace zproc::test {

namespace asio = boost::asio;

/// A program of its own that joins the server.
template <class Body>
bool joined(context_options options, Body body)
{
    return holds(body, std::move(options));
}

inline context_options at(const std::string& address)
{
    return context_options().address(address);
}

/// What the first request of a client comes to, and what it says about it.
inline bool refused(context_options options, errc expected, const char* advice)
{
    return joined(std::move(options), [=](context ctx, checks& check) -> asio::awaitable<void> {
        diagnostics why;
        const error_code ec = co_await code_of(ctx.state().get("k", why));
        check(ec == expected, (ec.message() + " is not what was expected").c_str());
        check(why.text.find(advice) != std::string::npos, why.text.c_str());
    });
}

inline void add_one(draft& d)
{
    const int before = d.contains("atomic") ? d["atomic"].get<int>() : 0;
    d["atomic"] = before + 1;
}

inline asio::awaitable<void> use(context ctx, checks& check)
{
    const auto state = ctx.state();
    co_await state.set("text", "over the network");
    check(co_await state.get("text") == "over the network", "set and get");
    const dict several = dict::of("a", 1, "b", 2);
    co_await state.update(several);
    check(co_await state.get("b") == 2, "update");
    co_await state.increment("count");
    co_await state.atomic(add_one);
    const value large(std::string(900'000, 'x'));
    co_await state.set("large", large);
    check(co_await state.get("large") == large, "what is larger than a packet");
    const pong answer = co_await ctx.ping();
    check(answer.pid > 0, "ping");
}

} // namespace zproc::test
