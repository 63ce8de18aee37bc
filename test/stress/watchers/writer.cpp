#include "stress/watchers/actors.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <random>
#include <string>

namespace zproc::test::watching {

namespace {

/// The recorder must not be lapped: it reads everything, and tells how far it is.
bool recorder_is_far_behind()
{
    return page->written > page->recorded + round_plan.ring / 2048;
}

class writer {
public:
    writer(const context& ctx, unsigned number)
        : number_(number),
          random_(round_plan.seed * 100 + number),
          main_(ctx.state(space_names[0])),
          second_(main_.with_namespace(space_names[1]))
    {
    }

    const state& origin() const { return main_; }

    asio::awaitable<void> lane()
    {
        asio::steady_timer timer(co_await asio::this_coro::executor);
        while (!page->stop) {
            while (recorder_is_far_behind() && !page->stop) {
                ++page->pauses;
                timer.expires_after(std::chrono::microseconds(500));
                co_await timer.async_wait(asio::use_awaitable);
            }
            const bool made = co_await one();
            page->acknowledged[number_] += made;
            page->written += made;
        }
    }

private:
    std::uint32_t below(std::uint32_t limit)
    {
        return static_cast<std::uint32_t>(random_() % limit);
    }
    std::int64_t fresh() { return (number_ + 1) * std::int64_t{1'000'000'000} + ++values_; }
    std::int64_t any_value(std::uint32_t key) { return key < few_values ? below(3) : fresh(); }

    /// Whether it made a revision.
    asio::awaitable<bool> one()
    {
        const auto dice = below(1000);
        const auto key = below(plain_keys);
        if (dice < 500) {
            co_await main_.set(name_of(key), any_value(key));
        } else if (dice < 600) {
            const bool was = co_await main_.erase(name_of(key));
            co_return was;
        } else if (dice < 700) {
            dict changes;
            for (auto i = below(4); i != 5; ++i)
                changes.insert_or_assign(name_of(i), any_value(i));
            co_await main_.update(changes);
        } else if (dice < 780) {
            co_await main_.set(name_of(flag_key), below(4));
        } else if (dice < 790) {
            const bool was = co_await main_.erase(name_of(flag_key));
            co_return was;
        } else if (dice < 800) {
            co_await main_.set(name_of(large_key), large_text(fresh()));
        } else if (dice < 810 && round_plan.growing) {
            co_await main_.set(name_of(new_keys + writers * ++grown_ + number_),
                               large_text(fresh(), 800));
        } else {
            const auto other = second_keys + below(4);
            co_await second_.set(name_of(other), other % 2 == 0 ? below(3) : fresh());
        }
        co_return true;
    }

    unsigned number_;
    std::mt19937 random_;
    state main_;
    state second_;
    std::int64_t values_ = 0;
    std::uint32_t grown_ = 0;
};

} // namespace

asio::awaitable<void> write_at_full_speed(context ctx, int number)
{
    writer self(ctx, static_cast<unsigned>(number));
    co_await self.origin()
        .with_namespace(space_names[2])
        .set(name_of(greeting_of_writer + static_cast<unsigned>(number)), 1);
    const auto here = co_await asio::this_coro::executor;
    asio::steady_timer ended(here, asio::steady_timer::time_point::max());
    unsigned running = lanes;
    for (unsigned i = 0; i != lanes; ++i)
        asio::co_spawn(here, self.lane(), [&](std::exception_ptr error) {
            if (error)
                objection("a writer failed");
            if (--running == 0)
                ended.cancel();
        });
    error_code ignored;
    co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

} // namespace zproc::test::watching
