#include "stress/consistency/lane.hpp"

namespace zproc::test::consistency {

lane::lane(const context& of, unsigned process, unsigned number)
    : random(round_plan.seed * 1000 + number),
      ctx(of),
      registers(ctx.state(space_names[0])),
      bank(registers.with_namespace(space_names[1])),
      process_(process),
      number_(number)
{
}

std::uint32_t lane::another_key(std::uint32_t than)
{
    const auto key = any_key();
    return key == than ? (key + 1) % round_plan.keys : key;
}

asio::awaitable<void> lane::catch_up()
{
    if (round_plan.over_tcp)
        co_await ctx.sync();
}

asio::awaitable<void> lane::greet()
{
    const auto key = first_greeting + number_;
    const auto begun = monotonic_now();
    co_await registers.with_namespace(space_names[2]).set(name_of(key), number_);
    tell(begun, {key, action::write, number_});
}

history_entry lane::entry(std::int64_t begun, const answer& one) const
{
    history_entry e;
    e.what.key = one.key;
    e.what.process = process_;
    e.what.what = one.what;
    e.what.argument = one.argument;
    e.what.expected = one.expected;
    e.what.result = one.result;
    e.what.invoked = begun;
    e.what.responded = monotonic_now();
    e.lane = number_;
    e.number = operations_;
    return e;
}

void lane::write(const history_entry& e)
{
    if (!histories[process_].push(e))
        page->stop = true; // it has done enough
}

void lane::tell(std::int64_t begun, std::span<const answer> all, std::uint64_t revision)
{
    ++operations_;
    ++page->operations;
    auto now = monotonic_now();
    if (erring(fault::early_answer)) {
        begun -= 20'000'000;
        now -= 20'000'000;
    }
    for (const auto& each : all) {
        auto e = entry(begun, each);
        e.what.responded = now;
        e.revision = revision;
        write(e);
        if (each.what != action::read && each.what != action::contains && !unknown_.empty()) {
            for (auto& old : unknown_) {
                old.what.responded = now;
                write(old);
            }
            unknown_.clear();
        }
        if (each.what == action::read && each.key < seen_.size())
            seen_[each.key] = each.result;
    }
}

void lane::tell_unknown(std::int64_t begun, const answer& one)
{
    ++operations_;
    ++page->unknown;
    unknown_.push_back(entry(begun, one));
    unknown_.back().what.unknown = true;
}

const deed& any_of(std::span<const deed> all, std::mt19937& random)
{
    unsigned sum = 0;
    for (const auto& each : all)
        sum += each.share;
    auto at = static_cast<unsigned>(random() % sum);
    for (const auto& each : all) {
        if (at < each.share)
            return each;
        at -= each.share;
    }
    return all.front();
}

asio::awaitable<void> work(lane& self)
{
    co_await self.greet();
    while (!page->stop) {
        const auto dice = self.below(100);
        const auto what = dice < 45 ? readers() : dice < 85 ? writers() : bankers();
        const auto& chosen = any_of(what, self.random);
        try {
            co_await chosen.act(self);
        } catch (const std::exception& e) {
            objection(judge::running, std::string(chosen.name) + " failed: " + e.what());
            page->stop = true;
        }
    }
    // What is still unknown has happened before this, or never will.
    co_await self.greet();
}

} // namespace zproc::test::consistency
