#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::swarming {

/// What a frame between a swarm's owner and a worker says. Both are the same program, so numbers
/// are in the order of bytes of the machine.
enum class frame_kind : std::uint16_t {
    // both ways
    block = 1, ///< one descriptor comes with it: `block` names it, `length` is its size
    forget,    ///< block `block` is not used any more
    // to the worker
    job,     ///< `job`: its body is a job_message
    end_job, ///< `job`
    task,    ///< `job`, `chunk`, `count` items in `blob`; results up to chunk `number` were taken
    leave,   ///< end when nothing is left to do
    // to the owner
    ready, ///< the initialiser has returned
    done,  ///< `chunk`: `count` items are over, in `number` ns; results in `blob`, then failures

    // over TCP, until it is known who is there: see door_handshake
    hello,
    challenge,
    proof,
    welcome,
    refused,
    // to a worker of another machine
    prepare, ///< its body: initialiser and finaliser
    // to a host of workers, whose own `number` says which
    kill,    ///< by SIGKILL
    abandon, ///< it should leave `job`
    dismiss, ///< start no more; with `at_once`: end those that are left
    // from a host
    ended, ///< its body is a worker_ending
};

/// Where the bytes of items or results are: in block `block`, or (0) at the front of the body.
struct blob_place {
    std::uint32_t block = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    bool operator==(const blob_place&) const = default;
};

struct frame {
    frame_kind kind{};
    std::uint16_t flags = 0;
    std::uint32_t job = 0;
    std::uint32_t chunk = 0;
    std::uint32_t count = 0;
    blob_place blob;
    std::uint64_t number = 0;
    std::uint64_t resident = 0; ///< of a worker: bytes of memory, where that was asked for
    std::string_view body;
};

/// Flags of a task, and of a job.
inline constexpr std::uint16_t stops_at_failure = 1;
inline constexpr std::uint16_t tells_resident = 2;
/// Of a task: its items are of one size each, without a length before them.
inline constexpr std::uint16_t in_bulk = 4;

/// Of a dismissal.
inline constexpr std::uint16_t at_once = 1;

inline constexpr std::size_t frame_head = 64;
/// What is larger goes by blocks, where these cross; else it is this that limits a chunk.
inline constexpr std::uint32_t max_frame_body = std::uint32_t{1} << 30;

void write_frame(std::string& out, const frame& f);

/// Frames out of bytes as they come. After an error nothing more is read.
class frame_reader {
public:
    /// Of bodies.
    explicit frame_reader(std::uint32_t most = max_frame_body) noexcept : most_(most) {}
    void set_limit(std::uint32_t most) noexcept { most_ = most; }

    /// Room for what is read next; then `filled` says how much came.
    std::span<char> room();
    void filled(std::size_t size) noexcept { end_ += size; }

    /// The next whole frame; its body is valid until the next call of any function.
    std::optional<frame> next();
    bool is_broken() const noexcept { return broken_; }

private:
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint32_t most_;
    bool broken_ = false;
};

/// What was thrown at an item, behind the results in a `done` frame.
struct item_failure {
    std::uint32_t item = 0; ///< of the chunk
    bool unserializable = false;
    std::string report; ///< an error report, or a text
};

void write_failure(std::string& out, const item_failure& f);
/// Nothing when the bytes are not exactly such failures.
std::optional<std::vector<item_failure>> read_failures(std::string_view bytes);

} // namespace zproc::swarming
