// Replicas: made, moved and read in every place where users will.

#include "integration/forms.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace zproc;
using namespace zproc::test;

BOOST_AUTO_TEST_SUITE(forms_replica)

ZPROC_FORM(replica_is_made_and_read_in_one_expression)
{
    co_await state.set("name", text);
    ZPROC_HOLDS((co_await state.replica()).get<std::string>("name") == text);
    ZPROC_HOLDS((co_await state.replica())["name"] == text);
    ZPROC_HOLDS((co_await ctx.state("other").replica()).empty());
    const auto other = (co_await state.replica()).get_or("none", other_text);
    ZPROC_HOLDS(other == other_text);
}

ZPROC_FORM(replica_is_read_within_awaits)
{
    co_await state.set("name", text);
    const auto r = co_await state.replica();
    co_await state.set("copy", r["name"]);
    co_await state.set(r.get<std::string>("name"), r.get<std::string>("copy"));
    ZPROC_HOLDS(r[text] == text);
    ZPROC_HOLDS(co_await state.get<std::string>(r.get<std::string>("copy")) == r["name"]);
    co_await state.replace(r.items().with("more", other_text));
    ZPROC_HOLDS(r.size() == 4);
    ZPROC_HOLDS(r["name"] == r["copy"] && r["more"] != r["name"]);
}

ZPROC_FORM(replica_is_moved_into_what_holds_it)
{
    co_await state.set("n", 1);
    std::optional<zproc::replica> maybe;
    maybe = co_await state.replica();
    auto shared = std::make_shared<zproc::replica>(co_await state.replica());
    std::vector<zproc::replica> all;
    for (int i = 0; i != 3; ++i)
        all.push_back(co_await ctx.state("space " + std::to_string(i)).replica());
    zproc::replica later;
    later = co_await state.replica();
    co_await ctx.state("space 2").set("name", text);
    ZPROC_HOLDS(maybe->get<int>("n") == 1);
    ZPROC_HOLDS(shared->get<int>("n") == 1);
    ZPROC_HOLDS(later.get<int>("n") == 1);
    ZPROC_HOLDS(all[0].empty() && all[2].get<std::string>("name") == text);
    all.erase(all.begin());
    ZPROC_HOLDS(all.back().name() == "space 2");
}

ZPROC_FORM(replica_is_iterated_while_it_changes)
{
    co_await state.update(dict::of("a", text, "b", other_text));
    const auto r = co_await state.replica();
    std::size_t seen = 0;
    for (const auto& [key, v] : r) {
        co_await state.set(key + " again", v);
        seen += v == text || v == other_text ? 1u : 0u;
    }
    ZPROC_HOLDS(seen == 2);
    ZPROC_HOLDS(r.size() == 4);
    const auto long_one = [](const auto& each) { return each.second.size() > 30; };
    ZPROC_HOLDS(std::ranges::all_of(r, long_one));
    const zproc::snapshot before = r.snapshot();
    co_await state.clear();
    ZPROC_HOLDS(before["a again"] == text && r.empty());
}

ZPROC_FORM(operation_is_stored_and_begun_later)
{
    auto stored = state.replica();
    co_await state.set("name", text);
    const auto r = co_await std::move(stored);
    ZPROC_HOLDS(r["name"] == text);
}

BOOST_AUTO_TEST_SUITE_END()
