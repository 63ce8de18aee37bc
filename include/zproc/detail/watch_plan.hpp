#pragma once

#include <zproc/detail/state_operations.hpp>
#include <zproc/detail/watch_condition.hpp>
#include <zproc/options.hpp>
#include <zproc/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zproc::detail {

/// Which events a process is to be called on: a watcher that another process makes.
struct watch_plan {
    enum class kind : std::uint8_t { change, test, key_predicate, whole_predicate };

    kind what = kind::change;
    std::vector<std::string> keys = {};
    value_test test = value_test::available;
    value expected = {};
    std::string name_space = {};
    watch_options options = {};
    bool test_at_since = false; ///< as in `watch_condition`
};

/// The keys to watch, from one key or from many.
class subject {
public:
    template <key_like K>
    subject(K&& key) : keys_{to_key(std::forward<K>(key))}
    {
    }
    subject(zproc::keys many) : keys_(std::move(many).release()) {}

    std::vector<std::string> release() && { return std::move(keys_); }

private:
    std::vector<std::string> keys_;
};

/// Crosses as bytes. Throws `errc::not_serializable` for what is none.
std::string pack_plan(const watch_plan& plan);
watch_plan unpack_plan(std::string_view bytes);

/// The condition that a plan describes; a predicate is still to be put in.
watch_condition condition_of(const watch_plan& plan);

} // namespace zproc::detail
