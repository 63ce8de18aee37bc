#pragma once

#include "support/linearizability.hpp"
#include "support/shared_memory.hpp"

#include <zproc/value.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the processes of one round share: its plan, the journal's truth as a recorder reads it in
/// the ring, and what each watcher was given.
namespace zproc::test::watching {

/// What is done wrong to what a watcher was given, to see that it is noticed.
enum class fault {
    none,
    dropped,
    duplicated,
    reordered,
    wrong_missed,
    wrong_value,     ///< among those of a resync
    needless_resync, ///< in place of an event that was there
};

struct plan {
    unsigned seed = 1;
    unsigned milliseconds = 2000;
    std::size_t ring = 4 << 20;
    bool growing = false;           ///< ever new keys, so that rings are replaced
    std::uint64_t watchers = ~0ull; ///< which of them take part
    fault injected = fault::none;
};

constexpr unsigned writers = 4;
constexpr unsigned lanes = 8; ///< of each writer: requests under way at once
constexpr unsigned most_watchers = 32;

enum class space : std::uint8_t { main, second, greetings };
constexpr unsigned spaces = 3;
constexpr const char* space_names[] = {"main", "second", "greetings"};

// Keys have numbers. The first ones have few values, so that they are often written again.
constexpr std::uint32_t plain_keys = 12;
constexpr std::uint32_t few_values = 4; ///< so many keys of them
constexpr std::uint32_t flag_key = 12;
constexpr std::uint32_t large_key = 13;
constexpr std::uint32_t second_keys = 20; ///< four, in the second namespace
constexpr std::uint32_t new_keys = 1000;
constexpr std::uint32_t no_key = ~0u;

inline std::string name_of(std::uint32_t key)
{
    return "k" + std::to_string(key);
}

inline std::uint32_t number_of(std::string_view name)
{
    return static_cast<std::uint32_t>(std::stoul(std::string(name.substr(1))));
}

/// A large value stands for its number.
inline std::string large_text(std::int64_t number, std::size_t size = 2000)
{
    auto text = std::to_string(number);
    return text + std::string(size - text.size(), ' ');
}

inline cell cell_of(const std::optional<value>& v)
{
    if (!v)
        return std::nullopt;
    return v->is_string() ? std::stoll(v->get<std::string>()) : v->get<std::int64_t>();
}

/// One change of one event, in the ring or at a watcher.
struct change_entry {
    std::uint32_t key = no_key;
    cell before;
    cell after;
};

/// Of the ring: one change of one record.
struct truth_entry {
    space where{};
    bool identical = false;
    std::uint64_t revision = 0;
    std::int64_t time = 0;
    std::uint64_t session = 0;
    std::uint32_t handle = 0;
    change_entry change;
    std::uint64_t at = 0; ///< of the record
    std::uint64_t epoch = 0;
};

enum class sight : std::uint8_t {
    change,
    present,
    resync,
    overrun, ///< `next()` failed with journal_overrun
    skipped, ///< everything up to some revision from `revision` to `missed`
};

/// Of a watcher: one change of one event, or what else happened to it.
struct seen_entry {
    sight what{};
    bool first = true; ///< of its event
    std::uint64_t revision = 0;
    std::uint64_t missed = 0;
    std::int64_t time = 0;
    std::uint64_t session = 0;
    std::uint32_t handle = 0;
    change_entry change;
    std::uint64_t tail = 0; ///< of the ring, after a resync or an overrun
    std::uint64_t epoch = 0;
};

/// Where a watcher began: somewhere from `low` to `high`.
struct beginning {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::int64_t time = 0; ///< after this time, if not 0
};

struct shared_page {
    std::atomic<unsigned> recording = 0;
    std::atomic<unsigned> watching = 0;
    std::atomic<bool> stop = false;
    std::atomic<bool> over = false;
    std::atomic<bool> injected = false;                       ///< the fault was
    std::atomic<int> own_writes = 0;                          ///< of watchers, under way
    std::array<std::atomic<std::uint64_t>, spaces> last = {}; ///< the last revision there will be

    std::atomic<std::uint64_t> written = 0; ///< acknowledged transactions
    std::atomic<std::uint64_t> recorded = 0;
    std::atomic<std::uint64_t> pauses = 0; ///< of writers, for the recorder
    std::array<std::atomic<std::uint64_t>, writers> acknowledged = {};
    std::atomic<std::uint64_t> rings = 0;
    std::array<beginning, most_watchers> begun = {};
    std::array<std::atomic<std::uint64_t>, most_watchers> awaits = {};
    std::array<std::atomic<std::uint64_t>, most_watchers> interrupted = {};
};

using note = bounded_text<600>;

inline plan round_plan;
inline shared_page* page = nullptr;
inline std::vector<shared_log<truth_entry>> truth; ///< of each space
inline std::vector<shared_log<seen_entry>> seen;   ///< by each watcher
inline std::vector<shared_log<note>> notes;        ///< one

inline void objection(const std::string& text)
{
    notes.front().push(note(text));
}

/// Who a writer or a watcher is, in its greeting: a key of that number.
constexpr std::uint32_t greeting_of_writer = 100;
constexpr std::uint32_t greeting_of_watcher = 200;

} // namespace zproc::test::watching
