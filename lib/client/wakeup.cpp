#include "client/wakeup.hpp"

#include "handler.hpp"
#include "shared_memory.hpp"

#include <boost/asio/buffer.hpp>

#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace zproc::client {

namespace {

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

} // namespace

wakeup::wakeup(asio::any_io_executor io, asio::any_io_executor strand,
               std::shared_ptr<const fork_mark> mark)
    : io_(std::move(io)), strand_(std::move(strand)), mark_(std::move(mark))
{
}

wakeup::~wakeup()
{
    if (mark_->is_set())
        return;
    static_cast<void>(at_own_.descriptor.release());
    static_cast<void>(at_shared_.descriptor.release());
}

/// Asio owns a duplicate.
error_code wakeup::assign(ear& to, const descriptor& what)
{
    auto copy = what.duplicate();
    if (!copy)
        return last_error();
    auto made = std::make_unique<asio::posix::stream_descriptor>(io_);
    error_code ec;
    made->assign(copy.get(), ec);
    if (ec)
        return ec;
    copy.release();
    to.descriptor = std::move(made);
    return {};
}

error_code wakeup::open()
{
    own_ = above_standard(descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
    return own_ ? assign(at_own_, own_) : last_error();
}

error_code wakeup::listen_to(descriptor shared)
{
    if (!epoll_) {
        auto made = above_standard(descriptor(::epoll_create1(EPOLL_CLOEXEC)));
        if (!made)
            return last_error();
        if (const auto ec = assign(at_shared_, made))
            return ec;
        epoll_ = std::move(made);
    }
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLET;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, shared.get(), &interest) != 0)
        return last_error();
    if (shared_)
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, shared_.get(), nullptr);
    shared_ = std::move(shared);
    return {};
}

void wakeup::arm(std::function<void()> awake)
{
    awake_ = std::move(awake);
    if (!at_own_.armed)
        wait_for_own();
    if (at_shared_.descriptor && !at_shared_.armed)
        wait_for_shared();
}

void wakeup::wait_for_own()
{
    at_own_.armed = true;
    at_own_.descriptor->async_read_some(
        asio::buffer(&count_, sizeof count_),
        [weak = weak_from_this(), strand = strand_](error_code ec, std::size_t) mutable {
            detail::visit(strand, [weak = std::move(weak), ec] {
                if (const auto self = weak.lock())
                    self->own_came(ec);
            });
        });
}

void wakeup::own_came(error_code ec)
{
    at_own_.armed = false;
    if (!ec && !awake_) // disarmed meanwhile: it is for who arms next
        signal_eventfd(own());
    else if (!ec)
        heard();
    else if (awake_) // disarmed, and armed again before this came
        wait_for_own();
}

void wakeup::wait_for_shared()
{
    at_shared_.armed = true;
    at_shared_.descriptor->async_wait(
        asio::posix::stream_descriptor::wait_read,
        [weak = weak_from_this(), strand = strand_](error_code ec) mutable {
            detail::visit(strand, [weak = std::move(weak), ec] {
                if (const auto self = weak.lock())
                    self->shared_came(ec);
            });
        });
}

void wakeup::shared_came(error_code ec)
{
    at_shared_.armed = false;
    if (!awake_)
        return;
    if (ec) // as above
        return wait_for_shared();
    epoll_event edge;
    ::epoll_wait(epoll_.get(), &edge, 1, 0);
    heard();
}

void wakeup::heard()
{
    std::exchange(awake_, nullptr)();
}

void wakeup::disarm()
{
    awake_ = nullptr;
    error_code ignored;
    if (at_own_.armed)
        at_own_.descriptor->cancel(ignored);
    if (at_shared_.armed)
        at_shared_.descriptor->cancel(ignored);
}

} // namespace zproc::client
