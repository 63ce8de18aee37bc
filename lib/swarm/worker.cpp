#include "swarm/worker.hpp"

#include "supervisor/call_message.hpp"
#include "supervisor/exception_report.hpp"
#include "supervisor/function_ref.hpp"
#include "swarm/blocks.hpp"
#include "swarm/control.hpp"
#include "swarm/frame.hpp"
#include "swarm/wire.hpp"

#include <zproc/detail/packing.hpp>
#include <zproc/detail/swarm_job.hpp>
#include <zproc/exit_info.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <poll.h>
#include <unistd.h>

// The worker's side of a swarm: see doc/swarm.md.

namespace zproc::swarming {

namespace {

namespace asio = boost::asio;

using clock = std::chrono::steady_clock;

std::uint64_t resident_bytes()
{
    std::ifstream facts("/proc/self/statm");
    std::uint64_t all = 0, resident = 0;
    facts >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// A function of a job, with what its chunks share.
struct known_job {
    supervision::call_message message;
    supervision::resolved_function function;
    std::exception_ptr failure; ///< why it cannot be called
    std::shared_ptr<void> common;
};

/// What it is called through is that of the process; only the call is another's.
template <class Base>
class own_invocation : public Base {
public:
    own_invocation(detail::invocation& process, const supervision::call_message& message,
                   std::uintptr_t target)
        : process_(process), message_(message), target_(target)
    {
    }

    std::string_view arguments() const noexcept override { return message_.arguments; }
    std::uintptr_t target() const noexcept override { return target_; }
    context& own_context() override { return process_.own_context(); }
    std::string_view process_name() const noexcept override { return process_.process_name(); }
    std::vector<int> handed() const override { return {}; }
    void finish(std::string) override {}
    void launch(asio::awaitable<std::string>) override {}
    std::exception_ptr failure() const noexcept override { return nullptr; }
    void permit_retry() noexcept override {}
    void carry(std::string) override {}

private:
    detail::invocation& process_;
    const supervision::call_message& message_;
    std::uintptr_t target_;
};

/// Memory for results, until the owner has taken them.
class result_blocks {
public:
    struct one {
        made_block block;
        std::uint64_t busy_until = 0; ///< so many results have been taken
    };

    /// Null when there is none to be had.
    one* find(std::size_t size, std::uint64_t taken, wire& to)
    {
        const auto wanted = block_size(size);
        if (wanted == 0 || !to.carries_descriptors())
            return nullptr;
        for (auto at = all_.begin(); at != all_.end();) {
            const bool free = at->busy_until <= taken;
            if (free && at->block.size() >= wanted && at->block.size() <= 4 * wanted)
                return &*at;
            // Too small or too large for what is done now.
            if (free && all_.size() > 3) {
                frame gone;
                gone.kind = frame_kind::forget;
                gone.blob.block = at->block.id;
                to.put(gone);
                at = all_.erase(at);
            } else {
                ++at;
            }
        }
        auto made = make_block(++last_id_, wanted);
        if (!made.memory)
            return nullptr;
        frame f;
        f.kind = frame_kind::block;
        f.blob = {made.id, 0, made.size()};
        to.put(f, made.memory.file.get());
        return &all_.emplace_back(one{std::move(made), 0});
    }

private:
    std::deque<one> all_;
    std::uint32_t last_id_ = 0;
};

class worker;

/// A chunk, from its task to what is sent back.
class chunk_work final : public own_invocation<detail::chunk_invocation> {
public:
    chunk_work(worker& whose, std::shared_ptr<known_job> job, const frame& task,
               std::string_view items, std::string own_items);

    std::uint32_t count() const noexcept override { return count_; }
    std::string_view items() const noexcept override { return items_; }
    bool stops_at_failure() const noexcept override
    {
        return (flags_ & swarming::stops_at_failure) != 0;
    }
    const detail::chunk_marks& marks() const noexcept override { return marks_; }
    const detail::worker_state& state() const noexcept override;
    std::shared_ptr<void>& common() noexcept override { return job_->common; }
    char* bulk_results(std::size_t size) override;
    std::string& packed_results() noexcept override { return packed_; }
    void failed(std::uint32_t item, std::exception_ptr error) override;
    void stopped_after(std::uint32_t items) noexcept override { done_ = items; }
    void launch_chunk(asio::awaitable<void> body) override { body_.emplace(std::move(body)); }

    /// Runs it, or, of a coroutine, gives what is to be awaited.
    std::optional<asio::awaitable<void>> run();
    void send(std::exception_ptr broken);

    std::uint32_t job_number() const noexcept { return marks_.job; }

private:
    worker& worker_;
    std::shared_ptr<known_job> job_;
    const std::uint32_t id_;
    const std::uint16_t flags_;
    const std::uint32_t count_;
    std::string own_items_; ///< those that came in the frame
    std::string_view items_;
    detail::chunk_marks marks_;
    clock::time_point began_;
    std::uint32_t done_;
    std::uint32_t failures_ = 0;
    std::uint32_t last_failed_ = 0;
    std::string failure_bytes_;
    std::string packed_;
    result_blocks::one* block_ = nullptr;
    std::string bulk_;
    std::size_t bulk_size_ = 0;
    std::optional<asio::awaitable<void>> body_;
};

/// A worker process.
class worker {
public:
    worker(detail::invocation& process, const asio::any_io_executor& io)
        : process_(process), io_(io), idle_(io)
    {
    }

    asio::awaitable<void> serve();

private:
    friend class chunk_work;

    void begin();
    void initialise();
    void finalise();
    void run_stateful(const supervision::call_message& message);
    void handle(const frame& f);
    void define(const frame& f);
    void proceed();
    void ended(const std::shared_ptr<chunk_work>& work, const std::exception_ptr& error);
    void send();
    asio::awaitable<void> serve_frames();

    detail::invocation& process_;
    asio::any_io_executor io_;
    std::optional<wire> wire_;
    control_page page_;
    std::string initialiser_;
    std::string finaliser_;
    detail::worker_state state_;
    std::map<std::uint32_t, std::shared_ptr<known_job>> jobs_;
    block_table blocks_;
    result_blocks results_;
    std::deque<std::shared_ptr<chunk_work>> queue_;
    std::shared_ptr<chunk_work> running_; ///< a coroutine
    asio::cancellation_signal cancel_;
    std::uint64_t sent_ = 0;
    std::uint64_t taken_ = 0;
    bool leaving_ = false;
    std::exception_ptr fatal_;
    asio::steady_timer idle_; ///< cancelled when a coroutine has come to its end
};

// A chunk ---------------------------------------------------------------------------------------

chunk_work::chunk_work(worker& whose, std::shared_ptr<known_job> job, const frame& task,
                       std::string_view items, std::string own_items)
    : own_invocation(whose.process_, job->message, job->function.target),
      worker_(whose),
      job_(std::move(job)),
      id_(task.chunk),
      flags_(task.flags),
      count_(task.count),
      own_items_(std::move(own_items)),
      items_(own_items_.empty() ? items : std::string_view(own_items_)),
      done_(task.count)
{
    marks_ = {whose.page_.item(), whose.page_.left_job(), task.job};
}

const detail::worker_state& chunk_work::state() const noexcept
{
    return worker_.state_;
}

char* chunk_work::bulk_results(std::size_t size)
{
    bulk_size_ = size;
    if (size > largest_inline)
        block_ = worker_.results_.find(size, worker_.taken_, *worker_.wire_);
    if (block_ != nullptr)
        return block_->block.bytes().data();
    bulk_.resize(size);
    return bulk_.data();
}

void chunk_work::failed(std::uint32_t item, std::exception_ptr error)
{
    item_failure made{item, error == nullptr, {}};
    if (error)
        try {
            std::rethrow_exception(error);
        } catch (const system_error& e) {
            if (e.code() == errc::not_serializable) {
                made.unserializable = true;
                made.report = e.what();
            }
        } catch (...) { // NOLINT(bugprone-empty-catch): reported below
        }
    if (!made.unserializable)
        made.report =
            supervision::encode(supervision::describe(error, worker_.process_.process_name()));
    write_failure(failure_bytes_, made);
    ++failures_;
    last_failed_ = item;
}

std::optional<asio::awaitable<void>> chunk_work::run()
{
    began_ = clock::now();
    __atomic_store_n(worker_.page_.item(), 0, __ATOMIC_RELAXED);
    __atomic_store_n(worker_.page_.chunk(), id_, __ATOMIC_RELEASE);
    if (job_->failure)
        std::rethrow_exception(job_->failure);
    job_->function.stub(*this);
    return std::move(body_);
}

/// What cannot be run at all is the failure of every item.
void chunk_work::send(std::exception_ptr broken)
{
    if (broken) {
        failure_bytes_.clear();
        packed_.clear();
        done_ = count_;
        if (stops_at_failure())
            done_ = 1;
        for (std::uint32_t item = 0; item != done_; ++item)
            failed(item, broken);
    }
    frame f;
    f.kind = frame_kind::done;
    f.job = marks_.job;
    f.chunk = id_;
    f.count = done_;
    f.number = static_cast<std::uint64_t>((clock::now() - began_).count());
    if ((flags_ & tells_resident) != 0)
        f.resident = resident_bytes();
    std::string body;
    ++worker_.sent_;
    if (bulk_size_ > 0) {
        f.blob.length = bulk_size_ / count_ * done_;
        if (block_ == nullptr)
            body.assign(bulk_.data(), static_cast<std::size_t>(f.blob.length));
    } else if (!packed_.empty()) {
        f.blob.length = packed_.size();
        if (packed_.size() > largest_inline)
            block_ = worker_.results_.find(packed_.size(), worker_.taken_, *worker_.wire_);
        if (block_ != nullptr)
            std::copy(packed_.begin(), packed_.end(), block_->block.bytes().data());
        else
            body = std::move(packed_);
    }
    if (block_ != nullptr) {
        f.blob.block = block_->block.id;
        block_->busy_until = worker_.sent_;
    }
    body += failure_bytes_;
    f.body = body;
    worker_.wire_->put(f);
}

// The worker ------------------------------------------------------------------------------------

void worker::begin()
{
    const auto handed = process_.handed();
    if (handed.size() != 2)
        throw std::logic_error("zproc: a worker was not given its wire");
    wire_.emplace(io_, descriptor(handed[0]));
    page_ = control_page(open_page(descriptor(handed[1])));
    if (!page_)
        throw system_error(errno, boost::system::system_category(), "a worker's control page");
    std::tie(initialiser_, finaliser_) =
        detail::unpack<std::tuple<std::string, std::string>>(process_.arguments());
    initialise();
}

void worker::run_stateful(const supervision::call_message& message)
{
    error_code ec;
    const auto function = supervision::resolve(message.function, ec);
    if (ec)
        throw system_error(ec);
    own_invocation<detail::state_invocation> made(process_, message, function.target);
    made.state = state_;
    function.stub(made);
    state_ = made.state;
}

void worker::initialise()
{
    if (!initialiser_.empty())
        if (const auto message = supervision::decode_call(initialiser_))
            run_stateful(*message);
    frame f;
    f.kind = frame_kind::ready;
    wire_->put(f);
    send();
}

void worker::finalise()
{
    if (finaliser_.empty())
        return;
    if (const auto message = supervision::decode_call(finaliser_))
        run_stateful(*message);
    finaliser_.clear();
}

/// Waits until it is sent: a worker has nothing else to do, and its owner always reads what it
/// wants. Where the owner is gone the next read says so.
void worker::send()
{
    while (wire_->flush() == wire::outcome::later) {
        pollfd room{wire_->socket().native_handle(), POLLOUT, 0};
        ::poll(&room, 1, 1000);
    }
}

void worker::define(const frame& f)
{
    auto made = std::make_shared<known_job>();
    if (auto message = supervision::decode_call(f.body)) {
        made->message = std::move(*message);
        error_code ec;
        made->function = supervision::resolve(made->message.function, ec);
        if (ec)
            made->failure = std::make_exception_ptr(system_error(ec));
    } else {
        made->failure = std::make_exception_ptr(system_error(errc::not_serializable));
    }
    jobs_.insert_or_assign(f.job, std::move(made));
}

void worker::handle(const frame& f)
{
    switch (f.kind) {
    case frame_kind::block:
        blocks_.add(f.blob.block, f.blob.length, wire_->take_descriptor());
        break;
    case frame_kind::forget: blocks_.forget(f.blob.block); break;
    case frame_kind::job: define(f); break;
    case frame_kind::end_job:
        // What is queued of it is still answered, at its first item.
        jobs_.erase(f.job);
        if (running_ && running_->job_number() == f.job)
            cancel_.emit(asio::cancellation_type::terminal);
        break;
    case frame_kind::task: {
        const auto job = jobs_.find(f.job);
        if (job == jobs_.end())
            throw std::logic_error("zproc: a worker was given an unknown job");
        taken_ = f.number;
        const auto items = f.blob.block != 0
                               ? blocks_.view(f.blob.block, f.blob.offset, f.blob.length)
                               : std::string_view();
        auto own = f.blob.block != 0
                       ? std::string()
                       : std::string(f.body.substr(0, static_cast<std::size_t>(f.blob.length)));
        queue_.push_back(
            std::make_shared<chunk_work>(*this, job->second, f, items, std::move(own)));
        break;
    }
    case frame_kind::leave: leaving_ = true; break;
    case frame_kind::ready:
    case frame_kind::done: throw std::logic_error("zproc: a worker was told what is its to tell");
    }
}

void worker::ended(const std::shared_ptr<chunk_work>& work, const std::exception_ptr& error)
{
    work->send(error);
    send();
}

/// Works until there is nothing to do, or a coroutine is under way.
void worker::proceed()
{
    while (!running_ && !queue_.empty() && !fatal_) {
        const auto work = std::move(queue_.front());
        queue_.pop_front();
        std::optional<asio::awaitable<void>> body;
        try {
            body = work->run();
        } catch (const process_exit&) {
            throw;
        } catch (...) {
            ended(work, std::current_exception());
            continue;
        }
        if (!body) {
            ended(work, nullptr);
            continue;
        }
        running_ = work;
        asio::co_spawn(io_, std::move(*body),
                       asio::bind_cancellation_slot(cancel_.slot(),
                                                    [this, work](const std::exception_ptr& error) {
                                                        running_.reset();
                                                        idle_.cancel();
                                                        try {
                                                            if (error)
                                                                std::rethrow_exception(error);
                                                            ended(work, nullptr);
                                                            proceed();
                                                        } catch (...) {
                                                            fatal_ = std::current_exception();
                                                        }
                                                        if (fatal_ || leaving_)
                                                            wire_->socket().cancel();
                                                    }));
    }
}

asio::awaitable<void> worker::serve_frames()
{
    for (;;) {
        while (auto f = wire_->next())
            handle(*f);
        if (wire_->is_broken())
            throw system_error(errc::malformed_frame);
        proceed();
        if (fatal_)
            std::rethrow_exception(fatal_);
        if (leaving_ && !running_ && queue_.empty())
            co_return;
        const auto got = wire_->fill();
        if (got == wire::outcome::closed)
            co_return;
        if (got == wire::outcome::later) {
            co_await wire_->socket().async_wait(asio::posix::stream_descriptor::wait_read,
                                                asio::as_tuple(asio::use_awaitable));
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none)
                throw system_error(asio::error::operation_aborted);
        }
    }
}

asio::awaitable<void> worker::serve()
{
    begin();
    co_await asio::this_coro::throw_if_cancelled(false);
    std::exception_ptr error;
    try {
        co_await serve_frames();
    } catch (...) {
        error = std::current_exception();
    }
    if (running_) {
        cancel_.emit(asio::cancellation_type::terminal);
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        while (running_) {
            idle_.expires_at(asio::steady_timer::time_point::max());
            co_await idle_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
    if (!fatal_)
        finalise();
    if (error)
        std::rethrow_exception(error);
}

asio::awaitable<std::string> become_worker(detail::invocation& process)
{
    worker own(process, co_await asio::this_coro::executor);
    co_await own.serve();
    co_return std::string();
}

void worker_entry(detail::invocation& process)
{
    process.launch(become_worker(process));
}

[[maybe_unused]] const detail::stub_registration registered(&worker_entry);

} // namespace

std::string encode_job(const detail::call& work)
{
    supervision::call_message message;
    message.function = work.function;
    message.arguments = work.arguments;
    message.name = work.name;
    return supervision::encode(message);
}

detail::call worker_call(const worker_plan& plan)
{
    detail::call made;
    made.name = "zproc::swarm worker";
    made.function = detail::refer(&worker_entry, 0, made.failure);
    const auto bytes = [&](const std::optional<detail::call>& each) {
        if (each && each->failure && !made.failure)
            made.failure = each->failure;
        return each ? encode_job(*each) : std::string();
    };
    const auto first = bytes(plan.initialiser);
    const auto last = bytes(plan.finaliser);
    made.arguments = detail::pack(std::make_tuple(first, last));
    return made;
}

} // namespace zproc::swarming
