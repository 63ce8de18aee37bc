#pragma once

#include "support/operation_world.hpp"

#include <zproc/state.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The rows of operation_table.hpp that are functions of a state handle.

namespace zproc::test {

/// What cancelling a row does, as its documentation says.
enum class cancels {
    as_read,     ///< queued: aborted. Written: terminal → aborted, else nothing
    as_mutation, ///< queued: aborted, not applied. Written: terminal → outcome unknown, else nothing
    always,      ///< aborted by every kind, at every moment
};

struct row {
    static void before(operation_world&) {}
    static void after(operation_world& w)
    {
        w.watched.reset();
        w.child = {};
        w.other.reset();
        w.own.reset();
        w.results.reset();
        w.followed.reset();
        w.workers.reset();
        w.run();
    }
};

struct get_row : row {
    static constexpr std::string_view name = "state_reads::get";
    using signature = void(error_code, int);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", 41); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.get<int>("key", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, int got) { return got == 41; }
};

struct get_or_row : row {
    static constexpr std::string_view name = "state_reads::get_or";
    using signature = void(error_code, std::string);
    static constexpr auto cancelled = cancels::as_read;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.get_or("none", "otherwise", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::string& got) { return got == "otherwise"; }
};

struct contains_row : row {
    static constexpr std::string_view name = "state_reads::contains";
    using signature = void(error_code, bool);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.contains("key", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, bool got) { return got; }
};

struct size_row : row {
    static constexpr std::string_view name = "state_reads::size";
    using signature = void(error_code, std::size_t);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.size(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, std::size_t got) { return got == 1; }
};

struct keys_row : row {
    static constexpr std::string_view name = "state_reads::keys";
    using signature = void(error_code, std::vector<std::string>);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.keys(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<std::string>& got)
    {
        return got == std::vector<std::string>{"key"};
    }
};

struct values_row : row {
    static constexpr std::string_view name = "state_reads::values";
    using signature = void(error_code, std::vector<value>);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.values(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<value>& got)
    {
        return got == std::vector<value>{value(1)};
    }
};

struct snapshot_row : row {
    static constexpr std::string_view name = "state_reads::snapshot";
    using signature = void(error_code, snapshot);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", "text"); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.snapshot(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const snapshot& got)
    {
        return got == dict::of("key", "text");
    }
};

struct items_row : row {
    static constexpr std::string_view name = "state_reads::items";
    using signature = void(error_code, dict);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", "text"); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.items(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const dict& got) { return got == dict::of("key", "text"); }
};

/// As `get`, told in words what went wrong.
struct get_explained_row : get_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.get<int>("key", w.why, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, int got) { return got == 41 && w.why.text.empty(); }
};

struct at_row : row {
    static constexpr std::string_view name = "state_reads::at";
    using signature = void(error_code, snapshot);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w)
    {
        w.put("key", "text");
        w.mark = w.revision();
    }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.at(w.mark, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const snapshot& got)
    {
        return got == dict::of("key", "text") && got.revision() == w.mark;
    }
};

struct history_row : row {
    static constexpr std::string_view name = "state_reads::history";
    using signature = void(error_code, std::vector<event>);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w)
    {
        w.put("key", 1);
        w.put("key", 2);
        w.mark = w.revision();
    }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.history("key", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<event>& got)
    {
        return got.size() >= 2 && got.back().changes.at(0).before == 1 &&
               got.back().changes.at(0).after == 2;
    }
};

struct diff_row : row {
    static constexpr std::string_view name = "state_reads::diff";
    using signature = void(error_code, std::vector<change>);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { history_row::before(w); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.diff(w.mark - 1, w.mark, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<change>& got)
    {
        return got.size() == 1 && got[0].before == 1 && got[0].after == 2;
    }
};

struct revision_at_row : row {
    static constexpr std::string_view name = "state_reads::revision_at";
    using signature = void(error_code, std::uint64_t);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { history_row::before(w); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.revision_at(std::chrono::system_clock::now(),
                                   std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, std::uint64_t got) { return got == w.mark; }
};

struct replica_row : row {
    static constexpr std::string_view name = "state::replica";
    using signature = void(error_code, zproc::replica);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", 41); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.replica(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const zproc::replica& got)
    {
        return got.get<int>("key") == 41 && got.size() == 1;
    }
};

struct set_row : row {
    static constexpr std::string_view name = "state_writes::set";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::as_mutation;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.set("key", 2, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.look("key") == 2; }
};

struct erase_row : row {
    static constexpr std::string_view name = "state_writes::erase";
    using signature = void(error_code, bool);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.erase("key", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, bool got) { return got && w.everything().empty(); }
};

struct update_row : row {
    static constexpr std::string_view name = "state_writes::update";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.update(dict::of("a", 1, "b", 2), std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w)
    {
        return w.everything() == dict::of("a", 1, "b", 2, "key", 1);
    }
};

struct replace_row : row {
    static constexpr std::string_view name = "state_writes::replace";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.replace(dict::of("a", 1), std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.everything() == dict::of("a", 1); }
};

struct clear_row : row {
    static constexpr std::string_view name = "state_writes::clear";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.clear(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.everything().empty(); }
};

struct pop_row : row {
    static constexpr std::string_view name = "state_writes::pop";
    using signature = void(error_code, int);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 7); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.pop<int>("key", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, int got) { return got == 7 && w.everything().empty(); }
};

struct pop_item_row : row {
    static constexpr std::string_view name = "state_writes::pop_item";
    using signature = void(error_code, std::pair<std::string, int>);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 7); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.pop_item<int>(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const std::pair<std::string, int>& got)
    {
        return got.first == "key" && got.second == 7 && w.everything().empty();
    }
};

struct set_default_row : row {
    static constexpr std::string_view name = "state_writes::set_default";
    using signature = void(error_code, int);
    static constexpr auto cancelled = cancels::as_mutation;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.set_default("key", 3, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, int got) { return got == 3 && w.look("key") == 3; }
};

struct increment_row : row {
    static constexpr std::string_view name = "state_writes::increment";
    using signature = void(error_code, value);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.increment("key", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const value& got)
    {
        return got == 2 && w.look("key") == 2;
    }
};

struct increment_by_row : increment_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.increment("key", 1, std::forward<decltype(token)>(token)...);
    }
};

struct decrement_row : row {
    static constexpr std::string_view name = "state_writes::decrement";
    using signature = void(error_code, value);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.decrement("key", std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const value& got)
    {
        return got == 0 && w.look("key") == 0;
    }
};

struct decrement_by_row : decrement_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.decrement("key", 1, std::forward<decltype(token)>(token)...);
    }
};

struct append_row : row {
    static constexpr std::string_view name = "state_writes::append";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::as_mutation;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.append("key", 5, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.look("key") == list_of(5); }
};

struct compare_exchange_row : row {
    static constexpr std::string_view name = "state_writes::compare_exchange";
    using signature = void(error_code, bool);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.compare_exchange("key", 1, 2, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, bool got) { return got && w.look("key") == 2; }
};

inline int add_to_key(draft& d, int amount)
{
    d["key"] += amount;
    return d["key"].get<int>();
}

/// Its first request is a read.
struct atomic_row : row {
    static constexpr std::string_view name = "state::atomic";
    using signature = void(std::exception_ptr, int);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.atomic(add_to_key, 4, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, int got) { return got == 5 && w.look("key") == 5; }
};

inline void write_key(draft& d)
{
    d["key"] = 6;
}

/// Its first request is a commit.
struct atomic_write_row : row {
    static constexpr std::string_view name = "state::atomic";
    using signature = void(std::exception_ptr);
    static constexpr auto cancelled = cancels::as_mutation;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.state.atomic(write_key, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.look("key") == 6; }
};

struct atomic_operation_row : atomic_row {
    static constexpr std::string_view name = "atomic_operation::operator()";
    static auto start(operation_world& w, auto&&... token)
    {
        static const auto add = atomic(add_to_key);
        return add(w.state, 4, std::forward<decltype(token)>(token)...);
    }
};

} // namespace zproc::test
