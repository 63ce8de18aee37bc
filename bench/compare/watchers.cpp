#include "compare/watchers.hpp"

#include "compare/machine.hpp"
#include "support/echo.hpp"

#include <zproc/state.hpp>
#include <zproc/watcher.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <hiredis/hiredis.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::bench {

namespace {

using namespace std::chrono_literals;

/// Awake: how long it took, when that is asked.
void saw(std::int64_t sent_at)
{
    if (sent_at != 0)
        page->took.add(static_cast<double>(now_ns() - sent_at));
    ++page->seen;
}

std::atomic<std::uint32_t>& bell_of(int number)
{
    return page->bells[static_cast<std::size_t>(number)];
}

/// Until it is no longer what was heard; may wake for nothing.
void sleep_on(std::atomic<std::uint32_t>& bell, std::uint32_t heard)
{
    ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&bell), FUTEX_WAIT, heard, nullptr,
              nullptr, 0);
}

} // namespace

void await_seen(std::uint64_t count)
{
    const auto until = now_ns() + 60'000'000'000;
    while (page->seen < count) {
        if (now_ns() > until)
            throw std::runtime_error("an event does not come");
        std::this_thread::sleep_for(50us);
    }
}

asio::awaitable<void> watch_one(context ctx, std::string key)
{
    auto events = ctx.state().when_change(key, {.own = true});
    co_await ctx.ping(); // it is registered
    ++page->ready;
    for (;;) {
        const auto e = co_await events.next();
        const auto sent_at = e->changes.front().after->get<std::int64_t>();
        if (sent_at < 0)
            co_return;
        saw(sent_at);
    }
}

asio::awaitable<void> count_all(context ctx, std::string key)
{
    auto events = ctx.state().when_change(key, {.own = true});
    co_await ctx.ping();
    ++page->ready;
    std::uint64_t counted = 0;
    for (;;) {
        const auto some = co_await events.next_some(batch);
        for (const auto& e : some) {
            const auto number = e.changes.front().after->get<std::int64_t>();
            if (number < 0)
                co_return;
            if (++counted % batch == 0)
                page->seen += batch;
        }
    }
}

void subscribe(const std::string& path, const std::string& channel, bool counting)
{
    redis_client client(path);
    client.run("SUBSCRIBE %s", channel.c_str());
    ++page->ready;
    std::uint64_t counted = 0;
    for (;;) {
        void* got = nullptr;
        if (redisGetReply(client.get(), &got) != REDIS_OK)
            throw std::runtime_error("redis-server has gone");
        auto* const reply = static_cast<redisReply*>(got);
        const char* const text = reply->element[2]->str;
        const bool over = std::strcmp(text, last_word) == 0;
        if (!over && !counting)
            saw(std::strtoll(text, nullptr, 10));
        else if (!over && ++counted % batch == 0)
            page->seen += batch;
        freeReplyObject(reply);
        if (over)
            return;
    }
}

void read_stream(const std::string& path)
{
    redis_client client(path);
    ++page->ready;
    std::uint64_t counted = 0;
    std::string last = "0";
    for (;;) {
        auto* const reply = static_cast<redisReply*>(
            redisCommand(client.get(), "XREAD COUNT 256 BLOCK 0 STREAMS s %s", last.c_str()));
        if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY)
            throw std::runtime_error("redis-server does not answer");
        const auto* const entries = reply->element[0]->element[1];
        bool over = false;
        for (std::size_t i = 0; i != entries->elements; ++i) {
            const auto* const entry = entries->element[i];
            last = entry->element[0]->str;
            over = over || std::strcmp(entry->element[1]->element[1]->str, last_word) == 0;
            if (!over && ++counted % batch == 0)
                page->seen += batch;
        }
        freeReplyObject(reply);
        if (over)
            return;
    }
}

void wait_for_bell(int number)
{
    ++page->ready;
    auto& bell = bell_of(number);
    for (std::uint32_t heard = 0;;) {
        const std::uint32_t now = bell;
        if (now == heard) {
            sleep_on(bell, heard);
            continue;
        }
        heard = now;
        const std::int64_t sent_at = page->sent_at;
        if (sent_at < 0)
            return;
        saw(sent_at);
    }
}

void ring_bell(int number, std::int64_t sent_at)
{
    page->sent_at = sent_at;
    auto& bell = bell_of(number);
    ++bell;
    ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&bell), FUTEX_WAKE, INT_MAX, nullptr,
              nullptr, 0);
}

void ring_when_told(int socket)
{
    ++page->ready;
    std::int64_t sent_at = 0;
    while (read_all(socket, reinterpret_cast<char*>(&sent_at), sizeof sent_at)) {
        ring_bell(0, sent_at);
        if (!write_all(socket, reinterpret_cast<const char*>(&sent_at), sizeof sent_at))
            return;
    }
}

void count_events()
{
    ++page->ready;
    auto& bell = bell_of(0);
    for (std::uint64_t at = 0;;) {
        const std::uint32_t heard = bell;
        const auto head = page->head.load();
        if (at == head)
            sleep_on(bell, heard);
        for (; at != head; ++at) {
            if (page->events[at].load(std::memory_order_relaxed) < 0)
                return;
            if ((at + 1) % batch == 0)
                page->seen += batch;
        }
    }
}

void write_events(std::int64_t first, std::size_t count)
{
    const auto head = page->head.load();
    for (std::size_t i = 0; i != count; ++i)
        page->events[head + i].store(first + static_cast<std::int64_t>(i),
                                     std::memory_order_relaxed);
    page->head = head + count;
    ring_bell(0, 0);
}

} // namespace zproc::bench
