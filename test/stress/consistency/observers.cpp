#include "stress/consistency/observers.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <utility>

namespace zproc::test::consistency {

namespace {

cell cell_of(const std::optional<value>& v)
{
    return v ? cell(v->get<std::int64_t>()) : cell();
}

bool is_end(const event& e)
{
    return e.changes.size() == 1 && e.changes.front().key == "end";
}

void log_event(const event& e, space where)
{
    event_entry entry;
    entry.where = where;
    entry.revision = e.revision;
    entry.time = e.time.time_since_epoch().count();
    entry.session = e.origin.session;
    entry.handle = e.origin.handle;
    entry.seen = monotonic_now();
    for (const auto& c : e.changes) {
        entry.key = number_of(c.key);
        entry.before = cell_of(c.before);
        entry.after = cell_of(c.after);
        if (!events[static_cast<unsigned>(where)].push(entry))
            page->stop = true;
    }
}

/// The accounts as one watcher knows them.
class ledger {
public:
    explicit ledger(const char* name) : name_(name) {}

    /// False at the end.
    bool take(const event& e)
    {
        if (is_end(e))
            return false;
        if (e.kind == event_kind::resync) {
            ++page->resyncs;
            known_.clear();
        }
        for (const auto& c : e.changes) {
            const auto at = known_.find(c.key);
            const auto before = at == known_.end() ? cell() : cell(at->second);
            if (e.kind == event_kind::change && cell_of(c.before) != before && !known_.empty())
                objection(judge::sums, std::string(name_) + " knows another value than " + c.key +
                                           " had before revision " + std::to_string(e.revision));
            if (c.after)
                known_[c.key] = c.after->get<std::int64_t>();
        }
        std::int64_t sum = 0;
        for (const auto& [key, amount] : known_)
            sum += amount;
        ++page->observed;
        if (sum != total)
            objection(judge::sums, std::string(name_) + " found " + std::to_string(sum) +
                                       " in the bank at revision " + std::to_string(e.revision));
        return true;
    }

private:
    const char* name_;
    std::map<std::string, std::int64_t> known_;
};

/// Of one that is there whole.
bool is_wrong_or_over(const dict& all)
{
    std::int64_t sum = 0;
    for (const auto& [key, v] : all) {
        if (key == "end")
            return true;
        sum += v.get<std::int64_t>();
    }
    return !all.empty() && sum != total;
}

} // namespace

asio::awaitable<void> write_down(context ctx, int where)
{
    const auto state = ctx.state(space_names[where]);
    auto w = state.when_change({.since = 0, .own = true, .identical = true});
    std::optional<event> held;
    while (auto e = co_await w.next()) {
        if (e->kind == event_kind::resync)
            page->lapped = true;
        if (is_end(*e))
            break;
        if (round_plan.injected == fault::swapped_events && e->revision % 100 == 50) {
            held = std::move(e);
            continue;
        }
        if (held)
            std::swap(held->revision, e->revision);
        log_event(*e, static_cast<space>(where));
        if (held)
            log_event(*std::exchange(held, std::nullopt), static_cast<space>(where));
    }
    if (held)
        log_event(*held, static_cast<space>(where));
}

asio::awaitable<void> watch_sums(context ctx, bool slow)
{
    std::mt19937 random(round_plan.seed);
    const auto state = ctx.state(space_names[static_cast<unsigned>(space::bank)]);
    auto w = state.when_change({.since = 0, .own = true});
    asio::steady_timer timer(co_await asio::this_coro::executor);
    ledger known(slow ? "a slow watcher" : "a watcher");
    while (auto e = co_await w.next()) {
        if (!known.take(*e))
            co_return;
        if (slow && !page->stop && random() % 50 == 0) {
            timer.expires_after(std::chrono::milliseconds(random() % 300));
            co_await timer.async_wait(asio::use_awaitable);
        }
    }
}

asio::awaitable<void> await_wrong_sum(context ctx)
{
    const auto state = ctx.state(space_names[static_cast<unsigned>(space::bank)]);
    auto w = state.when(&is_wrong_or_over, {.since = 0});
    const auto e = co_await w.next();
    if (e && !is_end(*e))
        objection(judge::sums,
                  "a condition saw another sum at revision " + std::to_string(e->revision));
}

} // namespace zproc::test::consistency
