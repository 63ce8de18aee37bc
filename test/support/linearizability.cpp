#include "support/linearizability.hpp"

#include "support/linear_search.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace zproc::test {

namespace {

/// Wraps around, as no history of ours does; an overflow would be undefined.
std::int64_t sum(const cell& a, const cell& b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a.value_or(0)) +
                                     static_cast<std::uint64_t>(b.value_or(0)));
}

std::string text(const cell& c)
{
    return c ? std::to_string(*c) : "nothing";
}

std::string joined(const std::vector<cell>& states)
{
    std::string out;
    for (std::size_t i = 0; i != states.size() && i != 8; ++i)
        out += (i == 0 ? "" : " or ") + text(states[i]);
    return states.size() > 8 ? out + " or …" : out;
}

std::string line_of(const key_operation& o, std::int64_t start)
{
    const auto microseconds = [start](std::int64_t time) {
        char out[32];
        std::snprintf(out, sizeof out, "%.1f", static_cast<double>(time - start) / 1000);
        return std::string(out);
    };
    return "\n    " + microseconds(o.invoked) + " … " +
           (o.responded == never ? "" : microseconds(o.responded)) + " µs: process " +
           std::to_string(o.process) + ' ' + in_words(o);
}

constexpr std::size_t most_lines = 40;

constexpr cell nothing;

std::string window_in_words(std::uint32_t key, const linear_search& search)
{
    auto window = search.window();
    const auto& culprit = window.back();
    const auto start =
        std::ranges::min(window, {}, [](const key_operation& o) { return o.invoked; }).invoked;
    std::string out = "key " + std::to_string(key) + ": nothing explains that process " +
                      std::to_string(culprit.process) + ' ' + in_words(culprit) + ". The key was " +
                      joined(search.before_window()) + "; then";
    if (window.size() > most_lines) {
        out += " (the last " + std::to_string(most_lines) + " of " + std::to_string(window.size()) +
               ')';
        window.erase(window.begin(), window.end() - most_lines);
    }
    for (const auto& each : window)
        out += line_of(each, start);
    return out;
}

/// Reads explain nothing: those that can be left out of a window are.
linear_search without_needless_reads(linear_search found, std::uint64_t most_steps)
{
    if (found.has_older_operations() || found.window().size() > 200)
        return found;
    for (std::size_t i = 0; i + 1 < found.window().size();) {
        auto fewer = found.window();
        const auto what = fewer[i].what;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        if (what == action::read || what == action::contains) {
            linear_search again(fewer, found.before_window(), most_steps);
            again.run();
            if (again.what() == judgement::verdict::violated) {
                found = std::move(again);
                continue;
            }
        }
        ++i;
    }
    return found;
}

} // namespace

effect effect_of(const key_operation& o, const cell& now)
{
    switch (o.what) {
    case action::read: return {now, now};
    case action::contains: return {now, now ? 1 : 0};
    case action::write: return {o.argument, {}};
    case action::erase: return {{}, now ? 1 : 0};
    case action::pop: return {{}, now};
    case action::set_default: return now ? effect{now, now} : effect{o.argument, o.argument};
    case action::increment: return {sum(now, o.argument), sum(now, o.argument)};
    case action::add: return {sum(now, o.argument), {}};
    case action::exchange: return {o.argument, now};
    case action::compare_exchange:
        return now == o.expected ? effect{o.argument, 1} : effect{now, 0};
    }
    return {now, {}};
}

std::string in_words(const key_operation& o)
{
    const auto told = o.unknown ? std::string("nothing") : text(o.result);
    const std::string outcome = o.unknown ? ", perhaps" : ", and was told " + told;
    switch (o.what) {
    case action::read: return "read " + told;
    case action::contains: return "asked whether it is there" + outcome;
    case action::write: return "wrote " + text(o.argument) + (o.unknown ? outcome : "");
    case action::erase: return "erased" + outcome;
    case action::pop: return "popped" + outcome;
    case action::set_default: return "set the default " + text(o.argument) + outcome;
    case action::increment: return "added " + text(o.argument) + outcome;
    case action::add: return "added " + text(o.argument) + (o.unknown ? outcome : "");
    case action::exchange: return "exchanged it for " + text(o.argument) + outcome;
    case action::compare_exchange:
        return "exchanged " + text(o.expected) + " for " + text(o.argument) + outcome;
    }
    return {};
}

judgement check_linearizability(std::span<const key_operation> history, std::uint64_t most_steps)
{
    std::map<std::uint32_t, std::vector<key_operation>> by_key;
    for (const auto& each : history)
        by_key[each.key].push_back(each);
    judgement result;
    for (const auto& [key, operations] : by_key) {
        linear_search search(operations, std::span(&nothing, 1), most_steps);
        search.run();
        result.steps += search.steps();
        // A violation is certain, whatever else was not decided.
        if (search.what() == judgement::verdict::violated) {
            result.what = judgement::verdict::violated;
            result.words =
                window_in_words(key, without_needless_reads(std::move(search), most_steps));
            return result;
        }
        if (search.what() == judgement::verdict::undecided) {
            result.what = judgement::verdict::undecided;
            result.words = "key " + std::to_string(key) + ": " + search.why();
        }
    }
    return result;
}

overlap overlap_of(std::span<const key_operation> history)
{
    std::map<std::uint32_t, std::vector<key_operation>> by_key;
    overlap result;
    for (const auto& each : history)
        if (!each.unknown) {
            by_key[each.key].push_back(each);
            ++result.operations;
        }
    for (auto& [key, all] : by_key) {
        std::ranges::sort(all, {}, &key_operation::invoked);
        std::vector<bool> overlaps(all.size());
        // The latest response so far, and the latest of another process than that one's.
        std::int64_t latest = 0;
        std::int64_t second = 0;
        std::uint32_t by = 0;
        for (std::size_t i = 0; i != all.size(); ++i) {
            const auto& o = all[i];
            overlaps[i] = (o.process == by ? second : latest) > o.invoked;
            if (o.process == by) {
                latest = std::max(latest, o.responded);
            } else if (o.responded > latest) {
                second = latest;
                latest = o.responded;
                by = o.process;
            } else {
                second = std::max(second, o.responded);
            }
        }
        // The next one that another process has begun.
        std::size_t next = all.size();
        for (std::size_t i = all.size(); i-- != 0;) {
            if (i + 1 != all.size() && all[i + 1].process != all[i].process)
                next = i + 1;
            if (next != all.size() && all[next].invoked < all[i].responded)
                overlaps[i] = true;
            result.overlapping += overlaps[i];
        }
    }
    return result;
}

} // namespace zproc::test
