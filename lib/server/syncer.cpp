#include "server/syncer.hpp"

#include <utility>

namespace zproc::serving {

syncer::syncer(file_system& files, std::chrono::nanoseconds interval, std::function<void()> alarm)
    : files_(files), interval_(interval), alarm_(std::move(alarm)), thread_([this] { run(); })
{
}

syncer::~syncer()
{
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void syncer::written(int file, const synced_part& part)
{
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = file_ < 0;
        file_ = file;
        wanted_ = part;
    }
    if (first)
        changed_.notify_all();
}

void syncer::rest()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !working_; });
    file_ = -1;
    done_.reset();
}

std::optional<synced_part> syncer::take_done()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, std::nullopt);
}

error_code syncer::failure()
{
    const std::lock_guard lock(mutex_);
    return failure_;
}

/// What is written first waits for an interval; what comes meanwhile is synced with it.
void syncer::run()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ending_ || (file_ >= 0 && !failure_); });
        changed_.wait_for(lock, interval_, [this] { return ending_; });
        if (ending_)
            return;
        if (file_ < 0)
            continue;
        const int file = std::exchange(file_, -1);
        const auto part = wanted_;
        working_ = true;
        lock.unlock();
        const auto ec = files_.sync(file);
        lock.lock();
        working_ = false;
        if (ec)
            failure_ = ec;
        else
            done_ = part;
        changed_.notify_all();
        if (ec && alarm_)
            alarm_();
    }
}

} // namespace zproc::serving
