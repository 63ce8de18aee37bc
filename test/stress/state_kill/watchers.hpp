#pragma once

#include "stress/state_kill/round.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <string>

namespace zproc::test::killing {

namespace asio = boost::asio;

/// Follows what a watcher yields, and compares each event with what it must be. Every kind ends
/// with the event that makes the key "end".
class follower {
public:
    explicit follower(int id) : name_("watcher " + std::to_string(id)) {}

    report result;
    std::uint64_t revision = 0;
    bool ended = false;
    std::map<std::string, value> mirror;

    /// Of all keys but `excluded`; `gapless`: no revision may be left out.
    void follow(const event& e, bool gapless)
    {
        ++page->events;
        if (e.kind == event_kind::resync)
            return resynchronise(e, gapless);
        if (gapless ? e.revision != revision + 1 : e.revision <= revision)
            violated("got revision " + std::to_string(e.revision) + " after " +
                     std::to_string(revision));
        revision = e.revision;
        for (const auto& c : e.changes)
            apply(c);
        std::int64_t sum = 0;
        for (int i = 0; i != 3; ++i)
            if (const auto at = mirror.find("account/" + std::to_string(i)); at != mirror.end())
                sum += at->second.get<std::int64_t>();
        if (sum != 0)
            violated("saw half a transfer");
    }

    /// Of the key "count", which goes up by one with every change.
    void follow_count(const event& e)
    {
        ++page->events;
        for (const auto& c : e.changes) {
            ended = ended || (c.key == "end" && c.after);
            if (c.key != "count" || !c.after)
                continue;
            const auto now = c.after->get<std::int64_t>();
            if (e.kind != event_kind::resync && count_ && now != *count_ + 1)
                violated("count went from " + std::to_string(*count_) + " to " +
                         std::to_string(now));
            count_ = now;
        }
        page->resyncs += e.kind == event_kind::resync;
    }

    void violated(const std::string& what) { result.violated(name_ + ' ' + what); }

private:
    void resynchronise(const event& e, bool gapless)
    {
        ++page->resyncs;
        // One that leaves out keys has passed revisions that it did not yield.
        if (e.missed == 0 ||
            (gapless ? e.revision != revision + e.missed : e.revision < revision + e.missed))
            violated("was resynchronised to " + std::to_string(e.revision) + " from " +
                     std::to_string(revision) + ", with " + std::to_string(e.missed) + " missed");
        revision = e.revision;
        mirror.clear();
        for (const auto& c : e.changes)
            if (c.after)
                mirror[c.key] = *c.after;
        ended = ended || mirror.contains("end");
    }

    void apply(const change& c)
    {
        const auto known = mirror.find(c.key);
        // A large value may be gone by the time somebody asks what it was.
        const bool large = known != mirror.end() && known->second.to_json().size() > 1000;
        if (c.before ? known == mirror.end() || known->second != *c.before
                     : known != mirror.end() && !large)
            violated("saw " + c.key + " change from " + text(c.before) + " at revision " +
                     std::to_string(revision) + ", knowing " +
                     text(known == mirror.end() ? std::nullopt : std::optional(known->second)));
        if (c.after)
            mirror[c.key] = *c.after;
        else
            mirror.erase(c.key);
        ended = ended || (c.key == "end" && c.after);
    }

    static std::string text(const std::optional<value>& v)
    {
        return v ? v->to_json().substr(0, 40) : absent;
    }

    std::string name_;
    std::optional<std::int64_t> count_;
};

constexpr std::chrono::seconds starved(40);

/// Everything, once, in order. A slow one sleeps now and then, and is lapped in a small ring.
inline asio::awaitable<void> watch_everything(context ctx, follower& f, bool slow, bool excluding)
{
    std::mt19937 random(round_plan.seed);
    auto state = ctx.state();
    auto w =
        excluding
            ? state.when_change(
                  "count",
                  {.since = 0, .timeout = starved, .exclude = true, .own = true, .identical = true})
            : state.when_change({.since = 0, .timeout = starved, .own = true, .identical = true});
    asio::steady_timer timer(co_await asio::this_coro::executor);
    bool drop = round_plan.injected == fault::lost_event;
    while (!f.ended) {
        const auto e = co_await w.next();
        if (!e)
            co_return f.violated("came to an end");
        if (std::exchange(drop, drop && e->revision != 20) && e->revision == 20)
            continue;
        f.follow(*e, !excluding);
        if (slow && !page->stop && random() % 50 == 0) {
            timer.expires_after(std::chrono::milliseconds(random() % 200));
            co_await timer.async_wait(asio::use_awaitable);
        }
    }
}

/// The same by ever new watchers, each beginning where the last one ended.
inline asio::awaitable<void> watch_by_parts(context ctx, follower& f)
{
    std::mt19937 random(round_plan.seed);
    auto state = ctx.state();
    while (!f.ended) {
        const std::uint64_t count = 1 + random() % 100;
        auto w = state.when_change({.since = f.revision,
                                    .count = count,
                                    .timeout = starved,
                                    .own = true,
                                    .identical = true});
        std::uint64_t seen = 0;
        while (const auto e = co_await w.next()) {
            f.follow(*e, true);
            seen += e->kind != event_kind::resync;
            if (f.ended)
                break;
        }
        if (!f.ended && seen != count)
            f.violated("got " + std::to_string(seen) + " of " + std::to_string(count) + " events");
    }
}

inline asio::awaitable<void> watch_count(context ctx, follower& f)
{
    auto w = ctx.state().when_change("count", "end", {.timeout = starved, .own = true});
    while (!f.ended) {
        const auto e = co_await w.next();
        if (!e)
            co_return f.violated("came to an end");
        f.follow_count(*e);
    }
}

inline bool even_or_ended(const dict& all)
{
    const auto* end = all.find("end");
    const auto* count = all.find("count");
    return end || (count && count->get<std::int64_t>() % 2 == 0);
}

/// Each time the count becomes even, exactly once.
inline asio::awaitable<void> watch_even(context ctx, follower& f)
{
    auto w = ctx.state().when(&even_or_ended,
                              {.since = 0, .timeout = starved, .own = true, .edge = true});
    std::optional<std::int64_t> last;
    while (!f.ended) {
        const auto e = co_await w.next();
        if (!e)
            co_return f.violated("came to an end");
        ++page->events;
        page->resyncs += e->kind == event_kind::resync;
        for (const auto& c : e->changes) {
            f.ended = f.ended || (c.key == "end" && c.after);
            if (c.key != "count" || !c.after)
                continue;
            const auto now = c.after->get<std::int64_t>();
            if (e->kind == event_kind::resync)
                last = now - now % 2;
            else if (now % 2 != 0 || (last && now != *last + 2))
                f.violated("saw the count become even at " + std::to_string(now) + " after " +
                           std::to_string(last.value_or(-1)));
            else
                last = now;
        }
    }
}

inline asio::awaitable<report> watch_until_the_end(context ctx, int id)
{
    follower f(id);
    const int kind = id % 6;
    try {
        switch (kind) {
        case 0: co_await watch_everything(ctx, f, false, false); break;
        case 1: co_await watch_count(ctx, f); break;
        case 2: co_await watch_everything(ctx, f, true, false); break;
        case 3: co_await watch_even(ctx, f); break;
        case 4: co_await watch_by_parts(ctx, f); break;
        case 5: co_await watch_everything(ctx, f, false, true); break;
        }
    } catch (const system_error& e) {
        f.violated("failed at revision " + std::to_string(f.revision) + ": " + e.what());
    }
    if (kind == 0 || kind == 2 || kind == 4) {
        f.result.has_mirror = true;
        for (const auto& [key, v] : f.mirror)
            f.result.mirror[key] = v.to_json();
    }
    co_return std::move(f.result);
}

} // namespace zproc::test::killing
