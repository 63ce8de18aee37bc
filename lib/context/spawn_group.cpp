#include <zproc/detail/spawn_group.hpp>

namespace zproc::detail {

class spawn_group::one final : public pending_spawn {
public:
    one(std::shared_ptr<spawn_group> whose, std::size_t which)
        : group_(std::move(whose)), which_(which)
    {
    }

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::shared_ptr<process_core> started) override
    {
        group_->started(which_, io, ec, std::move(started));
    }

    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return group_->cancels_[which_].slot();
    }

private:
    std::shared_ptr<spawn_group> group_;
    std::size_t which_;
};

std::unique_ptr<pending_spawn> spawn_group::member(std::size_t which)
{
    return std::make_unique<one>(shared_from_this(), which);
}

void spawn_group::listen(asio::cancellation_slot slot)
{
    if (slot.is_connected())
        slot.assign([weak = weak_from_this()](asio::cancellation_type type) {
            if (const auto self = weak.lock())
                for (auto& each : self->cancels_)
                    each.emit(type);
        });
}

void spawn_group::started(std::size_t which, const asio::any_io_executor& io, error_code ec,
                          std::shared_ptr<process_core> process)
{
    cores all;
    {
        const std::lock_guard lock(mutex_);
        started_[which] = std::move(process);
        if (ec && !first_error_)
            first_error_ = ec;
        if (--left_ != 0)
            return;
        all = std::move(started_);
    }
    if (first_error_)
        for (const auto& each : all)
            if (each)
                each->ask_to_stop({});
    complete(io, first_error_, std::move(all));
}

} // namespace zproc::detail
