#pragma once

#include "support/linearizability.hpp"
#include "support/shared_memory.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What the processes of one round share: its plan, and logs of what they did and saw.
///
/// A round is a program of its own: workers with several lanes each, a lane being a client that
/// does one thing after the other; and observers. All is judged when it is over.
namespace zproc::test::consistency {

/// What is done wrong, at the client's side, to see that the judges notice.
enum class fault {
    none,
    stale_read,     ///< a read gives what its lane has read before
    lost_write,     ///< a write is acknowledged, and was never sent
    double_apply,   ///< an addition is made twice, and acknowledged once
    torn_transfer,  ///< a transfer is two operations
    torn_audit,     ///< an audit is one operation for each account
    wrong_revision, ///< a snapshot says that it is one revision older
    swapped_events, ///< two events come in the wrong order
    early_answer,   ///< an answer is said to have come before it could
};

/// Who has something to say against a round. The exit code of a round has a bit for each.
enum class judge : unsigned {
    answers, ///< not linearizable
    sums,    ///< money was made or lost
    journal, ///< events, revisions and time do not agree
    running, ///< something failed that must not
};

struct plan {
    unsigned seed = 1;
    unsigned milliseconds = 3000;
    std::size_t ring = 4 << 20;
    unsigned workers = 8;
    unsigned lanes = 2; ///< of each worker
    unsigned keys = 5;
    bool over_tcp = false;
    fault injected = fault::none;
};

constexpr unsigned most_workers = 12;
constexpr unsigned most_lanes = 4;
constexpr unsigned accounts = 5;
constexpr std::int64_t total = 5000;

// Keys have numbers: registers from 0, accounts and greetings from there.
constexpr std::uint32_t first_account = 32;
constexpr std::uint32_t first_greeting = 64;
constexpr std::uint32_t end_key = 1000;
constexpr std::uint32_t unknown_key = 1001;

/// Each kind of key has a namespace of its own.
enum class space : std::uint8_t { registers, bank, greetings };
constexpr const char* space_names[] = {"registers", "bank", "greetings"};

inline space space_of(std::uint32_t key)
{
    return key < first_account    ? space::registers
           : key < first_greeting ? space::bank
                                  : space::greetings;
}

inline std::string name_of(std::uint32_t key)
{
    return "k" + std::to_string(key);
}

inline std::uint32_t number_of(std::string_view name)
{
    if (name == "end")
        return end_key;
    return name.starts_with('k')
               ? static_cast<std::uint32_t>(std::stoul(std::string(name.substr(1))))
               : unknown_key;
}

/// One key of one operation. Those of an operation on several keys have its number in common.
struct history_entry {
    key_operation what;
    std::uint32_t lane = 0;
    std::uint32_t number = 0;
    std::uint64_t revision = 0; ///< of a snapshot
};

/// One change of one event, as an observer of everything got it.
struct event_entry {
    space where{};
    std::uint32_t key = 0;
    std::uint64_t revision = 0;
    std::int64_t time = 0;
    std::uint64_t session = 0;
    std::uint32_t handle = 0;
    cell before;
    cell after;
    std::int64_t seen = 0;
};

struct note {
    judge by{};
    bounded_text<4000> text;
};

struct shared_page {
    std::atomic<bool> go = false;
    std::atomic<bool> stop = false;
    std::atomic<bool> lapped = false; ///< the observer of everything: nothing to compare with
    std::atomic<std::uint64_t> operations = 0;
    std::atomic<std::uint64_t> unknown = 0;
    std::atomic<std::uint64_t> observed = 0; ///< events whose sums were checked
    std::atomic<std::uint64_t> resyncs = 0;
    std::atomic<std::uint64_t> audits = 0;
};

inline plan round_plan;
inline shared_page* page = nullptr;
inline std::vector<shared_log<history_entry>> histories; ///< of each worker, and of the root
inline std::vector<shared_log<event_entry>> events;      ///< of each space
inline std::vector<shared_log<note>> notes;              ///< one

inline void objection(judge by, const std::string& text)
{
    notes.front().push({by, bounded_text<4000>(text)});
}

} // namespace zproc::test::consistency
