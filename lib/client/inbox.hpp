#pragma once

#include "client/multiplexer.hpp"

#include <algorithm>
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
    /// When so many calls are made at once, they are written in parts: the server works on one while the
    /// next one is made.
    static constexpr std::size_t part = 32;

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

    /// What is to be done about what was put in: nothing, since somebody is on the way; somebody has to
    /// be sent; or has to be there at once, since there is enough for a part of its own.
    enum class errand { none, send, hurry };

    /// Who is on the way: to begin with what there is, or also to write what comes of it.
    enum class visit { none, fetch, turn };

    /// Who is sent has a turn where it is a call.
    errand put(entry e)
    {
        const std::lock_guard lock(mutex_);
        const auto wanted = e.what ? visit::turn : visit::fetch;
        entries_.push_back(std::move(e));
        if (expect_at_least(wanted))
            return errand::send;
        return wanted == visit::turn && entries_.size() % part == 0 ? errand::hurry : errand::none;
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
    /// The same for a turn, if there are calls and nothing else; or nothing, and false.
    bool take_calls(std::vector<entry>& to)
    {
        const std::lock_guard lock(mutex_);
        if (std::ranges::any_of(entries_, [](const entry& e) { return e.what == nullptr; }))
            return false;
        entries_.swap(to);
        expected_ = visit::none;
        return true;
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
