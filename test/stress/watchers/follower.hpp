#pragma once

#include "stress/watchers/sightings.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

namespace zproc::test::watching {

namespace asio = boost::asio;

/// So long, and it is a failure.
constexpr std::chrono::seconds starved(30);

/// Follows one watcher as its spec says, until the last revision.
class follower {
public:
    follower(context ctx, unsigned which);

    asio::awaitable<void> run();

private:
    asio::awaitable<void> begin();
    asio::awaitable<std::uint64_t> present();
    asio::awaitable<void> pause(std::chrono::microseconds time);
    asio::awaitable<void> between();
    asio::awaitable<void> write_itself();
    watcher watch_from(std::uint64_t revision, std::optional<std::uint64_t> count = {});
    std::uint32_t below(std::uint32_t limit)
    {
        return static_cast<std::uint32_t>(random_() % limit);
    }

    // the manners
    asio::awaitable<void> plainly(watcher w);
    asio::awaitable<void> counted(watcher first);
    asio::awaitable<void> singly(watcher first);
    asio::awaitable<void> live(watcher w);
    asio::awaitable<void> going_live(watcher w);
    asio::awaitable<void> cancelling(watcher w);
    asio::awaitable<void> impatiently(watcher w);
    asio::awaitable<void> racing(watcher w);
    asio::awaitable<void> dropping(watcher w);
    asio::awaitable<void> rebuilding(watcher first);

    context ctx_;
    unsigned which_;
    const spec& spec_;
    std::mt19937 random_;
    state state_;
    sightings given_;
};

} // namespace zproc::test::watching
