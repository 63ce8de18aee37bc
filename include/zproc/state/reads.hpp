#pragma once

#include <zproc/detail/state_base.hpp>
#include <zproc/event.hpp>
#include <zproc/snapshot.hpp>
#include <zproc/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace zproc {

/// The part of `state` that reads: the present, and the past as far as the journal holds it. What
/// is common to all operations is said at `state`.
///
/// Per-operation cancellation: as a read; the past: total, partial, terminal → `operation_aborted`.
class state_reads : public detail::state_base {
public:
    /// The value of a key. Errors: `errc::no_such_key` (not for `optional<T>`, which is then
    /// empty); `errc::type_mismatch` and `errc::not_representable` when it is no `T`: the
    /// diagnostics name both types. Completion signature: `void(error_code, T)`.
    template <class T = value, detail::ending_for<void(error_code, T)>... Ending>
    [[nodiscard]] auto get(key_like auto&& key, Ending&&... ending) const
    {
        return start<void(error_code, T)>(about(operation::get, std::forward<decltype(key)>(key)),
                                          detail::to_value_of<T>{},
                                          std::forward<Ending>(ending)...);
    }

    /// The value of a key, or `otherwise` when there is none; a string-like default gives a
    /// `std::string`. Completion signature: `void(error_code, T)`. Errors: as `get`.
    template <class T, detail::ending_for<void(error_code, detail::stored_t<T>)>... Ending>
    [[nodiscard]] auto get_or(key_like auto&& key, T&& otherwise, Ending&&... ending) const
    {
        ZPROC_CHECK_VALUE(T);
        using result = detail::stored_t<T>;
        return start<void(error_code, result)>(
            about(operation::get, std::forward<decltype(key)>(key)),
            detail::to_value_or<result>{result(std::forward<T>(otherwise))},
            std::forward<Ending>(ending)...);
    }

    /// Whether the key is there. Completion signature: `void(error_code, bool)`.
    template <detail::ending_for<void(error_code, bool)>... Ending>
    [[nodiscard]] auto contains(key_like auto&& key, Ending&&... ending) const
    {
        return start<void(error_code, bool)>(
            about(operation::contains, std::forward<decltype(key)>(key)),
            detail::to_value_of<bool>{}, std::forward<Ending>(ending)...);
    }

    /// The number of keys. Completion signature: `void(error_code, std::size_t)`.
    template <detail::ending_for<void(error_code, std::size_t)>... Ending>
    [[nodiscard]] auto size(Ending&&... ending) const
    {
        return start<void(error_code, std::size_t)>({operation::size, {}, {}, {}},
                                                    detail::to_value_of<std::size_t>{},
                                                    std::forward<Ending>(ending)...);
    }

    /// All keys, in no particular order. Completion signature:
    /// `void(error_code, std::vector<std::string>)`. Complexity: O(keys).
    template <detail::ending_for<void(error_code, std::vector<std::string>)>... Ending>
    [[nodiscard]] auto keys(Ending&&... ending) const
    {
        using result = std::vector<std::string>;
        return start<void(error_code, result)>({operation::keys, {}, {}, {}},
                                               detail::to_value_of<result>{},
                                               std::forward<Ending>(ending)...);
    }

    /// All values, in no particular order; with their keys they are `items`. Completion signature:
    /// `void(error_code, std::vector<value>)`. Complexity: O(bytes of the namespace).
    template <detail::ending_for<void(error_code, std::vector<value>)>... Ending>
    [[nodiscard]] auto values(Ending&&... ending) const
    {
        return start<void(error_code, std::vector<value>)>({operation::snapshot, {}, {}, {}},
                                                           detail::to_values{},
                                                           std::forward<Ending>(ending)...);
    }

    /// All keys with their values. Completion signature: `void(error_code, dict)`.
    /// Complexity: O(bytes of the namespace).
    template <detail::ending_for<void(error_code, dict)>... Ending>
    [[nodiscard]] auto items(Ending&&... ending) const
    {
        return start<void(error_code, dict)>({operation::snapshot, {}, {}, {}},
                                             detail::to_value_of<dict>{},
                                             std::forward<Ending>(ending)...);
    }

    /// Everything, as of one revision. Completion signature: `void(error_code, snapshot)`.
    /// Complexity: O(bytes of the namespace).
    template <detail::ending_for<void(error_code, zproc::snapshot)>... Ending>
    [[nodiscard]] auto snapshot(Ending&&... ending) const
    {
        return start<void(error_code, zproc::snapshot)>({operation::snapshot, {}, {}, {}},
                                                        detail::to_snapshot{},
                                                        std::forward<Ending>(ending)...);
    }

    // The past. Each is answered from the journal, by one scan of what it retains; it knows at
    // least what was done through this context before.
    //
    // Errors common to all: `errc::revision_not_retained`, when the journal does not reach back so
    // far (the diagnostics name the oldest revision that it reaches).

    /// Everything as it was at a revision. Completion signature: `void(error_code, snapshot)`.
    /// Errors: `errc::revision_not_made`. Complexity: O(bytes of the journal).
    template <detail::ending_for<void(error_code, zproc::snapshot)>... Ending>
    [[nodiscard]] auto at(std::uint64_t revision, Ending&&... ending) const
    {
        return recall<zproc::snapshot>({past::at, revision, 0, {}, 0}, detail::to_past_snapshot{},
                                       std::forward<Ending>(ending)...);
    }

    /// Every change of a key that the journal retains, oldest first, writes of equal values
    /// included; each event has that one change. Completion signature:
    /// `void(error_code, std::vector<event>)`. Complexity: O(bytes of the journal).
    template <detail::ending_for<void(error_code, std::vector<event>)>... Ending>
    [[nodiscard]] auto history(key_like auto&& key, Ending&&... ending) const
    {
        return recall<std::vector<event>>(
            {past::history, 0, 0, detail::to_key(std::forward<decltype(key)>(key)), 0},
            detail::to_past_events{}, std::forward<Ending>(ending)...);
    }

    /// What is different at revision `to` from what it was at `from`, which may be the later one:
    /// one change per key. Completion signature: `void(error_code, std::vector<change>)`.
    /// Errors: `errc::revision_not_made`. Complexity: O(bytes of the journal).
    template <detail::ending_for<void(error_code, std::vector<change>)>... Ending>
    [[nodiscard]] auto diff(std::uint64_t from, std::uint64_t to, Ending&&... ending) const
    {
        return recall<std::vector<change>>({past::difference, from, to, {}, 0},
                                           detail::to_past_changes{},
                                           std::forward<Ending>(ending)...);
    }

    /// The revision that the namespace had at a point in time.
    /// Completion signature: `void(error_code, std::uint64_t)`.
    /// Complexity: O(records of the journal).
    template <class Duration, detail::ending_for<void(error_code, std::uint64_t)>... Ending>
    [[nodiscard]] auto revision_at(std::chrono::sys_time<Duration> time, Ending&&... ending) const
    {
        const std::chrono::sys_time<std::chrono::nanoseconds> exact = time;
        return recall<std::uint64_t>(
            {past::revision_at, 0, 0, {}, exact.time_since_epoch().count()},
            detail::to_past_revision{}, std::forward<Ending>(ending)...);
    }

protected:
    using state_base::state_base;

    static detail::request about(operation what, key_like auto&& key, value first = {},
                                 value second = {})
    {
        return {what, detail::to_key(std::forward<decltype(key)>(key)), std::move(first),
                std::move(second)};
    }

private:
    using past = detail::past_question::kind;
};

} // namespace zproc
