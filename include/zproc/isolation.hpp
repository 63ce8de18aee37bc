#pragma once

#include <cstdint>
#include <iosfwd>

namespace zproc {

/// How well everything that processes start is held, should supervisor and guardian be killed at
/// the same instant. Whatever else happens, nothing is left with any of them.
enum class isolation_level : std::uint8_t {
    /// What spawned processes have forked themselves may escape then. Needs nothing.
    standard,
    /// All are in a control group (cgroup v2), which the root kills when it notices. Only where
    /// this program may make one below its own: as root, or where it was delegated
    /// (`systemd-run --user --scope -p Delegate=yes`).
    cgroup,
    /// All are in a PID namespace, which the kernel kills. Needs CAP_SYS_ADMIN or permitted user
    /// namespaces. Inside, `getpid()` gives other numbers than outside; those of a `process` are
    /// right where they are asked for.
    pid_namespace,
};

/// "standard", "cgroup" or "pid_namespace".
std::ostream& operator<<(std::ostream& out, isolation_level level);

} // namespace zproc
