#include "unit/simulation/story.hpp"

#include <algorithm>

namespace simulation {

using namespace zproc;

namespace {

std::string account(ns number)
{
    return "account" + std::to_string(number);
}

/// Reads it first, as what has to know the value would.
void add(draft& d, const std::string& key, int amount)
{
    static_cast<void>(d.contains(key));
    d[key] += amount;
}

} // namespace

client& story::join(ns shortest_way, ns longest_way)
{
    return *clients.emplace_back(std::make_unique<client>(line, state, shortest_way, longest_way));
}

void story::begin()
{
    auto& c = join();
    atomic::start(
        c, "n",
        [](draft& d) {
            for (int i = 0; i != accounts; ++i)
                d[account(i)] = endowment;
        },
        takes(0, 0), [](error_code, ns) {});
    line.run_until(line.now() + 10 * ms);
}

void story::run(ns how_long)
{
    line.run_until(line.now() + how_long);
}

tally& story::keep(client& c, std::string name)
{
    auto& made = *tallies.emplace_back(std::make_unique<tally>());
    made.name = std::move(name);
    made.where = c.where();
    return made;
}

/// The next one as soon as one is done.
void story::again(client& c, tally& t, std::string name_space, chooser choose,
                  std::function<ns()> think)
{
    if (!c.alive())
        return;
    t.begin(line.now());
    const auto made = atomic::start(c, name_space, choose(), think,
                                    [this, &c, &t, name_space, choose, think](error_code ec, ns) {
                                        failures += ec.failed();
                                        t.end(line.now());
                                        line.after(1, [this, &c, &t, name_space, choose, think] {
                                            again(c, t, name_space, choose, think);
                                        });
                                    });
    made->on_turn = [this, &c] {
        if (on_turn)
            on_turn(c);
    };
}

tally& story::repeats(client& c, std::string name, std::string name_space, atomic::function f,
                      std::function<ns()> think)
{
    auto& t = keep(c, std::move(name));
    again(c, t, std::move(name_space), [f = std::move(f)] { return f; }, std::move(think));
    return t;
}

tally& story::transfers(client& c, std::function<ns()> think)
{
    auto& t = keep(c, "transfers " + std::to_string(tallies.size()));
    const auto choose = [this, &t]() -> atomic::function {
        const auto from = account(line.between(0, accounts - 1));
        const auto to = account(line.between(0, accounts - 1));
        return [from, to, &t](draft& d) {
            add(d, from, -3);
            add(d, to, 3);
            add(d, t.name, 1);
        };
    };
    again(c, t, "n", choose, std::move(think));
    return t;
}

tally& story::scans(client& c, std::function<ns()> think)
{
    auto& t = keep(c, "scans " + std::to_string(tallies.size()));
    // Only what was committed counts: a run may see a mixture, and is then repeated.
    const auto sum = std::make_shared<std::int64_t>(accounts * endowment);
    const auto choose = [this, &t, sum]() -> atomic::function {
        wrong_sums += *sum != accounts * endowment;
        return [&t, sum](draft& d) {
            *sum = 0;
            for (const auto& [key, v] : d)
                if (key.starts_with("account"))
                    *sum += v.get<std::int64_t>();
            add(d, t.name, 1);
        };
    };
    again(c, t, "n", choose, std::move(think));
    return t;
}

tally& story::counts(client& c, std::function<ns()> think)
{
    return repeats(
        c, "counts " + std::to_string(tallies.size()), "n", [](draft& d) { add(d, "count", 1); },
        std::move(think));
}

tally& story::gives(client& c, std::function<ns()> think)
{
    auto& t = keep(c, "gives " + std::to_string(tallies.size()));
    const auto choose = [this, &t]() -> atomic::function {
        const auto from = line.between(0, accounts - 1);
        const auto to = (from + line.between(1, accounts - 1)) % accounts;
        return [from, to, &t](draft& d) {
            d[account(from)] -= 3;
            d[account(to)] += 3;
            d[t.name] += 1;
        };
    };
    again(c, t, "n", choose, std::move(think));
    return t;
}

tally& story::follows(client& c, std::function<ns()> think)
{
    auto& t = keep(c, "follows " + std::to_string(tallies.size()));
    const auto choose = [&t]() -> atomic::function {
        return [&t](draft& d) {
            std::string at = "head";
            for (int i = 0; i != 4; ++i)
                at = "link" + std::to_string((d[at].is_null() ? 0 : d[at].get<int>()) % 50);
            add(d, t.name, 1);
        };
    };
    again(c, t, "n", choose, std::move(think));
    return t;
}

tally& story::writes(client& c, std::string key, int at_once)
{
    auto& t = keep(c, "writes " + key);
    for (int i = 0; i != at_once; ++i)
        write_again(c, t, key);
    return t;
}

void story::write_again(client& c, tally& t, std::string key)
{
    if (!c.alive())
        return;
    c.increment(key, [this, &c, &t, key](ns took) {
        t.longest = std::max(t.longest, took);
        ++t.done;
        write_again(c, t, key);
    });
}

// ---- what came of it ---------------------------------------------------------------------------

std::int64_t story::number(const std::string& key) const
{
    const auto found = state.data().get("n", key);
    return found.value ? store_test::unpack(*found.value).get<std::int64_t>() : 0;
}

std::int64_t story::sum_of_accounts() const
{
    std::int64_t sum = 0;
    for (int i = 0; i != accounts; ++i)
        sum += number(account(i));
    return sum;
}

ns story::longest_lease() const
{
    ns longest = 0;
    for (const auto& each : state.begun)
        longest = std::max(longest, each.lease);
    return longest;
}

std::size_t story::most_turns_before(seat where) const
{
    std::size_t most = 0;
    for (const auto& each : state.begun)
        if (each.where == where)
            most = std::max(most, each.before);
    return most;
}

} // namespace simulation
