#pragma once

#include <zproc/dict.hpp>
#include <zproc/value.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace zproc::detail {

/// What a watcher waits for.
struct watch_condition {
    enum class kind : std::uint8_t { change, key, whole };

    kind what = kind::change;
    std::vector<std::string> keys;                    ///< empty: all
    std::function<bool(const value&)> key_predicate;  ///< kind::key; sees present values only
    std::function<bool(const dict&)> whole_predicate; ///< kind::whole
    /// A condition with a `since` is tested against that point, as it otherwise is against now.
    bool test_at_since = false;
};

/// The tests of a value that have a name.
enum class value_test : std::uint8_t {
    available,
    equal,
    not_equal,
    none,
    not_none,
    truthy,
    falsy,
};

std::function<bool(const value&)> test_of(value_test which, value expected);

inline watch_condition change_of_keys(std::vector<std::string> keys)
{
    watch_condition c;
    c.keys = std::move(keys);
    return c;
}

inline watch_condition condition_of_key(std::string key,
                                        std::function<bool(const value&)> predicate)
{
    watch_condition c;
    c.what = watch_condition::kind::key;
    c.keys.push_back(std::move(key));
    c.key_predicate = std::move(predicate);
    return c;
}

inline watch_condition condition_of_all(std::function<bool(const dict&)> predicate)
{
    watch_condition c;
    c.what = watch_condition::kind::whole;
    c.whole_predicate = std::move(predicate);
    return c;
}

} // namespace zproc::detail
