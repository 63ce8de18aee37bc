#include "stress/consistency/lane.hpp"

#include <array>
#include <stdexcept>

/// What lanes do with accounts: the sum of all is always the same.
namespace zproc::test::consistency {

namespace {

using balances = std::array<std::int64_t, accounts>;

std::string account(std::uint32_t i)
{
    return name_of(first_account + i);
}

struct refused : std::runtime_error {
    std::int64_t from;
    std::int64_t to;
    refused(std::int64_t f, std::int64_t t) : runtime_error("not enough there"), from(f), to(t) {}
};

struct pair_seen {
    std::int64_t from = 0;
    std::int64_t to = 0;
};

/// Half of it is done when it is refused.
pair_seen move_money(draft& d, std::uint32_t from, std::uint32_t to, std::int64_t amount)
{
    const pair_seen seen{d[account(from)].get<std::int64_t>(), d[account(to)].get<std::int64_t>()};
    d[account(to)] += amount;
    if (seen.from < amount)
        throw refused(seen.from, seen.to);
    d[account(from)] -= amount;
    return seen;
}

asio::awaitable<void> transfer(lane& l)
{
    const std::uint32_t from = l.below(accounts);
    const std::uint32_t to = (from + 1 + l.below(accounts - 1)) % accounts;
    const std::int64_t amount = 1 + l.below(1000);
    const auto begun = monotonic_now();
    if (l.erring(fault::torn_transfer)) {
        co_await l.bank.decrement(account(from), amount);
        co_await l.bank.increment(account(to), amount);
        co_return;
    }
    pair_seen seen;
    bool done = true;
    try {
        seen = co_await l.bank.atomic(&move_money, from, to, amount);
    } catch (const refused& e) {
        done = false;
        seen = {e.from, e.to};
    }
    const auto what = done ? action::exchange : action::read;
    const auto moved = [&](std::int64_t to_be) { return done ? cell(to_be) : cell(); };
    const answer told[] = {{first_account + from, what, moved(seen.from - amount), seen.from},
                           {first_account + to, what, moved(seen.to + amount), seen.to}};
    l.tell(begun, told);
}

void give(draft& d, std::uint32_t from, std::uint32_t to, std::int64_t amount)
{
    d[account(from)] -= amount;
    d[account(to)] += amount;
}

/// Whatever there is.
asio::awaitable<void> present(lane& l)
{
    const std::uint32_t from = l.below(accounts);
    const std::uint32_t to = (from + 1 + l.below(accounts - 1)) % accounts;
    const std::int64_t amount = 1 + l.below(1000);
    const auto begun = monotonic_now();
    co_await l.bank.atomic(&give, from, to, amount);
    const answer told[] = {{first_account + from, action::add, -amount},
                           {first_account + to, action::add, amount}};
    l.tell(begun, told);
}

balances all_of(draft& d)
{
    balances all{};
    for (const auto& [key, v] : d)
        if (const auto i = number_of(key) - first_account; i < accounts)
            all[i] = v.get<std::int64_t>();
    return all;
}

std::int64_t share_of(std::uint32_t i)
{
    return total / accounts + (i == 0 ? total % accounts : 0);
}

/// Everybody gets the same: it reads everything, and writes as much.
balances divide(draft& d)
{
    const auto before = all_of(d);
    for (std::uint32_t i = 0; i != accounts; ++i)
        d[account(i)] = share_of(i);
    return before;
}

asio::awaitable<void> spread(lane& l)
{
    const auto begun = monotonic_now();
    const auto before = co_await l.bank.atomic(&divide);
    std::vector<answer> told;
    for (std::uint32_t i = 0; i != accounts; ++i)
        told.push_back({first_account + i, action::exchange, share_of(i), before[i]});
    l.tell(begun, told);
}

// Audits --------------------------------------------------------------------------------------

void note_audit(lane& l, std::int64_t begun, const balances& seen, std::uint64_t revision,
                const char* by)
{
    std::vector<answer> told;
    std::int64_t sum = 0;
    for (std::uint32_t i = 0; i != accounts; ++i) {
        told.push_back({first_account + i, action::read, {}, seen[i]});
        sum += seen[i];
    }
    l.tell(begun, told, revision);
    ++page->audits;
    if (sum != total)
        objection(judge::sums, std::string(by) + " found " + std::to_string(sum) + " in the bank");
}

asio::awaitable<void> audit_by_snapshot(lane& l)
{
    const auto begun = monotonic_now();
    const auto all = co_await l.bank.snapshot();
    balances seen{};
    for (std::uint32_t i = 0; i != accounts; ++i)
        seen[i] = all[account(i)].get<std::int64_t>();
    note_audit(l, begun, seen, all.revision(), "a snapshot");
}

asio::awaitable<void> audit_here(lane& l)
{
    if (!l.bank_here)
        l.bank_here = co_await l.bank.replica();
    const auto begun = monotonic_now();
    co_await l.catch_up();
    const auto all = l.bank_here.snapshot();
    balances seen{};
    for (std::uint32_t i = 0; i != accounts; ++i)
        seen[i] = all[account(i)].get<std::int64_t>();
    note_audit(l, begun, seen, all.revision(), "a replica");
}

asio::awaitable<void> audit_in_a_function(lane& l)
{
    const auto begun = monotonic_now();
    const auto seen = co_await l.bank.atomic(&all_of);
    note_audit(l, begun, seen, 0, "a function that iterates");
}

balances one_by_one(draft& d, int first)
{
    balances all{};
    for (std::uint32_t i = 0; i != accounts; ++i) {
        const auto which = (i + static_cast<std::uint32_t>(first)) % accounts;
        all[which] = d[account(which)].get<std::int64_t>();
    }
    return all;
}

/// A function that fetches one account after the other, or what looks like one.
asio::awaitable<void> audit_one_by_one(lane& l)
{
    const auto begun = monotonic_now();
    balances seen{};
    if (l.erring(fault::torn_audit)) {
        for (std::uint32_t i = 0; i != accounts; ++i)
            seen[i] = co_await l.bank.get<std::int64_t>(account(i));
    } else {
        seen = co_await l.bank.atomic(&one_by_one, static_cast<int>(l.below(accounts)));
    }
    note_audit(l, begun, seen, 0, "a function that reads one by one");
}

struct report : std::runtime_error {
    balances seen;
    explicit report(const balances& s) : runtime_error("an audit"), seen(s) {}
};

void audit_and_throw(draft& d)
{
    throw report(one_by_one(d, 0));
}

/// Nothing is thrown because of a mixture of old and new.
asio::awaitable<void> audit_by_throwing(lane& l)
{
    const auto begun = monotonic_now();
    balances seen{};
    try {
        co_await l.bank.atomic(&audit_and_throw);
    } catch (const report& e) {
        seen = e.seen;
    }
    note_audit(l, begun, seen, 0, "a function that throws");
}

constexpr deed all_auditors[] = {
    {"an audit by a snapshot", 30, &audit_by_snapshot},
    {"an audit of a replica", 10, &audit_here},
    {"an audit by a function that iterates", 20, &audit_in_a_function},
    {"an audit one by one", 20, &audit_one_by_one},
    {"an audit by a function that throws", 20, &audit_by_throwing},
};

asio::awaitable<void> audit(lane& l)
{
    return any_of(auditors(), l.random).act(l);
}

constexpr deed all_bankers[] = {
    {"transfer", 50, &transfer},
    {"present", 20, &present},
    {"spread", 3, &spread},
    {"audit", 27, &audit},
};

} // namespace

std::span<const deed> auditors()
{
    return all_auditors;
}

std::span<const deed> bankers()
{
    return all_bankers;
}

} // namespace zproc::test::consistency
