#pragma once

#include <boost/asio/execution_context.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace zproc::engine {

/// Tells those who live on a loop that it is being destroyed, before it is: they drop what is
/// pending and touch its executors no more.
///
/// Thread safety: `add` may be called from any thread.
class loop_service final : public boost::asio::execution_context::service {
public:
    using key_type = loop_service;
    static boost::asio::execution_context::id id;

    explicit loop_service(boost::asio::execution_context& owner) : service(owner) {}

    /// Calls `T::loop_gone()` of what is still alive then.
    template <class T>
    void add(std::weak_ptr<T> who)
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(tenants_, [](const tenant& t) { return t.alive.expired(); });
        tenants_.push_back({who, [who] {
                                if (const auto self = who.lock())
                                    self->loop_gone();
                            }});
    }

private:
    struct tenant {
        std::weak_ptr<void> alive;
        std::function<void()> gone;
    };

    void shutdown() override
    {
        std::vector<tenant> all;
        {
            const std::lock_guard lock(mutex_);
            all.swap(tenants_);
        }
        for (auto& each : all)
            each.gone();
    }

    std::mutex mutex_;
    std::vector<tenant> tenants_;
};

} // namespace zproc::engine
