#pragma once

#include <zproc/detail/swarm_stream_job.hpp>

#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace zproc::detail {

/// In the order of the input; an item that failed fails its `next`.
template <class R, class Source>
class ordered_job final : public stream_job_base<typename settled<R>::stored_type> {
    using stored = typename settled<R>::stored_type;

public:
    template <class I>
    ordered_job(swarm_core& core, I&& input) : source_(core, std::forward<I>(input))
    {
        this->total = source_.total();
        this->stream = true;
    }

    swarm_batch pull(std::size_t most) override { return source_.pull(*this, most); }

    bool take(std::uint64_t first, std::uint32_t count, std::string_view results,
              std::span<const std::uint64_t> failed) override
    {
        const bool right = each_result<R>(
            first, count, results, failed,
            [&](std::uint64_t item, stored&& value) { arrive(item, {std::move(value), nullptr}); },
            [&](std::uint64_t item, const std::exception_ptr& error) {
                arrive(item, {std::nullopt, error});
            });
        this->serve();
        return right;
    }

    void fail(swarm_failure failure) override
    {
        const auto own = source_.reason(failure.item);
        arrive(failure.item, {std::nullopt, own ? own : failure.error});
        this->serve();
    }

private:
    void stop_source() override { source_.stop(); }

    void arrive(std::uint64_t item, stream_element<stored> element)
    {
        if (item != next_) {
            early_.emplace(item, std::move(element));
            return;
        }
        this->push(std::move(element));
        for (++next_; !early_.empty() && early_.begin()->first == next_; ++next_) {
            this->push(std::move(early_.begin()->second));
            early_.erase(early_.begin());
        }
    }

    Source source_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, stream_element<stored>> early_;
};

/// As they are done.
template <class R, class Source>
class completion_job final : public stream_job_base<completed<R>> {
    using stored = typename settled<R>::stored_type;

public:
    template <class I>
    completion_job(swarm_core& core, I&& input) : source_(core, std::forward<I>(input))
    {
        this->total = source_.total();
        this->stream = true;
    }

    swarm_batch pull(std::size_t most) override { return source_.pull(*this, most); }

    bool take(std::uint64_t first, std::uint32_t count, std::string_view results,
              std::span<const std::uint64_t> failed) override
    {
        const bool right = each_result<R>(
            first, count, results, failed,
            [&](std::uint64_t item, stored&& value) {
                this->push({completed<R>{item, settled<R>(std::move(value))}, nullptr});
            },
            [&](std::uint64_t item, const std::exception_ptr& error) {
                this->push({completed<R>{item, settled<R>(error)}, nullptr});
            });
        this->serve();
        return right;
    }

    void fail(swarm_failure failure) override
    {
        const auto own = source_.reason(failure.item);
        this->push({completed<R>{failure.item, settled<R>(own ? own : failure.error)}, nullptr});
        this->serve();
    }

private:
    void stop_source() override { source_.stop(); }

    Source source_;
};

} // namespace zproc::detail
