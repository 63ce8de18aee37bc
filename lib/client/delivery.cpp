#include <zproc/replica.hpp>
#include <zproc/watcher.hpp>

#include <algorithm>

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

template <class Events>
pending_events<Events>::pending_events(delivery_handler<Events> h, std::size_t at_most)
    : done(std::move(h))
{
    most = std::max<std::size_t>(at_most, 1);
}

template <class Events>
void pending_events<Events>::complete(const asio::any_io_executor& io, error_code ec)
{
    if (taken.empty())
        done.complete(io, ec);
    else
        done.complete(io, *this);
}

template <class Events>
asio::cancellation_slot pending_events<Events>::cancellation_slot() const noexcept
{
    return done.cancellation_slot();
}

template struct pending_events<std::optional<event>>;
template struct pending_events<std::vector<event>>;

void pending_one::complete(const asio::any_io_executor& io, error_code ec)
{
    if (!ec && taken.empty())
        ec = make_error_code(errc::end_of_stream);
    done.complete(io, ec, taken.empty() ? event{} : std::move(taken.front()));
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
