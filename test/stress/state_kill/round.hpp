#pragma once

#include "support/fault_proxy.hpp"

#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What the processes of one round share: its plan, a page of memory, and what they report.
///
/// A round is a program of its own with a state process, writers, watchers and a killer. The plan
/// and the page exist before the supervisor is forked, so every process of the round has them,
/// whatever becomes of the state.
namespace zproc::test::killing {

/// What the checker is given wrong, to see that it notices.
enum class fault { none, lost_write, write_twice, lost_event };

/// How clients come to the state process.
enum class road { local, tcp, bad_tcp };

struct plan {
    unsigned seed = 1;
    unsigned kills = 10;
    std::size_t ring = 64 << 10;
    unsigned writers = 3;
    unsigned watchers = 3;
    unsigned first_watcher = 0; ///< of six kinds
    std::size_t padding = 0;    ///< of each value
    bool growing = false;       ///< ever new keys
    road on = road::local;
    std::string secret;     ///< none: nobody has to know any
    bool on_disk = false;   ///< the state has a data directory
    bool replacing = false; ///< kill while a ring is being replaced
    fault injected = fault::none;
};

struct shared_page {
    std::atomic<int> server = 0;    ///< pid of the state process
    std::atomic<unsigned> life = 0; ///< its how manyth run that is
    std::atomic<bool> go = false;
    std::atomic<bool> stop = false;
    std::atomic<bool> killer_done = false;
    std::atomic<bool> lost = false; ///< there will be no other

    faults network; ///< on a bad road

    // for the summary
    std::atomic<unsigned> kills = 0;
    std::atomic<unsigned> at_birth = 0;
    std::atomic<unsigned> in_replacement = 0;
    std::atomic<std::uint64_t> acknowledged = 0;
    std::atomic<std::uint64_t> unknown = 0;
    std::atomic<std::uint64_t> events = 0;
    std::atomic<std::uint64_t> resyncs = 0;
};

inline plan round_plan;
inline shared_page* page = nullptr;

/// A value as text; what is absent is "-".
inline const std::string absent = "-";

/// What one process of the round knows at its end.
struct report {
    std::vector<std::string> violations;

    // of a writer
    std::map<std::string, std::vector<std::string>> possible; ///< of its own keys: what each may be
    std::vector<std::int64_t> sums;     ///< that its increments of the common counter gave
    std::vector<std::string> appended;  ///< acknowledged items
    std::vector<std::string> uncertain; ///< items whose outcome is unknown
    std::uint64_t unknown_increments = 0;
    std::uint64_t additions = 0; ///< to the count, acknowledged
    std::uint64_t transfers = 0; ///< acknowledged
    std::uint64_t unknown_transfers = 0;

    // of a watcher of everything
    std::map<std::string, std::string> mirror;
    bool has_mirror = false;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & violations & possible & sums & appended & uncertain & unknown_increments &
            additions & transfers & unknown_transfers & mirror & has_mirror;
    }

    void violated(std::string what)
    {
        if (violations.size() < 20)
            violations.push_back(std::move(what));
    }
};

} // namespace zproc::test::killing
