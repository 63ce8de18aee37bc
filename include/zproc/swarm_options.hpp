#pragma once

#include <zproc/detail/swarm_state.hpp>
#include <zproc/detail/temporary.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace zproc {

/// How the workers of a swarm are, and what happens when they fail. Of a swarm when it is made;
/// `swarm::with` gives a handle with others, for some maps.
///
///     ctx.create_swarm(swarm_options{}.size(4).retries(0).deadline(10s))
class swarm_options {
public:
    using duration = std::chrono::nanoseconds;

    // ---- of a swarm, when it is made

    /// Workers that this process starts. Default: as many as it may use cores. 0 with `listen` is a
    /// swarm whose work is done by those who join it, and waits until somebody does.
    swarm_options& size(std::size_t workers)
    {
        size_ = workers;
        return *this;
    }

    /// Lets workers of other machines join, at `tcp://host:port`: see `context::join_swarm`. Port 0
    /// is one that is free; `swarm::address` says which. Both sides prove that they know the secret
    /// of their contexts, and speak TLS where these do; beyond this machine the one or the other
    /// (with authorities) is needed. A swarm that listens keeps the loop busy until it is stopped,
    /// or its last handle is gone.
    swarm_options& listen(std::string address)
    {
        listen_ = std::move(address);
        return *this;
    }

    /// With `listen`: a machine of which nothing was heard for so long is lost, and what its
    /// workers had is done by others. In whole seconds, from one to a day; it may take a second more.
    /// Default 30 s.
    swarm_options& silence(duration limit)
    {
        silence_ = limit;
        return *this;
    }

    /// What its workers are called in the table of processes. Default "swarm worker".
    swarm_options& name(std::string text)
    {
        name_ = std::move(text);
        return *this;
    }

    /// Runs in each worker before its first item, with a context in front if it takes one. What
    /// it returns lives as long as the worker: functions that take a `worker_local<T>` get it. It
    /// is a plain function or a lambda without captures, and T never leaves the worker.
    template <detail::spawnable F, class... Args>
    swarm_options& initialiser(F f, Args&&... args)
    {
        ZPROC_CHECK_TEMPORARY(F);
        initialiser_ = detail::make_call_of<detail::initialiser_stub<std::decay_t<F>>>(
            f, std::forward<Args>(args)...);
        return *this;
    }

    /// Runs in each worker that leaves in peace, after its last item: with a context if it takes
    /// one, and with a `worker_local<T>` if it takes that.
    template <detail::spawnable F, class... Args>
    swarm_options& finaliser(F f, Args&&... args)
    {
        finaliser_ = detail::make_call_of<detail::finaliser_stub<std::decay_t<F>>>(
            f, std::forward<Args>(args)...);
        return *this;
    }

    /// A worker that has done so many items leaves, and another takes its place.
    swarm_options& items_per_worker(std::uint64_t items)
    {
        items_per_worker_ = items;
        return *this;
    }

    /// A worker that holds more memory (resident, in bytes) leaves after its chunk, and another
    /// takes its place.
    swarm_options& memory_per_worker(std::uint64_t most)
    {
        memory_per_worker_ = most;
        return *this;
    }

    // ---- of a swarm, or of some maps

    /// How often an item is tried again after a worker died at it. Default: twice; eight times where
    /// SIGKILL ended it, which is rarely the item's doing. 0: never.
    swarm_options& retries(unsigned times)
    {
        retries_ = times;
        return *this;
    }

    /// How often an item is tried again after its function threw. Default 0.
    swarm_options& exception_retries(unsigned times)
    {
        exception_retries_ = times;
        return *this;
    }

    /// What one item may take. Then its worker is killed, and the item's result is
    /// `errc::deadline_exceeded`; it may come an eighth later. On another machine the way there and
    /// back counts.
    swarm_options& deadline(duration of_item)
    {
        deadline_ = of_item;
        return *this;
    }

    /// Items of one chunk. Default: measured, so that a chunk takes some milliseconds.
    swarm_options& chunk(std::size_t items)
    {
        chunk_ = items;
        return *this;
    }

    /// Of streams: how many items may be under way or not yet taken. Default: measured, some
    /// chunks for each worker.
    swarm_options& in_flight(std::size_t items)
    {
        in_flight_ = items;
        return *this;
    }

    /// Of `submit`: how long a result is kept that nobody takes. Default ten minutes.
    swarm_options& keep(duration results)
    {
        keep_ = results;
        return *this;
    }

    const std::optional<std::size_t>& size() const noexcept { return size_; }
    const std::string& listen() const noexcept { return listen_; }
    duration silence() const noexcept { return silence_; }
    const std::string& name() const noexcept { return name_; }
    const std::optional<detail::call>& initialiser() const noexcept { return initialiser_; }
    const std::optional<detail::call>& finaliser() const noexcept { return finaliser_; }
    std::optional<std::uint64_t> items_per_worker() const noexcept { return items_per_worker_; }
    std::optional<std::uint64_t> memory_per_worker() const noexcept { return memory_per_worker_; }
    std::optional<unsigned> retries() const noexcept { return retries_; }
    unsigned exception_retries() const noexcept { return exception_retries_; }
    std::optional<duration> deadline() const noexcept { return deadline_; }
    std::optional<std::size_t> chunk() const noexcept { return chunk_; }
    std::optional<std::size_t> in_flight() const noexcept { return in_flight_; }
    duration keep() const noexcept { return keep_; }

private:
    std::optional<std::size_t> size_;
    std::string listen_;
    duration silence_ = std::chrono::seconds(30);
    std::string name_ = "swarm worker";
    std::optional<detail::call> initialiser_;
    std::optional<detail::call> finaliser_;
    std::optional<std::uint64_t> items_per_worker_;
    std::optional<std::uint64_t> memory_per_worker_;
    std::optional<unsigned> retries_;
    unsigned exception_retries_ = 0;
    std::optional<duration> deadline_;
    std::optional<std::size_t> chunk_;
    std::optional<std::size_t> in_flight_;
    duration keep_ = std::chrono::minutes(10);
};

} // namespace zproc
