#pragma once

#include "swarm/scheduler.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace zproc::swarming {

/// How many workers there are to be, and when one is started: a function of numbers and times.
///
///     starting ─up─► up ─retire─► retiring ─gone─►
///         └──────────────gone: a failed start────►
class crew {
public:
    /// `gives_up`: it may become hopeless.
    explicit crew(std::size_t wanted, bool gives_up = true) : wanted_(wanted), gives_up_(gives_up)
    {
    }

    std::size_t wanted() const noexcept { return wanted_; }
    /// Those that are up and stay.
    std::size_t up() const noexcept { return count(state::up); }
    std::size_t alive() const noexcept { return workers_.size(); }
    std::size_t starting() const noexcept { return count(state::starting); }

    /// Who is to retire now: those that start, then the youngest.
    [[nodiscard]] std::vector<worker_id> resize(std::size_t wanted);

    /// How many are to be started now.
    std::size_t missing(duration now) const;
    /// When there will be some to start, if that is not now.
    std::optional<duration> next_start() const;
    /// Several starts in a row have failed, and nobody is up.
    bool is_hopeless() const;
    /// Whoever asks for something anew may have mended it.
    void hope() noexcept { failures_ = 0; }

    worker_id start();
    void up(worker_id worker);
    /// It has done something: what was wrong with others is over.
    void worked() noexcept { failures_ = 0; }
    void retire(worker_id worker);
    bool is_up(worker_id worker) const { return is(worker, state::up); }
    bool is_starting(worker_id worker) const { return is(worker, state::starting); }
    bool is_retiring(worker_id worker) const { return is(worker, state::retiring); }
    /// True when its start has failed: it is gone though nobody had told it to leave, and did
    /// nothing.
    bool gone(worker_id worker, bool useless, duration now);

    static constexpr unsigned most_failures = 5;

private:
    enum class state : std::uint8_t { starting, up, retiring };

    std::size_t count(state of) const noexcept;
    bool is(worker_id worker, state of) const;

    std::size_t wanted_;
    bool gives_up_;
    std::map<worker_id, state> workers_;
    worker_id last_ = 0;
    unsigned failures_ = 0;
    duration not_before_{};
};

} // namespace zproc::swarming
