#pragma once

#include "client/multiplexer.hpp"

#include <iterator>
#include <memory>
#include <mutex>
#include <span>
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

    /// Who is on the way: to begin with what there is, or also to write what comes of it.
    enum class visit { none, fetch, turn };

    /// True: somebody has to be sent, for a turn where it is a call.
    bool put(entry e)
    {
        const std::lock_guard lock(mutex_);
        const auto wanted = e.what ? visit::turn : visit::fetch;
        entries_.push_back(std::move(e));
        return expect_at_least(wanted);
    }
    /// There is to be a turn anyway. True: somebody has to be sent.
    bool expect_turn()
    {
        const std::lock_guard lock(mutex_);
        return expect_at_least(visit::turn);
    }
    /// Swaps what there is into `to`, which is empty. For what comes now somebody is sent again;
    /// but a turn that is on its way still is when a fetch was here.
    void take(std::vector<entry>& to, visit as)
    {
        const std::lock_guard lock(mutex_);
        entries_.swap(to);
        if (as >= expected_)
            expected_ = visit::none;
    }
    /// What could not be begun with, in front of what came since.
    void put_back(std::span<entry> rest)
    {
        const std::lock_guard lock(mutex_);
        entries_.insert(entries_.begin(), std::make_move_iterator(rest.begin()),
                        std::make_move_iterator(rest.end()));
    }

private:
    bool expect_at_least(visit wanted)
    {
        if (expected_ >= wanted)
            return false;
        expected_ = wanted;
        return true;
    }

    std::mutex mutex_;
    std::vector<entry> entries_;
    visit expected_ = visit::none;
};

} // namespace zproc::client
