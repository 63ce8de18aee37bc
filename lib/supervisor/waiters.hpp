#pragma once

#include <zproc/detail/process_core.hpp>

#include <utility>

namespace zproc::detail {

class wait_waiter final : public process_waiter {
public:
    explicit wait_waiter(handler<void(error_code, exit_info)> h) : handler_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    void ended(const asio::any_io_executor& io, const process_outcome& outcome) override
    {
        handler_.complete(io, error_code(), outcome.info);
    }

    void failed(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec, exit_info());
    }

private:
    handler<void(error_code, exit_info)> handler_;
};

class stop_waiter final : public process_waiter {
public:
    explicit stop_waiter(handler<void(error_code)> h) : handler_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    void ended(const asio::any_io_executor& io, const process_outcome&) override
    {
        handler_.complete(io, error_code());
    }

    void failed(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec);
    }

private:
    handler<void(error_code)> handler_;
};

class status_waiter final : public process_waiter {
public:
    status_waiter(process_status target, handler<void(error_code)> h)
        : target_(target), handler_(std::move(h))
    {
    }

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    bool waits_for(process_status now) const noexcept override
    {
        using enum process_status;
        return now == target_ || (target_ == up && now == ready) ||
               (target_ == down && now == failed);
    }

    void arrived(const asio::any_io_executor& io) override { handler_.complete(io, error_code()); }

    void ended(const asio::any_io_executor& io, const process_outcome& outcome) override
    {
        handler_.complete(io, waits_for(outcome.status) ? error_code()
                                                        : error_code(errc::process_gone));
    }

    void failed(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec);
    }

private:
    process_status target_;
    handler<void(error_code)> handler_;
};

} // namespace zproc::detail
