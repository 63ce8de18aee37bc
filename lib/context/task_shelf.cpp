#include "context/task_shelf.hpp"

#include "context/context_core.hpp"
#include "io_executor.hpp"

#include <zproc/snapshot.hpp>
#include <zproc/watcher.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/core/demangle.hpp>

#include <utility>

namespace zproc::detail {

namespace {

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

/// How often who waits asks whether the owner is still there.
constexpr std::chrono::seconds between_looks{1};
/// When what another process has begun is looked at again.
constexpr std::int64_t patience = 600'000;

/// What a coroutine ends in: an operation of the user. The user's slot holds weak references only, for
/// it may outlive the loop.
template <class Done>
struct completion {
    asio::any_io_executor io;
    asio::any_io_executor strand;
    std::shared_ptr<asio::cancellation_signal> stop;
    Done done;

    using executor_type = asio::any_io_executor;
    executor_type get_executor() const noexcept { return strand; }
    using cancellation_slot_type = asio::cancellation_slot;
    cancellation_slot_type get_cancellation_slot() const noexcept { return stop->slot(); }

    template <class Result>
    void operator()(const std::exception_ptr& error, Result result)
    {
        done(io, error, std::move(result));
    }
};
template <class Done>
completion(asio::any_io_executor, asio::any_io_executor, std::shared_ptr<asio::cancellation_signal>,
           Done) -> completion<Done>;

[[noreturn]] void no_such_task()
{
    throw system_error(errc::no_such_key,
                       "no result of this task is kept: it was taken, has expired "
                       "(swarm_options::keep), or was never submitted to this state");
}

} // namespace

std::int64_t system_milliseconds()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

kept_tasks::kept_tasks(const std::shared_ptr<context_core>& core)
    : core_(core),
      state_(std::make_shared<const state_identity>(
          std::shared_ptr<engine>{core, core->engine().get()}, std::string(task_results),
          core->next_handle())),
      strand_(strand_of(core->get_executor()))
{
}

/// Every kind ends what is waited for at once: what it leaves behind is cleaned up.
std::shared_ptr<asio::cancellation_signal> kept_tasks::listen(asio::cancellation_slot slot)
{
    auto stop = std::make_shared<asio::cancellation_signal>();
    if (slot.is_connected())
        slot.assign([self = weak_from_this(),
                     weak = std::weak_ptr(stop)](asio::cancellation_type type) {
            const auto alive = self.lock();
            const auto it = weak.lock();
            if (alive && it && type != asio::cancellation_type::none)
                asio::post(alive->strand_, [it] { it->emit(asio::cancellation_type::terminal); });
        });
    return stop;
}

/// Which keeps this until it has ended, also before it has begun.
void kept_tasks::start(asio::awaitable<void> body)
{
    asio::co_spawn(strand_, std::move(body),
                   [self = shared_from_this()](const std::exception_ptr&) {});
}

// The owner's side ------------------------------------------------------------------------------

void kept_tasks::submit(std::shared_ptr<task_job> job,
                        handler<void(std::exception_ptr, task_id)> done)
{
    auto stop = listen(done.cancellation_slot());
    asio::co_spawn(
        strand_, enter(std::move(job)),
        completion{core_->get_executor(), strand_, std::move(stop),
                   [self = shared_from_this(), done = std::move(done)](
                       const asio::any_io_executor& io, std::exception_ptr error,
                       task_id id) mutable { done.complete(io, std::move(error), id); }});
}

asio::awaitable<task_id> kept_tasks::enter(std::shared_ptr<task_job> job)
{
    if (job->work.failure)
        throw system_error(job->work.failure);
    const auto id = task_id::random();
    const auto key = id.name();
    if (state_.origin().session == 0)
        co_await state_.contains(key, asio::use_awaitable);
    task_record pending;
    pending.owner = state_.origin();
    pending.type = job->type();
    const auto written = to_value(pending);
    std::exception_ptr failed;
    try {
        co_await state_.set(key, written, asio::use_awaitable);
    } catch (...) {
        failed = std::current_exception();
    }
    if (failed) { // it may have come there all the same
        start(forget(key));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw system_error(asio::error::operation_aborted);
        std::rethrow_exception(failed);
    }
    job->settled = [self = shared_from_this(), key, type = job->type(),
                    keep = std::chrono::ceil<std::chrono::milliseconds>(job->options.keep())](
                       std::string result, std::exception_ptr error) {
        task_record record;
        record.pending = false;
        record.type = type;
        record.expires = system_milliseconds() + keep.count();
        record.result = std::move(result);
        record.error = std::move(error);
        self->start(self->settle(key, std::move(record)));
    };
    job->keeps->core().start(job);
    start(sweep());
    co_return id;
}

/// A failure to write it is seen by who waits: the record stays as it is, until this process ends,
/// or is removed with what is left behind.
asio::awaitable<void> kept_tasks::settle(std::string key, task_record record)
{
    const auto self = shared_from_this();
    auto written = to_value(record);
    auto [ec] = co_await state_.set(key, std::move(written), as_tuple);
    if (ec == errc::too_large || ec == errc::frame_too_large) { // then at least that
        record.error = std::make_exception_ptr(system_error(ec));
        written = to_value(record);
        co_await state_.set(key, std::move(written), as_tuple);
    }
    due_.emplace(record.expires, std::move(key));
    co_await sweep();
}

asio::awaitable<void> kept_tasks::forget(std::string key)
{
    co_await state_.erase(key, as_tuple);
}

// What nobody has taken -------------------------------------------------------------------------

asio::awaitable<void> kept_tasks::sweep()
{
    if (sweeping_)
        co_return;
    sweeping_ = true;
    try {
        if (!std::exchange(looked_, true))
            co_await find_left_behind();
        while (!due_.empty() && due_.begin()->first <= system_milliseconds()) {
            auto key = std::move(due_.begin()->second);
            due_.erase(due_.begin());
            co_await look_at(std::move(key));
        }
    } catch (const system_error&) { // NOLINT(bugprone-empty-catch): the next one has more luck
    }
    sweeping_ = false;
}

/// Once: by owners that are gone, and by such as will be.
asio::awaitable<void> kept_tasks::find_left_behind()
{
    const auto all = co_await state_.snapshot(asio::use_awaitable);
    const auto now = system_milliseconds();
    for (const auto& [key, each] : all) {
        const auto record = to_record(each);
        if (!record || (record->pending && record->owner.session == state_.origin().session))
            continue;
        due_.emplace(record->pending ? now : record->expires, key);
    }
}

asio::awaitable<void> kept_tasks::look_at(std::string key)
{
    const auto there = co_await state_.get_or(key, value(), asio::use_awaitable);
    const auto record = to_record(there);
    if (!record)
        co_return;
    bool over = record->is_expired(system_milliseconds());
    if (record->pending)
        over = co_await is_gone(record->owner);
    if (over)
        co_await state_.compare_exchange(key, there, nullptr, asio::use_awaitable);
    else
        due_.emplace(record->pending ? system_milliseconds() + patience : record->expires, key);
}

asio::awaitable<bool> kept_tasks::is_gone(origin owner)
{
    auto ask = initiate<void(error_code, peer)>(
        core_->get_executor(),
        [core = core_, owner](handler<void(error_code, peer)> done) {
            core->engine()->who(owner, std::move(done), core);
        },
        asio::deferred);
    const auto [ec, process] = co_await std::move(ask)(as_tuple);
    if (ec && ec != errc::no_such_key)
        throw system_error(ec);
    co_return ec == errc::no_such_key;
}

// Who waits -------------------------------------------------------------------------------------

void kept_tasks::take(task_id id, std::string type, std::unique_ptr<pending_task> waiting)
{
    auto stop = listen(waiting->cancellation_slot());
    asio::co_spawn(strand_, wait(id.name(), std::move(type)),
                   completion{core_->get_executor(), strand_, std::move(stop),
                              [self = shared_from_this(), waiting = std::move(waiting)](
                                  const asio::any_io_executor& io, std::exception_ptr error,
                                  const std::string& result) {
                                  waiting->complete(io, std::move(error), result);
                              }});
}

/// Reads again with each change, and looks after the owner now and then: that one may end without
/// a word.
asio::awaitable<std::string> kept_tasks::wait(std::string key, std::string type)
{
    watch_options options;
    options.timeout = between_looks;
    options.identical = true;
    options.own = true;
    const auto changes = state_.when_change(keys(std::vector<std::string>{key}), options);
    while (true) {
        const auto there = co_await state_.get_or(key, value(), asio::use_awaitable);
        const auto record = to_record(there);
        if (!record)
            no_such_task();
        if (record->type != type)
            throw system_error(errc::type_mismatch,
                               "the result of this task is of another type (" +
                                   boost::core::demangle(record->type.c_str()) + ") than " +
                                   boost::core::demangle(type.c_str()));
        if (record->pending) {
            const auto [ec, event] = co_await changes.next(as_tuple);
            if (ec == asio::error::timed_out) {
                const bool gone = co_await is_gone(record->owner);
                if (!gone)
                    continue;
                // Unless it was settled just now, it never will be.
                const bool erased =
                    co_await state_.compare_exchange(key, there, nullptr, asio::use_awaitable);
                if (erased)
                    throw system_error(errc::process_gone,
                                       "the process that owns the swarm ended before the task "
                                       "did; submit it again");
            } else if (ec) {
                throw system_error(ec);
            }
            continue;
        }
        // Nobody but one gets it, and then not even a cancellation loses it.
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        const auto got = co_await state_.pop<std::optional<value>>(key, asio::use_awaitable);
        const auto taken = got ? to_record(*got) : std::nullopt;
        if (!taken || taken->pending || taken->is_expired(system_milliseconds()))
            no_such_task();
        if (taken->error)
            std::rethrow_exception(taken->error);
        co_return taken->result;
    }
}

} // namespace zproc::detail
