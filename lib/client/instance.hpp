#pragma once

#include "client/fork_mark.hpp"
#include "client/ring.hpp"
#include "protocol/control_page.hpp"

#include <zproc/error.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace zproc::client {

/// One life of a state, as the replicas of a context see it: whether it goes on, and which of its
/// rings counts. Needs no loop, and outlives it.
///
/// Thread safety: any thread.
class instance {
public:
    /// Throws `system_error`: `errc::state_lost` for what is no control page.
    instance(descriptor control, std::string path, std::chrono::nanoseconds limit,
             std::shared_ptr<ring_shelf> shelf);

    const protocol::instance_id& id() const noexcept { return id_; }

    /// True when the head of the ring of this generation, if it was loaded before, was the end of
    /// all that is committed. Loads only.
    bool counts(std::uint64_t generation) const noexcept
    {
        return mark_.is_set() && protocol::control_generation(page_) == generation &&
               !protocol::control_ended(page_);
    }

    struct found {
        std::shared_ptr<const client::ring> ring;
        std::uint64_t generation = 0;
    };
    /// The ring that counts. One that nobody in this context has yet is fetched from the server:
    /// this waits, at most the request timeout.
    ///
    /// Throws `system_error`: `failure()`, or why there is none to be had.
    found current() const;

    /// Why nothing can be read any more: the state has ended, or this process is a plain fork of
    /// the one that opened it. No lock: some thread of the original may have held it.
    error_code failure() const noexcept;

    /// Nobody reads it any more; `why` is an `errc`.
    void lose(error_code why) noexcept;

private:
    mapped_file control_;
    std::span<const std::byte> page_;
    protocol::instance_id id_;
    std::string path_;
    std::chrono::nanoseconds limit_;
    std::shared_ptr<ring_shelf> shelf_;
    fork_mark mark_;
    std::atomic<int> lost_ = 0; ///< an `errc`
};

} // namespace zproc::client
