#include "stress/consistency/check.hpp"

#include "stress/consistency/journal.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace zproc::test::consistency {

namespace {

std::vector<history_entry> whole_history()
{
    std::vector<history_entry> all;
    for (const auto& each : histories)
        all.insert(all.end(), each.entries().begin(), each.entries().end());
    // An operation's entries together, those of a lane in their order.
    std::ranges::sort(all, [](const history_entry& a, const history_entry& b) {
        return std::pair(a.lane, a.number) < std::pair(b.lane, b.number);
    });
    return all;
}

std::vector<transaction> transactions_of(const std::vector<history_entry>& all)
{
    std::vector<transaction> out;
    for (const auto& each : all) {
        if (out.empty() || out.back().lane != each.lane || out.back().number != each.number)
            out.push_back({space_of(each.what.key),
                           each.lane,
                           each.number,
                           each.what.invoked,
                           each.what.responded,
                           each.revision,
                           {}});
        out.back().parts.push_back(each.what);
    }
    return out;
}

} // namespace

verdicts judge_round()
{
    verdicts out;
    const auto all = whole_history();
    std::vector<key_operation> answers;
    for (const auto& each : all)
        answers.push_back(each.what);
    out.answers = answers.size();
    const auto judged = check_linearizability(answers);
    out.steps = judged.steps;
    if (!judged.good())
        objection(judge::answers, judged.words);

    auto transactions = transactions_of(all);
    std::vector<key_operation> alone;
    for (const auto& each : transactions)
        if (each.parts.size() == 1)
            alone.push_back(each.parts.front());
    out.concurrent = overlap_of(alone);
    if (page->lapped)
        return out;
    for (const auto where : {space::registers, space::bank, space::greetings}) {
        const auto [matched, snapshots] = judge_journal(where, transactions);
        out.events += matched;
        out.snapshots += snapshots;
    }
    return out;
}

} // namespace zproc::test::consistency
