#include "client/wakeup.hpp"

#include <array>
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

bool add(int epoll, int what)
{
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLET;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, what, &interest) == 0;
}

} // namespace

wakeup::~wakeup()
{
    if (!mark_->is_set())
        static_cast<void>(descriptor_.release());
}

error_code wakeup::open()
{
    auto own = above_standard(descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
    auto epoll = above_standard(descriptor(::epoll_create1(EPOLL_CLOEXEC)));
    if (!own || !epoll || !add(epoll.get(), own.get()))
        return last_error();
    auto copy = epoll.duplicate();
    if (!copy)
        return last_error();
    error_code ec;
    descriptor_->assign(copy.get(), ec);
    if (ec)
        return ec;
    copy.release();
    own_ = std::move(own);
    epoll_ = std::move(epoll);
    return {};
}

void wakeup::listen_to(descriptor shared)
{
    if (shared_)
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, shared_.get(), nullptr);
    add(epoll_.get(), shared.get());
    shared_ = std::move(shared);
}

void wakeup::arm(std::function<void()> awake)
{
    awake_ = std::move(awake);
    if (!armed_)
        wait();
}

void wakeup::wait()
{
    armed_ = true;
    descriptor_->async_wait(asio::posix::stream_descriptor::wait_read,
                            [weak = weak_from_this()](error_code ec) {
                                const auto self = weak.lock();
                                if (!self)
                                    return;
                                self->armed_ = false;
                                if (!self->awake_)
                                    return;
                                if (ec) // disarmed, and armed again before this came
                                    return self->wait();
                                std::array<epoll_event, 2> edge;
                                ::epoll_wait(self->epoll_.get(), edge.data(), 2, 0);
                                std::exchange(self->awake_, nullptr)();
                            });
}

void wakeup::disarm()
{
    if (!armed_)
        return;
    awake_ = nullptr;
    error_code ignored;
    descriptor_->cancel(ignored);
}

} // namespace zproc::client
