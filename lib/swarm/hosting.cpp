#include "swarm/hosting.hpp"

#include "descriptor.hpp"
#include "swarm/fresh.hpp"
#include "swarm/worker.hpp"
#include "swarm/worker_ending.hpp"
#include "tcp.hpp"

#include <zproc/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

namespace zproc::swarming {

using namespace std::chrono_literals;

namespace {

constexpr duration first_pause = 100ms;
constexpr duration longest_pause = 5s;

duration clock_now()
{
    return std::chrono::steady_clock::now().time_since_epoch();
}

/// It would be the same the next time.
bool is_final(const error_code& ec)
{
    return ec.category() == error_category() && ec != errc::server_absent &&
           ec != errc::server_silent && ec != errc::connection_lost;
}

std::uint32_t fresh_seed()
{
    return std::bit_cast<std::uint32_t>(fresh_bytes<sizeof(std::uint32_t)>());
}

} // namespace

struct hosting::worker {
    std::shared_ptr<detail::process_core> process; ///< once it has been spawned
    control_page page;
    bool killed = false;
    bool stopped = false;
};

/// Tells how a worker's process has ended.
class hosting::exit_waiter final : public detail::process_waiter {
public:
    exit_waiter(std::weak_ptr<hosting> whose, worker_id id) : hosting_(std::move(whose)), id_(id) {}

    asio::cancellation_slot slot() const noexcept override { return {}; }
    void ended(const asio::any_io_executor&, const detail::process_outcome& outcome) override
    {
        if (const auto self = hosting_.lock())
            self->on_strand([id = id_, outcome](hosting& h) { h.ended(id, outcome); });
    }
    void failed(const asio::any_io_executor&, error_code ec) override
    {
        if (const auto self = hosting_.lock())
            self->on_strand([id = id_, ec](hosting& h) { h.failed(id, ec); });
    }

private:
    std::weak_ptr<hosting> hosting_;
    worker_id id_;
};

class hosting::worker_spawn final : public detail::pending_spawn {
public:
    worker_spawn(std::weak_ptr<hosting> whose, worker_id id) : hosting_(std::move(whose)), id_(id)
    {
    }

    void complete(const asio::any_io_executor&, error_code ec,
                  std::shared_ptr<detail::process_core> process) override
    {
        if (const auto self = hosting_.lock())
            self->on_strand([id = id_, ec, process](hosting& h) { h.started(id, ec, process); });
        else if (process)
            process->ask_to_stop(std::nullopt);
    }
    asio::cancellation_slot cancellation_slot() const noexcept override { return {}; }

private:
    std::weak_ptr<hosting> hosting_;
    worker_id id_;
};

hosting::hosting(const asio::any_io_executor& strand, hosting_plan plan)
    : strand_(strand),
      plan_(std::move(plan)),
      timer_(strand),
      jitter_(fresh_seed()),
      crew_(plan_.workers, false)
{
}

hosting::~hosting() = default;

template <class Step>
void hosting::on_strand(Step step)
{
    asio::post(strand_, [weak = weak_from_this(), step = std::move(step)] {
        if (const auto self = weak.lock()) {
            step(*self);
            self->stir();
        }
    });
}

// The course of things --------------------------------------------------------------------------

asio::awaitable<void> hosting::serve(std::shared_ptr<hosting> self)
{
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    std::exception_ptr error;
    try {
        co_await self->lend();
    } catch (...) {
        error = std::current_exception();
    }
    // The owner learns that the workers are gone.
    self->link_.reset();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await self->end_workers();
    if (error)
        std::rethrow_exception(error);
}

asio::awaitable<void> hosting::lend()
{
    while (!dismissed_) {
        co_await join();
        co_await work();
        link_.reset();
        co_await end_workers();
    }
}

asio::awaitable<void> hosting::join()
{
    const auto since = clock_now();
    auto pause = first_pause;
    for (;;) {
        std::exception_ptr failed;
        error_code why;
        try {
            auto got = co_await dial(plan_.door);
            link_ = std::move(got.link);
            welcome_ = std::move(got.welcome);
        } catch (const system_error& e) {
            failed = std::current_exception();
            why = e.code();
        }
        if (!failed)
            break;
        if (why == errc::swarm_stopped) {
            dismissed_ = true;
            co_return;
        }
        const auto left = plan_.patience - (clock_now() - since);
        if (why == asio::error::operation_aborted || is_final(why) || left <= 0s)
            std::rethrow_exception(failed);
        // Many that have lost the same owner do not come back at once.
        const auto part = std::uniform_real_distribution<>(0.75, 1.25)(jitter_);
        const auto next = std::min(std::chrono::duration_cast<duration>(pause * part), left);
        const auto until = clock_now() + next;
        while (clock_now() < until)
            co_await wait_until(until);
        pause = std::min(2 * pause, longest_pause);
    }
    ++life_;
    reading_ = writing_ = false;
    const auto silence =
        std::chrono::ceil<std::chrono::seconds>(std::chrono::milliseconds(welcome_.silence_ms));
    tcp::set_options(link_->socket().native_handle(), silence);
}

/// Until the owner is gone, or has dismissed the workers and they have ended.
asio::awaitable<void> hosting::work()
{
    for (;;) {
        read();
        if (fatal_)
            std::rethrow_exception(fatal_);
        if (!link_ || (dismissed_ && workers_.empty()))
            co_return;
        start_missing();
        watch();
        co_await wait_until(crew_.next_start());
    }
}

asio::awaitable<void> hosting::end_workers()
{
    stop_all();
    while (!workers_.empty())
        co_await wait_until(std::nullopt);
}

asio::awaitable<void> hosting::wait_until(std::optional<duration> time)
{
    if (!stirred_) {
        using clock = asio::steady_timer::clock_type;
        timer_.expires_at(
            time ? clock::time_point(std::chrono::duration_cast<clock::duration>(*time))
                 : clock::time_point::max());
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw system_error(asio::error::operation_aborted);
    }
    stirred_ = false;
}

void hosting::stir()
{
    stirred_ = true;
    timer_.cancel();
}

// The owner -------------------------------------------------------------------------------------

void hosting::watch()
{
    if (!link_)
        return;
    const auto wait = [&](auto kind, bool hosting::* flag) {
        this->*flag = true;
        link_->socket().async_wait(kind, [weak = weak_from_this(), life = life_, flag](error_code) {
            const auto self = weak.lock();
            if (!self || self->life_ != life)
                return;
            (*self).*flag = false;
            self->stir();
        });
    };
    using descriptor_base = asio::posix::stream_descriptor;
    if (!reading_)
        wait(descriptor_base::wait_read, &hosting::reading_);
    if (!writing_ && link_->has_unsent())
        wait(descriptor_base::wait_write, &hosting::writing_);
}

/// Everything that the owner has said, and what there is to say to it.
void hosting::read()
{
    while (link_) {
        const auto got = link_->fill();
        // Also what came together with the welcome: it may be all there is.
        bool good = true;
        while (good)
            if (const auto f = link_->next())
                good = handle(*f);
            else
                break;
        if (!good || got == wire::outcome::closed || link_->is_broken() ||
            link_->flush() == wire::outcome::closed)
            return link_.reset();
        if (got == wire::outcome::later)
            return;
    }
}

/// False when it makes no sense.
bool hosting::handle(const frame& f)
{
    const auto found = workers_.find(static_cast<worker_id>(f.number));
    switch (f.kind) {
    case frame_kind::kill:
        if (found == workers_.end() || found->first != f.number) {
            // Its end and this have crossed; or its connection was heard of after its end.
            tell_end(static_cast<worker_id>(f.number), worker(), exit_info());
            return true;
        }
        found->second->killed = true;
        if (found->second->process)
            found->second->process->signal(SIGKILL);
        return true;
    case frame_kind::abandon:
        if (found != workers_.end() && found->first == f.number)
            __atomic_store_n(found->second->page.left_job(), f.job, __ATOMIC_RELAXED);
        return true;
    case frame_kind::dismiss: dismissed((f.flags & at_once) != 0); return true;
    default: return false;
    }
}

void hosting::dismissed(bool now)
{
    dismissed_ = true;
    static_cast<void>(crew_.resize(0));
    if (now)
        stop_all();
}

/// They are asked to end, and killed after the grace period.
void hosting::stop_all()
{
    for (const auto& [id, each] : workers_)
        if (!std::exchange(each->stopped, true) && each->process)
            each->process->ask_to_stop(std::nullopt);
}

void hosting::tell_end(worker_id id, const worker& of, const exit_info& info)
{
    if (!link_)
        return;
    frame f;
    f.kind = frame_kind::ended;
    f.number = id;
    const auto body = encode_ending({of.page.sign().value_or(last_sign()), info});
    f.body = body;
    link_->put(f);
}

// Workers ---------------------------------------------------------------------------------------

void hosting::start_missing()
{
    for (auto left = crew_.missing(clock_now()); left != 0; --left)
        start();
}

void hosting::start()
{
    const auto id = crew_.start();
    auto made = std::make_shared<worker>();
    made->page = control_page::make();
    if (!made->page) // no memory or descriptors: later there may be
        return gone(id, true);
    auto handed = std::make_shared<std::vector<descriptor>>();
    handed->push_back(duplicate_of(made->page.file()));
    workers_.emplace(id, std::move(made));
    auto door = plan_.door;
    door.role = door_role::worker;
    door.host = welcome_.host;
    door.token = welcome_.token;
    door.worker = id;
    spawn_options options;
    options.name(welcome_.name);
    plan_.launch(std::move(options), remote_worker_call(door, plan_.identity), std::move(handed),
                 std::make_unique<worker_spawn>(weak_from_this(), id));
}

void hosting::started(worker_id id, error_code ec, std::shared_ptr<detail::process_core> process)
{
    const auto found = workers_.find(id);
    if (found == workers_.end())
        return;
    auto& w = *found->second;
    if (ec) {
        // What the system could not do now it may be able to do later.
        if (ec.category() == error_category())
            fatal_ = std::make_exception_ptr(system_error(ec));
        return gone(id, true);
    }
    crew_.up(id);
    w.process = std::move(process);
    w.process->add(std::make_unique<exit_waiter>(weak_from_this(), id));
    if (w.killed)
        w.process->signal(SIGKILL);
    else if (w.stopped)
        w.process->ask_to_stop(std::nullopt);
}

void hosting::ended(worker_id id, const detail::process_outcome& outcome)
{
    const auto found = workers_.find(id);
    if (found == workers_.end())
        return;
    const auto w = found->second;
    tell_end(id, *w, outcome.info);
    const bool useful = w->page.sign().has_value();
    if (useful)
        crew_.worked();
    gone(id, !useful && !w->stopped);
}

void hosting::failed(worker_id id, const error_code& ec)
{
    fatal_ = std::make_exception_ptr(system_error(ec));
    gone(id, false);
}

void hosting::gone(worker_id id, bool useless)
{
    workers_.erase(id);
    static_cast<void>(crew_.gone(id, useless, clock_now()));
}

} // namespace zproc::swarming
