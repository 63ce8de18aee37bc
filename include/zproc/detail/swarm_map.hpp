#pragma once

#include <zproc/detail/swarm_source.hpp>
#include <zproc/process.hpp>
#include <zproc/process_list.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace zproc::detail {

/// Goes through the results of a chunk: `take(item, value)` or `lost(item, error)` of each but
/// those in `failed`. False when the bytes cannot be these results.
template <class R, class Take, class Lost>
bool each_result(std::uint64_t first, std::uint32_t count, std::string_view results,
                 std::span<const std::uint64_t> failed, Take take, Lost lost)
{
    using stored = typename settled<R>::stored_type;
    if (failed.size() == count) // what could not be run at all has no results, not even empty ones
        return true;
    if constexpr (crosses_in_bulk<R>)
        if (results.size() != std::size_t{count} * sizeof(R))
            return false;
    std::size_t next_failed = 0;
    for (std::uint64_t item = first; item != first + count; ++item) {
        if (next_failed != failed.size() && failed[next_failed] == item) {
            ++next_failed;
            continue;
        }
        if constexpr (std::is_void_v<R>) {
            take(item, stored());
        } else if constexpr (crosses_in_bulk<R>) {
            R value;
            std::memcpy(static_cast<void*>(&value), results.data() + (item - first) * sizeof(R),
                        sizeof(R));
            take(item, std::move(value));
        } else {
            std::string_view bytes;
            bool absent = false;
            if (!next_item(results, bytes, absent) || absent)
                return false;
            std::optional<stored> value;
            std::exception_ptr error;
            try {
                value.emplace();
                item_unpacker in(bytes);
                in.get(*value);
                in.finish();
            } catch (...) {
                error = std::current_exception();
            }
            if (error)
                lost(item, error);
            else
                take(item, std::move(*value));
        }
    }
    return next_failed == failed.size() && (crosses_in_bulk<R> || results.empty());
}

template <class... Result>
void fail_with(handler<void(std::exception_ptr, Result...)> done, const asio::any_io_executor& io,
               error_code why)
{
    done.complete(io, std::make_exception_ptr(system_error(why)), Result()...);
}

/// All results in a vector, or the first failure.
template <class R, class Source>
class map_job final : public swarm_job {
public:
    using signature = typename results_signature<R>::type;

    template <class I>
    map_job(swarm_core& core, I&& input) : source_(core, std::forward<I>(input))
    {
        total = source_.total();
        stops_at_failure = true;
    }

    handler<signature> done;

    swarm_batch pull(std::size_t most) override { return source_.pull(*this, most); }

    bool take(std::uint64_t first, std::uint32_t count, std::string_view results,
              std::span<const std::uint64_t> failed) override
    {
        if constexpr (std::is_void_v<R>) {
            return results.empty();
        } else {
            if (const auto end = static_cast<std::size_t>(first + count); all_.size() < end)
                all_.resize(std::max(end, static_cast<std::size_t>(total.value_or(0))));
            if (failed.size() == count)
                return true;
            if constexpr (crosses_in_bulk<R>) {
                if (results.size() != std::size_t{count} * sizeof(R))
                    return false;
                std::memcpy(static_cast<void*>(all_.data() + first), results.data(),
                            results.size());
                return true;
            } else {
                return each_result<R>(
                    first, count, results, failed,
                    [&](std::uint64_t item, R&& value) {
                        all_[static_cast<std::size_t>(item)] = std::move(value);
                    },
                    [&](std::uint64_t, const std::exception_ptr& error) {
                        if (!first_error_)
                            first_error_ = error;
                    });
            }
        }
    }

    void fail(swarm_failure failure) override
    {
        const auto own = source_.reason(failure.item);
        if (!first_error_)
            first_error_ = own ? own : failure.error;
    }

    std::exception_ptr failed() const noexcept override { return first_error_; }

    void end(std::exception_ptr error) override
    {
        source_.stop();
        if (!done)
            return;
        if (!error)
            error = first_error_;
        if constexpr (std::is_void_v<R>)
            done.complete(io, error);
        else if (error)
            done.complete(io, error, std::vector<R>());
        else
            done.complete(io, error, std::move(all_));
    }

    void abandon() noexcept override { const auto dropped = std::move(done); }

    asio::cancellation_slot slot() const noexcept override { return done.cancellation_slot(); }

private:
    struct nothing {};

    Source source_;
    std::conditional_t<std::is_void_v<R>, nothing, std::vector<typename settled<R>::stored_type>>
        all_;
    std::exception_ptr first_error_;
};

/// An input of one item.
inline swarm_batch single_item(const std::string& item, bool bulk)
{
    swarm_batch made;
    made.count = 1;
    const std::uint64_t size = item.size();
    if (bulk)
        made.stride = item.size();
    else
        made.bytes.assign(reinterpret_cast<const char*>(&size), sizeof size);
    made.bytes += item;
    made.next = swarm_batch::then::end;
    return made;
}

/// One item, for `run`.
template <class R>
class run_job final : public swarm_job {
public:
    using signature = typename result_signature<R>::type;

    run_job(std::string item, bool bulk) : item_(std::move(item)), bulk_(bulk)
    {
        total = 1;
        stops_at_failure = true;
    }

    handler<signature> done;

    swarm_batch pull(std::size_t) override { return single_item(item_, bulk_); }

    bool take(std::uint64_t first, std::uint32_t count, std::string_view results,
              std::span<const std::uint64_t> failed) override
    {
        return each_result<R>(
            first, count, results, failed,
            [&](std::uint64_t, auto&& value) { result_.emplace(std::move(value)); },
            [&](std::uint64_t, const std::exception_ptr& error) { error_ = error; });
    }

    void fail(swarm_failure failure) override { error_ = failure.error; }
    std::exception_ptr failed() const noexcept override { return error_; }

    void end(std::exception_ptr error) override
    {
        if (!done)
            return;
        if (!error)
            error = error_;
        if constexpr (std::is_void_v<R>)
            done.complete(io, error);
        else
            done.complete(io, error, error ? R() : std::move(*result_));
    }

    void abandon() noexcept override { const auto dropped = std::move(done); }
    asio::cancellation_slot slot() const noexcept override { return done.cancellation_slot(); }

private:
    std::string item_;
    bool bulk_;
    std::optional<typename settled<R>::stored_type> result_;
    std::exception_ptr error_;
};

} // namespace zproc::detail
