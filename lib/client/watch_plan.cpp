#include "value/decode.hpp"
#include "value/msgpack.hpp"

#include <zproc/detail/watch_plan.hpp>

#include <algorithm>
#include <cstring>
#include <span>
#include <type_traits>

namespace zproc::detail {

static_assert(std::is_trivially_copyable_v<watch_options>,
              "they cross as their bytes, between two processes of one program");

std::string pack_plan(const watch_plan& plan)
{
    bytes options(sizeof plan.options);
    std::memcpy(options.data(), &plan.options, options.size());
    const value all = list_of(plan.what, plan.keys, plan.test, plan.expected, plan.name_space,
                              options, plan.test_at_since);
    bytes packed;
    if (const auto ec = msgpack::encode(all, packed))
        throw system_error(ec);
    std::string text(packed.size(), '\0');
    std::memcpy(text.data(), packed.data(), packed.size());
    return text;
}

watch_plan unpack_plan(std::string_view packed)
{
    value all;
    watch_plan plan;
    if (const auto ec = decode_any(std::as_bytes(std::span(packed)), all))
        throw system_error(errc::not_serializable, ec.message());
    plan.what = all[0].get<watch_plan::kind>();
    plan.keys = all[1].get<std::vector<std::string>>();
    plan.test = all[2].get<value_test>();
    plan.expected = all[3];
    plan.name_space = all[4].get<std::string>();
    const auto options = all[5].get<bytes>();
    if (options.size() != sizeof plan.options)
        throw system_error(errc::not_serializable, "the options have another size here");
    std::memcpy(&plan.options, options.data(), options.size());
    plan.test_at_since = all[6].get<bool>();
    return plan;
}

watch_condition condition_of(const watch_plan& plan)
{
    using kind = watch_plan::kind;
    watch_condition made;
    switch (plan.what) {
    case kind::change: made = change_of_keys(plan.keys); break;
    case kind::test:
        made = condition_of_key(plan.keys.front(), test_of(plan.test, plan.expected));
        break;
    case kind::key_predicate: made = condition_of_key(plan.keys.front(), {}); break;
    case kind::whole_predicate: made = condition_of_all({}); break;
    }
    made.test_at_since = plan.test_at_since;
    return made;
}

} // namespace zproc::detail
