#include <zproc/process_list.hpp>

namespace zproc::detail {

namespace {

class one_end final : public gathering {
public:
    explicit one_end(handler<void(error_code, exit_info)> h) : handler_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    bool ended(std::size_t, const process_outcome& outcome) override
    {
        info_ = outcome.info;
        return true;
    }

    void complete(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec, std::move(info_));
    }

private:
    exit_info info_;
    handler<void(error_code, exit_info)> handler_;
};

class all_ends final : public gathering {
public:
    all_ends(std::size_t count, handler<void(error_code, std::vector<exit_info>)> h)
        : all_(count), handler_(std::move(h))
    {
    }

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    bool ended(std::size_t which, const process_outcome& outcome) override
    {
        all_[which] = outcome.info;
        return false;
    }

    void complete(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec, std::move(all_));
    }

private:
    std::vector<exit_info> all_;
    handler<void(error_code, std::vector<exit_info>)> handler_;
};

class first_of_all final : public gathering {
public:
    explicit first_of_all(handler<void(error_code, first_end)> h) : handler_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    bool ended(std::size_t which, const process_outcome& outcome) override
    {
        first_ = {which, outcome.info};
        return true;
    }

    void complete(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec, std::move(first_));
    }

private:
    first_end first_;
    handler<void(error_code, first_end)> handler_;
};

class nothing_left final : public gathering {
public:
    explicit nothing_left(handler<void(error_code)> h) : handler_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }
    bool ended(std::size_t, const process_outcome&) override { return false; }
    void complete(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec);
    }

private:
    handler<void(error_code)> handler_;
};

} // namespace

void gather_end(std::shared_ptr<process_core> of, std::chrono::nanoseconds limit,
                handler<void(error_code, exit_info)> h)
{
    gather({std::move(of)}, limit, std::make_unique<one_end>(std::move(h)));
}

void gather_ends(process_cores of, std::optional<std::chrono::nanoseconds> limit,
                 handler<void(error_code, std::vector<exit_info>)> h)
{
    const auto count = of.size();
    gather(std::move(of), limit, std::make_unique<all_ends>(count, std::move(h)));
}

void gather_first_end(process_cores of, std::optional<std::chrono::nanoseconds> limit,
                      handler<void(error_code, first_end)> h)
{
    if (of.empty())
        return h.complete(asio::system_executor(), errc::process_gone, first_end());
    gather(std::move(of), limit, std::make_unique<first_of_all>(std::move(h)));
}

void stop_all(process_cores of, std::optional<std::chrono::nanoseconds> grace,
              handler<void(error_code)> h)
{
    gather(of, std::nullopt, std::make_unique<nothing_left>(std::move(h)));
    for (const auto& each : of)
        if (each)
            each->ask_to_stop(grace);
}

} // namespace zproc::detail
