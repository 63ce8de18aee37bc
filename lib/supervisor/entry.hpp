#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::supervision {

class restart_history;

/// Names one spawned child, or service, over all its runs, for the life of the supervisor.
using child_id = std::uint64_t;

/// A descriptor that a service left with the supervisor for its successor.
struct kept_descriptor {
    std::string name;
    int number = -1;
};

/// What a new child is given. All descriptors are close-on-exec and belong to the child.
struct child_start {
    child_id id = 0;
    int control = -1;                  ///< the socket to the supervisor
    std::vector<int> descriptors;      ///< those sent with the spawn, in that order
    std::vector<kept_descriptor> kept; ///< of a service: what its predecessors kept
    std::string name;
    std::string payload;
    std::string runtime_directory;            ///< private to this program; removed at its end
    unsigned attempt = 1;                     ///< counts the runs
    const restart_history* history = nullptr; ///< decides about the next one; lives for ever

    /// The descriptor kept under that name, or -1.
    int find_kept(std::string_view kept_name) const noexcept
    {
        for (const auto& each : kept)
            if (each.name == kept_name)
                return each.number;
        return -1;
    }
};

using service_start = child_start;

/// What a child runs. Its value is the exit code, given to `_exit`: no static destructor and no
/// `atexit` function runs, and stdio is flushed only if the entry does it. Descriptors 0 to 2 are
/// those of the spawn, signal handlers are the default ones and nothing is blocked.
using entry = int (*)(const child_start&);

/// Permits an entry. Only permitted entries are ever called, whatever a message says.
/// For entries outside the module that holds the library; others use ZPROC_SUPERVISION_ENTRY.
bool register_entry(entry function) noexcept;

bool is_registered(entry function) noexcept;

/// What is run for a spawn of a service that names no entry: by a supervisor that is another
/// program (the executable `zproc`), where the root's addresses mean nothing.
void set_service_entry(entry function) noexcept;
entry service_entry() noexcept;

} // namespace zproc::supervision

/// Permits `function` as an entry, at namespace scope in a .cpp file: `name` is any identifier
/// that is free there. Needs no dynamic initialisation, so it also holds in a supervisor that was
/// forked by a static initialiser.
#define ZPROC_SUPERVISION_ENTRY(name, function)                                                    \
    [[gnu::section("zproc_entries"),                                                               \
      gnu::used]] static constinit ::zproc::supervision::entry name = function;                    \
    [[maybe_unused]] static const bool name##_registered =                                         \
        ::zproc::supervision::register_entry(function)
