#include <zproc/replica.hpp>
#include <zproc/watcher.hpp>

namespace zproc::detail {

void give_back(const std::weak_ptr<watch_core>& source, std::span<event> events) noexcept
{
    if (events.empty())
        return;
    // Without memory for it, it is lost after all.
    try {
        if (const auto alive = source.lock())
            for (auto& each : events)
                alive->give_back(std::move(each));
    } catch (...) { // NOLINT(bugprone-empty-catch)
    }
}

void pending_next::complete(const asio::any_io_executor& io, error_code ec,
                            std::optional<event>&& e)
{
    if (e)
        done.complete(io, std::move(e), *this);
    else
        done.complete(io, ec);
}

asio::cancellation_slot pending_next::cancellation_slot() const noexcept
{
    return done.cancellation_slot();
}

void pending_some::complete(const asio::any_io_executor& io, error_code ec,
                            std::optional<event>&& e)
{
    if (e)
        taken.push_back(std::move(*e));
    if (taken.empty())
        done.complete(io, ec);
    else
        done.complete(io, std::move(taken), *this);
}

asio::cancellation_slot pending_some::cancellation_slot() const noexcept
{
    return done.cancellation_slot();
}

void pending_one::complete(const asio::any_io_executor& io, error_code ec, std::optional<event>&& e)
{
    if (!ec && !e)
        ec = make_error_code(errc::end_of_stream);
    done.complete(io, ec, e ? std::move(*e) : event{});
}

asio::cancellation_slot pending_one::cancellation_slot() const noexcept
{
    return done.cancellation_slot();
}

void pending_open::complete(const asio::any_io_executor& io, error_code ec,
                            std::unique_ptr<replica_core> opened)
{
    done.complete(io, ec, replica(std::move(opened)));
}

asio::cancellation_slot pending_open::cancellation_slot() const noexcept
{
    return done.cancellation_slot();
}

} // namespace zproc::detail
