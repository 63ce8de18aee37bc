#pragma once

#include <zproc/detail/held_handler.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace zproc::detail {

/// What a handler of a loop does on a strand of ours. The first handler of a user's that is completed
/// there is not posted, but called as soon as the strand has been left: the loop would look for other
/// events in between. With a second one both are posted, and all that come later, for several
/// threads to take them.
///
///     gathering ──(leave)──► calling ──► over
///
/// Lives on the stack of one thread, which knows the innermost one. Whatever is completed within the
/// call is posted, as always.
class strand_visit {
public:
    /// Who does something after the handler.
    class follower {
    public:
        /// `at_once`: now; else behind what was posted.
        virtual void follow(bool at_once) = 0;

    protected:
        ~follower() = default;
    };

    strand_visit() noexcept;
    ~strand_visit();
    strand_visit(const strand_visit&) = delete;
    strand_visit& operator=(const strand_visit&) = delete;

    /// That of this thread, which is gathering.
    static strand_visit* gathering() noexcept;
    /// True: within the handler that this thread calls, and for the first time of those who would
    /// follow it. They have come first then, and do not follow any more.
    static bool precedes(const follower& who) noexcept;

    /// `loop`, where the handler wants to be called and its operation was asked for; null: it is not one.
    /// False, with `held` as it was: it is to be posted. Gathers no more then.
    bool keep(held_pointer& held, const asio::io_context::executor_type* loop);
    /// False: somebody else follows.
    bool be_followed_by(std::shared_ptr<follower> who);
    void leave();

private:
    void post_kept() noexcept;

    strand_visit* const outer_gathering_;
    strand_visit* const outer_calling_;
    held_pointer kept_;
    std::optional<asio::io_context::executor_type> loop_; ///< of what is kept
    std::shared_ptr<follower> follower_;
    bool several_ = false;
};

/// Does it on the strand: now, or later where somebody else is on it, or is to be before.
template <class F>
void visit(const asio::any_io_executor& strand, F f)
{
    strand_visit here;
    asio::dispatch(strand, std::move(f));
    here.leave();
}

} // namespace zproc::detail
