#include "stress/consistency/lane.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

/// What lanes do with registers.
namespace zproc::test::consistency {

namespace {

// Reads ---------------------------------------------------------------------------------------

asio::awaitable<void> get(lane& l)
{
    const auto key = l.any_key();
    const auto begun = monotonic_now();
    cell now = co_await l.registers.get<cell>(name_of(key));
    if (l.erring(fault::stale_read))
        now = l.seen(key);
    l.tell(begun, {key, action::read, {}, now});
}

/// Synchronous, and yet never behind what anybody was told before.
asio::awaitable<void> read_here(lane& l)
{
    if (!l.registers_here)
        l.registers_here = co_await l.registers.replica();
    const auto key = l.any_key();
    const auto begun = monotonic_now();
    co_await l.catch_up();
    l.tell(begun, {key, action::read, {}, l.registers_here.get_or(name_of(key), cell())});
}

asio::awaitable<void> contains(lane& l)
{
    const auto key = l.any_key();
    const auto begun = monotonic_now();
    const bool there = co_await l.registers.contains(name_of(key));
    l.tell(begun, {key, action::contains, {}, there ? 1 : 0});
}

cell cell_of(const dict& all, std::uint32_t key)
{
    const value* v = all.find(name_of(key));
    return v ? cell(v->get<std::int64_t>()) : cell();
}

asio::awaitable<void> take_snapshot(lane& l)
{
    const auto begun = monotonic_now();
    const auto all = co_await l.registers.snapshot();
    std::vector<answer> told;
    for (std::uint32_t key = 0; key != round_plan.keys; ++key)
        told.push_back({key, action::read, {}, cell_of(all, key)});
    const auto wrong = l.erring(fault::wrong_revision) && all.revision() > 1 ? 1u : 0u;
    l.tell(begun, told, all.revision() - wrong);
}

std::pair<cell, cell> look(draft& d, const std::string& one, const std::string& other)
{
    const auto first = d.get<cell>(one);
    return {first, d.get<cell>(other)};
}

asio::awaitable<void> read_in_a_function(lane& l)
{
    const auto one = l.any_key();
    const auto other = l.another_key(one);
    const auto begun = monotonic_now();
    const auto seen = co_await l.registers.atomic(&look, name_of(one), name_of(other));
    const answer told[] = {{one, action::read, {}, seen.first},
                           {other, action::read, {}, seen.second}};
    l.tell(begun, told);
}

// Writes --------------------------------------------------------------------------------------

asio::awaitable<void> set(lane& l)
{
    const auto key = l.any_key();
    const auto to = l.fresh();
    const auto begun = monotonic_now();
    if (!l.erring(fault::lost_write))
        co_await l.registers.set(name_of(key), to);
    l.tell(begun, {key, action::write, to});
}

asio::awaitable<void> erase(lane& l)
{
    const auto key = l.any_key();
    const auto begun = monotonic_now();
    const bool was = co_await l.registers.erase(name_of(key));
    l.tell(begun, {key, action::erase, {}, was ? 1 : 0});
}

asio::awaitable<void> pop(lane& l)
{
    const auto key = l.any_key();
    const auto begun = monotonic_now();
    const auto was = co_await l.registers.pop<cell>(name_of(key));
    l.tell(begun, {key, action::pop, {}, was});
}

asio::awaitable<void> set_default(lane& l)
{
    const auto key = l.any_key();
    const auto to = l.fresh();
    const auto begun = monotonic_now();
    const auto now = co_await l.registers.set_default(name_of(key), to);
    l.tell(begun, {key, action::set_default, to, now});
}

asio::awaitable<void> add(lane& l)
{
    const auto key = l.any_key();
    const std::int64_t by = l.below(2) == 0 ? 1 : -2;
    const auto begun = monotonic_now();
    if (l.erring(fault::double_apply))
        static_cast<void>(co_await l.registers.increment(name_of(key), by));
    value sum;
    if (by > 0)
        sum = co_await l.registers.increment(name_of(key), by);
    else
        sum = co_await l.registers.decrement(name_of(key), -by);
    l.tell(begun, {key, action::increment, by, sum.get<std::int64_t>()});
}

value value_of(const cell& c)
{
    return c ? value(*c) : value();
}

asio::awaitable<void> compare_exchange(lane& l)
{
    const auto key = l.any_key();
    const auto from = l.seen(key);
    const auto to = from && l.below(4) == 0 ? cell() : cell(l.fresh());
    const auto begun = monotonic_now();
    const bool was =
        co_await l.registers.compare_exchange(name_of(key), value_of(from), value_of(to));
    l.tell(begun, {key, action::compare_exchange, to, was ? 1 : 0, from});
}

asio::awaitable<void> update(lane& l)
{
    const auto one = l.any_key();
    const auto other = l.another_key(one);
    const answer told[] = {{one, action::write, l.fresh()}, {other, action::write, l.fresh()}};
    dict changes;
    for (const auto& each : told)
        changes.insert_or_assign(name_of(each.key), value_of(each.argument));
    const auto begun = monotonic_now();
    co_await l.registers.update(changes);
    l.tell(begun, told);
}

asio::awaitable<void> replace(lane& l)
{
    std::vector<answer> told;
    dict all;
    const auto sure = l.any_key();
    for (std::uint32_t key = 0; key != round_plan.keys; ++key) {
        const bool there = key == sure || l.below(2) == 0;
        told.push_back({key, action::write, there ? cell(l.fresh()) : cell()});
        if (there)
            all.insert_or_assign(name_of(key), value_of(told.back().argument));
    }
    const auto begun = monotonic_now();
    co_await l.registers.replace(all);
    l.tell(begun, told);
}

asio::awaitable<void> clear(lane& l)
{
    std::vector<answer> told;
    for (std::uint32_t key = 0; key != round_plan.keys; ++key)
        told.push_back({key, action::write, cell()});
    const auto begun = monotonic_now();
    co_await l.registers.clear();
    l.tell(begun, told);
}

// Functions -----------------------------------------------------------------------------------

void put(draft& d, const std::string& key, const cell& to)
{
    if (to)
        d[key] = *to;
    else
        d.erase(key);
}

std::pair<cell, cell> swap_cells(draft& d, const std::string& one, const std::string& other)
{
    const auto seen = look(d, one, other);
    put(d, one, seen.second);
    put(d, other, seen.first);
    return seen;
}

asio::awaitable<void> swap(lane& l)
{
    const auto one = l.any_key();
    const auto other = l.another_key(one);
    const auto begun = monotonic_now();
    const auto seen = co_await l.registers.atomic(&swap_cells, name_of(one), name_of(other));
    const answer told[] = {{one, action::exchange, seen.second, seen.first},
                           {other, action::exchange, seen.first, seen.second}};
    l.tell(begun, told);
}

cell exchange_cell(draft& d, const std::string& key, cell to)
{
    const auto before = d.get<cell>(key);
    put(d, key, to);
    return before;
}

asio::awaitable<void> exchange(lane& l)
{
    const auto key = l.any_key();
    const cell to = l.fresh();
    const auto begun = monotonic_now();
    const auto before = co_await l.registers.atomic(&exchange_cell, name_of(key), to);
    l.tell(begun, {key, action::exchange, to, before});
}

void add_blindly(draft& d, const std::string& one, const std::string& other, std::int64_t by)
{
    d[one] += by;
    if (other != one)
        d[other] -= by;
}

/// To one key, or to two at once, that it has not read.
asio::awaitable<void> add_unseen(lane& l)
{
    const auto one = l.any_key();
    const auto other = l.below(2) == 0 ? one : l.another_key(one);
    const std::int64_t by = l.below(2) == 0 ? 1 : -2;
    const auto begun = monotonic_now();
    if (l.erring(fault::double_apply))
        co_await l.registers.atomic(&add_blindly, name_of(one), name_of(other), by);
    co_await l.registers.atomic(&add_blindly, name_of(one), name_of(other), by);
    const answer told[] = {{one, action::add, by}, {other, action::add, -by}};
    l.tell(begun, std::span(told, other == one ? 1 : 2));
}

cell add_what_is_there(draft& d, const std::string& one, const std::string& other)
{
    const auto seen = d.get<cell>(one);
    d[other] += seen ? 2 : 1;
    return seen;
}

/// It reads one key, and adds to another that it has not read.
asio::awaitable<void> add_seen(lane& l)
{
    const auto one = l.any_key();
    const auto other = l.another_key(one);
    if (one == other)
        co_return;
    const auto begun = monotonic_now();
    const auto seen = co_await l.registers.atomic(&add_what_is_there, name_of(one), name_of(other));
    const answer told[] = {{one, action::read, {}, seen}, {other, action::add, seen ? 2 : 1}};
    l.tell(begun, told);
}

struct second_thoughts : std::runtime_error {
    std::pair<cell, cell> seen;
    explicit second_thoughts(std::pair<cell, cell> s) : runtime_error("no, not so"), seen(s) {}
};

void change_and_throw(draft& d, const std::string& one, const std::string& other)
{
    throw second_thoughts(swap_cells(d, one, other));
}

/// Nothing of it may ever be seen; but what it has seen was so.
asio::awaitable<void> abandon(lane& l)
{
    const auto one = l.any_key();
    const auto other = l.another_key(one);
    const auto begun = monotonic_now();
    std::pair<cell, cell> seen;
    try {
        co_await l.registers.atomic(&change_and_throw, name_of(one), name_of(other));
        objection(judge::running, "what a function has thrown did not come back");
    } catch (const second_thoughts& e) {
        seen = e.seen;
    }
    const answer told[] = {{one, action::read, {}, seen.first},
                           {other, action::read, {}, seen.second}};
    l.tell(begun, told);
}

/// Cancelled at some moment: it has not happened, or nobody knows.
asio::awaitable<void> set_and_cancel(lane& l)
{
    const auto key = l.any_key();
    const auto to = l.fresh();
    asio::steady_timer soon(co_await asio::this_coro::executor);
    soon.expires_after(std::chrono::microseconds(l.below(400)));
    const auto signal = std::make_shared<asio::cancellation_signal>();
    soon.async_wait([signal](error_code) { signal->emit(asio::cancellation_type::terminal); });
    error_code ec;
    const auto begun = monotonic_now();
    co_await l.registers.set(name_of(key), to,
                             asio::bind_cancellation_slot(
                                 signal->slot(), asio::redirect_error(asio::use_awaitable, ec)));
    if (!ec)
        l.tell(begun, {key, action::write, to});
    else if (ec == errc::outcome_unknown)
        l.tell_unknown(begun, {key, action::write, to});
    else if (ec != asio::error::operation_aborted)
        throw system_error(ec);
}

constexpr deed all_readers[] = {
    {"get", 50, &get},
    {"a replica", 10, &read_here},
    {"contains", 15, &contains},
    {"snapshot", 10, &take_snapshot},
    {"a function that reads", 15, &read_in_a_function},
};

constexpr deed all_writers[] = {
    {"set", 17, &set},
    {"erase", 8, &erase},
    {"pop", 8, &pop},
    {"set_default", 8, &set_default},
    {"increment", 15, &add},
    {"compare_exchange", 15, &compare_exchange},
    {"update", 4, &update},
    {"replace", 2, &replace},
    {"clear", 1, &clear},
    {"a function that swaps", 5, &swap},
    {"a function that exchanges", 5, &exchange},
    {"a function that adds", 6, &add_unseen},
    {"a function that reads one and adds to another", 2, &add_seen},
    {"a function that throws", 2, &abandon},
    {"a set that is cancelled", 2, &set_and_cancel},
};

} // namespace

std::span<const deed> readers()
{
    return all_readers;
}

std::span<const deed> writers()
{
    return all_writers;
}

} // namespace zproc::test::consistency
