#pragma once

#include <zproc/isolation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What travels on the control sockets: one packet is one message, a kind and then fields, each
/// with its number and length. A field that the reader does not know is skipped, one that is
/// absent has its default, so that messages can grow. Descriptors travel beside (SCM_RIGHTS).
namespace zproc::supervision {

inline constexpr std::size_t max_message = 128 * 1024;
inline constexpr std::size_t max_descriptors = 64;

/// How a process ended.
struct exit_report {
    bool signalled = false;
    int number = 0; ///< exit code, or signal
    bool core = false;

    std::chrono::microseconds user_time{0};
    std::chrono::microseconds system_time{0};
    std::int64_t max_resident_kib = 0;
    std::int64_t minor_faults = 0;
    std::int64_t major_faults = 0;
    std::int64_t voluntary_switches = 0;
    std::int64_t involuntary_switches = 0;

    bool operator==(const exit_report&) const = default;
};

/// When a process that ended is run again.
struct restart_rules {
    enum class mode : std::uint8_t { never, on_failure, always };

    mode when = mode::never;
    /// Only after these failures; after all, where none is named.
    bool exceptions = false; ///< those of which the process says so itself
    std::vector<std::int32_t> signals;
    std::vector<std::int32_t> codes;

    std::optional<std::uint32_t> limit; ///< so many runs after the first of a row
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds longest{0}; ///< delay
    double factor = 1;                    ///< by which the delay grows along a row
    double jitter = 0;                    ///< part of the delay that chance adds or takes
    std::chrono::milliseconds healthy_after{10'000};

    bool filtered() const noexcept { return exceptions || !signals.empty() || !codes.empty(); }

    bool operator==(const restart_rules&) const = default;
};

/// Of a service: it goes on after three failures at once, not after a fourth.
inline restart_rules service_restarts()
{
    restart_rules rules;
    rules.when = restart_rules::mode::on_failure;
    rules.limit = 3;
    return rules;
}

namespace message {

// to the supervisor

/// Beside it: descriptors 0 to 2 of the child, then its own.
struct spawn {
    std::uint64_t request = 0;
    std::uint64_t entry = 0; ///< an address: the supervisor has the same image
    std::string name;
    std::string payload;
    std::chrono::milliseconds grace{500};
    bool service = false;
    restart_rules restart;
    std::optional<std::vector<std::string>> environment;
    std::optional<std::string> directory;
    std::optional<std::uint32_t> file_mask;
    std::vector<std::uint64_t> limits; ///< resource, soft, hard; those that differ
    /// Instead of the entry: a program and its arguments. `started` comes when it runs.
    std::optional<std::vector<std::string>> command;
    bool linked = false; ///< with the sender

    bool operator==(const spawn&) const = default;
};

/// From now on the failure of one stops the other. Both are below the sender.
struct link {
    std::uint64_t one = 0;
    std::uint64_t other = 0;

    bool operator==(const link&) const = default;
};

/// A service has committed the reports up to this one.
struct reported {
    std::uint64_t number = 0;

    bool operator==(const reported&) const = default;
};

struct stop {
    std::uint64_t child = 0;
    std::chrono::milliseconds grace{500};

    bool operator==(const stop&) const = default;
};

struct signal {
    std::uint64_t child = 0;
    std::int32_t number = 0;

    bool operator==(const signal&) const = default;
};

/// Beside it: the descriptor.
struct keep {
    std::string name;

    bool operator==(const keep&) const = default;
};

struct drop {
    std::string name;

    bool operator==(const drop&) const = default;
};

struct leave {
    std::chrono::milliseconds grace{500};

    bool operator==(const leave&) const = default;
};

/// The sender's function ended by an exception, and whether its restart rules mean that one.
struct threw {
    bool retry = false;

    bool operator==(const threw&) const = default;
};

/// The sender has done what others wait for.
struct ready {
    bool operator==(const ready&) const = default;
};

// from the supervisor

/// The first message to the root.
struct hello {
    std::string runtime_directory;
    std::int32_t supervisor = -1;
    std::int32_t error = 0; ///< not 0: it could not be set up, and `failed` says where
    std::string failed;
    bool refused = false; ///< what failed is the isolation that was asked for
    isolation_level isolation = isolation_level::standard;
    std::string control_group; ///< which the root kills when all others are gone
    std::int32_t guardian = -1;

    bool operator==(const hello&) const = default;
};

/// Beside it: the pidfd.
struct started {
    std::uint64_t request = 0;
    std::uint64_t child = 0;
    std::int32_t pid = -1;

    bool operator==(const started&) const = default;
};

struct failed {
    std::uint64_t request = 0;
    std::int32_t error = 0;

    bool operator==(const failed&) const = default;
};

/// How far a child has come. Each says all there is, so that a later one stands for those before.
struct progress {
    enum class phase : std::uint8_t {
        up, ///< another run. Beside it: its pidfd, and of a function the channel to it
        ready,
        stopping,
        backoff, ///< a run has ended, the next one comes after `delay`
    };

    std::uint64_t child = 0;
    phase now = phase::up;
    std::uint32_t attempt = 1;
    std::int32_t pid = -1;
    exit_report exit; ///< of the last run that has ended
    std::chrono::milliseconds delay{0};

    bool operator==(const progress&) const = default;
};

struct exited {
    std::uint64_t child = 0;
    exit_report exit;
    std::uint32_t attempt = 1;
    std::string cause; ///< of a stop that nobody asked for

    bool operator==(const exited&) const = default;
};

/// Nothing is left of the child's subtree.
struct gone {
    std::uint64_t child = 0;
    bool leaving = false; ///< so is the supervisor: that is why

    bool operator==(const gone&) const = default;
};

/// To services, who keep the table of processes: a line of it. Sent again until it is committed,
/// in order; numbers grow.
struct report {
    enum class state : std::uint8_t { up, ready, stopping, backoff, failed, down, forgotten };

    std::uint64_t number = 0;
    std::uint64_t child = 0;
    state now = state::up;
    std::string name;
    std::int32_t pid = -1;
    std::uint64_t owner = 0;
    std::int32_t owner_pid = -1;
    std::uint32_t attempt = 1;
    bool service = false;
    exit_report exit; ///< of the last run that has ended
    std::string cause;

    bool operator==(const report&) const = default;
};

} // namespace message

using any_message =
    std::variant<message::spawn, message::stop, message::signal, message::keep, message::drop,
                 message::leave, message::threw, message::ready, message::link, message::reported,
                 message::report, message::hello, message::started, message::failed,
                 message::progress, message::exited, message::gone>;

/// Replaces `out` by the packet.
void encode(const any_message& m, std::vector<std::byte>& out);

/// Empty when the packet is none of ours.
std::optional<any_message> decode(std::span<const std::byte> packet);

} // namespace zproc::supervision
