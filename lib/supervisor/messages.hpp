#pragma once

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

/// At most so many runs after the first within any window of that length.
struct restart_limit {
    unsigned restarts = 3;
    std::chrono::milliseconds window{10'000};

    bool operator==(const restart_limit&) const = default;
};

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
    restart_limit limit;
    std::optional<std::vector<std::string>> environment;
    std::optional<std::string> directory;
    std::optional<std::uint32_t> file_mask;

    bool operator==(const spawn&) const = default;
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

// from the supervisor

/// The first message to the root.
struct hello {
    std::string runtime_directory;
    std::int32_t supervisor = -1;
    std::int32_t error = 0; ///< not 0: it could not be set up, and `failed` says where
    std::string failed;

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

/// Beside it: the pidfd of the new run.
struct restarted {
    std::uint64_t child = 0;
    exit_report exit;
    std::uint32_t attempt = 0;
    std::int32_t pid = -1;

    bool operator==(const restarted&) const = default;
};

struct exited {
    std::uint64_t child = 0;
    exit_report exit;
    std::uint32_t attempt = 1;

    bool operator==(const exited&) const = default;
};

/// Nothing is left of the child's subtree.
struct gone {
    std::uint64_t child = 0;

    bool operator==(const gone&) const = default;
};

} // namespace message

using any_message =
    std::variant<message::spawn, message::stop, message::signal, message::keep, message::drop,
                 message::leave, message::hello, message::started, message::failed,
                 message::restarted, message::exited, message::gone>;

/// Replaces `out` by the packet.
void encode(const any_message& m, std::vector<std::byte>& out);

/// Empty when the packet is none of ours.
std::optional<any_message> decode(std::span<const std::byte> packet);

} // namespace zproc::supervision
