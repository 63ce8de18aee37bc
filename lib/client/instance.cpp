#include "client/instance.hpp"

#include "client/observer.hpp"

#include <utility>

namespace zproc::client {

instance::instance(descriptor control, std::string path, std::chrono::nanoseconds limit,
                   std::shared_ptr<ring_shelf> shelf)
    : control_(std::move(control)),
      page_(control_.bytes()),
      path_(std::move(path)),
      limit_(limit),
      shelf_(std::move(shelf))
{
    const auto id = protocol::control_instance(page_);
    if (!id)
        throw system_error(errc::state_lost);
    id_ = *id;
}

instance::found instance::current() const
{
    // The epoch is stored first: what it says is of this generation, or of a later one.
    const auto generation = protocol::control_generation(page_);
    if (auto known = shelf_->find(id_, protocol::control_epoch(page_));
        known && protocol::control_generation(page_) == generation)
        return {std::move(known), generation};

    attachment fetched;
    if (const auto ec = attach_as_observer(path_, limit_, fetched))
        throw system_error(ec, "fetching the new ring of the state from unix://" + path_);
    if (fetched.instance != id_)
        throw system_error(errc::state_lost, "another state answers at unix://" + path_);
    auto opened = shelf_->open(std::move(fetched.ring));
    if (!opened || opened->instance() != id_)
        throw system_error(errc::state_lost);
    return {std::move(opened), fetched.generation};
}

error_code instance::failure() const noexcept
{
    if (const int why = lost_.load(std::memory_order_acquire); why != 0)
        return static_cast<errc>(why);
    if (!mark_.is_set())
        return errc::wrong_process;
    return protocol::control_ended(page_) ? make_error_code(errc::state_lost) : error_code();
}

void instance::lose(error_code why) noexcept
{
    const bool ours = why.category() == error_category();
    lost_.store(ours ? why.value() : static_cast<int>(errc::state_lost), std::memory_order_release);
    mark_.clear();
}

} // namespace zproc::client
