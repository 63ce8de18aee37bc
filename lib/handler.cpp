#include "handler.hpp"

#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>

#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

namespace zproc::detail {

namespace {

template <class T>
struct recycling_allocator {
    using value_type = T;

    recycling_allocator() = default;
    template <class U>
    recycling_allocator(
        const recycling_allocator<U>&) noexcept // NOLINT(google-explicit-constructor)
    {
    }
    T* allocate(std::size_t count) { return static_cast<T*>(take_memory(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t count) noexcept
    {
        give_memory(memory, count * sizeof(T));
    }
    bool operator==(const recycling_allocator&) const = default;
};

struct due_handler {
    held_pointer held;

    void operator()() { held.release()->call(); }
};

} // namespace

} // namespace zproc::detail

template <class Candidate>
struct boost::asio::associated_executor<zproc::detail::due_handler, Candidate> {
    using type = any_completion_executor;

    static type get(const zproc::detail::due_handler& due, const Candidate& otherwise) noexcept
    {
        return due.held->executor(zproc::detail::erased(otherwise));
    }
};

namespace zproc::detail {

// An executor of one type within one of another lies on the heap; that of a loop itself does not.

asio::any_completion_executor erased(const asio::any_io_executor& executor) noexcept
{
    if (const auto* loop = executor.target<asio::io_context::executor_type>())
        return asio::any_completion_executor(std::nothrow, *loop);
    return asio::any_completion_executor(std::nothrow, executor);
}

asio::any_completion_executor busy(const asio::any_io_executor& executor)
{
    if (const auto* loop = executor.target<asio::io_context::executor_type>())
        return asio::prefer(*loop, asio::execution::outstanding_work.tracked);
    return asio::prefer(executor, asio::execution::outstanding_work.tracked);
}

asio::any_completion_executor busy(const asio::system_executor& executor)
{
    return asio::prefer(executor, asio::execution::outstanding_work.tracked);
}

held_handler::held_handler(asio::cancellation_slot slot, asio::any_completion_executor work)
    : cancellation_(slot, asio::enable_total_cancellation()), work_(std::move(work))
{
}

held_handler::~held_handler() = default;

namespace {

thread_local strand_visit* gathering_here = nullptr;
thread_local strand_visit* calling_here = nullptr;

void post_to_loop(const asio::io_context::executor_type& loop, held_pointer held)
{
    const auto recycling =
        asio::prefer(loop, asio::execution::allocator(recycling_allocator<void>()));
    asio::require(recycling, asio::execution::blocking.never).execute(due_handler{std::move(held)});
}

} // namespace

strand_visit::strand_visit() noexcept
    : outer_gathering_(std::exchange(gathering_here, this)), outer_calling_(calling_here)
{
}

/// Not left, or not to the end, where something was thrown. (What is thrown on the strand, an io_context
/// keeps until its handler is over; other executors do not.)
strand_visit::~strand_visit()
{
    gathering_here = outer_gathering_;
    calling_here = outer_calling_;
    post_kept();
    try {
        if (follower_)
            follower_->follow(false);
    } catch (
        ...) { // NOLINT(bugprone-empty-catch): no memory, while another exception is on its way
    }
}

void strand_visit::post_kept() noexcept
{
    try {
        if (kept_)
            post_to_loop(*loop_, std::move(kept_));
    } catch (...) { // NOLINT(bugprone-empty-catch): as above
    }
}

strand_visit* strand_visit::gathering() noexcept
{
    return gathering_here;
}

bool strand_visit::precedes(const follower& who) noexcept
{
    if (calling_here == nullptr || calling_here->follower_.get() != &who)
        return false;
    calling_here->follower_.reset();
    return true;
}

bool strand_visit::keep(held_pointer& held, const asio::io_context::executor_type* loop)
{
    if (loop != nullptr && !kept_ && loop->running_in_this_thread()) {
        kept_ = std::move(held);
        loop_.emplace(*loop);
        return true;
    }
    several_ = true;
    gathering_here = outer_gathering_;
    if (kept_)
        post_to_loop(*loop_, std::move(kept_));
    return false;
}

bool strand_visit::be_followed_by(std::shared_ptr<follower> who)
{
    if (follower_ && follower_ != who)
        return false;
    follower_ = std::move(who);
    return true;
}

void strand_visit::leave()
{
    gathering_here = outer_gathering_;
    if (kept_) {
        calling_here = this;
        kept_.release()->call();
        calling_here = outer_calling_;
    }
    if (const auto who = std::exchange(follower_, nullptr))
        who->follow(!several_);
}

void post_held(const asio::any_io_executor& io, held_pointer held)
{
    const auto where = held->executor(io ? erased(io) : asio::any_completion_executor());
    const auto* const loop = where.target<asio::io_context::executor_type>();
    const auto* const own = io.target<asio::io_context::executor_type>();
    const bool same = loop != nullptr && own != nullptr && *loop == *own;
    if (gathering_here != nullptr && gathering_here->keep(held, same ? loop : nullptr))
        return;
    // Nearly always that is a loop of Asio's own: then nothing has to be erased.
    if (loop != nullptr)
        post_to_loop(*loop, std::move(held));
    else if (io)
        asio::post(io, due_handler{std::move(held)});
    else if (where)
        asio::post(asio::system_executor(), due_handler{std::move(held)});
    else
        throw_context_gone();
}

void throw_context_gone()
{
    throw system_error(errc::context_gone);
}

} // namespace zproc::detail
