#pragma once

#include <zproc/value.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace zproc::detail {

/// What a watcher waits for.
struct watch_condition {
    enum class kind : std::uint8_t { change, key, whole };

    kind what = kind::change;
    std::vector<std::string> keys;                    ///< empty: all
    std::function<bool(const value&)> key_predicate;  ///< kind::key; sees present values only
    std::function<bool(const dict&)> whole_predicate; ///< kind::whole
};

} // namespace zproc::detail
