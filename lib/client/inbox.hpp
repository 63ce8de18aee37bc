#pragma once

#include "client/multiplexer.hpp"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace zproc::client {

/// What is asked of a connection, from any thread, on its way to the strand, in the order in which
/// it was asked. Somebody is sent for it once, however much has come together by then.
class inbox {
public:
    struct task {
        virtual ~task() = default;
        virtual void run() = 0;
    };
    /// A call, and who is told its name; or anything else that is to happen in its turn.
    struct entry {
        std::unique_ptr<call> what = {};
        std::shared_ptr<multiplexer::ticket> ticket = {};
        std::unique_ptr<task> other = {};
    };

    /// True: somebody has to be sent.
    bool put(entry e)
    {
        const std::lock_guard lock(mutex_);
        entries_.push_back(std::move(e));
        return !std::exchange(expected_, true);
    }
    /// Somebody will come anyway. True: that is news.
    bool expect()
    {
        const std::lock_guard lock(mutex_);
        return !std::exchange(expected_, true);
    }
    /// Swaps what there is into `to`, which is empty. For what comes now somebody is to be sent again.
    void take(std::vector<entry>& to)
    {
        const std::lock_guard lock(mutex_);
        entries_.swap(to);
        expected_ = false;
    }

private:
    std::mutex mutex_;
    std::vector<entry> entries_;
    bool expected_ = false;
};

} // namespace zproc::client
