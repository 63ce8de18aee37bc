#pragma once

#include "journal/replay.hpp"
#include "journal/segment.hpp"
#include "journal/writer.hpp"
#include "server/file_system.hpp"
#include "server/syncer.hpp"

#include <zproc/error.hpp>
#include <zproc/options.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zproc::serving {

/// Nothing may be acknowledged any more: the state is to be dropped as it is, without another turn.
class disk_lost final : public system_error {
public:
    disk_lost() : system_error(errc::disk_failed) {}
};

struct disk_options {
    fsync_policy fsync = fsync_policy::commit;
    std::chrono::nanoseconds interval = std::chrono::seconds(1);
    bool own_thread = true; ///< of `interval`; without it, `synchronize` is called by its owner
    /// After damage, go on with what is whole before it, as another instance.
    bool salvage = false;
    std::uint64_t largest_capacity = 1u << 30;
    std::uint64_t segment_bytes = 1u << 20; ///< at least; or a quarter of the ring
    std::uint64_t reserve_bytes = 64u << 10;
    std::array<std::byte, 16> boot{};     ///< of this machine
    std::array<std::byte, 16> instance{}; ///< a new one, for when it is needed
    std::function<void()> alarm;          ///< called in its thread: `check` would fail
    std::function<void(const std::string&)> log;
    /// Called when nothing may be acknowledged any more, with errc::disk_failed. It may end the
    /// process, or throw; when it returns, `disk_lost` is thrown.
    std::function<void(const error_code&)> failed;
};

/// The state on disk: what is published in the ring was written to a segment before.
///
/// Not thread-safe but for its own thread. The ring's writer calls it in between; a failure to
/// write or sync is final, since what of it is on the disk is unknown: whatever met it, and whatever
/// is called later to publish or to sync, throws what `failed` throws, or `disk_lost`.
class disk {
public:
    disk(file_system& files, disk_options options);
    ~disk();
    disk(const disk&) = delete;
    disk& operator=(const disk&) = delete;

    /// Reads what there is. Errors: data_damaged, too_large, those of the system.
    error_code look();
    /// The ring as it was, to be recovered from; empty without a history. Until `begin`.
    std::span<const std::byte> ring() const { return ring_; }

    /// Takes over from a predecessor whose ring is still there, published up to `head`.
    error_code look_beside(const journal::ring_header& ring, journal::position head);

    /// Room for a segment that begins with a ring of that capacity, or disk_full.
    error_code prepare(std::uint64_t capacity);
    /// Everything is in this ring from now on; it was published. Prepares, if nobody did. Errors:
    /// disk_full; then nothing was changed.
    error_code begin(const journal::writer& now);

    /// Called before [what was published, to) is: writes it, and syncs it if so asked.
    void before_publish(std::span<const std::byte> region, journal::position to,
                        journal::position tail);
    /// Whether a record of that size may be appended behind what was written so far. What the
    /// server does of its own accord may use room that others may not.
    error_code admit(std::uint64_t record, journal::position written, bool internal);

    void synchronize();
    /// Fails if its own thread has met a failure since.
    void check();
    /// A clean end: everything is on the disk, and the disk says so.
    void finish();

    /// For who cannot go on without it, for a reason of its own; does not return.
    [[noreturn]] void fail(const char* what, const error_code& ec);
    bool lost() const { return lost_; }

    std::uint64_t bytes() const; ///< that all segments take

private:
    struct segment {
        std::uint64_t number = 0;
        std::uint64_t bytes = 0;
        journal::position end = 0; ///< in the present ring: the tail may go that far without it
    };

    static std::string name_of(std::uint64_t number);
    std::uint64_t margin(std::uint64_t capacity) const;
    std::uint64_t segment_size() const;
    void log(const std::string& text) const;
    error_code read_headers(std::vector<journal::segment_header>& chain, std::uint64_t below);
    error_code replay_before_broken(std::vector<journal::segment_header>& chain);
    bool is_needed(const std::vector<journal::segment_header>& chain, std::size_t i);
    error_code replay_chain(std::vector<journal::segment_header>& chain);
    error_code read_contents(const journal::segment_header& header,
                             std::optional<std::uint64_t> complete,
                             journal::segment_contents& found);
    void take_chain(const std::vector<journal::segment_header>& chain);
    error_code rewrite_last();
    error_code set_aside(const std::vector<journal::segment_header>& chain, std::size_t first);
    error_code advise_salvage() const;
    error_code set_aside(const std::vector<std::string>& names);

    error_code allocate_next(std::uint64_t size);
    bool begins_anew(std::uint64_t capacity) const;
    void create(journal::segment_header header, std::span<const std::byte> extents,
                std::vector<segment> before);
    void close_current();
    void roll(std::uint64_t bytes);
    void rest();
    void sync_current();
    void learn_synced(const synced_part& part);

    file_system& files_;
    disk_options options_;
    std::unique_ptr<syncer> syncer_;
    journal::replay replay_;
    std::span<const std::byte> ring_;

    journal::segment_header last_; ///< the header of the present segment; number 0: none
    std::vector<segment> old_;     ///< before it, oldest first
    std::uint64_t highest_ = 0;    ///< number of any segment so far
    std::vector<std::string> orphans_;
    std::uint64_t broken_ = 0; ///< the newest one whose header is damaged; 0: none
    bool saved_ = false;       ///< something was left out
    bool stale_next_ = false;
    bool sync_failed_ = false; ///< of who was here before
    int file_ = -1;            ///< the present segment, once it was begun here
    std::uint64_t offset_ = 0; ///< its end
    std::uint64_t allocated_ = 0;
    journal::position position_ = 0; ///< of the ring: what was written
    journal::position tail_ = 0;
    std::uint64_t commit_ = 0;
    synced_part synced_;
    bool start_whole_ = false; ///< what is there is no part of what comes
    bool full_ = false;
    bool lost_ = false;
    bool ring_refused_ = false;

    int next_ = -1; ///< the file of the next segment
    std::uint64_t next_size_ = 0;
    std::uint64_t try_roll_at_ = 0;
    std::vector<std::byte> staged_;
    std::vector<std::byte> read_; ///< the file that is being read
};

} // namespace zproc::serving
