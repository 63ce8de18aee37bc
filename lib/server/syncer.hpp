#pragma once

#include "journal/layout.hpp"
#include "server/file_system.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace zproc::serving {

/// What of a file is on the disk for certain, and the ring's tail that is told in there.
struct synced_part {
    std::uint64_t end = 0;
    journal::position tail = 0;
};

/// Syncs, in a thread of its own, what was written since it last did.
class syncer {
public:
    /// `alarm` is called in its thread when a sync has failed.
    syncer(file_system& files, std::chrono::nanoseconds interval, std::function<void()> alarm = {});
    ~syncer();
    syncer(const syncer&) = delete;
    syncer& operator=(const syncer&) = delete;

    void written(int file, const synced_part& part);
    /// Waits until it is not at work, and forgets what it was to do.
    void rest();
    /// What it has achieved since it was last asked; the error that it met is final.
    std::optional<synced_part> take_done();
    error_code failure();

private:
    void run();

    file_system& files_;
    std::chrono::nanoseconds interval_;
    std::function<void()> alarm_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int file_ = -1; ///< -1: nothing to do
    synced_part wanted_;
    std::optional<synced_part> done_;
    error_code failure_;
    bool working_ = false;
    bool ending_ = false;
    std::thread thread_;
};

} // namespace zproc::serving
